// The border of the crypto core: what the rest of the engine may ask of the keys, and in which
// words. Everything behind it runs in a worker of its own, which is ended when the vault locks, so
// that nothing of a password or key outlives it. Batches in, batches out: a call is a message.
import type { PasswordFault } from '../crypto/client/password.ts';
import type { LaidOutPage } from '../crypto/client/seal-page.ts';
import type { Proof } from '../crypto/signature.ts';
import type { AuditEvent } from '../protocol/audit-event.ts';
import type { SignedAccountWrite } from '../protocol/account-write.ts';
import type { Head, MemberChange, PageId, SpaceSettings } from '../protocol/commit.ts';
import type { SignedHeartbeat, Heartbeat } from '../protocol/heartbeat.ts';
import type { AccountId, DeviceId, Epoch, Seq, SpaceId } from '../protocol/ids.ts';
import type { KeyKind, PagePlace, WrapContext } from '../protocol/labels.ts';
import type { Result } from '../protocol/result.ts';
import type { KnownAccount, ShownAccount } from './account-log.ts';
import type { AuditGrant } from './audit-keys.ts';
import type { AccountLogFault, AccountSteps } from './crypto-account.ts';
import type { AccountPort } from './crypto-account-writes.ts';
import type { RecoveryPort } from './crypto-recovery.ts';
import type { HandedEarlierSelf, HandedSelf } from './crypto-selves.ts';
import type { SharingPort } from './crypto-sharing.ts';
import type { AccountKeyRefusal } from './crypto-login.ts';
import type { PasskeyAnswered } from './crypto-unlock.ts';
import type { PlacedEvent } from './event-chain.ts';
import type { HeldAccountKey } from './store.ts';

export type PasswordRefusal = PasswordFault | 'password_too_short';

/** To a worker: overwrite the keys, and end. It is no call of the port, and has no answer. */
export const endMessage = 'end';

/** A core and the way to end it. */
export interface CryptoWorker {
	readonly port: CryptoPort;
	/** Ends the thread, with every key and string in it. */
	end(): void;
}

/** Keys of an unlocked account, for another tab of the same profile. Goes nowhere else. */
export interface HandedKeys extends HandedSelf {
	readonly account: AccountId;
	readonly device: DeviceId;
	/** Oldest first; none before the first renewal. */
	readonly earlier: readonly HandedEarlierSelf[];
}

/** Once they are in a core, which keeps copies, or on their way to another tab. */
export function wipeHandedKeys(keys: HandedKeys): void {
	for (const { kemSeed, keyringEpochKey } of [keys, ...keys.earlier]) {
		kemSeed.fill(0);
		keyringEpochKey.fill(0);
	}
}

/** Who is unlocked: public facts that derive from the keys. */
export interface UnlockedAccount {
	readonly account: AccountId;
	/** The newest identity entry, as it goes into member entries. */
	readonly identity: Uint8Array;
	/** 32 bytes. */
	readonly identityHash: Uint8Array;
	/** Hashes of its identities before a renewal whose keys are here, too, oldest first. */
	readonly earlierHashes: readonly Uint8Array[];
}

export interface Registered extends UnlockedAccount {
	/** The account's log, of one write, with its records. */
	readonly known: KnownAccount;
	readonly serverPublicKey: Uint8Array;
	readonly recoveryCode: readonly string[];
	/** As it is written down; null for an account without one. */
	readonly accountKey: string | null;
}

export interface LoginProof {
	readonly ke3: Uint8Array;
	readonly serverPublicKey: Uint8Array;
}

export interface LocalRecord {
	/** Which table and row: bound to the record, so that none can stand in for another. */
	readonly table: string;
	readonly row: string;
}

/** What makes a new space: its genesis body, commit parts, and wraps beside it. */
export interface NewSpace {
	readonly space: SpaceId;
	readonly genesis: Uint8Array;
	/** head(0), 32 bytes. */
	readonly genesisHash: Uint8Array;
}

