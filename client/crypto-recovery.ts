// Recovery inside the crypto core: the code, the root that it opened, and what takes its place live here
// from the words to the signed write, and nowhere else. What an edge lets in too early is not opened.
import type { AccountState } from '../crypto/account-log.ts';
import { accountHead, identityInForce } from '../crypto/account-log.ts';
import {
	formatAccountKey,
	generateAccountKey,
	importAccountKey
} from '../crypto/client/account-key.ts';
import { deriveAccountKeys, type AccountKeys } from '../crypto/client/account-keys.ts';
import { deriveRecoverySlotKey, openKeyslot, sealKeyslot } from '../crypto/client/keyslots.ts';
import {
	finishRegistration,
	startRegistration,
	type OpaqueClientState
} from '../crypto/client/opaque-client.ts';
import { preparePassword, type PreparedPassword } from '../crypto/client/password.ts';
import { deriveRecoveryAuthenticator } from '../crypto/client/recovery-authenticator.ts';
import {
	formatRecoveryCode,
	generateRecoveryEntropy,
	parseRecoveryCode,
	type RecoveryCodeFault,
	type RecoveryEntropy
} from '../crypto/client/recovery-code.ts';
import type { RootSecret } from '../crypto/client/secret.ts';
import { signAccountWrite } from '../crypto/client/sign-account-write.ts';
import type { OpaqueClient } from '../crypto/opaque-ke/opaque-ke.js';
import type { Identity } from '../crypto/identity.ts';
import { sign, verifySignature } from '../crypto/signature.ts';
import type { KitFacts, Material } from '../protocol/account-write.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId, DeviceId, RecoveryId } from '../protocol/ids.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { recoveryApprovalInput } from '../protocol/labels.ts';
import { minPasswordCharacters } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { KnownAccount, ShownAccount } from './account-log.ts';
import {
	judgeShown,
	kitFactsOf,
	passwordFactsOf,
	slotFactsOf,
	type AccountLogFault
} from './crypto-account.ts';
import type { FormedWrite } from './account-log.ts';
import { sealPasswordSlot } from './crypto-keyslots.ts';
import type { PasswordRefusal } from './crypto-port.ts';

const dayMs = 86_400_000;
/** By how much two looks at one clock, days apart, may be off. */
const clockSlackMs = 10 * 60_000;

/** How an edge comes to let a recovery in. */
export interface LetIn {
	readonly recovery: RecoveryId;
	/** Of the key of this device, 32 bytes. */
	readonly thumbprint: Uint8Array;
	/** By this device's clock, since before the recovery was begun. */
	readonly waitedMs: number;
	/** What the edge says that an own device has signed; null: it has waited long enough. */
	readonly approval: Uint8Array | null;
}

export interface OpenedRecovery {
	readonly account: AccountId;
	/** By the policy that stands on the log. */
	readonly delayDays: number;
	readonly approved: boolean;
	readonly known: KnownAccount;
}

export interface RecoveryPort {
	/** @returns what is shown to the edge, 32 bytes. */
	begin(words: string): Promise<Result<Uint8Array, RecoveryCodeFault>>;
	/**
	 * Judges what the edge shows, and whether it may show it already; then opens the account with the
	 * code of {@link RecoveryPort.begin}. `recovery_too_early`: less was waited than the account's signed
	 * policy says, and no own device has approved.
	 */
	open(input: {
		readonly known: KnownAccount | null;
		readonly shown: ShownAccount;
		readonly letIn: LetIn;
	}): Promise<
		Result<OpenedRecovery, AccountLogFault | 'keyslot_unreadable' | 'recovery_too_early'>
	>;
	startPassword(password: string): Promise<Result<Uint8Array, PasswordRefusal>>;
	/** Stretches, and seals the root under the new password and a new code. */
	seal(response: Uint8Array): Promise<
		Result<
			{
				readonly recoveryCode: readonly string[];
				/** Another one than before; null if the account has none. */
				readonly accountKey: string | null;
				readonly serverPublicKey: Uint8Array;
			},
			'malformed'
		>
	>;
	/** @param confirmed a person has shown that they have the new code. */
	sign(input: {
		readonly confirmed: boolean;
		readonly device: DeviceId;
		readonly timeMs: number;
	}): Promise<{ readonly formed: FormedWrite; readonly known: KnownAccount }>;
	/** As an own device that is unlocked: spares a recovery its wait. */
	approve(recovery: RecoveryId, thumbprint: Uint8Array): Promise<Uint8Array>;
}

