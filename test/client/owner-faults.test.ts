// What an owner can do to a member with the edge's help, or without it: keys that open nothing, and
// another identity in the member's place. Each commit here is one that the real edge takes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { AdminDraft, FormedCommit } from '../../client/crypto-port.ts';
import {
	deriveAccountKeys,
	generateRoot,
	type IdentityKeys
} from '../../crypto/client/account-keys.ts';
import { generateEpochKey, wrapEpochKey } from '../../crypto/client/space-keys.ts';
import { sha256 } from '../../crypto/hash.ts';
import { openIdentity, renewIdentity, type Identity } from '../../crypto/identity.ts';
import { countKey } from '../../crypto/log-state.ts';
import { sign } from '../../crypto/signature.ts';
import { encodeCommit, parseCommit, type MemberChange } from '../../protocol/commit.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { commitSigningInput } from '../../protocol/labels.ts';
import { loadOpaque, newWire, startEdge, type Edge } from './edge.ts';
import {
	adding,
	caughtUpWith,
	close,
	failed,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	done,
	synced,
	type Desk,
	type Person
} from './people.ts';

let edge: Edge;
let ada: Person;
let bob: Person;
let eve: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob, eve] = [await newPerson(edge), await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

async function identityOf({ me }: Person): Promise<Identity> {
	const identity = await openIdentity(me.identity);
	if (!identity.ok) throw new Error('no identity');
	return identity.value;
}

/** The next identity of an account: signed by its own key, and by that of whoever makes it. */
async function renewedBy(
	signer: Person,
	account: Person,
	keys: IdentityKeys | null = null
): Promise<Identity> {
	keys ??= await deriveAccountKeys(generateRoot());
	const { signingKey } = await signer.crypto.handKeys();
	return renewIdentity(await identityOf(account), {
		signing: keys.signing,
		kemKey: keys.kem.publicKey,
		previousKey: signingKey
	});
}

/** A new epoch for all members, with changes that no honest client would sign. */
async function newEpoch(owner: Desk, members: readonly MemberChange[] = []): Promise<FormedCommit> {
	const { state } = owner.sync;
	const { me, device, crypto } = owner.person;
	const changed = new Map(members.map((change) => [change.account, change.identityEntry]));
	const admin: AdminDraft = {
		members,
		settings: null,
		opensEpoch: true,
		auditNumber: null,
		readers: [...state.members.values()].map(({ account, identity }) => {
			const identityEntry = changed.get(account) ?? identity.bytes;
			return { kind: 'content', account, identityEntry };
		})
	};
	const count = (state.counts.get(countKey(me.account, device)) ?? 0) + 1;
	const draft = { space: state.space, seen: state.head, timeMs: Date.now(), count, pages: [] };
	const [formed] = await crypto.formCommits(device, [
		{ ...draft, epoch: state.openEpoch + 1, admin }
	]);
	if (formed === undefined) throw new Error('not formed');
	return formed;
}

/** Another key than the one committed to, for one reader, sealed and signed as it should be. */
async function withWrongKeyFor(victim: Person, owner: Desk, formed: FormedCommit) {
	const parsed = parseCommit(formed.commit);
	if (!parsed.ok || parsed.value.admin === null) throw new Error('not an admin commit');
	const { admin } = parsed.value;
	const index = admin.wraps.findIndex(({ recipient }) => recipient === victim.me.account);
	const { entry } = await identityOf(victim);
	const wrap = await wrapEpochKey(generateEpochKey(), entry.body.kemKey, {
		kind: 'content',
		space: owner.space.space,
		number: admin.wraps[index]?.number ?? 0,
		recipient: victim.me.account,
		recipientIdentity: victim.me.identityHash,
		sender: owner.person.me.account,
		senderIdentity: owner.person.me.identityHash
	});
	const wraps = formed.wraps.with(index, wrap);
	const signed = admin.wraps.map((header, position) =>
		position === index ? { ...header, hash: sha256(wrap) } : header
	);
	const commit = encodeCommit({ ...parsed.value, admin: { ...admin, wraps: signed } });
	const { signingKey } = await owner.person.crypto.handKeys();
	return {
		...formed,
		wraps,
		commit,
		signature: await sign(signingKey, commitSigningInput(commit))
	};
}

/** Sends it to the edge as the owner's own client would, and goes on as an honest one. */
async function placed(owner: Desk, formed: FormedCommit): Promise<Desk> {
	const { space } = owner.space;
	const { head, state } = owner.sync;
	const { me, device } = owner.person;
	const count = (state.counts.get(countKey(me.account, device)) ?? 0) + 1;
	await owner.sync.close();
	const kept = await owner.store.savePending([{ ...formed, space, count, outboxIds: [] }]);
	expect(kept.ok).toBe(true);
	const again = newDesk(owner.person, owner.space, { store: owner.store });
	await again.sync.load();
	await again.sync.lead();
	await again.until(() => again.sync.head.seq > head.seq && !again.sync.hasPending);
	return again;
}

test('a key that is not the one committed to stops content, names the owner, and leaves the rest', async () => {
	const first = await foundedBy(ada);
	await first.write('Before');
	await synced(first);
	const store = createMemoryStore();
	const wire = newWire(encodeSpaceFrame);
	const member = await joined(first, bob, 'owner', { store, WebSocket: wire.WebSocket });
	const bad = await withWrongKeyFor(bob, first, await newEpoch(first));
	const owner = await placed(first, bad);
	await owner.write('After');
	await synced(owner);
	await owner.until(() => owner.sync.caughtUp && owner.sync.epochStatus.resealing === null);
	await caughtUpWith(member, owner);
	await member.until(() => member.sync.caughtUp);
	const keyFault = { fault: 'key_unusable', author: ada.me.account, epoch: 2 };
	expect(member.sync.status).toMatchObject({
		trust: { state: 'verified' },
		ownerFaults: [keyFault],
		// What can't be read was written, and said again, by honest pages.
		setAside: 2,
		setAsideAuthors: [],
		losses: []
	});
	expect(member.titles).toEqual(['Before']);

	const appends = () => wire.sent.filter(({ frame }) => frame.type === 'append').length;
	const sent = appends();
	await member.write('Kept');
	await member.until(() => member.sync.status.problem === 'refused');
	expect(appends()).toBe(sent);
	const offline = newDesk(bob, owner.space, { store });
	await offline.sync.load();
	expect(offline.sync.status.ownerFaults).toEqual([keyFault]);
	await close(offline);

	expect(await member.sync.administer({ type: 'rotate' })).toEqual(done);
	await synced(member);
	expect(member.sync.status.problem).toBe(null);
	await caughtUpWith(owner, member);
	await owner.until(() => owner.sync.caughtUp && owner.sync.epochStatus.resealing === null);
	await member.until(() => member.titles.length === 3);
	expect(member.titles).toEqual(['After', 'Before', 'Kept']);
	expect(owner.titles).toEqual(member.titles);
	expect([...member.sync.status.losses, ...owner.sync.status.losses]).toEqual([]);
	await close(owner, member);
});

test('another identity in one’s own place is an alarm by name; nothing is signed where it stands', async () => {
	const first = await foundedBy(ada);
	await first.write('Shared');
	await synced(first);
	const store = createMemoryStore();
	const wire = newWire(encodeSpaceFrame);
	const member = await joined(first, bob, 'editor', { store, WebSocket: wire.WebSocket });
	expect(member.sync.status.ownerFaults).toEqual([]);
	const identityEntry = (await renewedBy(ada, bob)).bytes;
	const { account } = bob.me;
	const change = { account, role: 'editor', kind: 'person', identityEntry } as const;
	// An honest client does not let itself be told so.
	expect(await first.sync.administer({ type: 'replace_identity', account, identityEntry })).toEqual(
		failed('identity_changed')
	);
	const owner = await placed(first, await newEpoch(first, [change]));
	await caughtUpWith(member, owner);
	await member.until(() => member.sync.caughtUp);
	const fault = { fault: 'identity_replaced', author: ada.me.account };
	expect(member.sync.status).toMatchObject({ trust: { state: 'verified' }, ownerFaults: [fault] });
	const sent = wire.sent.length;
	await member.write('Not by them');
	await member.until(() => member.sync.status.problem === 'refused');
	expect(await member.sync.administer({ type: 'leave' })).toEqual(failed('forbidden'));
	expect(wire.sent.slice(sent).filter(({ frame }) => frame.type !== 'pull')).toEqual([]);
	expect(member.titles).toEqual(['Not by them', 'Shared']);
	await close(member);
	const offline = newDesk(bob, owner.space, { store });
	await offline.sync.load();
	expect(offline.sync.status.ownerFaults).toEqual([fault]);
	await close(offline, owner);
});

test('who goes by a renewed identity blames nobody for the keys that the one before was given', async () => {
	const owner = await foundedBy(ada);
	await owner.write('Shared');
	await synced(owner);
	const { account } = eve.me;
	const ask = (intent: Parameters<typeof owner.sync.administer>[0]) =>
		owner.sync.administer(intent);
	await ask(adding(eve, 'viewer'));
	await ask({ type: 'change_role', account, role: 'auditor' });
	const keys = await deriveAccountKeys(generateRoot());
	const identityEntry = (await renewedBy(eve, eve, keys)).bytes;
	expect(await ask({ type: 'replace_identity', account, identityEntry })).toEqual(done);
	const { port: crypto } = startCryptoInProcess(loadOpaque);
	const me = await crypto.takeKeys({
		...(await eve.crypto.handKeys()),
		identity: identityEntry,
		signingKey: keys.signing.privateKey,
		kemSeed: keys.kem.seed.reveal()
	});
	const member = newDesk({ ...eve, me, crypto }, owner.space);
	await member.sync.lead();
	await member.until(() => member.sync.caughtUp);
	expect(member.sync.status).toMatchObject({ trust: { state: 'verified' }, ownerFaults: [] });
	expect(await ask({ type: 'change_role', account, role: 'viewer' })).toEqual(done);
	await member.until(() => member.titles.length === 1);
	expect(member.sync.status.ownerFaults).toEqual([]);
	await close(member, owner);
});

test('an identity that renews the one pinned gets the keys; its account alone is not enough', async () => {
	const owner = await foundedBy(ada);
	const earlier = [eve.me.identity];
	const renewed = (await renewedBy(eve, eve)).bytes;
	const forged = (await renewedBy(bob, eve)).bytes;
	const add = { ...adding(eve, 'viewer'), identityEntry: renewed } as ReturnType<typeof adding> & {
		readonly type: 'add';
	};
	const ask = (intent: Parameters<typeof owner.sync.administer>[0]) =>
		owner.sync.administer(intent);
	expect(await ask(add)).toEqual(failed('identity_changed'));
	expect(await ask({ ...add, identityEntry: forged, earlier })).toEqual(failed('identity_changed'));
	expect(await ask(adding(eve, 'viewer'))).toEqual(done);
	const { account } = eve.me;
	const replace = (identityEntry: Uint8Array) =>
		ask({ type: 'replace_identity', account, identityEntry });
	expect(await replace(forged)).toEqual(failed('identity_changed'));
	expect(await replace(renewed)).toEqual(done);
	expect(owner.sync.members.get(account)?.identity.entry.body.n).toBe(2);
	expect(owner.sync.state.openEpoch).toBe(2);
	// Nor back to one that was given up.
	expect(await replace(eve.me.identity)).toEqual(failed('identity_changed'));
	expect(await ask({ type: 'remove', account })).toEqual(done);
	expect(await ask({ ...add, earlier })).toEqual(done);
	await close(owner);
});
