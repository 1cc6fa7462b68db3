// Spaces that still hold this account under an identity from before a renewal. Where it is an owner it puts
// the identity in force in its own place: one commit, the last that the identity before signs, with a new
// epoch, and without the links whose secrets stood in the keyring before. Invitations from then are ended
// first. What breaks off is found again, by what the space pins: nothing else is kept of it.
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import type { Desk } from './desk.ts';
import type { EntryOf } from './keyring.ts';
import type { VaultSpace } from './vault-space.ts';

export interface SelfRenewalParts {
	readonly desk: Pick<Desk, 'keyring' | 'me' | 'session' | 'spaceOf' | 'write'>;
	readonly mayWrite: (space: SpaceId) => boolean;
}

/** After an edge or another owner came in between. */
const retryMs = 10_000;

export class SelfRenewal {
	readonly #parts: SelfRenewalParts;
	/** Under way, or to be tried again after a pause. */
	readonly #running = new Set<SpaceId>();
	readonly #pauses = new Set<ReturnType<typeof setTimeout>>();
	#stopped = false;

	constructor(parts: SelfRenewalParts) {
		this.#parts = parts;
	}

	/** Something of a space changed. */
	look(space: VaultSpace): void {
		if (this.#stopped || this.#running.has(space.id) || !this.#isDue(space)) return;
		this.#running.add(space.id);
		void this.#renew(space).then(
			(isDone) => {
				if (isDone) this.#running.delete(space.id);
				else this.#pause(space.id);
			},
			() => {
				this.#pause(space.id);
			}
		);
	}

	#pause(space: SpaceId): void {
		if (this.#stopped) return;
		const timer = setTimeout(() => {
			this.#pauses.delete(timer);
			this.#running.delete(space);
			const open = this.#parts.desk.spaceOf(space);
			if (open !== null) this.look(open);
		}, retryMs);
		this.#pauses.add(timer);
	}

	stop(): void {
		this.#stopped = true;
		for (const timer of this.#pauses) clearTimeout(timer);
	}

	#isDue({ id, role, sync }: VaultSpace): boolean {
		if (sync.selfThere !== 'earlier' || role !== 'owner' || !sync.caughtUp) return false;
		const { desk, mayWrite } = this.#parts;
		// Before that nobody knows which links and invitations there are.
		if (!desk.keyring.hasCarried(desk.me.identityHash) || !mayWrite(id)) return false;
		return sync.status.trust.state === 'verified';
	}

	/** Whether there is nothing left to be done. */
	async #renew({ id, sync }: VaultSpace): Promise<boolean> {
		const { desk } = this.#parts;
		const { keyring, me } = desk;
		const invites = keyring.invites.filter(({ space }) => space === id);
		const links = keyring.links.filter(({ space }) => space === id);
		if (!(await this.#endAtEdge(id, { invites, links }))) return false;
		const accounts = links.map(({ account }): AccountId => account);
		const intent = { type: 'renew_identity', identityEntry: me.identity, links: accounts } as const;
		const renewed = await sync.administer(intent);
		if (!renewed.ok || links.length === 0) return renewed.ok;
		await desk.write(links.map(({ link }) => ({ type: 'closed', of: link }) as const));
		return true;
	}

	/** Whoever has the keyring before knows their secrets. */
	async #endAtEdge(
		space: SpaceId,
		made: {
			readonly invites: readonly EntryOf<'invite'>[];
			readonly links: readonly EntryOf<'link'>[];
		}
	): Promise<boolean> {
		const { session, write } = this.#parts.desk;
		for (const { link } of made.links) {
			const removed = await session.call('linkRemove', { space, link });
			if (!removed.ok && removed.error.code !== 'not_found') return false;
		}
		for (const { invite } of made.invites) {
			const revoked = await session.call('inviteRevoke', { space, invite });
			if (!revoked.ok && revoked.error.code !== 'not_found') return false;
		}
		if (made.invites.length === 0) return true;
		const closed = made.invites.map(({ invite }) => ({ type: 'closed', of: invite }) as const);
		return (await write(closed)).ok;
	}
}
