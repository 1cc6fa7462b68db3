// Share links, from the side of an owner. A link is a member of its own: its keys derive from the
// secret in the link, and whoever has that reads, and nobody else.
import type { Member } from '../crypto/log-state.ts';
import { randomBytes } from '../crypto/random.ts';
import type { ResponseOf } from '../protocol/http.ts';
import {
	bytesOfId,
	idFromBytes,
	type AccountId,
	type LinkId,
	type SpaceId
} from '../protocol/ids.ts';
import { linkSecretBytes } from '../protocol/invite.ts';
import { ok } from '../protocol/result.ts';
import type { ShareLink, SpaceSharing } from './api-sharing.ts';
import type { Answer } from './api.ts';
import { bytesOf, textOf } from './contacts.ts';
import type { FormedLink } from './crypto-sharing.ts';
import type { Desk } from './desk.ts';
import { fail } from './errors.ts';
import { recordOf } from './invitations.ts';
import type { EntryOf } from './keyring.ts';
import { formatLinkUrl } from './link-url.ts';
import type { VaultSpace } from './vault-space.ts';

type LinkInput = Parameters<SpaceSharing['createLink']>[0];
type ListedLink = ResponseOf<'linkList'>['links'][number];

/** What is new about a link before anybody else knows of it. */
interface NewLink {
	readonly link: LinkId;
	readonly secret: Uint8Array;
}

export class Links {
	readonly #desk: Desk;
	/** The core makes one link with a passphrase at a time. */
	#turn: Promise<unknown> = Promise.resolve();

	constructor(desk: Desk) {
		this.#desk = desk;
	}

	async list(space: SpaceId): Answer<readonly ShareLink[]> {
		const answered = await this.#desk.session.call('linkList', { space });
		if (!answered.ok) return answered;
		const { links } = answered.value;
		return ok([
			...links.map((listed) => this.#describe(space, listed)),
			...this.#leftMembers(space, links).map(leftover)
		]);
	}

	/** Links that have a key and no door: making or taking one back broke off, or it expired. */
	#leftMembers(space: SpaceId, links: readonly ListedLink[]): readonly AccountId[] {
		const members = this.#desk.spaceOf(space)?.sync.members ?? new Map<AccountId, Member>();
		return [...members.values()].flatMap(({ kind, account }) => {
			const isLeft = kind === 'link' && !links.some((listed) => listed.account === account);
			return isLeft ? [account] : [];
		});
	}

