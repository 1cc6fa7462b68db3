// The crypto core: passwords, root and keys live here and nowhere else. Root is in memory only
// while an account is made or unlocked; after that its derived keys are, most of them as
// non-extractable CryptoKeys. Runs in a worker that is ended when the vault locks (crypto-worker.ts),
// or in the same process where WebCrypto runs on other threads anyway (Node).
import {
	deriveAccountKeys,
	deriveLocalStoreKey,
	generateRoot,
	type AccountKeys
} from '../crypto/client/account-keys.ts';
import { importXaesKey } from '../crypto/client/aead.ts';
import {
	formatAccountKey,
	generateAccountKey,
	importAccountKey
} from '../crypto/client/account-key.ts';
import { openKeyslot } from '../crypto/client/keyslots.ts';
import {
	deviceBindingMac,
	finishLogin,
	finishRegistration,
	startLogin,
	startRegistration
} from '../crypto/client/opaque-client.ts';
import { preparePassword } from '../crypto/client/password.ts';
import type { LinkIdentity } from '../crypto/client/link-identity.ts';
import { RecordCipher } from '../crypto/client/record-cipher.ts';
import { createSecret, type RootSecret } from '../crypto/client/secret.ts';
import { createIdentity, openIdentity, type Identity } from '../crypto/identity.ts';
import { step, type OpaqueClient } from '../crypto/opaque-ke/opaque-ke.js';
import { randomBytes } from '../crypto/random.ts';
import { sign, VerifyKeys, verifySignature, type Proof } from '../crypto/signature.ts';
import { encodeHeartbeat, type SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { DeviceId, Epoch, SpaceId } from '../protocol/ids.ts';
import { localRecordAad } from '../protocol/labels.ts';
import { minPasswordCharacters } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { identityInForce } from '../crypto/account-log.ts';
import { judgeShown, passwordFactsOf, signCreation } from './crypto-account.ts';
import { AccountCore } from './crypto-account-writes.ts';
import { deriveOfflineSlotKey, sealFirstKeyslots, sealOfflineSlot } from './crypto-keyslots.ts';
import type { OpaqueAttempt, Unlocked } from './crypto-kept.ts';
import { LoginAtHand, openByLogin } from './crypto-login.ts';
import { giveBackMemory } from './crypto-memory.ts';
import type {
	CommitDraft,
	CryptoPort,
	CryptoWorker,
	EpochGrant,
	FormedCommit,
	HandedKeys,
	LocalRecord,
	LoginProof,
	NewSpace,
	PasswordRefusal,
	Registered,
	SealedPage,
	UnlockedAccount
} from './crypto-port.ts';
import { SharingCore } from './crypto-sharing.ts';
import { RecoveryCore } from './crypto-recovery.ts';
import {
	handSelf,
	openEarlier,
	rootLogOf,
	selfOf,
	takeSelf,
	wipeSelf,
	type EarlierSelf,
	type RootLog,
	type Self
} from './crypto-selves.ts';
import { SpaceKeys } from './crypto-spaces.ts';
import { openByPasskey, sealForPasskey } from './crypto-unlock.ts';
import { hashPages, inTurns } from './page-hashes.ts';
import type { HeldAccountKey } from './store.ts';

export type LoadOpaque = () => Promise<WebAssembly.Module>;

export class CryptoCore implements CryptoPort {
	readonly #loadOpaque: LoadOpaque;
	#opaqueModule: Promise<WebAssembly.Module> | null = null;
	#attempt: OpaqueAttempt | null = null;
	readonly #login = new LoginAtHand();
	#unlocked: Unlocked | null = null;
	/** Of members, whose entries come one by one: each imported once. */
	readonly #verifyKeys = new VerifyKeys();
	readonly sharing = new SharingCore({
		withOpaque: (work) => this.#withOpaque(work),
		stretching: (work) => this.#stretching(work),
		own: () => this.#open(),
		unlockLink: (link, device) => this.#keepLink(link, device)
	});

	readonly recovery = new RecoveryCore({
		withOpaque: (work) => this.#withOpaque(work),
		stretching: (work) => this.#stretching(work),
		own: () => this.#open()
	});
	readonly account = new AccountCore({
		signingKey: () => this.#open().keys.signing.privateKey,
		identityHash: () => this.#unlocked?.identity.hash ?? null,
		loginKeys: () => this.#login.keys,
		startPassword: (password) => this.startRegistration(password),
		finishPassword: (response) => this.#finishPassword(response)
	});

	constructor(loadOpaque: LoadOpaque) {
		this.#loadOpaque = loadOpaque;
	}

	async startRegistration(password: string): Promise<Result<Uint8Array, PasswordRefusal>> {
		const prepared = preparePassword(password);
		if (!prepared.ok) return prepared;
		// The floor holds for new passwords only: an old one that is shorter must still log in.
		if ([...prepared.value].length < minPasswordCharacters) return err('password_too_short');
		const { state, request } = await this.#withOpaque((opaque) =>
			startRegistration(opaque, prepared.value)
		);
		this.#attempt = { password: prepared.value, state };
		return ok(request);
	}

	/** RFC 9807 §5.2.3. */
	async #finishPassword(response: Uint8Array) {
		const attempt = this.#takeAttempt();
		const { password } = attempt;
		const finished = await this.#stretching((opaque) =>
			finishRegistration(opaque, { ...attempt, response })
		);
		attempt.state.wipe();
		return finished.ok ? ok({ ...finished.value, password }) : finished;
	}

	async finishRegistration(input: {
		readonly response: Uint8Array;
		readonly handleHash: Uint8Array;
		readonly device: DeviceId;
		readonly timeMs: number;
		readonly withAccountKey: boolean;
	}): Promise<Result<Registered, 'malformed'>> {
		const finished = await this.#finishPassword(input.response);
		if (!finished.ok) return finished;
		const { record, exportKey, serverPublicKey } = finished.value;
		const root = generateRoot();
		const keys = await deriveAccountKeys(root);
		const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
		const made = input.withAccountKey ? generateAccountKey() : null;
		const accountKey = made && (await importAccountKey(made));
		const slots = await sealFirstKeyslots(root, identity.account, { exportKey, accountKey });
		const localKey = new RecordCipher(await deriveLocalStoreKey(root, input.device));
		this.#keep({ identity, keys, localKey }, input.device);
		root.wipe();
		exportKey.wipe();
		const password = passwordFactsOf(slots.password, record, made !== null);
		const write = await signCreation(keys.signing.privateKey, identity, {
			...{ device: input.device, timeMs: input.timeMs, handleHash: input.handleHash },
			material: { password, kit: slots.kitFacts, passkeys: [] }
		});
		const keyslots = [slots.password, slots.kit];
		const known = {
			writes: [write],
			registrationRecord: record,
			keyslots,
			factors: [],
			pending: null
		};
		const { recoveryCode } = slots;
		const paper = { recoveryCode, accountKey: made && formatAccountKey(made) };
		made?.wipe();
		return ok({ ...publicPart({ identity, earlier: [] }), known, serverPublicKey, ...paper });
	}

	async startLogin(password: string): Promise<Result<Uint8Array, PasswordRefusal>> {
		const prepared = preparePassword(password);
		if (!prepared.ok) return prepared;
		const { state, ke1 } = await this.#withOpaque((opaque) => startLogin(opaque, prepared.value));
		this.#attempt = { password: prepared.value, state };
		return ok(ke1);
	}

	async finishLogin(
		ke2: Uint8Array,
		accountKeys: readonly HeldAccountKey[]
	): Promise<Result<LoginProof, 'login_failed'>> {
		const attempt = this.#takeAttempt();
		const { password } = attempt;
		const finished = await this.#stretching((opaque) => finishLogin(opaque, { ...attempt, ke2 }));
		attempt.state.wipe();
		if (!finished.ok) return finished;
		const { ke3, exportKey, sessionKey, serverPublicKey } = finished.value;
		this.#login.keep({ password, exportKey, sessionKey, accountKeys });
		return ok({ ke3, serverPublicKey });
	}

	forgetLogin(): Promise<void> {
		this.#login.drop();
		return Promise.resolve();
	}

	bindDevice(input: {
		readonly origin: string;
		readonly handleHash: Uint8Array;
		readonly thumbprint: Uint8Array;
	}): Promise<Uint8Array> {
		return Promise.resolve(deviceBindingMac(this.#login.current.sessionKey, input));
	}

	async openAccount(
		input: Parameters<CryptoPort['openAccount']>[0]
	): ReturnType<CryptoPort['openAccount']> {
		const login = this.#login.current;
		this.#login.await();
		const { device, shown } = input;
		// Nothing is opened that the account's own log does not lead to.
		const judged = await judgeShown(input.known, shown);
		if (!judged.ok) {
			this.#login.drop();
			return judged;
		}
		const { state, known } = judged.value;
		const { keyslots } = shown;
		const found = await openByLogin(login, state, { keyslots, typed: input.accountKey });
		// Whoever is asked for an account key may answer again.
		if (!found.ok && found.error !== 'keyslot_unreadable') return found;
		if (!found.ok) {
			this.#login.drop();
			return found;
		}
		const { root, accountKey } = found.value;
		const opened = await this.#openRoot(root, identityInForce(state), { log: state, device });
		const { password } = login;
		const place = { account: shown.account, password };
		const offlineSlot =
			opened.ok && input.offline !== null
				? await sealOfflineSlot(root, { ...place, key: input.offline })
				: null;
		root.wipe();
		this.#login.drop();
		const { factors, policy } = state;
		const steps = { factors, policy };
		return opened.ok ? ok({ ...opened.value, offlineSlot, accountKey, known, steps }) : opened;
	}

	async openOffline(
		input: Parameters<CryptoPort['openOffline']>[0]
	): ReturnType<CryptoPort['openOffline']> {
		const prepared = preparePassword(input.password);
		if (!prepared.ok) return err('wrong_password');
		const identity = await openIdentity(input.identity);
		if (!identity.ok || identity.value.account !== input.account) return err('keyslot_unreadable');
		const slotKey = await deriveOfflineSlotKey({
			password: prepared.value,
			salt: input.slot.salt,
			key: input.deviceSecret
		});
		const root = await openKeyslot(slotKey, input.account, input.slot.keyslot);
		slotKey.wipe();
		if (!root.ok) return err('wrong_password');
		const { device, writes } = input;
		const log = rootLogOf(writes);
		const opened = await this.#openRoot(root.value, identity.value, { log, device });
		root.value.wipe();
		return opened;
	}

	mayOpenRoot(): Promise<boolean> {
		return Promise.resolve(this.#login.isThere);
	}

	async sealForPasskey(
		input: Parameters<CryptoPort['sealForPasskey']>[0]
	): Promise<Result<Uint8Array, 'step_up_needed' | 'keyslot_unreadable'>> {
		const { identity, device } = this.#open();
		const { keys } = this.#login;
		if (keys === null) return err('step_up_needed');
		const sealed = await sealForPasskey(keys, identity, {
			...input,
			isOwn: async (root) => {
				const self = await selfOf(root, identity, device);
				if (self !== null) wipeSelf(self);
				return self !== null;
			}
		});
		return sealed === null ? err('keyslot_unreadable') : ok(sealed);
	}

	async openByPasskey(
		input: Parameters<CryptoPort['openByPasskey']>[0]
	): Promise<Result<UnlockedAccount, 'keyslot_unreadable'>> {
		const identity = await openIdentity(input.identity);
		if (!identity.ok || identity.value.account !== input.account) return err('keyslot_unreadable');
		const root = await openByPasskey(input.account, input.keyslot, input);
		if (root === null) return err('keyslot_unreadable');
		const { device, writes } = input;
		const opened = await this.#openRoot(root, identity.value, { log: rootLogOf(writes), device });
		root.wipe();
		return opened;
	}

	/** The identity that the root derives must be the one in force. */
	async #openRoot(
		root: RootSecret,
		identity: Identity,
		places: { readonly log: RootLog; readonly device: DeviceId }
	): Promise<Result<UnlockedAccount, 'keyslot_unreadable'>> {
		const { device } = places;
		const self = await selfOf(root, identity, device);
		if (self === null) return err('keyslot_unreadable');
		return ok(this.#keep(self, device, await openEarlier(root, identity, places)));
	}

	#keep(self: Self, device: DeviceId, earlier: readonly EarlierSelf[] = []): UnlockedAccount {
		const spaces = new SpaceKeys(self.keys, self.identity, earlier);
		this.#unlocked = { ...self, device, earlier, spaces };
		return publicPart(this.#unlocked);
	}

	/** A share link has no root: its local records open for nobody, and its keyring is nobody's. */
	async #keepLink({ keys, identity }: LinkIdentity, device: DeviceId): Promise<UnlockedAccount> {
		const own: AccountKeys = {
			...keys,
			keyringGenesisRandom: randomBytes(32),
			firstGenesisRandom: randomBytes(32),
			keyringEpochKey: createSecret(randomBytes(32))
		};
		const localKey = new RecordCipher(await importXaesKey(randomBytes(32)));
		return this.#keep({ identity, keys: own, localKey }, device);
	}

	handKeys(): Promise<HandedKeys> {
		const { device, earlier, ...self } = this.#open();
		return Promise.resolve({
			...handSelf(self),
			...{ account: self.identity.account, device },
			earlier: earlier.map((each) => ({ ...handSelf(each), keyringHead: each.keyringHead }))
		});
	}

	async takeKeys(handed: HandedKeys): Promise<UnlockedAccount> {
		const earlier = handed.earlier.map(async (each) => ({
			...(await takeSelf(each)),
			keyringHead: each.keyringHead
		}));
		return this.#keep(await takeSelf(handed), handed.device, await Promise.all(earlier));
	}

	sealLocal(
		records: readonly (LocalRecord & { readonly plaintext: Uint8Array })[]
	): Promise<readonly Uint8Array[]> {
		const { device, localKey } = this.#open();
		return inTurns(records, ({ table, row, plaintext }) =>
			localKey.seal({ plaintext, aad: localRecordAad(device, table, row) })
		);
	}

	openLocal(
		records: readonly (LocalRecord & { readonly sealed: Uint8Array })[]
	): Promise<readonly (Uint8Array | null)[]> {
		const { device, localKey, earlier } = this.#open();
		// What was kept before a renewal is sealed anew when it is kept again.
		const keys = [localKey, ...earlier.map((each) => each.localKey).toReversed()];
		return inTurns(records, async ({ table, row, sealed }) => {
			for (const key of keys) {
				const opened = await key.open({ sealed, aad: localRecordAad(device, table, row) });
				if (opened.ok) return opened.value;
			}
			return null;
		});
	}

	keyringSpace(): Promise<NewSpace> {
		return Promise.resolve(this.#open().spaces.keyringSpace());
	}

	firstSpace(): Promise<NewSpace> {
		return Promise.resolve(this.#open().spaces.firstSpace());
	}

	newSpace(): Promise<NewSpace> {
		return Promise.resolve(this.#open().spaces.newSpace());
	}

	previousKeyring(): ReturnType<CryptoPort['previousKeyring']> {
		return Promise.resolve(this.#open().spaces.previousKeyring());
	}

	formGenesis(input: Parameters<CryptoPort['formGenesis']>[0]): Promise<FormedCommit> {
		return this.#open().spaces.formGenesis(input);
	}

	formCommits(device: DeviceId, drafts: readonly CommitDraft[]): Promise<readonly FormedCommit[]> {
		return this.#open().spaces.formCommits(device, drafts);
	}

	async signHeartbeat(
		heartbeat: Parameters<CryptoPort['signHeartbeat']>[0]
	): Promise<SignedHeartbeat> {
		const { identity, device, keys } = this.#open();
		const body = encodeHeartbeat({ ...heartbeat, account: identity.account, device });
		return { body, signature: await sign(keys.signing.privateKey, body) };
	}

	openKeyringEpoch(space: SpaceId): Promise<void> {
		return this.#open().spaces.openKeyringEpoch(space);
	}

	openEpochs(space: SpaceId, grants: readonly EpochGrant[]): Promise<readonly Epoch[]> {
		return this.#open().spaces.openEpochs(space, grants);
	}

	openPages(pages: readonly SealedPage[]): Promise<readonly (Uint8Array | null)[]> {
		return this.#open().spaces.openPages(pages);
	}

	openEvents(...input: Parameters<CryptoPort['openEvents']>): ReturnType<CryptoPort['openEvents']> {
		return this.#open().spaces.openEvents(...input);
	}

	hashPages(pages: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
		return hashPages(pages);
	}

	verifyProofs(proofs: readonly Proof[]): Promise<readonly boolean[]> {
		return inTurns(proofs, ({ publicKey, message, signature }) =>
			verifySignature(publicKey, message, signature, this.#verifyKeys)
		);
	}

	/** Overwrites the bytes that can be; ending the thread takes the rest. */
	wipe(): void {
		this.sharing.wipe();
		this.#login.drop();
		this.recovery.wipe();
		void this.account.dropNewRoot();
		this.#unlocked?.spaces.wipe();
		if (this.#unlocked !== null) [this.#unlocked, ...this.#unlocked.earlier].forEach(wipeSelf);
		this.#attempt = null;
		this.#unlocked = null;
	}

	#open(): Unlocked {
		if (this.#unlocked === null) throw new Error('the crypto core is locked');
		return this.#unlocked;
	}

	#takeAttempt(): OpaqueAttempt {
		const attempt = this.#attempt;
		if (attempt === null) throw new Error('no OPAQUE exchange has begun');
		this.#attempt = null;
		return attempt;
	}

	async #withOpaque<Value>(work: (opaque: OpaqueClient) => Value): Promise<Value> {
		this.#opaqueModule ??= this.#loadOpaque();
		return step(await this.#opaqueModule, work);
	}

	/** A step with Argon2id in it, of which 64 MiB stay behind. */
	async #stretching<Value>(work: (opaque: OpaqueClient) => Value): Promise<Value> {
		const value = await this.#withOpaque(work);
		void giveBackMemory();
		return value;
	}
}

/** A core in the same process, for Node: WebCrypto runs on threads of its own there. */
export function startCryptoInProcess(loadOpaque: LoadOpaque): CryptoWorker {
	const core = new CryptoCore(loadOpaque);
	return {
		port: core,
		end() {
			core.wipe();
		}
	};
}

const publicPart = ({
	identity,
	earlier
}: Pick<Unlocked, 'identity' | 'earlier'>): UnlockedAccount => ({
	account: identity.account,
	identity: identity.bytes,
	identityHash: identity.hash,
	earlierHashes: earlier.map((each) => each.identity.hash)
});
