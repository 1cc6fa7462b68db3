// Sharing, as the engine's users see it: members, invitations, links, epochs, and what is known of
// other people and devices. Plain data that is replaced, never changed.
import type { ActivityEntry } from './activity.ts';
import type { AuditEvent, AuditHead } from '../protocol/audit-event.ts';
import type { Role, SpaceSettings } from '../protocol/commit.ts';
import type {
	AccountId,
	DeviceId,
	InviteId,
	ItemId,
	LinkId,
	RequestId,
	Seq,
	SpaceId
} from '../protocol/ids.ts';
import type { SpaceKind } from '../protocol/page.ts';
import type { Answer, Space } from './api.ts';
import type { OwnIdentity } from './own-selves.ts';
import type { PutBackPlan, PutBackReport } from './put-back.ts';

/** How sure this account is of another one's identity. */
export type IdentityStanding =
	/** This account itself. */
	| 'own'
	/** Pinned when it was met first. */
	| 'pinned'
	/** A person compared the safety words. */
	| 'compared'
	/** Another identity than the one pinned, signed by it: to be confirmed before it gets a key. */
	| 'renewed'
	/** One before the one pinned: a space holds it that was not told of a renewal. Gets nothing. */
	| 'earlier'
	/** Another identity than the one pinned, and not signed by it: gets nothing. */
	| 'changed'
	| 'unknown';

export interface Contact {
	readonly account: AccountId;
	/** As typed or as they say; null if this account never heard it. */
	readonly handle: string | null;
	readonly identity: IdentityStanding;
	/** Twelve words that both see alike if nobody stands between them. */
	readonly safetyWords: readonly string[];
}

/** A name that nothing confirms. */
export interface UnconfirmedName {
	readonly name: string;
	/** This account knows somebody else by it, has it itself, or two members are called so. */
	readonly isTaken: boolean;
}

export interface SpaceMember extends Contact {
	/**
	 * What they are called in the space, where this account does not know them itself: an owner wrote
	 * down what they said when they were let in, and whoever writes could have written another one.
	 */
	readonly unconfirmedName: UnconfirmedName | null;
	readonly role: Role;
	readonly kind: 'person' | 'link' | 'app';
	/**
	 * The identity that their log leads to from the one that this space holds; null if to none, or none was
	 * asked for. It gets no key here before an owner lets it in.
	 */
	readonly renewed: Contact | null;
	/** Of this member's devices: the newest statement of what they have verified. */
	readonly heartbeatAtMs: number | null;
}

export interface Invitation {
	readonly invite: InviteId;
	/** Null where another owner made it: the edge does not know it. */
	readonly role: Role | null;
	readonly expiresAtMs: number;
	/** Null where this account does not know the secret: another owner made it. */
	readonly url: string | null;
	readonly claim:
		| null
		/** The MAC is good: whoever claims had the link. */
		| {
				readonly state: 'good';
				/** By the name that they give themselves. */
				readonly person: Contact;
				readonly claimedAtMs: number;
				/** This account knows somebody else by that name, or has it itself. */
				readonly isNameTaken: boolean;
		  }
		/** The MAC is wrong: refuse it, and invite anew. */
		| { readonly state: 'forged' };
	/** A second person tried to claim it. */
	readonly contested: boolean;
}

export interface ShareLink {
	readonly link: LinkId;
	readonly label: string;
	/** Null where another owner made it. */
	readonly url: string | null;
	readonly expiresAtMs: number | null;
	readonly openingsLeft: number | null;
	readonly opened: number;
	readonly hasPassphrase: boolean;
	readonly frozen: boolean;
}

export interface EpochStatus {
	readonly number: number;
	/** By the clock of whoever opened it. */
	readonly openedAtMs: number | null;
	/** Live pages that are still under an older key; null when there are none. */
	readonly resealing: { readonly done: number; readonly total: number } | null;
}

export interface OtherHeartbeat {
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly seq: Seq;
	readonly timeMs: number;
	/** How far that device has seen the access log; null for who does not read it. */
	readonly audit: AuditHead | null;
}

/** Rules of a space that its owners set, as they stand on its log. */
export type SpacePolicy = Pick<SpaceSettings, 'retentionDays' | 'linksAllowed'>;

/** An event of the access log: what the server says it saw. Nobody has signed it. */
export interface AccessEntry {
	/** Its number in the log, from 1. */
	readonly n: number;
	readonly event:
		| AuditEvent
		/** Written while this account could not read the log. */
		| 'not_for_this_account'
		/** It does not open although the key is here, or who set that key gave a wrong one. */
		| 'unreadable';
}

