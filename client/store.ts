// What a device keeps, behind one interface with two implementations: IndexedDB (idb-store.ts) and
// memory (memory-store.ts). One test suite runs against both.
//
// Everything content-like that goes in is sealed by the caller: pages under the space's content
// key (as received), the rest under the device's local key. Every method either happens whole or
// not at all; each `Result` error is a code, never an exception.
// Bytes that a store was given, or gave, are never changed afterwards: memory keeps them as they are.
import type { DeviceId, Seq, SpaceId } from '../protocol/ids.ts';
import type { PageId } from '../protocol/commit.ts';
import type { SignedCommit } from '../protocol/frames.ts';
import type { Result } from '../protocol/result.ts';

/** `store_full`: the quota of the browser; nothing of the call was kept. */
export type StoreFault = 'store_unavailable' | 'store_full';

/** The one record that is readable while locked. Keys in it are non-extractable. */
export interface Profile {
	readonly device: DeviceId;
	/** P-256, ECDSA, non-extractable: this device's sessions are bound to it. */
	readonly deviceKey: CryptoKeyPair;
	/** HMAC-SHA-256, non-extractable: the key of `sealedName` and a part of the device keyslot's. */
	readonly deviceSecret: CryptoKey;
	/** Who this profile belongs to (client/profile.ts), sealed under a key of `deviceSecret`. */
	readonly sealedName: Uint8Array;
	/** What this device knows of its account's log (client/account-log.ts), sealed likewise. */
	readonly sealedAccount: Uint8Array;
	/** OPAQUE public key of the server, seen at sign-up or first login, 32 bytes. */
	readonly pinnedServerKey: Uint8Array;
	/** Present if the person chose offline unlock on this device: Argon2id salt and sealed root. */
	readonly deviceKeyslot: { readonly salt: Uint8Array; readonly keyslot: Uint8Array } | null;
	/** Null where the account has none, as far as this device knows. */
	readonly accountKey: HeldAccountKey | null;
	/** That of a write which is under way: in force once the write stands. */
	readonly nextAccountKey: HeldAccountKey | null;
	/** Passkeys that unlock here, with their keyslots (client/passkeys.ts), sealed as the name is. */
	readonly sealedPasskeys: Uint8Array | null;
	/** Refresh token and other session facts, sealed under the local key. Null when logged out. */
	readonly sealedSession: Uint8Array | null;
}

/** The account key as a device keeps it: to be used while locked, and to be shown after the password. */
export interface HeldAccountKey {
	/** HMAC-SHA-256, non-extractable: a part of the password's slot key. */
	readonly key: CryptoKey;
	/** Its bytes, sealed under the root. */
	readonly sealed: Uint8Array;
}

/** Either may be the one in force, while a write that brings another is under way. */
export const heldAccountKeys = ({
	accountKey,
	nextAccountKey
}: Pick<Profile, 'accountKey' | 'nextAccountKey'>): readonly HeldAccountKey[] =>
	[accountKey, nextAccountKey].filter((key) => key !== null);

/** A recovery that was begun here. Keys in it are non-extractable. */
export interface StoredRecovery extends Pick<Profile, 'device' | 'deviceKey' | 'deviceSecret'> {
	/** How far it is (client/begun-recovery.ts), sealed under a key of `deviceSecret`. */
	readonly sealed: Uint8Array;
}

/** A verified entry of the log, as received. Pages that are superseded or were never given: null. */
export interface StoredEntry extends SignedCommit {
	readonly seq: Seq;
	/** 32 bytes, head(seq). */
	readonly head: Uint8Array;
	readonly pages: readonly (Uint8Array | null)[];
	/**
	 * Wraps and the previous-key record, CBOR; empty if there are none. All of them for what was signed
	 * here, so that it can be put back; else this account's.
	 */
	readonly keys: Uint8Array;
}