export interface CommitDraft {
	readonly space: SpaceId;
	readonly count: number;
	readonly seen: { readonly seq: Seq; readonly hash: Uint8Array };
	readonly timeMs: number;
	readonly epoch: Epoch;
	/** Encoded pages, or the same laid out, which costs no copy: the core takes those over. */
	readonly pages: readonly (Uint8Array | LaidOutPage)[];
	/** Live pages that the commit replaces; none by default. */
	readonly supersedes?: readonly PageId[];
	/** Pages whose bytes go at once; none by default. */
	readonly purge?: readonly PageId[];
	readonly admin?: AdminDraft | null;
	/** Hash of the own identity that signs: an earlier one, where a space has that; else the one in force. */
	readonly signedAs?: Uint8Array;
}

/** Who gets a key, under the identity that the member entry pins. */
export interface KeyReader {
	readonly kind: KeyKind;
	readonly account: AccountId;
	/** Whole and canonical: its keys were checked when it was pinned, or are now. */
	readonly identityEntry: Uint8Array;
}

/** What a commit changes in the administration; keys and wraps are made for it in the core. */
export interface AdminDraft {
	readonly members: readonly MemberChange[];
	readonly settings: SpaceSettings | null;
	/** The draft's epoch is made by this commit; its predecessor's key goes with it if it is here. */
	readonly opensEpoch: boolean;
	/** Number of the audit key that is set; null: none. */
	readonly auditNumber: number | null;
	/** Of each key that is new, all its readers; of an open one, those who newly read. */
	readonly readers: readonly KeyReader[];
}

/** A formed commit with what travels beside it: final bytes. */
export interface FormedCommit {
	readonly commit: Uint8Array;
	readonly signature: Uint8Array;
	readonly pages: readonly Uint8Array[];
	readonly wraps: readonly Uint8Array[];
	/** The key of the epoch before, sealed under the one that the commit opens. */
	readonly previousKey: Uint8Array | null;
}

/** A signed grant of an epoch's key: from a verified commit, never from what happens to open. */
export interface EpochGrant {
	readonly epoch: Epoch;
	readonly commitment: Uint8Array;
	readonly wrap: { readonly bytes: Uint8Array; readonly context: WrapContext } | null;
	/** The key of the epoch before, sealed under this one. */
	readonly previousKey: Uint8Array | null;
}

export interface SealedPage {
	readonly place: PagePlace;
	readonly sealed: Uint8Array;
}

export interface OfflineSlot {
	readonly salt: Uint8Array;
	readonly keyslot: Uint8Array;
}

export interface CryptoPort {
	readonly sharing: SharingPort;
	readonly account: AccountPort;
	readonly recovery: RecoveryPort;
	/** @returns the request of RFC 9807 §5.2.1, or why the password can't be used. */
	startRegistration(password: string): Promise<Result<Uint8Array, PasswordRefusal>>;
	/** Stretches, makes root, identity and keyslots, and leaves the account's keys in the core. */
	finishRegistration(input: {
		readonly response: Uint8Array;
		readonly handleHash: Uint8Array;
		readonly device: DeviceId;
		readonly timeMs: number;
		readonly withAccountKey: boolean;
	}): Promise<Result<Registered, 'malformed'>>;
	startLogin(password: string): Promise<Result<Uint8Array, PasswordRefusal>>;
	/**
	 * Stretches; the keys of the login stay inside.
	 *
	 * @param accountKeys that this device keeps, see `heldAccountKeys`.
	 */
	finishLogin(
		ke2: Uint8Array,
		accountKeys: readonly HeldAccountKey[]
	): Promise<Result<LoginProof, 'login_failed'>>;
	/** Wipes what {@link CryptoPort.finishLogin} left. It goes by itself once it does not count as fresh. */
	forgetLogin(): Promise<void>;
	/** MAC under the session key of the login just finished. */
	bindDevice(input: {
		readonly origin: string;
		readonly handleHash: Uint8Array;
		readonly thumbprint: Uint8Array;
	}): Promise<Uint8Array>;
	/**
	 * Judges what the edge shows of the account, then opens it with what {@link CryptoPort.finishLogin}
	 * left, and forgets that. Not so after an `AccountKeyRefusal`: then it can be asked once more, with
	 * another account key, until {@link CryptoPort.forgetLogin}.
	 */
	openAccount(input: {
		/** What this device remembers; null if it is new. */
		readonly known: KnownAccount | null;
		readonly shown: ShownAccount;
		readonly device: DeviceId;
		/** Also seal the root for this device, under the password of the login. */
		readonly offline: CryptoKey | null;
		/** As somebody typed it; null: that of this device, if there is one. */
		readonly accountKey: string | null;
	}): Promise<
		Result<
			UnlockedAccount & {
				readonly offlineSlot: OfflineSlot | null;
				/** To be kept; null for an account without one. */
				readonly accountKey: HeldAccountKey | null;
				/** To be remembered. */
				readonly known: KnownAccount;
				readonly steps: AccountSteps;
			},
			'keyslot_unreadable' | AccountKeyRefusal | AccountLogFault
		>
	>;
	/** Unlocks by the device's own keyslot. */
	openOffline(input: {
		readonly password: string;
		readonly account: AccountId;
		readonly identity: Uint8Array;
		readonly device: DeviceId;
		readonly deviceSecret: CryptoKey;
		readonly slot: OfflineSlot;
		/** The account's log as it is known here. */
		readonly writes: readonly SignedAccountWrite[];
	}): Promise<Result<UnlockedAccount, 'wrong_password' | 'keyslot_unreadable'>>;
	/** Whether a login is left by which root can be opened: one that a step-up made. */
	mayOpenRoot(): Promise<boolean>;
	/** Seals the root for a passkey, by the login that a step-up left. */
	sealForPasskey(
		input: PasskeyAnswered & { readonly known: KnownAccount }
	): Promise<Result<Uint8Array, 'step_up_needed' | 'keyslot_unreadable'>>;
	/** Unlocks by the keyslot of a passkey. */
	openByPasskey(
		input: PasskeyAnswered & {
			readonly account: AccountId;
			readonly identity: Uint8Array;
			readonly device: DeviceId;
			readonly keyslot: Uint8Array;
			/** The account's log as it is known here. */
			readonly writes: readonly SignedAccountWrite[];
		}
	): Promise<Result<UnlockedAccount, 'keyslot_unreadable'>>;
	handKeys(): Promise<HandedKeys>;
	takeKeys(keys: HandedKeys): Promise<UnlockedAccount>;