export interface RecoveryCoreParts {
	readonly withOpaque: <Value>(work: (opaque: OpaqueClient) => Value) => Promise<Value>;
	readonly stretching: <Value>(work: (opaque: OpaqueClient) => Value) => Promise<Value>;
	/** Of the account that is unlocked. */
	readonly own: () => { readonly keys: AccountKeys; readonly identity: Identity };
}

interface Opened {
	readonly root: RootSecret;
	readonly state: AccountState;
	readonly known: KnownAccount;
}
interface Sealed {
	readonly registrationRecord: Uint8Array;
	readonly password: Uint8Array;
	readonly kit: Uint8Array;
	readonly kitFacts: KitFacts;
}

export class RecoveryCore implements RecoveryPort {
	readonly #parts: RecoveryCoreParts;
	#entropy: RecoveryEntropy | null = null;
	#opened: Opened | null = null;
	#attempt: { readonly password: PreparedPassword; readonly state: OpaqueClientState } | null =
		null;
	#sealed: Sealed | null = null;

	constructor(parts: RecoveryCoreParts) {
		this.#parts = parts;
	}

	begin(words: string): Promise<Result<Uint8Array, RecoveryCodeFault>> {
		const entropy = parseRecoveryCode(words);
		if (!entropy.ok) return Promise.resolve(entropy);
		this.wipe();
		this.#entropy = entropy.value;
		return Promise.resolve(ok(deriveRecoveryAuthenticator(entropy.value)));
	}

	async open({
		known,
		shown,
		letIn
	}: Parameters<RecoveryPort['open']>[0]): ReturnType<RecoveryPort['open']> {
		const entropy = this.#entropy;
		if (entropy === null) throw new Error('no code to open an account with');
		const judged = await judgeShown(known, shown);
		if (!judged.ok) return judged;
		const { state } = judged.value;
		const approved = await isApproved(state, letIn);
		const delayDays = state.policy.recoveryDelayDays;
		const isDue = letIn.waitedMs + clockSlackMs >= delayDays * dayMs;
		if (!approved && !isDue) return err('recovery_too_early');
		const root = await openRecoverySlot(entropy, state.account, shown.keyslots);
		if (root === null) return err('keyslot_unreadable');
		if (!(await isRootOf(root, identityInForce(state)))) {
			root.wipe();
			return err('keyslot_unreadable');
		}
		this.#opened?.root.wipe();
		this.#opened = { root, state, known: judged.value.known };
		return ok({ account: state.account, delayDays, approved, known: judged.value.known });
	}