export type AccessLogState =
	/** It leads on from what this device, and others, have seen of it. */
	| 'checked'
	/** Events that were seen before are not there any more. */
	| 'cut_back'
	/** Other events stand where others were seen. */
	| 'forked';

export interface AccessLogPart {
	/** Newest first. */
	readonly entries: readonly AccessEntry[];
	/** To be asked for next; null if there is nothing older. */
	readonly older: number | null;
	readonly state: AccessLogState;
}

/** What an item said after somebody's turn. */
export interface ItemVersion {
	/** By the clock of whoever wrote last in it. */
	readonly timeMs: number;
	/** Null: written by one or several, before it was packed with other changes. */
	readonly author: AccountId | null;
	readonly title: string;
	readonly body: string;
}

/** Replaced, and never changed. */
export interface ItemHistory {
	/** Newest first; the first is what the log says now. */
	readonly versions: readonly ItemVersion[];
	/**
	 * Whether there are versions before those: to be asked for, none, or none that are kept any more.
	 */
	readonly earlier: 'more' | 'none' | 'gone';
	/** One step further back; `offline` without a connection. */
	loadEarlier(): Answer<ItemHistory>;
}

export interface SpaceSharing {
	readonly name: string;
	readonly kind: SpaceKind;
	/** Null once this account is no member any more. */
	readonly role: Role | null;
	/** Whose identity this space holds in this account's place. */
	readonly ownIdentity: OwnIdentity;
	readonly members: readonly SpaceMember[];
	readonly epoch: EpochStatus;
	/** Newest first, of other devices and members. */
	readonly heartbeats: readonly OtherHeartbeat[];
	readonly policy: SpacePolicy;
	/** What happened on the log, newest first: who, when, how much; what no key is needed for. */
	activity(limit: number): readonly ActivityEntry[];

	/** What an item said before, for as far back as pages are kept. */
	history(item: ItemId): Answer<ItemHistory>;

	/**
	 * Asked from the edge, and checked; for owners and auditors. The newest part, or the `older` one that
	 * an answer named.
	 */
	accessLog(older?: number): Answer<AccessLogPart>;

	rename(name: string): Answer<void>;
	/** These resolve when the commit stands at its place; `admin_conflict`: look again, ask again. */
	changeRole(account: AccountId, role: Role): Answer<void>;
	remove(account: AccountId): Answer<void>;
	/** Asks the edge whether people here have renewed their identity: `members` says so then. */
	lookForRenewed(): Answer<void>;
	/**
	 * Puts the identity that `renewed` shows in the place of the one before, with the role that it has. A person
	 * has compared these safety words; `identity_changed` if they are not its.
	 */
	letInRenewed(account: AccountId, safetyWords: readonly string[]): Answer<void>;
	leave(): Answer<void>;
	/** A new epoch; live pages are sealed again in the background. */
	rotate(): Answer<void>;
	/** Removes everybody else, and the content for good. */
	destroy(): Answer<void>;
	/** Owners only; what is not named stays. Without links those that there are go in the same step. */
	setPolicy(change: Partial<SpacePolicy>): Answer<void>;
	/** A new space of this account's own with the items as they stand here. */
	continueInNewSpace(): Answer<Space>;
	/**
	 * After a `rollback`: what this device could give the edge back. `not_trusted` where that mends
	 * nothing, as what was offered is no beginning of what was verified here.
	 */
	planPutBack(): Answer<PutBackPlan>;
	/**
	 * Gives the edge back the entries that it lacks, the same bytes, and follows the log again once it
	 * shows them all. After an error, or short of the newest entry, nothing is followed: the fault
	 * stands, and it can be asked for again. How far it is: `sync.puttingBack`.
	 */
	putBack(): Answer<PutBackReport>;

	/** Asked from the edge; owners only. */
	invitations(): Answer<readonly Invitation[]>;
	invite(input: { readonly role: Role; readonly expiresInDays: number }): Answer<Invitation>;
	/** Sends an invitation to an account of this deployment, sealed to its identity. */
	inviteHandle(input: { readonly handle: string; readonly role: Role }): Answer<Contact>;
	/** Lets in whoever claimed it: the commit that gives them the key. */
	admit(invite: InviteId): Answer<void>;
	revokeInvitation(invite: InviteId): Answer<void>;

	links(): Answer<readonly ShareLink[]>;
	createLink(input: {
		readonly label: string;
		readonly expiresAtMs: number | null;
		readonly openings: number | null;
		readonly passphrase: string | null;
	}): Answer<ShareLink>;
	revokeLink(link: LinkId): Answer<void>;
}