	/** Making it broke off before it got a key: it opens nothing. */
	#isUnfinished(space: SpaceId, { account }: ListedLink): boolean {
		const sync = this.#desk.spaceOf(space)?.sync;
		return sync?.caughtUp === true && !sync.members.has(account);
	}

	#describe(space: SpaceId, listed: ListedLink): ShareLink {
		const { link, expiresAtMs, openingsLeft, opened, guarded, frozen } = listed;
		const entry = this.#desk.keyring.linkOf(link);
		const made = entry?.space === space ? entry : null;
		return {
			link,
			label: made?.label ?? '',
			url: made === null ? null : this.#urlOf(made),
			expiresAtMs,
			openingsLeft: this.#isUnfinished(space, listed) ? 0 : openingsLeft,
			opened,
			hasPassphrase: guarded,
			frozen
		};
	}

	#urlOf({ space, link, secret }: EntryOf<'link'>): string {
		return formatLinkUrl(this.#desk.origin, { type: 'share', space, link, secret });
	}

	create(space: SpaceId, input: LinkInput): Answer<ShareLink> {
		const made = this.#turn.then(() => this.#create(space, input));
		this.#turn = made.catch(() => undefined);
		return made;
	}

	async #create(space: SpaceId, input: LinkInput): Answer<ShareLink> {
		const open = this.#desk.spaceOf(space);
		if (open === null) return fail('not_found');
		if (open.role !== 'owner') return fail('forbidden');
		if (!open.policy.linksAllowed) return fail('links_off');
		const fresh = {
			link: idFromBytes<LinkId>(randomBytes(16)),
			secret: randomBytes(linkSecretBytes)
		};
		const registered =
			input.passphrase === null
				? ok(null)
				: await this.#registerPassphrase(open, fresh, input.passphrase);
		if (!registered.ok) return registered;
		const formed = await this.#desk.crypto.sharing.formLink({
			...fresh,
			record: recordOf(this.#desk, open, { role: 'viewer', expiresAtMs: input.expiresAtMs }),
			hasPassphrase: registered.value !== null
		});
		const entry = entryOf(open, { input, fresh, formed });
		// Known here before the edge hears of it, and to the edge before it can open anything.
		const written = await this.#desk.write([entry]);
		if (!written.ok) return written;
		const stands = await this.#publish(open, {
			input,
			fresh,
			formed,
			registered: registered.value
		});
		if (!stands.ok) {
			await this.#withdraw(space, fresh.link);
			return stands;
		}
		const { expiresAtMs, openings } = input;
		return ok({
			link: fresh.link,
			label: input.label,
			url: this.#urlOf(entry),
			expiresAtMs,
			openingsLeft: openings,
			opened: 0,
			hasPassphrase: registered.value !== null,
			frozen: false
		});
	}

	/** RFC 9807 §5, with what the secret and the passphrase give together as the password. */
	async #registerPassphrase(
		open: VaultSpace,
		{ link, secret }: NewLink,
		passphrase: string
	): Answer<Uint8Array> {
		const { session, crypto } = this.#desk;
		const request = await crypto.sharing.startPassphrase(secret, passphrase);
		if (!request.ok) return fail(request.error);
		const registered = await session.call('linkRegister', {
			space: open.id,
			link,
			registrationRequest: textOf(request.value)
		});
		if (!registered.ok) return registered;
		const response = bytesOf(registered.value.registrationResponse);
		const record = await crypto.sharing.finishPassphrase(response);
		return record.ok ? record : fail('server_misbehaved');
	}

	async #publish(
		open: VaultSpace,
		made: {
			readonly input: LinkInput;
			readonly fresh: NewLink;
			readonly formed: FormedLink;
			readonly registered: Uint8Array | null;
		}
	): Answer<null> {
		const { input, fresh, formed, registered } = made;
		const { account, identity, record, door } = formed;
		const created = await this.#desk.session.call('linkCreate', {
			space: open.id,
			link: fresh.link,
			account,
			record: textOf(record),
			door: textOf(door),
			expiresAtMs: input.expiresAtMs,
			openings: input.openings,
			registrationRecord: registered === null ? null : textOf(registered)
		});
		if (!created.ok) return created;
		return this.#desk.call('administer', {
			space: open.id,
			intent: { type: 'add', account, role: 'viewer', kind: 'link', identityEntry: identity }
		});
	}

	/** Takes its key away, then its door. */
	async revoke(space: SpaceId, link: LinkId): Answer<void> {
		const open = this.#desk.spaceOf(space);
		if (open === null) return fail('not_found');
		// Whose key to take is said by the log up to its end, and by nothing that this device had before.
		const isBehind = open.leaderStatus === null && !open.sync.caughtUp;
		const known = isBehind ? await open.sync.until(() => open.sync.caughtUp) : ok(null);
		if (!known.ok) return known;
		if (open.role !== 'owner') return fail('forbidden');
		const account = await this.#accountOf(space, link);
		if (!account.ok) return account;
		const intent = account.value && ({ type: 'remove', account: account.value } as const);
		const removed = intent ? await this.#desk.call('administer', { space, intent }) : ok(null);
		// Made by half, or taken away by somebody else: it has none.
		const stillOwns = this.#desk.spaceOf(space)?.role === 'owner';
		const hasNone = !removed.ok && removed.error.code === 'not_found' && stillOwns;
		return removed.ok || hasNone ? this.#withdraw(space, link) : removed;
	}

	/** As this account remembers; of another owner's link the edge says which member it is. */
	async #accountOf(space: SpaceId, link: LinkId): Answer<AccountId | null> {
		const members = this.#desk.spaceOf(space)?.sync.members;
		const left = idFromBytes<AccountId>(bytesOfId(link));
		if (members?.get(left)?.kind === 'link') return ok(left);
		const made = this.#desk.keyring.linkOf(link);
		if (made !== null) return ok(made.account);
		const answered = await this.#desk.session.call('linkList', { space });
		if (!answered.ok) return answered;
		const { links } = answered.value;
		const listed = links.find((each) => each.link === link);
		// Each key that is listed with no door may be its.
		if (listed === undefined) {
			return this.#leftMembers(space, links).length > 0 ? fail('not_found') : ok(null);
		}
		// An edge can't have a person removed by saying that they are a link.
		return ok(members?.get(listed.account)?.kind === 'link' ? listed.account : null);
	}

	async #withdraw(space: SpaceId, link: LinkId): Answer<void> {
		const removed = await this.#desk.session.call('linkRemove', { space, link });
		if (!removed.ok && removed.error.code !== 'not_found') return removed;
		if (this.#desk.keyring.linkOf(link) === null) return ok(undefined);
		return this.#desk.write([{ type: 'closed', of: link }]);
	}
}

/** With no record left it is called by its member's id, so that it can be taken back. */
const leftover = (account: AccountId): ShareLink => ({
	link: idFromBytes<LinkId>(bytesOfId(account)),
	label: '',
	url: null,
	expiresAtMs: null,
	openingsLeft: 0,
	opened: 0,
	hasPassphrase: false,
	frozen: false
});

function entryOf(
	open: VaultSpace,
	made: { readonly input: LinkInput; readonly fresh: NewLink; readonly formed: FormedLink }
): EntryOf<'link'> {
	const { input, fresh, formed } = made;
	return {
		type: 'link',
		...fresh,
		space: open.id,
		account: formed.account,
		expiresAtMs: input.expiresAtMs,
		hasPassphrase: input.passphrase !== null,
		label: input.label
	};
}
