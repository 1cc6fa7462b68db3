// Writes of the account log as the crypto core makes them: each from what a person means to change. What
// needs the root takes it from the password keyslot, by the login that this core has at hand, and forgets
// it at once.
import {
	formatAccountKey,
	generateAccountKey,
	importAccountKey,
	openAccountKey,
	parseAccountKey,
	sealAccountKey
} from '../crypto/client/account-key.ts';
import {
	deriveRecoveryAuthenticator,
	recoveryAuthenticatorHash
} from '../crypto/client/recovery-authenticator.ts';
import { deriveRecoverySlotKey, sealKeyslot } from '../crypto/client/keyslots.ts';
import type { ExportKey } from '../crypto/client/opaque-client.ts';
import type { PreparedPassword } from '../crypto/client/password.ts';
import {
	formatRecoveryCode,
	generateRecoveryEntropy,
	parseRecoveryCode
} from '../crypto/client/recovery-code.ts';
import type { RootSecret } from '../crypto/client/secret.ts';
import { signAccountWrite } from '../crypto/client/sign-account-write.ts';
import {
	accountHead,
	identityInForce,
	judgeAccountWrite,
	knownHead,
	knownLog,
	type AccountFault,
	type AccountState
} from '../crypto/account-log.ts';
import { sha256 } from '../crypto/hash.ts';
import {
	parseAccountWrite,
	slotsOf,
	type AccountAction,
	type AccountPolicy,
	type Factor,
	type KitFacts
} from '../protocol/account-write.ts';
import { equalBytes, toHex } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { FormedWrite, KnownAccount, ShownAccount } from './account-log.ts';
import {
	headFault,
	judgeShown,
	kitFactsOf,
	recordsInForce,
	passwordFactsOf,
	stateOf,
	type AccountLogFault,
	type WritePlace
} from './crypto-account.ts';
import { planAccountPutBack, type PutBackRequest } from './crypto-put-back.ts';
import {
	openPasswordSlot,
	sealOfflineSlot,
	sealPasswordSlot,
	type LoginKeys,
	type OpenedByPassword
} from './crypto-keyslots.ts';
import { NewRoot, type RenewedPaper } from './crypto-renewal.ts';
import type { OfflineSlot, PasswordRefusal } from './crypto-port.ts';
import type { HeldAccountKey } from './store.ts';

/**
 * What a person means to change. Nothing of it is bytes that are signed as they are. One more kind of change
 * is one more member here, and what `#draft` makes of it; the rules are the log's own.
 */
export type AccountChange =
	/** To the password of the registration that is under way. */
	| {
			readonly type: 'password';
			/** RFC 9807 §5.2.2. */
			readonly response: Uint8Array;
			/** 32 bytes: logins are against this key, and a record for another one opens to nobody. */
			readonly pinnedServerKey: Uint8Array;
			/** Also seal the root for this device, under the new password. */
			readonly offline: CryptoKey | null;
	  }
	/**
	 * An account key for whoever logs in from now on: the one just made, as it was written down. Null:
	 * none any more. The password stays what it is.
	 */
	| { readonly type: 'account_key'; readonly accountKey: string | null }
	/**
	 * Somebody has a code on paper, and types it: the one in force, or the one just made. Null: some words
	 * of the one in force, which are known here, were right.
	 */
	| { readonly type: 'kit_confirm'; readonly words: string | null }
	/** To the root of {@link AccountPort.newRoot}, whose code somebody types. */
	| {
			readonly type: 'renew';
			readonly words: string;
			/** Where the keyring ends. */
			readonly keyringHead: Head;
	  }
	| Extract<
			AccountAction,
			{ readonly type: 'factor_add' | 'factor_remove' | 'policy' | 'device_remove' | 'delete' }
	  >;

export type ChangeFault =
	/** No login is at hand that opens the password keyslot. */
	| 'step_up_needed'
	/** Those words are not the recovery code. */
	| 'wrong_code'
	/** The record would be for another server than the one that this device knows. */
	| 'server_key_changed'
	/** The code in force is confirmed already: there is nothing to be written. */
	| 'kit_is_confirmed'
	| 'account_key_mistyped'
	| 'malformed'
	| AccountFault;

export interface FormedChange {
	readonly formed: FormedWrite;
	/** What this device knows once the write stands. */
	readonly known: KnownAccount;
	readonly offlineSlot: OfflineSlot | null;
	/** To be kept by this device; left out where it stays what it is. */
	readonly accountKey?: HeldAccountKey | null;
}