/** A row of the outbox: one or more changes of one moment, sealed under the local key. */
export interface OutboxRow {
	/** Rises by insertion, over all spaces and tabs. */
	readonly id: number;
	readonly space: SpaceId;
	readonly sealed: Uint8Array;
	/** How many changes it holds. */
	readonly changes: number;
}

/** A commit that was formed and may have been sent: its bytes never change any more. */
export interface PendingCommit extends SignedCommit {
	readonly space: SpaceId;
	readonly count: number;
	readonly pages: readonly Uint8Array[];
	readonly wraps: readonly Uint8Array[];
	readonly previousKey: Uint8Array | null;
	/** The outbox rows whose changes it carries. */
	readonly outboxIds: readonly number[];
}

/** A commit formed of rows that are kept in the same transaction: their ids are not known before. */
export type CommitOfRows = Omit<PendingCommit, 'outboxIds'>;

/** What becomes true in one transaction when verified entries are applied. */
export interface LogBatch {
	readonly space: SpaceId;
	readonly entries: readonly StoredEntry[];
	/** The state after the last of them, sealed under the local key. */
	readonly sealedState: Uint8Array;
	/** Superseded pages that nobody asks about: their bytes are dropped, the entries stay. */
	readonly superseded: readonly PageId[];
	/** Pending commits that now stand on the log; their outbox rows go too. */
	readonly settledCounts: readonly number[];
}

export interface Store {
	loadProfile(): Promise<Result<Profile | null, StoreFault>>;
	saveProfile(profile: Profile): Promise<Result<void, StoreFault>>;

	loadRecovery(): Promise<Result<StoredRecovery | null, StoreFault>>;
	/** Null removes. */
	saveRecovery(recovery: StoredRecovery | null): Promise<Result<void, StoreFault>>;

	/** Sealed state of a space's log after its last stored entry; null before the first. */
	loadState(space: SpaceId): Promise<Result<Uint8Array | null, StoreFault>>;
	/** Entries after `after`, in order, at most `limit`. */
	loadEntries(
		space: SpaceId,
		after: Seq,
		limit: number
	): Promise<Result<readonly StoredEntry[], StoreFault>>;
	applyLog(batch: LogBatch): Promise<Result<void, StoreFault>>;
	/** Fills in pages of stored entries that were missing; null drops the bytes of a page. */
	fillPages(
		space: SpaceId,
		pages: readonly (PageId & { readonly page: Uint8Array | null })[]
	): Promise<Result<void, StoreFault>>;

	/**
	 * @param formed of these rows, kept with them: all of it or nothing; after that it may be sent. A
	 * count already pending is an error of ours.
	 */
	addToOutbox(
		rows: readonly Omit<OutboxRow, 'id'>[],
		formed?: CommitOfRows
	): Promise<Result<readonly number[], StoreFault>>;
	/** Rows of a space with id > `after`, oldest first. */
	loadOutbox(space: SpaceId, after: number): Promise<Result<readonly OutboxRow[], StoreFault>>;
	/** Removes rows that were never formed into a commit (undo, discard). */
	dropFromOutbox(ids: readonly number[]): Promise<Result<void, StoreFault>>;

	/** Saves formed commits before they are sent. A count already pending is an error of ours. */
	savePending(pending: readonly PendingCommit[]): Promise<Result<void, StoreFault>>;
	/** Oldest count first. */
	loadPending(space: SpaceId): Promise<Result<readonly PendingCommit[], StoreFault>>;
	/** Gives up pending commits that can never be valid; their outbox rows stay, to be formed anew. */
	dropPending(space: SpaceId, counts: readonly number[]): Promise<Result<void, StoreFault>>;

	/** Small sealed records by name: settings, import progress, drafts. Null removes. */
	loadRecord(name: string): Promise<Result<Uint8Array | null, StoreFault>>;
	saveRecord(name: string, sealed: Uint8Array | null): Promise<Result<void, StoreFault>>;

	/** Forgets everything, the profile included. */
	erase(): Promise<Result<void, StoreFault>>;
	close(): void;
}
