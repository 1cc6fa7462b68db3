// How far the renewal of an account is, as this device sees it: by its keyring, and by what the verified log of
// each space says. Nothing is kept of it, so that nothing can say otherwise.
import type { AccountSharing } from './api-sharing.ts';
import type { Space } from './api.ts';

export interface RenewalProgress {
	/** Whether nothing is left to be done, of all that this device has read. */
	readonly isDone: boolean;
	/** Whether all that the keyring before said stands in the one in force: before, not every space is known. */
	readonly isCarried: boolean;
	/** Spaces that this account owns, and those of them that hold its new identity. */
	readonly own: { readonly done: number; readonly total: number };
	readonly left: readonly SpaceLeft[];
	/** Spaces of others, in which an owner has to let the new identity in. */
	readonly withOthers: readonly Space[];
}

export interface SpaceLeft {
	readonly space: Space;
	/** Null: it is being done. */
	readonly waitsFor: 'connection' | 'confirmation' | 'trust' | null;
}

/** Null for an account that was never renewed. */
export function renewalProgress({
	spaces,
	standing,
	renewal
}: Pick<AccountSharing, 'spaces' | 'standing' | 'renewal'>): RenewalProgress | null {
	if (renewal === null) return null;
	const { isCarried } = renewal;
	const own = spaces.filter(({ role }) => role === 'owner');
	const left = own
		.filter(({ ownIdentity }) => ownIdentity === 'earlier')
		.map((space) => ({ space, waitsFor: waitsFor(space, standing.state === 'confirmed') }));
	const withOthers = spaces.filter(
		({ role, ownIdentity }) => role !== null && role !== 'owner' && ownIdentity === 'earlier'
	);
	const isRead = spaces.every(({ sync }) => sync.verified !== null);
	return {
		isDone: isCarried && isRead && left.length + withOthers.length === 0,
		isCarried,
		own: { done: own.length - left.length, total: own.length },
		left,
		withOthers
	};
}

function waitsFor({ sync }: Space, isConfirmed: boolean): SpaceLeft['waitsFor'] {
	if (sync.trust.state === 'not_trusted') return 'trust';
	if (sync.connection !== 'online') return 'connection';
	return isConfirmed ? null : 'confirmation';
}