/** What an account consists of, for people: as its own log says. */
export interface AccountFacts {
	readonly account: AccountId;
	readonly head: { readonly n: number; readonly hash: Uint8Array };
	readonly policy: AccountPolicy;
	readonly kit: { readonly confirmed: boolean; readonly madeAtMs: number };
	readonly factors: readonly Factor[];
	/** Whether a device that is new to the account is asked for its account key. */
	readonly usesAccountKey: boolean;
	readonly removedDevices: readonly DeviceId[];
}

export interface AccountPort {
	/** Holds what the edge shows against what is known; gives what is to be remembered. */
	/** `account_renewed`: another root is in force; it has to be unlocked anew. */
	judge(
		known: KnownAccount,
		shown: ShownAccount
	): Promise<Result<KnownAccount, AccountLogFault | 'account_renewed'>>;
	describe(known: KnownAccount): Promise<AccountFacts>;
	/** What heads that other devices have seen say of what is known here; null if all lie on it. */
	faultBy(
		known: KnownAccount,
		heads: readonly { readonly n: number; readonly hash: Uint8Array }[]
	): Promise<'account_reverted' | 'account_forked' | null>;
	/** @returns the request of RFC 9807 §5.2.1 for a new password. */
	startPassword(password: string): Promise<Result<Uint8Array, PasswordRefusal>>;
	/**
	 * Makes another recovery code, 12 words. It takes the place of the one in force when somebody types it:
	 * until then nothing is changed.
	 */
	newKit(known: KnownAccount): Promise<Result<readonly string[], ChangeFault>>;
	/**
	 * Makes another root, under the password of the registration that is under way and a recovery code,
	 * 12 words. Nothing is changed before the change 'renew'.
	 *
	 * @param response RFC 9807 §5.2.2.
	 */
	newRoot(known: KnownAccount, response: Uint8Array): Promise<Result<RenewedPaper, ChangeFault>>;
	/** Forgets that root. */
	dropNewRoot(): Promise<void>;
	/** A new account key, as it is written down. Nothing is changed by that. */
	newAccountKey(): Promise<string>;
	/** The one in force, as it is written down; null if the account has none. */
	showAccountKey(known: KnownAccount): Promise<Result<string | null, ChangeFault>>;
	form(
		known: KnownAccount,
		change: AccountChange,
		place: WritePlace
	): Promise<Result<FormedChange, ChangeFault>>;
	/** See {@link planAccountPutBack}. */
	planPutBack(known: KnownAccount, from: number): Promise<readonly PutBackRequest[] | null>;
}

interface Ports {
	readonly signingKey: () => CryptoKey;
	/** Of the identity that is open; null before. */
	readonly identityHash: () => Uint8Array | null;
	/** Of the login at hand; null without one. */
	readonly loginKeys: () => LoginKeys | null;
	readonly startPassword: AccountPort['startPassword'];
	/** Ends the registration that is under way. The caller wipes the export key. */
	readonly finishPassword: (response: Uint8Array) => Promise<
		Result<
			{
				readonly record: Uint8Array;
				readonly exportKey: ExportKey;
				readonly password: PreparedPassword;
				readonly serverPublicKey: Uint8Array;
			},
			'malformed'
		>
	>;
}

interface Drafted {
	readonly action: AccountAction;
	readonly registrationRecord?: Uint8Array;
	readonly keyslots?: readonly Uint8Array[];
	readonly offlineSlot?: OfflineSlot;
	readonly accountKey?: HeldAccountKey | null;
}

export class AccountCore implements AccountPort {
	readonly #ports: Ports;
	#newRoot: NewRoot | null = null;
	/** A code that nobody has typed yet. */
	#newKit: { readonly keyslot: Uint8Array; readonly kit: KitFacts } | null = null;

	constructor(ports: Ports) {
		this.#ports = ports;
	}

	async judge(
		known: KnownAccount,
		shown: ShownAccount
	): Promise<Result<KnownAccount, AccountLogFault | 'account_renewed'>> {
		const judged = await judgeShown(known, shown);
		if (!judged.ok) return judged;
		const { state } = judged.value;
		// The keys that are open here sign nothing for it any more.
		const own = this.#ports.identityHash();
		const isOwn = own === null || equalBytes(identityInForce(state).hash, own);
		return isOwn ? ok(judged.value.known) : err('account_renewed');
	}

	async describe(known: KnownAccount): Promise<AccountFacts> {
		const state = await stateOf(known);
		const { material, policy, factors, removedDevices, account } = state;
		return {
			...{ account, head: accountHead(state), policy, removedDevices },
			kit: { confirmed: material.kit.confirmed, madeAtMs: kitTimeMs(known, state) },
			factors,
			usesAccountKey: material.password.usesAccountKey
		};
	}