/** What an invitation says to whoever holds its link. */
export interface InvitationPreview {
	readonly space: SpaceId;
	readonly spaceName: string;
	readonly inviterName: string;
	readonly role: Role;
	readonly expiresAtMs: number;
	/** Somebody has claimed it already. */
	readonly claimed: boolean;
	/** With the inviter's identity; empty while signed out. */
	readonly safetyWords: readonly string[];
}

/** Claimed here, and not let in yet, or not as it said. */
export interface Joining {
	readonly invite: InviteId;
	readonly space: SpaceId;
	readonly spaceName: string;
	readonly inviterName: string;
	readonly role: Role;
	readonly state:
		| 'waiting'
		| 'ended'
		/** The space is open, with another role than the invitation said: until it is forgotten. */
		| 'other_role'
		/**
		 * By the space's own log whoever signed the invitation was no owner there, or somebody else
		 * was let in under this account's id: it is not opened.
		 */
		| 'contradicted';
	readonly safetyWords: readonly string[];
}

export interface ShareRequest {
	readonly request: RequestId;
	readonly receivedAtMs: number;
	readonly from: Contact;
	readonly invitation: InvitationPreview;
}

/** A device without memory believes what it is shown until another one vouches for it. */
export type DeviceStanding =
	| { readonly state: 'confirmed' }
	| {
			readonly state: 'unconfirmed';
			/** When the newest change of the keyring says it was made. */
			readonly asOfMs: number;
			/** The name of the device that made it; null if it has none. */
			readonly lastChangeBy: string | null;
	  };

export interface OwnDevice {
	readonly device: DeviceId;
	readonly name: string;
	readonly addedAtMs: number;
	readonly isThis: boolean;
}

/** An offer to link one more device: shown as a QR code, good for ten minutes. */
export interface DeviceLinkOffer {
	readonly url: string;
	readonly expiresAtMs: number;
	/** Resolves with the name of the device that took it up. */
	claimed(signal?: AbortSignal): Answer<{ readonly deviceName: string }>;
	/** With the code that the new device shows; `wrong_code` hands nothing over. */
	confirm(code: string): Answer<void>;
}

/** The new device's side. */
export interface DeviceLinkTaken {
	/** Six digits, to be typed on the device that made the offer. */
	readonly code: string;
	/** Resolves when that was done, with the handle to log in with. */
	handedOver(signal?: AbortSignal): Answer<{ readonly handle: string }>;
}

/** What is known of the recovery kit, without knowing it. */
export interface KitStanding {
	readonly madeAtMs: number;
	/** When a person last read words of it back; null if nobody has. */
	readonly checkedAtMs: number | null;
	/** Which words to ask for, from 1, rising. */
	readonly positions: readonly number[];
	/** From then on it is time to ask again whether it is still there. */
	readonly dueAtMs: number;
}

export interface RenewalState {
	/** Whether all that the keyring before said stands in the one in force. */
	readonly isCarried: boolean;
}

export interface AccountSharing {
	readonly spaces: readonly Space[];
	readonly joining: readonly Joining[];
	readonly devices: readonly OwnDevice[];
	readonly standing: DeviceStanding;
	/** Null where no device has said anything of it. */
	readonly kit: KitStanding | null;
	/** Null for an account that was never renewed. */
	readonly renewal: RenewalState | null;
}

/** What a share link shows to somebody without an account: a space, read-only. */
export interface LinkView {
	readonly space: Space;
	readonly spaceName: string;
	readonly inviterName: string;
	readonly expiresAtMs: number | null;
	close(): Promise<void>;
}

export interface TacetSharing {
	createSpace(input: { readonly name: string }): Answer<Space>;
	/** Moves an item into a space of its own, which can then be shared. */
	shareItem(space: SpaceId, item: ItemId): Answer<Space>;
	/** Copies or moves an item between spaces that this account may write to. */
	moveItem(from: SpaceId, item: ItemId, to: SpaceId): Answer<void>;
	readInvitation(url: string): Answer<InvitationPreview>;
	acceptInvitation(url: string): Answer<void>;
	forgetJoining(invite: InviteId): Answer<void>;
	/** Asks whether an owner has let this account in meanwhile. */
	checkJoining(): Promise<void>;
	requests(): Answer<readonly ShareRequest[]>;
	acceptRequest(request: RequestId): Answer<void>;
	dismissRequest(request: RequestId): Answer<void>;
	findPerson(handle: string): Answer<Contact>;
	/** The person compared the safety words, or confirms a renewed identity. */
	confirmContact(account: AccountId): Answer<void>;
	/** By hand, after reading what `standing` says: there is no other device left. */
	confirmDevice(): Answer<void>;
	linkDevice(): Answer<DeviceLinkOffer>;
	takeDeviceLink(url: string): Answer<DeviceLinkTaken>;
}