	async startPassword(password: string): Promise<Result<Uint8Array, PasswordRefusal>> {
		const prepared = preparePassword(password);
		if (!prepared.ok) return prepared;
		if ([...prepared.value].length < minPasswordCharacters) return err('password_too_short');
		const { state, request } = await this.#parts.withOpaque((opaque) =>
			startRegistration(opaque, prepared.value)
		);
		this.#attempt?.state.wipe();
		this.#attempt = { password: prepared.value, state };
		return ok(request);
	}

	async seal(response: Uint8Array): ReturnType<RecoveryPort['seal']> {
		const attempt = this.#attempt;
		if (attempt === null) throw new Error('no password to seal the account under');
		this.#attempt = null;
		const { root, state } = this.#recovered;
		const finished = await this.#parts.stretching((opaque) =>
			finishRegistration(opaque, { ...attempt, response })
		);
		attempt.state.wipe();
		if (!finished.ok) return finished;
		const { record, exportKey, serverPublicKey } = finished.value;
		const entropy = generateRecoveryEntropy();
		const { usesAccountKey } = state.material.password;
		// Whoever found the paper of before has both that were on it.
		const accountKey = usesAccountKey ? generateAccountKey() : null;
		const held = accountKey && (await importAccountKey(accountKey));
		const recoveryKey = deriveRecoverySlotKey(entropy);
		const place = { account: state.account, generation: state.identities.length };
		const password = await sealPasswordSlot(root, { exportKey, accountKey: held }, state);
		const kit = await sealKeyslot(recoveryKey, root, { ...place, kind: 'recovery' });
		const kitFacts = kitFactsOf(kit, entropy, false);
		this.#sealed = { registrationRecord: record, password, kit, kitFacts };
		const recoveryCode = formatRecoveryCode(entropy).split(' ');
		const typed = accountKey && formatAccountKey(accountKey);
		for (const secret of [recoveryKey, exportKey, entropy]) secret.wipe();
		accountKey?.wipe();
		return ok({ recoveryCode, accountKey: typed, serverPublicKey });
	}

	async sign({
		confirmed,
		device,
		timeMs
	}: Parameters<RecoveryPort['sign']>[0]): ReturnType<RecoveryPort['sign']> {
		const { root, state, known } = this.#recovered;
		if (this.#sealed === null) throw new Error('nothing is sealed under a new password');
		const { registrationRecord, password, kit, kitFacts } = this.#sealed;
		const { usesAccountKey } = state.material.password;
		const material: Material = {
			password: passwordFactsOf(password, registrationRecord, usesAccountKey),
			kit: { ...kitFacts, confirmed },
			// The root is the same, and passkeys still open it.
			passkeys: state.material.passkeys
		};
		const { signing, kem } = await deriveAccountKeys(root);
		kem.seed.wipe();
		const { n, hash } = accountHead(state);
		const signed = await signAccountWrite(signing.privateKey, {
			...{ account: state.account, n: n + 1, previous: hash, device, timeMs },
			action: { type: 'recovery', material }
		});
		const isKept = (keyslot: Uint8Array): boolean => {
			const { hash: own } = slotFactsOf(keyslot);
			return material.passkeys.some((passkey) => equalBytes(passkey.hash, own));
		};
		const keyslots = [password, kit];
		return {
			formed: { ...signed, registrationRecord, keyslots },
			known: {
				writes: [...known.writes, signed],
				registrationRecord,
				keyslots: [...keyslots, ...known.keyslots.filter(isKept)],
				factors: known.factors,
				pending: null
			}
		};
	}

	approve(recovery: RecoveryId, thumbprint: Uint8Array): Promise<Uint8Array> {
		const { keys, identity } = this.#parts.own();
		const input = recoveryApprovalInput(identity.account, recovery, thumbprint);
		return sign(keys.signing.privateKey, input);
	}

	get #recovered(): Opened {
		if (this.#opened === null) throw new Error('no account was opened by its code');
		return this.#opened;
	}

	wipe(): void {
		this.#entropy?.wipe();
		this.#opened?.root.wipe();
		this.#attempt?.state.wipe();
		this.#entropy = null;
		this.#opened = null;
		this.#attempt = null;
		this.#sealed = null;
	}
}

/** Whether the account's own identity says that this very device need not wait. */
async function isApproved(
	state: AccountState,
	{ recovery, thumbprint, approval }: LetIn
): Promise<boolean> {
	if (approval === null) return false;
	const input = recoveryApprovalInput(state.account, recovery, thumbprint);
	return verifySignature(identityInForce(state).entry.body.signingKey, input, approval);
}

async function openRecoverySlot(
	entropy: RecoveryEntropy,
	account: AccountId,
	keyslots: readonly Uint8Array[]
): Promise<RootSecret | null> {
	const slotKey = deriveRecoverySlotKey(entropy);
	try {
		for (const keyslot of keyslots) {
			const parsed = parseKeyslot(keyslot);
			if (!parsed.ok || parsed.value.kind !== 'recovery') continue;
			const opened = await openKeyslot(slotKey, account, keyslot);
			if (opened.ok) return opened.value;
		}
		return null;
	} finally {
		slotKey.wipe();
	}
}

async function isRootOf(root: RootSecret, identity: Identity): Promise<boolean> {
	const { signing, kem } = await deriveAccountKeys(root);
	const { signingKey, kemKey } = identity.entry.body;
	kem.seed.wipe();
	return equalBytes(signingKey, signing.publicKey) && equalBytes(kemKey, kem.publicKey);
}
