// What an open space can be told to do: by whom is decided by the rules of its log.
import { AccessLog } from './access-log.ts';
import type { AdminIntent } from './admin-draft.ts';
import type { Answer, Space } from './api.ts';
import type { Desk } from './desk.ts';
import { fail, type TacetErrorCode } from './errors.ts';
import { openHistory } from './history.ts';
import type { Invitations } from './invitations.ts';
import type { Links } from './links.ts';
import { copyItems } from './move-items.ts';
import { letInRenewed, lookForRenewed } from './renewed-members.ts';
import type { SpaceActions } from './space.ts';
import type { VaultSpace } from './vault-space.ts';
import { bytesOfId, idFromBytes, type ItemId, type SpaceId } from '../protocol/ids.ts';
import { maxSpaceNameCharacters } from '../protocol/limits.ts';
import type { Change, SpaceKind } from '../protocol/page.ts';
import { ok } from '../protocol/result.ts';

export interface SpaceActionParts {
	readonly desk: Desk;
	readonly invitations: Invitations;
	readonly links: Links;
}

/** Ten years: longer is for ever, which nobody means by a number of days. */
const longestRetentionDays = 3_650;
const isRetention = (days: number): boolean =>
	Number.isInteger(days) && days >= 1 && days <= longestRetentionDays;

const refused = (code: TacetErrorCode): Answer<void> => Promise.resolve(fail(code));

export function nameChange(space: SpaceId, kind: SpaceKind, name: string): Change {
	return { type: 'name', item: idFromBytes<ItemId>(bytesOfId(space)), kind, name };
}

export function spaceActions(parts: SpaceActionParts, space: SpaceId): SpaceActions {
	const { desk, invitations, links } = parts;
	const log = new AccessLog(desk, space);
	const administer = async (intent: AdminIntent): Answer<void> => {
		const done = await desk.call('administer', { space, intent });
		return done.ok ? ok(undefined) : done;
	};
	return {
		history: (item) => openHistory(desk, space, item),
		accessLog: (older) => log.read(older ?? null),
		rename: (name) => rename(desk, space, name),
		changeRole: async (account, role) => {
			if (role !== 'owner' && desk.spaceOf(space)?.hasOtherOwner(account) !== true) {
				return fail('last_owner');
			}
			return administer({ type: 'change_role', account, role });
		},
		remove: (account) =>
			account === desk.me.account ? leave(desk, space) : administer({ type: 'remove', account }),
		lookForRenewed: () => lookForRenewed(desk, space),
		letInRenewed: (account, safetyWords) => letInRenewed(desk, space, { account, safetyWords }),
		leave: () => leave(desk, space),
		rotate: () => administer({ type: 'rotate' }),
		setPolicy: ({ retentionDays, linksAllowed }) => {
			if (retentionDays !== undefined && !isRetention(retentionDays)) return refused('malformed');
			const settings = {
				...(retentionDays !== undefined && { retentionDays }),
				...(linksAllowed !== undefined && { linksAllowed })
			};
			return administer({ type: 'settings', settings });
		},
		destroy: async () => {
			const done = await administer({ type: 'destroy' });
			return done.ok ? forget(desk, space) : done;
		},
		continueInNewSpace: () => continueInNewSpace(desk, space),
		planPutBack: () => desk.call('planPutBack', space),
		putBack: () => desk.call('putBack', space),
		invitations: () => invitations.list(space),
		invite: (input) => invitations.invite(space, input),
		inviteHandle: (input) => invitations.inviteHandle(space, input),
		admit: (invite) => invitations.admit(space, invite),
		revokeInvitation: (invite) => invitations.revoke(space, invite),
		links: () => links.list(space),
		createLink: (input) => links.create(space, input),
		revokeLink: (link) => links.revoke(space, link)
	};
}

async function rename(desk: Desk, space: SpaceId, typed: string): Answer<void> {
	const open = desk.spaceOf(space);
	const name = typed.trim();
	if (open === null) return fail('not_found');
	if (name === '' || [...name].length > maxSpaceNameCharacters) return fail('malformed');
	const written = await open.write([nameChange(space, open.kind, name)]);
	return written.ok ? ok(undefined) : fail(written.error);
}

/**
 * Of a space that this account was removed from, nothing but the memory is left to give up; and of
 * one where this device signs nothing more, too: the log is not told.
 */
async function leave(desk: Desk, space: SpaceId): Answer<void> {
	const open = desk.spaceOf(space);
	if (open === null) return fail('not_found');
	if (open.role !== null && signsIn(open)) {
		if (open.role === 'owner' && !open.hasOtherOwner(desk.me.account)) return fail('last_owner');
		const left = await desk.call('administer', { space, intent: { type: 'leave' } });
		if (!left.ok) return left;
	}
	return forget(desk, space);
}

function signsIn({ space }: VaultSpace): boolean {
	const { trust, ownerFaults } = space.sync;
	return (
		trust.state === 'verified' && !ownerFaults.some(({ fault }) => fault === 'identity_replaced')
	);
}

const forget = (desk: Desk, space: SpaceId): Answer<void> =>
	desk.write([{ type: 'left', space, leftAtMs: desk.nowMs() }]);

async function continueInNewSpace(desk: Desk, space: SpaceId): Answer<Space> {
	const from = desk.spaceOf(space);
	if (from === null) return fail('not_found');
	const made = await desk.createSpace({ name: from.name, kind: from.kind });
	if (!made.ok) return made;
	const to = desk.spaceOf(made.value.id);
	if (to === null) return fail('not_found');
	const ids = from.items.list.map(({ id }) => id);
	const copied = await copyItems(from, ids, to);
	return copied.ok ? made : copied;
}
