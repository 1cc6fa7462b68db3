// Members of a space who have renewed their identity since they were let in. What tells an owner is the log
// of identities, each signed by the one before: whoever has the lost device can sign such a one, too, and so
// a person compares the words before one gets a key.
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import { ok } from '../protocol/result.ts';
import type { Answer } from './api.ts';
import type { Desk } from './desk.ts';
import { fail } from './errors.ts';

/** Asks the edge for the logs of all whose name is known. One that leads nowhere says nothing. */
export async function lookForRenewed(desk: Desk, space: SpaceId): Answer<void> {
	const open = desk.spaceOf(space);
	if (open === null) return fail('not_found');
	for (const { account, kind, identity, handle, unconfirmedName } of open.members) {
		const name = handle ?? unconfirmedName?.name;
		const member = open.sync.members.get(account);
		const isAsked = kind === 'person' && identity !== 'own';
		if (!isAsked || name === undefined || member === undefined) continue;
		const looked = await desk.contacts.lookFor(account, name, member.identity.hash);
		if (!looked.ok && looked.error.code !== 'identity_changed') return looked;
	}
	return ok(undefined);
}

/** Broken off, it is taken up where it stood: by what is pinned, and what the space holds. */
export async function letInRenewed(
	desk: Desk,
	space: SpaceId,
	{ account, safetyWords }: { readonly account: AccountId; readonly safetyWords: readonly string[] }
): Answer<void> {
	const { contacts } = desk;
	const open = desk.spaceOf(space);
	if (open === null) return fail('not_found');
	if (open.role !== 'owner') return fail('forbidden');
	const member = open.sync.members.get(account);
	const shown = open.members.find((other) => other.account === account);
	const renewed = member && contacts.renewalOf(account, member.identity.hash);
	if (!shown || !renewed) return fail('not_found');
	// The log may lead further by now than what the person has read.
	const isSame = safetyWords.length > 0 && safetyWords.join() === renewed.safetyWords.join();
	// Nor one that the log of the identity which this account knows does not lead to.
	const standing = contacts.standingOf(account, renewed.hash);
	const isBarred = standing === 'changed' || standing === 'earlier';
	if (!isSame || isBarred) return fail('identity_changed');
	// Somebody else's name is not put beside their identity.
	const said = shown.unconfirmedName?.isTaken === false ? shown.unconfirmedName.name : null;
	const handle = shown.handle ?? said;
	const compared = await contacts.compared({ account, hash: renewed.hash, handle });
	if (!compared.ok) return compared;
	for (const identityEntry of renewed.entries) {
		const intent = { type: 'replace_identity', account, identityEntry } as const;
		const replaced = await desk.call('administer', { space, intent });
		if (!replaced.ok) return replaced;
	}
	return ok(undefined);
}
