// A new root inside the crypto core, from the password that will open it to the signed write: with the
// identity that it gives, a recovery code, and the root before sealed under it. Until the write stands
// nothing has changed; a core that ends before forgets it.
import {
	formatAccountKey,
	generateAccountKey,
	importAccountKey,
	sealAccountKey
} from '../crypto/client/account-key.ts';
import { deriveAccountKeys, generateRoot } from '../crypto/client/account-keys.ts';
import {
	derivePasswordSlotKey,
	deriveRecoverySlotKey,
	sealKeyslot
} from '../crypto/client/keyslots.ts';
import type { ExportKey } from '../crypto/client/opaque-client.ts';
import { sealPreviousRoot } from '../crypto/client/previous-root.ts';
import {
	deriveRecoveryAuthenticator,
	recoveryAuthenticatorHash
} from '../crypto/client/recovery-authenticator.ts';
import {
	formatRecoveryCode,
	generateRecoveryEntropy,
	parseRecoveryCode
} from '../crypto/client/recovery-code.ts';
import { createSecret, type RootSecret } from '../crypto/client/secret.ts';
import { identityInForce, type AccountState } from '../crypto/account-log.ts';
import { renewIdentity, type Identity } from '../crypto/identity.ts';
import type { AccountAction, Material } from '../protocol/account-write.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { kitFactsOf, passwordFactsOf } from './crypto-account.ts';
import type { HeldAccountKey } from './store.ts';

export interface DraftedRenewal {
	readonly action: AccountAction;
	readonly registrationRecord: Uint8Array;
	readonly keyslots: readonly Uint8Array[];
	/** To be kept by this device; null if the account has none. */
	readonly accountKey: HeldAccountKey | null;
}

/** For paper. */
export interface RenewedPaper {
	readonly recoveryCode: readonly string[];
	/** As it is written down; null if the account has none. */
	readonly accountKey: string | null;
}

export class NewRoot {
	readonly paper: RenewedPaper;
	readonly #root: RootSecret;
	/** A copy. */
	readonly #previous: RootSecret;
	readonly #identity: Identity;
	readonly #material: Material;
	readonly #registrationRecord: Uint8Array;
	readonly #keyslots: readonly Uint8Array[];
	readonly #accountKey: HeldAccountKey | null;

	constructor(
		roots: { readonly root: RootSecret; readonly previous: RootSecret },
		made: Pick<NewRoot, 'paper'> & {
			readonly identity: Identity;
			readonly material: Material;
			readonly registrationRecord: Uint8Array;
			readonly keyslots: readonly Uint8Array[];
			readonly accountKey: HeldAccountKey | null;
		}
	) {
		this.paper = made.paper;
		this.#root = roots.root;
		this.#previous = roots.previous;
		this.#identity = made.identity;
		this.#material = made.material;
		this.#registrationRecord = made.registrationRecord;
		this.#keyslots = made.keyslots;
		this.#accountKey = made.accountKey;
	}

	/** @param before its root, and the key of the identity that it gave; both stay the caller's. */
	static async make(
		state: AccountState,
		before: {
			readonly root: RootSecret;
			readonly signingKey: CryptoKey;
		},
		password: { readonly record: Uint8Array; readonly exportKey: ExportKey }
	): Promise<NewRoot> {
		const root = generateRoot();
		const { signing, kem, keyringEpochKey } = await deriveAccountKeys(root);
		kem.seed.wipe();
		keyringEpochKey.wipe();
		const identity = await renewIdentity(identityInForce(state), {
			...{ signing, kemKey: kem.publicKey, previousKey: before.signingKey }
		});
		const { account } = state;
		const place = { account, generation: identity.entry.body.n };
		const entropy = generateRecoveryEntropy();
		const { usesAccountKey } = state.material.password;
		// Whoever has the root before, and a device, has the account key of before.
		const made = usesAccountKey ? generateAccountKey() : null;
		const held = made && {
			key: await importAccountKey(made),
			sealed: await sealAccountKey(root, made, account)
		};
		const passwordKey = await derivePasswordSlotKey(password.exportKey, held?.key ?? null);
		const recoveryKey = deriveRecoverySlotKey(entropy);
		const slot = await sealKeyslot(passwordKey, root, { ...place, kind: 'password' });
		const kitSlot = await sealKeyslot(recoveryKey, root, { ...place, kind: 'recovery' });
		const material = {
			password: passwordFactsOf(slot, password.record, usesAccountKey),
			kit: kitFactsOf(kitSlot, entropy, true),
			passkeys: []
		};
		const paper = {
			recoveryCode: formatRecoveryCode(entropy).split(' '),
			accountKey: made && formatAccountKey(made)
		};
		for (const secret of [passwordKey, recoveryKey, entropy]) secret.wipe();
		made?.wipe();
		return new NewRoot(
			{ root, previous: createSecret(before.root.reveal().slice()) },
			{
				...{ paper, identity, material, accountKey: held },
				...{ registrationRecord: password.record, keyslots: [slot, kitSlot] }
			}
		);
	}

	/**
	 * What is to be signed by the identity before.
	 *
	 * @param words the new recovery code, by somebody who has it on paper.
	 * @param keyringHead where the keyring under the root before ends.
	 */
	async draft(words: string, keyringHead: Head): Promise<Result<DraftedRenewal, 'wrong_code'>> {
		if (!this.#isCode(words)) return err('wrong_code');
		const { account, entry, bytes } = this.#identity;
		const { n } = entry.body;
		const previous = { root: this.#previous, keyringHead };
		const previousRoot = await sealPreviousRoot(this.#root, previous, { account, n });
		return ok({
			action: {
				...{ type: 'identity', identityEntry: bytes },
				...{ material: this.#material, previousRoot }
			},
			registrationRecord: this.#registrationRecord,
			keyslots: this.#keyslots,
			accountKey: this.#accountKey
		});
	}

	#isCode(words: string): boolean {
		const entropy = parseRecoveryCode(words);
		if (!entropy.ok) return false;
		const authenticator = deriveRecoveryAuthenticator(entropy.value);
		const hash = recoveryAuthenticatorHash(authenticator);
		authenticator.fill(0);
		entropy.value.wipe();
		return equalBytes(hash, this.#material.kit.authenticatorHash);
	}

	wipe(): void {
		this.#root.wipe();
		this.#previous.wipe();
	}
}
