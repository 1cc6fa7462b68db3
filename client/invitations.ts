// Invitations, from both sides. The owner's record is sealed under the secret in the link; whoever
// claims shows by a MAC that they had it; the owner lets them in by a commit. What the edge says
// about an invitation is believed only where that MAC or the record confirms it.
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Role } from '../protocol/commit.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import { idFromBytes, type InviteId, type RequestId, type SpaceId } from '../protocol/ids.ts';
import { linkSecretBytes, type InviteRecord } from '../protocol/invite.ts';
import { maxInviteTtlSeconds } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import type {
	Contact,
	Invitation,
	InvitationPreview,
	Joining,
	ShareRequest
} from './api-sharing.ts';
import type { Answer } from './api.ts';
import { bytesOf, textOf } from './contacts.ts';
import type { KnownIdentity, ReceivedRequest } from './crypto-sharing.ts';
import type { Desk } from './desk.ts';
import { fail, type TacetError } from './errors.ts';
import type { EntryOf } from './keyring.ts';
import { openInvitation, type OpenedInvitation } from './invitation-record.ts';
import { formatLinkUrl, parseLinkUrl, type LinkUrlOf } from './link-url.ts';
import type { VaultSpace } from './vault-space.ts';

const msPerDay = 86_400_000;

type ListedInvite = ResponseOf<'inviteList'>['invites'][number];

/** A claim with a good MAC, by somebody whose identity opens. */
interface GoodClaim {
	readonly state: 'good';
	readonly identity: KnownIdentity;
	readonly name: string | null;
	readonly claimedAtMs: number;
}

export class Invitations {
	readonly #desk: Desk;
	/** Claimed ones that the edge does not know any more. */
	readonly #ended = new Set<InviteId>();
	/** Claimed ones whose space is another than they said: it is not opened. */
	readonly #contradicted = new Set<InviteId>();
	readonly #requests = new Map<RequestId, ReceivedRequest>();

	constructor(desk: Desk) {
		this.#desk = desk;
	}

	// An owner's side.