	sealLocal(
		records: readonly (LocalRecord & { readonly plaintext: Uint8Array })[]
	): Promise<readonly Uint8Array[]>;
	/** Null for each record that does not open. */
	openLocal(
		records: readonly (LocalRecord & { readonly sealed: Uint8Array })[]
	): Promise<readonly (Uint8Array | null)[]>;

	/** The keyring's genesis: computed from the root, so that nobody can put another in its place. */
	keyringSpace(): Promise<NewSpace>;
	/** The account's first space: as the keyring's, so that it can be asked for before that is read. */
	firstSpace(): Promise<NewSpace>;
	newSpace(): Promise<NewSpace>;
	/** The keyring before the last renewal, and where it ended then; null without one. */
	previousKeyring(): Promise<(NewSpace & { readonly head: Head }) | null>;
	/** Entry 1 of a space of one's own; makes (keyring: derives) and keeps its first epoch key. */
	formGenesis(input: {
		readonly space: NewSpace;
		readonly kind: 'keyring' | 'items';
		readonly device: DeviceId;
		readonly timeMs: number;
	}): Promise<FormedCommit>;
	/** An epoch that a draft opens is known here once its wrap comes back on the log, not before. */
	formCommits(device: DeviceId, drafts: readonly CommitDraft[]): Promise<readonly FormedCommit[]>;
	signHeartbeat(heartbeat: Omit<Heartbeat, 'account' | 'device'>): Promise<SignedHeartbeat>;

	/** @returns the epochs whose keys are known afterwards. */
	openEpochs(space: SpaceId, grants: readonly EpochGrant[]): Promise<readonly Epoch[]>;
	/** A keyring's epoch 1 needs no wrap: its key derives from the root. */
	openKeyringEpoch(space: SpaceId): Promise<void>;
	/** Plaintexts in order; null for each page that does not open. */
	openPages(pages: readonly SealedPage[]): Promise<readonly (Uint8Array | null)[]>;
	/** In order; null for each event that does not open with any of these keys. */
	openEvents(
		grants: readonly AuditGrant[],
		events: readonly PlacedEvent[]
	): Promise<readonly (AuditEvent | null)[]>;
	hashPages(pages: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
	verifyProofs(proofs: readonly Proof[]): Promise<readonly boolean[]>;
}
