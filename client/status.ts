// What the engine says about itself to whoever shows it: plain data, replaced and never changed.
import type { RuleFault } from '../crypto/log-rules.ts';
import type { Head } from '../protocol/commit.ts';
import type { LiveSession, PendingRecovery } from '../protocol/http-fields.ts';
import type { AccountId, DeviceId, Epoch, Seq } from '../protocol/ids.ts';
import type { SecurityEvent } from '../protocol/security-event.ts';
import type { EpochStatus, OtherHeartbeat } from './api-sharing.ts';

/** Why a space is not trusted any more: what an honest edge would never have served. */
export type ChainFaultCode =
	| RuleFault
	/** Less than this device, or the account's keyring, has verified before. */
	| 'rollback'
	/** Another entry than the one verified before stands at the same place. */
	| 'fork'
	/** Entries out of order, or a head that the entries do not lead to. */
	| 'head_wrong'
	/** The bytes of a live page were not given, or are not the ones that were signed. */
	| 'page_missing'
	/** Another device has verified more than this one is shown. */
	| 'withheld';

/** Both versions, kept for the person. */
export interface ChainFault {
	readonly fault: ChainFaultCode;
	/** The newest head that this device has verified. */
	readonly verified: Head;
	/** What was offered instead. */
	readonly offered: Head;
	/** The entry that broke a rule, as received; null if none did. */
	readonly entry: { readonly commit: Uint8Array; readonly signature: Uint8Array } | null;
	readonly foundAtMs: number;
}

/** A fault that stops the space no more; its evidence is kept. */
export interface EarlierFault extends ChainFault {
	/** Since then the edge shows again all that was verified; null: a worse fault took its place. */
	readonly mendedAtMs: number | null;
}

/** Entries that are being put back: see `planPutBack`. */
export interface PuttingBack {
	readonly done: number;
	readonly total: number;
}

export type Trust =
	| { readonly state: 'verified' }
	| {
			readonly state: 'not_trusted';
			readonly fault: ChainFaultCode;
			readonly evidence: ChainFault;
	  };

/** What keeps changes from being synced or saved, until it is mended; null if nothing does. */
export type SyncProblem =
	| 'storage_full'
	| 'store_unavailable'
	| 'over_quota'
	| 'version_too_old'
	/** The session ended: log in again. Changes wait. */
	| 'logged_out'
	/** The role does not allow these changes, or the edge never takes them: kept, not sent. */
	| 'refused'
	/** Nobody vouched for this device yet: its changes wait. */
	| 'unconfirmed'
	/** The space holds this account’s identity of before a renewal: changes wait for an owner. */
	| 'identity_renewed'
	/**
	 * This account is no member any more, as its own log says, or as the edge claimed last: those who
	 * are removed are not shown by whom. What is here stays readable.
	 */
	| 'removed'
	/** This profile was copied, or its key is in other hands: it goes on under a new device id. */
	| 'device_copied';

/** What a member left out of pages that it put in the place of others: a content fault. */
export interface Loss {
	readonly author: AccountId;
	/** Items concerned, since the engine started; this device shows them all. */
	readonly items: number;
	/** Those of them that live pages still lack: nobody has written them again yet. */
	readonly missing: number;
}

/**
 * A content fault of whoever signed it: for as long as it stands, this device reads nothing that is
 * new, and writes nothing. Those who may still change the administration do so.
 */
export type OwnerFault =
	/** In this account's place stands an identity that is not its own: whoever has that one acts here. */
	| { readonly fault: 'identity_replaced'; readonly author: AccountId }
	/** Rule 11: a key that was given opens nothing, or is not the one that was committed to. */
	| { readonly fault: 'key_unusable'; readonly author: AccountId; readonly epoch: Epoch };

export interface SyncStatus {
	readonly connection: 'offline' | 'connecting' | 'online';
	/** Changes that do not stand on the log yet. */
	readonly waiting: number;
	/** Every change made here is in this device's store. */
	readonly savedOnDevice: boolean;
	/** When all changes were last seen at their place, by this device's clock. */
	readonly syncedAtMs: number | null;
	/** The newest verified head, and when it was compared with the one on offer. */
	readonly verified: { readonly seq: Seq; readonly atMs: number | null } | null;
	readonly pulling: { readonly done: Seq; readonly total: Seq } | null;
	readonly trust: Trust;
	/** Faults of this space that were mended, or gave way to a worse one; oldest first. */
	readonly earlierFaults: readonly EarlierFault[];
	/** Null unless a person is having a rolled-back log put back. */
	readonly puttingBack: PuttingBack | null;
	/** Pages that did not open, set aside. */
	readonly setAside: number;
	/** Who wrote them. */
	readonly setAsideAuthors: readonly AccountId[];
	readonly losses: readonly Loss[];
	/** Empty but for an owner who misuses the role: to be shown to the person, by name. */
	readonly ownerFaults: readonly OwnerFault[];
	readonly epoch: EpochStatus;
	/** Small pages that are packed into few; null while there is nothing to do. */
	readonly packing: { readonly done: number; readonly total: number } | null;
	/** Of other devices and members, newest first; as the tab knows them that syncs. */
	readonly heartbeats: readonly OtherHeartbeat[];
	readonly problem: SyncProblem | null;
}

export interface AccountOverview {
	readonly handle: string;
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly offlineUnlock: boolean;
	readonly keyslots: readonly { readonly kind: string }[];
	/** Oldest first. */
	readonly sessions: readonly LiveSession[];
	/** How many may live at a time. */
	readonly sessionCap: number;
	/** What happened at the account's door, newest first: the edge's word. */
	readonly events: readonly SecurityEvent[];
	/** Null while nobody recovers. */
	readonly recovery: PendingRecovery | null;
}

export type SignUpStep = 'stretching' | 'registering' | 'logging_in' | 'creating_space';
export type LogInStep = 'stretching' | 'logging_in' | 'opening_space';
