// Who was a member of a space at an earlier place of its log. The rules keep only the newest members;
// those before are read again from the verified entries in this device's store.
import { readIdentity } from '../crypto/identity.ts';
import { equalBytes } from '../protocol/bytes.ts';
import { parseCommit, type MemberChange, type Role } from '../protocol/commit.ts';
import type { AccountId, Seq, SpaceId } from '../protocol/ids.ts';
import type { Store } from './store.ts';

interface PastMember {
	readonly role: Role;
	/** Of its identity, 32 bytes. */
	readonly hash: Uint8Array;
}

const entriesAtOnce = 512;

/** Whether somebody was an owner with this identity after the entry at `seq`. */
export async function wasOwner(
	store: Store,
	place: { readonly space: SpaceId; readonly seq: Seq },
	person: { readonly account: AccountId; readonly hash: Uint8Array }
): Promise<boolean> {
	const member = await memberAt(store, place, person.account);
	return member?.role === 'owner' && equalBytes(member.hash, person.hash);
}

async function memberAt(
	store: Store,
	{ space, seq: until }: { readonly space: SpaceId; readonly seq: Seq },
	account: AccountId
): Promise<PastMember | null> {
	let member: PastMember | null = null;
	for (let after = 0; after < until; after += entriesAtOnce) {
		const stored = await store.loadEntries(space, after, Math.min(entriesAtOnce, until - after));
		if (!stored.ok) return null;
		for (const { commit } of stored.value) {
			const parsed = parseCommit(commit);
			if (!parsed.ok) return null;
			const changes = parsed.value.admin?.members ?? [];
			const change = changes.find((changed) => changed.account === account);
			if (change !== undefined) member = changed(member, change);
		}
	}
	return member;
}

function changed(before: PastMember | null, change: MemberChange): PastMember | null {
	const { role, identityEntry } = change;
	if (role === null) return null;
	const identity = identityEntry === null ? null : readIdentity(identityEntry);
	const hash = identity?.ok === true ? identity.value.hash : before?.hash;
	return hash === undefined ? null : { role, hash };
}