	async faultBy(
		known: KnownAccount,
		heads: readonly { readonly n: number; readonly hash: Uint8Array }[]
	): ReturnType<AccountPort['faultBy']> {
		const shown = knownLog(await stateOf(known));
		const faults = heads.map((head) => headFault(knownHead(head), shown));
		return faults.find((fault) => fault === 'account_forked') ?? faults.find(Boolean) ?? null;
	}

	startPassword(password: string): Promise<Result<Uint8Array, PasswordRefusal>> {
		return this.#ports.startPassword(password);
	}

	planPutBack(known: KnownAccount, from: number): Promise<readonly PutBackRequest[] | null> {
		return Promise.resolve(planAccountPutBack(known, from));
	}

	async form(
		known: KnownAccount,
		change: AccountChange,
		place: WritePlace
	): Promise<Result<FormedChange, ChangeFault>> {
		const state = await stateOf(known);
		const drafted = await this.#draft(state, known, change);
		if (!drafted.ok) return drafted;
		const { action, registrationRecord, keyslots = [], offlineSlot, accountKey } = drafted.value;
		const { n, hash } = accountHead(state);
		const signed = await signAccountWrite(this.#ports.signingKey(), {
			...{ account: state.account, n: n + 1, previous: hash, action },
			...{ device: place.device, timeMs: place.timeMs }
		});
		const judged = judgeAccountWrite(state, signed);
		if (!judged.ok) return judged;
		const inForce = new Set(slotsOf(judged.value.state.material).map((facts) => toHex(facts.hash)));
		return ok({
			formed: { ...signed, registrationRecord: registrationRecord ?? null, keyslots },
			known: {
				writes: [...known.writes, signed],
				registrationRecord: registrationRecord ?? known.registrationRecord,
				keyslots: [...known.keyslots, ...keyslots].filter((slot) =>
					inForce.has(toHex(sha256(slot)))
				),
				factors: recordsInForce(judged.value.state, known.factors),
				pending: null
			},
			offlineSlot: offlineSlot ?? null,
			...(accountKey !== undefined && { accountKey })
		});
	}

	async #draft(
		state: AccountState,
		known: KnownAccount,
		change: AccountChange
	): Promise<Result<Drafted, ChangeFault>> {
		switch (change.type) {
			case 'password':
				return this.#newPassword(state, known, change);
			case 'account_key':
				return this.#withOtherAccountKey(state, known, change.accountKey);
			case 'kit_confirm':
				return this.#confirmedKit(state, change.words);
			case 'renew':
				return (await this.#newRoot?.draft(change.words, change.keyringHead)) ?? err('wrong_code');
			default:
				return ok({ action: change });
		}
	}

	async newKit(known: KnownAccount): Promise<Result<readonly string[], ChangeFault>> {
		const state = await stateOf(known);
		return this.#withRoot(state, known, async ({ root }) => {
			const { keyslot, kit, recoveryCode } = await makeKit(state, root);
			this.#newKit = { keyslot, kit };
			return recoveryCode;
		});
	}

	async newRoot(
		known: KnownAccount,
		response: Uint8Array
	): Promise<Result<RenewedPaper, ChangeFault>> {
		const state = await stateOf(known);
		const finished = await this.#ports.finishPassword(response);
		if (!finished.ok) return finished;
		const signingKey = this.#ports.signingKey();
		const made = await this.#withRoot(state, known, ({ root }) =>
			NewRoot.make(state, { root, signingKey }, finished.value)
		);
		finished.value.exportKey.wipe();
		if (!made.ok) return made;
		await this.dropNewRoot();
		this.#newRoot = made.value;
		return ok(made.value.paper);
	}

	dropNewRoot(): Promise<void> {
		this.#newRoot?.wipe();
		this.#newRoot = null;
		return Promise.resolve();
	}

	newAccountKey(): Promise<string> {
		const made = generateAccountKey();
		const typed = formatAccountKey(made);
		made.wipe();
		return Promise.resolve(typed);
	}

	async showAccountKey(known: KnownAccount): Promise<Result<string | null, ChangeFault>> {
		const state = await stateOf(known);
		if (!state.material.password.usesAccountKey) return ok(null);
		const opened = await this.#withRoot(
			state,
			known,
			async ({ root, accountKey }) =>
				accountKey && openAccountKey(root, accountKey.sealed, state.account)
		);
		if (!opened.ok) return opened;
		if (opened.value?.ok !== true) return err('malformed');
		const typed = formatAccountKey(opened.value.value);
		opened.value.value.wipe();
		return ok(typed);
	}

	/** The record of the password stays in force; the keyslot is another. */
	async #withOtherAccountKey(
		state: AccountState,
		known: KnownAccount,
		typed: string | null
	): Promise<Result<Drafted, ChangeFault>> {
		const { registrationRecord } = known;
		const parsed = typed === null ? null : parseAccountKey(typed);
		if (parsed?.ok === false) return err('account_key_mistyped');
		const key = parsed && (await importAccountKey(parsed.value));
		const drafted = await this.#withRoot<Drafted>(state, known, async ({ root, exportKey }) => {
			const keyslot = await sealPasswordSlot(root, { exportKey, accountKey: key }, state);
			const password = passwordFactsOf(keyslot, registrationRecord, key !== null);
			const sealed = parsed && (await sealAccountKey(root, parsed.value, state.account));
			const accountKey = key && sealed && { key, sealed };
			return {
				action: { type: 'password', password },
				registrationRecord,
				keyslots: [keyslot],
				accountKey
			};
		});
		parsed?.value.wipe();
		return drafted;
	}

	#confirmedKit(
		{ material }: AccountState,
		words: string | null
	): Result<Drafted, 'wrong_code' | 'kit_is_confirmed'> {
		const confirmed = (kit: KitFacts) =>
			({ type: 'kit', kit: { ...kit, confirmed: true } }) as const;
		const inForce = (): Result<Drafted, 'kit_is_confirmed'> =>
			material.kit.confirmed ? err('kit_is_confirmed') : ok({ action: confirmed(material.kit) });
		if (words === null) return inForce();
		const entropy = parseRecoveryCode(words);
		if (!entropy.ok) return err('wrong_code');
		const authenticator = deriveRecoveryAuthenticator(entropy.value);
		const hash = recoveryAuthenticatorHash(authenticator);
		authenticator.fill(0);
		entropy.value.wipe();
		const made = this.#newKit;
		if (made !== null && equalBytes(hash, made.kit.authenticatorHash)) {
			return ok({ action: confirmed(made.kit), keyslots: [made.keyslot] });
		}
		return equalBytes(hash, material.kit.authenticatorHash) ? inForce() : err('wrong_code');
	}

	async #newPassword(
		state: AccountState,
		known: KnownAccount,
		{ response, pinnedServerKey, offline }: AccountChange & { readonly type: 'password' }
	): Promise<Result<Drafted, ChangeFault>> {
		const finished = await this.#ports.finishPassword(response);
		if (!finished.ok) return finished;
		const { record, exportKey, password, serverPublicKey } = finished.value;
		if (!equalBytes(serverPublicKey, pinnedServerKey)) {
			exportKey.wipe();
			return err('server_key_changed');
		}
		const { account } = state;
		const drafted = await this.#withRoot<Drafted>(
			state,
			known,
			async ({ root, accountKey: held }) => {
				const { usesAccountKey } = state.material.password;
				const accountKey = held?.key ?? null;
				const keyslot = await sealPasswordSlot(root, { exportKey, accountKey }, state);
				return {
					action: { type: 'password', password: passwordFactsOf(keyslot, record, usesAccountKey) },
					...{ registrationRecord: record, keyslots: [keyslot] },
					...(offline && {
						offlineSlot: await sealOfflineSlot(root, { account, password, key: offline })
					})
				};
			}
		);
		exportKey.wipe();
		return drafted;
	}

	async #withRoot<Value>(
		state: AccountState,
		{ keyslots }: KnownAccount,
		work: (opened: OpenedByPassword & Pick<LoginKeys, 'exportKey'>) => Promise<Value>
	): Promise<Result<Value, ChangeFault>> {
		const keys = this.#ports.loginKeys();
		const opened = keys && (await openPasswordSlot(keys, state, keyslots));
		if (opened === null || keys === null) return err('step_up_needed');
		try {
			return ok(await work({ ...opened, exportKey: keys.exportKey }));
		} finally {
			opened.root.wipe();
		}
	}
}

async function makeKit({ account, identities }: AccountState, root: RootSecret) {
	const entropy = generateRecoveryEntropy();
	const slotKey = deriveRecoverySlotKey(entropy);
	const place = { account, kind: 'recovery', generation: identities.length } as const;
	const keyslot = await sealKeyslot(slotKey, root, place);
	const kit = kitFactsOf(keyslot, entropy, false);
	const recoveryCode = formatRecoveryCode(entropy).split(' ');
	slotKey.wipe();
	entropy.wipe();
	return { keyslot, kit, recoveryCode };
}

/** When the code in force was made, by the clock of the device that made it. */
function kitTimeMs({ writes }: KnownAccount, { material }: AccountState): number {
	for (const signed of writes) {
		const parsed = parseAccountWrite(signed.write);
		if (!parsed.ok) continue;
		const { action, timeMs } = parsed.value;
		const kit = 'material' in action ? action.material.kit : action.type === 'kit' && action.kit;
		if (kit !== false && equalBytes(kit.hash, material.kit.hash)) return timeMs;
	}
	throw new Error('a code in force was made by a write');
}
