// Sharing of an unlocked account, as the engine's users call it.
import type { AccountId, InviteId, ItemId, RequestId, SpaceId } from '../protocol/ids.ts';
import { ok } from '../protocol/result.ts';
import type {
	AccountSharing,
	Contact,
	DeviceLinkOffer,
	InvitationPreview,
	ShareRequest,
	TacetSharing
} from './api-sharing.ts';
import type { Answer, Space } from './api.ts';
import type { Desk } from './desk.ts';
import { offerDeviceLink } from './device-linking.ts';
import { fail } from './errors.ts';
import { Invitations } from './invitations.ts';
import { KitCheck } from './kit-check.ts';
import { Links } from './links.ts';
import type { OwnKeyring } from './own-keyring.ts';
import { spaceActions } from './space-actions.ts';
import type { SpaceActions } from './space.ts';

export interface SharingParts {
	readonly desk: Desk;
	readonly keyring: OwnKeyring;
	readonly serverPublicKey: Uint8Array;
	readonly spaces: () => readonly Space[];
	/** See `shownAccountKey`. */
	readonly accountKey: () => Answer<string | null>;
}

/** Titles that are empty have a name of their own in the page. */
const maxNameCharacters = 200;

export class Sharing implements Omit<TacetSharing, 'takeDeviceLink'> {
	readonly #parts: SharingParts;
	readonly invitations: Invitations;
	readonly #links: Links;
	readonly kit: KitCheck;

	constructor(parts: SharingParts) {
		this.#parts = parts;
		this.invitations = new Invitations(parts.desk);
		this.#links = new Links(parts.desk);
		this.kit = new KitCheck(parts.desk);
	}

	get state(): AccountSharing {
		const { keyring, spaces } = this.#parts;
		const { joining } = this.invitations;
		const { devices, standing } = keyring;
		const { renewal } = keyring;
		return { spaces: spaces(), joining, devices, standing, kit: this.kit.standing, renewal };
	}

	actionsOf(space: SpaceId): SpaceActions {
		const { desk } = this.#parts;
		return spaceActions({ desk, invitations: this.invitations, links: this.#links }, space);
	}

	createSpace({ name }: { readonly name: string }): Answer<Space> {
		const trimmed = name.trim();
		if (trimmed === '' || [...trimmed].length > maxNameCharacters) {
			return Promise.resolve(fail('malformed'));
		}
		return this.#parts.desk.createSpace({ name: trimmed, kind: 'space' });
	}

	async shareItem(space: SpaceId, item: ItemId): Answer<Space> {
		const { desk } = this.#parts;
		const from = desk.spaceOf(space);
		await from?.space.flush();
		const text = from?.items.read(item) ?? null;
		// Before there is a space for it: one that nothing can be moved into would stay behind empty.
		if (from === null || text === null || text.trashedAtMs !== null) return fail('not_found');
		if (!from.mayEdit) return fail('forbidden');
		const name = [...text.title.trim()].slice(0, maxNameCharacters).join('');
		const made = await desk.createSpace({ name, kind: 'item' });
		if (!made.ok) return made;
		const moved = await this.moveItem(space, item, made.value.id);
		return moved.ok ? made : moved;
	}

	async moveItem(from: SpaceId, item: ItemId, to: SpaceId): Answer<void> {
		// What was typed a moment ago goes along.
		await this.#parts.desk.spaceOf(from)?.space.flush();
		const moved = await this.#parts.desk.call('moveItem', { from, item, to });
		return moved.ok ? ok(undefined) : moved;
	}

	readInvitation(url: string): Answer<InvitationPreview> {
		return this.invitations.read(url);
	}

	async acceptInvitation(url: string): Answer<void> {
		const accepted = await this.invitations.accept(url);
		if (accepted.ok) void this.checkJoining();
		return accepted;
	}

	forgetJoining(invite: InviteId): Answer<void> {
		return this.invitations.forget(invite);
	}

	async checkJoining(): Promise<void> {
		await this.#parts.desk.call('checkJoining', null);
	}

	requests(): Answer<readonly ShareRequest[]> {
		return this.invitations.requests();
	}

	acceptRequest(request: RequestId): Answer<void> {
		return this.invitations.acceptRequest(request);
	}

	dismissRequest(request: RequestId): Answer<void> {
		return this.invitations.dismissRequest(request);
	}

	async findPerson(handle: string): Answer<Contact> {
		const found = await this.#parts.desk.contacts.find(handle);
		return found.ok ? ok(found.value.contact) : found;
	}

	confirmContact(account: AccountId): Answer<void> {
		return this.#parts.desk.contacts.confirm(account);
	}

	async confirmDevice(): Answer<void> {
		await this.#parts.keyring.confirm();
		return ok(undefined);
	}

	linkDevice(): Answer<DeviceLinkOffer> {
		const { desk, keyring, serverPublicKey, accountKey } = this.#parts;
		const keyringHead = () => {
			const { seq, hash } = keyring.sync.head;
			return { seq, hash: hash.slice() };
		};
		return offerDeviceLink({ desk, serverPublicKey, keyringHead, accountKey });
	}
}