	async list(space: SpaceId): Answer<readonly Invitation[]> {
		const answered = await this.#desk.session.call('inviteList', { space });
		if (!answered.ok) return answered;
		const { invites } = answered.value;
		return ok(await Promise.all(invites.map((listed) => this.#describe(space, listed))));
	}

	async #describe(space: SpaceId, listed: ListedInvite): Promise<Invitation> {
		const { invite, contested } = listed;
		const made = this.#madeHere(space, invite);
		if (made === null) {
			const { expiresAtMs } = listed;
			return { invite, role: null, expiresAtMs, url: null, claim: null, contested };
		}
		const { role, expiresAtMs } = made;
		return {
			invite,
			role,
			expiresAtMs,
			contested,
			url: this.#urlOf(made),
			claim: await this.#claimOf(made, listed)
		};
	}

	async #claimOf(made: EntryOf<'invite'>, listed: ListedInvite): Promise<Invitation['claim']> {
		const claim = await this.#checkClaim(made, listed);
		if (claim === null || claim.state === 'forged') return claim;
		const { identity, name, claimedAtMs } = claim;
		const { contacts } = this.#desk;
		const { account, hash } = identity;
		const person = await contacts.describe({ account, hash, handle: name });
		const isNameTaken = contacts.isNameOfOther(account, person.handle ?? name);
		return { state: 'good', person, claimedAtMs, isNameTaken };
	}

	async #checkClaim(
		made: EntryOf<'invite'>,
		{ claim }: ListedInvite
	): Promise<GoodClaim | { readonly state: 'forged' } | null> {
		if (claim === null) return null;
		const checked = await this.#desk.crypto.sharing.checkClaim({
			secret: made.secret,
			place: made,
			claim: {
				identity: bytesOf(claim.identity),
				mac: bytesOf(claim.mac),
				name: bytesOf(claim.name)
			}
		});
		if (checked === null) return { state: 'forged' };
		const { person: identity, name } = checked;
		return { state: 'good', identity, name, claimedAtMs: claim.claimedAtMs };
	}

	#madeHere(space: SpaceId, invite: InviteId): EntryOf<'invite'> | null {
		const made = this.#desk.keyring.inviteOf(invite);
		return made?.space === space ? made : null;
	}

	#urlOf({ space, invite, secret }: EntryOf<'invite'>): string {
		return formatLinkUrl(this.#desk.origin, { type: 'join', space, invite, secret });
	}

	async invite(
		space: SpaceId,
		input: { readonly role: Role; readonly expiresInDays: number }
	): Answer<Invitation> {
		const open = this.#ownedSpace(space);
		if (!open.ok) return open;
		const made = await this.#create(open.value, input);
		if (!made.ok) return made;
		const { invite, role, expiresAtMs } = made.value;
		const url = this.#urlOf(made.value);
		return ok({ invite, role, expiresAtMs, url, claim: null, contested: false });
	}

	async #create(
		open: VaultSpace,
		input: { readonly role: Role; readonly expiresInDays: number }
	): Answer<EntryOf<'invite'>> {
		const { session, crypto, nowMs, keyring } = this.#desk;
		const ttlMs = Math.min(input.expiresInDays * msPerDay, maxInviteTtlSeconds * 1_000 - msPerDay);
		const made: EntryOf<'invite'> = {
			type: 'invite',
			invite: idFromBytes<InviteId>(randomBytes(16)),
			space: open.id,
			secret: randomBytes(linkSecretBytes),
			role: input.role,
			expiresAtMs: nowMs() + ttlMs
		};
		const { invite, secret, space, expiresAtMs } = made;
		const record = recordOf(this.#desk, open, made);
		const sealed = await crypto.sharing.sealInvite({ secret, invite, record });
		// Known here before the edge hears of it: what it has without this would be nobody's.
		const written = await this.#desk.write([made]);
		if (!written.ok) return written;
		const body = { space, invite, record: textOf(sealed), expiresAtMs };
		const created = await callTwice(() => session.call('inviteCreate', body));
		if (created.ok) return ok(keyring.inviteOf(invite) ?? made);
		await this.#desk.write([{ type: 'closed', of: invite }]);
		return created;
	}

	/** Sends an invitation to an account of this deployment; the edge does not learn to which space. */
	async inviteHandle(
		space: SpaceId,
		input: { readonly handle: string; readonly role: Role }
	): Answer<Contact> {
		const { contacts, crypto, session, handle } = this.#desk;
		const open = this.#ownedSpace(space);
		if (!open.ok) return open;
		const found = await contacts.find(input.handle);
		if (!found.ok) return found;
		const { identity, contact } = found.value;
		const { account, hash } = identity;
		if (open.value.sync.members.has(account)) return fail('already_member');
		if (!contacts.mayTrust(account, hash)) return fail('identity_changed');
		const pinned = await contacts.pin({ account, hash, handle: contact.handle });
		if (!pinned.ok) return pinned;
		const made = await this.#create(open.value, { role: input.role, expiresInDays: 7 });
		if (!made.ok) return made;
		const { invite, secret } = made.value;
		const sealed = await crypto.sharing.sealRequest({
			recipient: identity.entry,
			space,
			invite,
			secret,
			senderName: handle
		});
		const sent = await session.call('requestSend', {
			handle: contact.handle ?? input.handle,
			sealed: textOf(sealed)
		});
		if (sent.ok) return ok(contacts.contact({ account, hash, handle: contact.handle }));
		await this.revoke(space, invite);
		return sent;
	}

	/** Lets in whoever claimed it. Broken off, it is taken up where it stood. */
	async admit(space: SpaceId, invite: InviteId): Answer<void> {
		const open = this.#ownedSpace(space);
		if (!open.ok) return open;
		const made = this.#madeHere(space, invite);
		if (made === null) return fail('invitation_ended');
		const answered = await this.#desk.session.call('inviteList', { space });
		if (!answered.ok) return answered;
		const listed = answered.value.invites.find((other) => other.invite === invite);
		const claim = listed === undefined ? null : await this.#checkClaim(made, listed);
		if (claim === null) return fail(listed === undefined ? 'invitation_ended' : 'not_found');
		if (claim.state === 'forged') return fail('claim_forged');
		const added = await this.#add(made, claim);
		if (!added.ok) return added;
		const names = open.value.unsaidNames;
		// For the others who read here; without them the members are none the less in.
		if (names.length > 0) await open.value.write(names);
		return this.revoke(space, invite);
	}

	async #add(made: EntryOf<'invite'>, { identity, name }: GoodClaim): Answer<null> {
		const { contacts } = this.#desk;
		const { account, hash, entry } = identity;
		const earlier = await contacts.earlierOf({ account, hash, handle: name });
		if (!earlier.ok) return earlier;
		if (!contacts.mayTrust(account, hash)) return fail('identity_changed');
		// Somebody else's name is not put beside their identity.
		const handle = contacts.isNameOfOther(account, name) ? null : name;
		const pinned = await contacts.pin({ account, hash, handle });
		if (!pinned.ok) return pinned;
		const { space, role } = made;
		const before = this.#memberOf(space, identity);
		if (before !== null) return before;
		const added = await this.#desk.call('administer', {
			space,
			intent: {
				...{ type: 'add', account, role, kind: 'person', identityEntry: entry },
				earlier: earlier.value
			}
		});
		if (added.ok) return added;
		// Another tab or device may have let the same person in meanwhile.
		await this.#desk.spaceOf(space)?.sync.look([]);
		return this.#memberOf(space, identity) ?? added;
	}

	/** Null for whoever is no member. */
	#memberOf(space: SpaceId, { account, hash }: KnownIdentity): Result<null, TacetError> | null {
		const member = this.#desk.spaceOf(space)?.sync.members.get(account);
		if (member === undefined) return null;
		return equalBytes(member.identity.hash, hash) ? ok(null) : fail('identity_changed');
	}

	async revoke(space: SpaceId, invite: InviteId): Answer<void> {
		const revoked = await this.#desk.session.call('inviteRevoke', { space, invite });
		if (!revoked.ok && revoked.error.code !== 'not_found') return revoked;
		if (this.#madeHere(space, invite) === null) return ok(undefined);
		return this.#desk.write([{ type: 'closed', of: invite }]);
	}

	#ownedSpace(space: SpaceId): Result<VaultSpace, TacetError> {
		const open = this.#desk.spaceOf(space);
		if (open === null) return fail('not_found');
		return open.role === 'owner' ? ok(open) : fail('forbidden');
	}

	// An invitee's side.

	async read(url: string): Answer<InvitationPreview> {
		const opened = await this.#open(url);
		return opened.ok ? ok(await this.#preview(opened.value)) : opened;
	}

	async #open(url: string): Answer<OpenedInvitation> {
		const link = parseLinkUrl(url);
		if (link?.type !== 'join') return fail('link_invalid');
		return openInvitation(this.#desk, link);
	}

	async #preview({ record, claimed }: OpenedInvitation): Promise<InvitationPreview> {
		const { space, spaceName, inviterName, role, expiresAtMs, inviterIdentity } = record;
		const { contacts } = this.#desk;
		await contacts.learnWords([inviterIdentity]);
		const safetyWords = contacts.wordsOf(inviterIdentity);
		return { space, spaceName, inviterName, role, expiresAtMs, claimed, safetyWords };
	}

	async accept(url: string): Answer<void> {
		const link = parseLinkUrl(url);
		if (link?.type !== 'join') return fail('link_invalid');
		return this.#accept(link);
	}

	async #accept(link: LinkUrlOf<'join'>): Answer<void> {
		const { keyring, contacts } = this.#desk;
		if (keyring.claimed.some(({ invite }) => invite === link.invite)) return ok(undefined);
		const opened = await openInvitation(this.#desk, link);
		if (!opened.ok) return opened;
		const { record } = opened.value;
		const isMember = this.#desk.spaceOf(link.space)?.role != null;
		if (isMember || record.inviter === this.#desk.me.account) return fail('already_member');
		const { inviter: account, inviterIdentity: hash, inviterName: handle } = record;
		const earlier = await contacts.earlierOf({ account, hash, handle });
		if (!earlier.ok) return earlier;
		if (!contacts.mayTrust(account, hash)) return fail('identity_changed');
		const claimed = await this.#claim(link, record);
		if (!claimed.ok) return claimed;
		const written = await this.#desk.write([{ ...record, type: 'claimed', invite: link.invite }]);
		return written.ok ? contacts.pin({ account, hash, handle }) : written;
	}

	async #claim(
		{ space, invite, secret }: LinkUrlOf<'join'>,
		record: OpenedInvitation['record']
	): Answer<unknown> {
		const { crypto, session, handle } = this.#desk;
		const claim = await crypto.sharing.formClaim({ secret, invite, record, name: handle });
		const body: RequestOf<'inviteClaim'> = {
			space,
			invite,
			identity: textOf(claim.identity),
			mac: textOf(claim.mac),
			name: textOf(claim.name)
		};
		const claimed = await session.call('inviteClaim', body);
		if (!claimed.ok && claimed.error.code === 'not_found') return fail('invitation_ended');
		return claimed;
	}

	get joining(): readonly Joining[] {
		return this.#desk.keyring.claimed.map((claimed) => {
			const { invite, space, spaceName, inviterName, role, inviterIdentity } = claimed;
			const state = this.#stateOf(claimed);
			const safetyWords = this.#desk.contacts.wordsOf(inviterIdentity);
			return { invite, space, spaceName, inviterName, role, state, safetyWords };
		});
	}

	#stateOf({ invite, space, role }: EntryOf<'claimed'>): Joining['state'] {
		if (this.#ended.has(invite)) return 'ended';
		if (this.#contradicted.has(invite)) return 'contradicted';
		const own = this.#desk.spaceOf(space)?.role ?? null;
		return own === null || own === role ? 'waiting' : 'other_role';
	}

	get waiting(): readonly EntryOf<'claimed'>[] {
		return this.#desk.keyring.claimed.filter((claimed) => this.#stateOf(claimed) === 'waiting');
	}

	/** Whether the edge knows it no more. */
	async isGone({ space, invite }: EntryOf<'claimed'>): Promise<boolean> {
		const read = await this.#desk.http.call('inviteRead', { space, invite });
		return !read.ok && read.error.code === 'not_found';
	}

	noteEnded({ invite }: EntryOf<'claimed'>): void {
		this.#ended.add(invite);
		this.#desk.changed();
	}

	/** Its space has the log of another invitation than this one. */
	noteContradicted({ invite }: EntryOf<'claimed'>): void {
		this.#contradicted.add(invite);
		this.#desk.changed();
	}

	forget(invite: InviteId): Answer<void> {
		return this.#desk.write([{ type: 'closed', of: invite }]);
	}

	// Invitations that came by handle.

	async requests(): Answer<readonly ShareRequest[]> {
		const answered = await this.#desk.session.call('requestList', {});
		if (!answered.ok) return answered;
		const shown: ShareRequest[] = [];
		for (const { request, sealed, receivedAtMs } of answered.value.requests) {
			const opened = await this.#desk.crypto.sharing.openRequest(bytesOf(sealed));
			// What does not open was not sealed for this account, or not by whom it names.
			const described = opened === null ? null : await this.#describeRequest(opened);
			if (opened === null || described === null) continue;
			this.#requests.set(request, opened);
			shown.push({ request, receivedAtMs, ...described });
		}
		return ok(shown);
	}

	async #describeRequest(
		received: ReceivedRequest
	): Promise<Pick<ShareRequest, 'from' | 'invitation'> | null> {
		const { sender, senderName } = received;
		const opened = await openInvitation(this.#desk, linkOf(received));
		if (!opened.ok) return null;
		const { record } = opened.value;
		// Nobody sends on an invitation that somebody else made.
		const isTheirs =
			record.inviter === sender.account && equalBytes(record.inviterIdentity, sender.hash);
		if (!isTheirs) return null;
		const met = { account: sender.account, hash: sender.hash, handle: senderName };
		const from = await this.#desk.contacts.describe(met);
		return { from, invitation: await this.#preview(opened.value) };
	}

	async acceptRequest(request: RequestId): Answer<void> {
		const received = this.#requests.get(request);
		if (received === undefined) return fail('not_found');
		const accepted = await this.#accept(linkOf(received));
		return accepted.ok ? this.dismissRequest(request) : accepted;
	}

	async dismissRequest(request: RequestId): Answer<void> {
		const dismissed = await this.#desk.session.call('requestDismiss', { request });
		if (!dismissed.ok && dismissed.error.code !== 'not_found') return dismissed;
		this.#requests.delete(request);
		return ok(undefined);
	}
}

const linkOf = ({ space, invite, secret }: ReceivedRequest): LinkUrlOf<'join'> => ({
	type: 'join',
	space,
	invite,
	secret
});

/** What an invitation or a share link says of a space, as this device sees it now. */
export function recordOf(
	desk: Desk,
	open: VaultSpace,
	given: Pick<InviteRecord, 'role' | 'expiresAtMs'>
): InviteRecord {
	const { seq, hash } = open.sync.head;
	return {
		space: open.id,
		genesisHash: open.known.genesisHash,
		head: { seq, hash: hash.slice() },
		inviter: desk.me.account,
		inviterIdentity: desk.me.identityHash,
		role: given.role,
		expiresAtMs: given.expiresAtMs,
		spaceName: open.name,
		inviterName: desk.handle
	};
}

/** Once more if no answer came: the edge takes the same for the same. */
async function callTwice<Value>(call: () => Answer<Value>): Answer<Value> {
	const first = await call();
	return first.ok || first.error.code !== 'offline' ? first : call();
}
