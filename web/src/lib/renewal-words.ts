// What is left to do after the account got another key, in words for somebody who has had a bad day.
import type { RenewalProgress, SpaceLeft } from '../../../client/renewal-progress.ts';
import type { Space } from '../../../client/index.ts';
import { memberName } from './sharing-words.ts';
import { count, counted } from './times.ts';

export const allRenewed = 'All of your spaces have their new keys. There is nothing left to do.';

/** Whether this account, or an owner of somebody else's space, has still to do something. */
export const isAnyLeft = (progress: RenewalProgress | null): progress is RenewalProgress =>
	progress !== null &&
	(!progress.isCarried || progress.left.length + progress.withOthers.length > 0);

/** In one line. */
export function renewalSummary({ isCarried, own, left, withOthers }: RenewalProgress): string {
	if (!isCarried) return 'Renewing your account: fetching the list of your spaces';
	if (left.length > 0) {
		return `Renewing your spaces: ${count(own.done)} of ${count(own.total)}${pauseWords(left)}`;
	}
	if (withOthers.length === 0) return allRenewed;
	const waits = withOthers.length === 1 ? 'waits' : 'wait';
	return `Your own spaces are renewed. ${counted(withOthers.length, 'space')} of others ${waits} for an owner`;
}

/** Why nothing goes on, if all that is left waits for the same. */
function pauseWords(left: readonly SpaceLeft[]): string {
	const reasons = new Set(left.map(({ waitsFor }) => waitsFor));
	const [reason = null] = reasons.size === 1 ? reasons : [];
	switch (reason) {
		case 'connection':
			return '. Goes on when there is a connection';
		case 'confirmation':
			return '. Goes on once this device is confirmed';
		case 'trust':
			return '. Stopped, since the server is not trusted';
		case null:
			return '';
	}
}

/** Of one space. */
export function leftWords({ waitsFor }: SpaceLeft): string {
	switch (waitsFor) {
		case 'connection':
			return 'Waits for a connection.';
		case 'confirmation':
			return 'Waits until this device is confirmed: by another device of yours, or by you.';
		case 'trust':
			return 'Waits, since the server showed a history of it that can’t be true.';
		case null:
			return 'Being renewed now.';
	}
}

/** Who could let the new identity in. */
export function ownersOf({ members }: Pick<Space, 'members'>): string {
	const owners = members.filter(({ role }) => role === 'owner').map(memberName);
	return owners.length === 0 ? 'an owner' : owners.join(' or ');
}
