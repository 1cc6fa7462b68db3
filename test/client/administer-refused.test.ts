// Changes that the edge does not take, membership that it ends, and changes that take more than one
// commit: what is promised ends, and nothing that may still be placed is forgotten.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { CommitDraft } from '../../client/crypto-port.ts';
import { makeSeed } from '../../client/items.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { randomBytes } from '../../crypto/random.ts';
import { countKey } from '../../crypto/log-state.ts';
import { parseCommit, type Commit } from '../../protocol/commit.ts';
import type { WireErrorCode } from '../../protocol/errors.ts';
import { encodeSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { idFromBytes, type ItemId } from '../../protocol/ids.ts';
import { maxPagesPerCommit, maxSupersedesPerCommit } from '../../protocol/limits.ts';
import { encodePage } from '../../protocol/page.ts';
import { newWire, startEdge, type Edge, type Wire } from './edge.ts';
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

// Every account stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let edge: Edge;
let ada: Person;
let bob: Person;
let eve: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob, eve] = [await newPerson(edge), await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

const appendsOf = (wire: Wire): readonly Commit[] =>
	wire.sent.flatMap(({ frame }) => {
		const commit = frame.type === 'append' ? parseCommit(frame.commit) : null;
		return commit?.ok ? [commit.value] : [];
	});

/** An edge that appends, says that it refuses, and hides what it appended; until it is told to stop. */
function lyingEdge(desk: () => Desk, code: WireErrorCode) {
	const wire = newWire(encodeSpaceFrame);
	let socket: WebSocket | null = null;
	const lie = (frame: SpaceFrame): SpaceFrame => {
		const { head } = desk().sync;
		if (frame.type === 'appended') {
			return { type: 'refused', count: frame.count, refusal: { code, retryAfterSeconds: 3_600 } };
		}
		if (frame.type === 'entries') return { ...frame, entries: [], offered: head };
		return frame.type === 'hello' ? { ...frame, offered: head } : frame;
	};
	return {
		wire,
		lies: () => {
			wire.down = (frame, from) => {
				socket = from;
				return lie(frame);
			};
		},
		tellsTheTruth: () => {
			wire.down = (frame) => frame;
			socket?.close();
		}
	};
}

test('a change that the edge never takes ends with a word; its bytes stay, and may be placed later', async () => {
	const { wire, lies, tellsTheTruth } = lyingEdge(() => owner, 'forbidden');
	const owner: Desk = await foundedBy(ada, { WebSocket: wire.WebSocket });
	lies();
	const asked = owner.sync.administer({ type: 'rotate' });
	const behind = owner.sync.administer(adding(bob, 'viewer'));
	expect(await asked).toEqual(failed('refused'));
	expect(await behind).toEqual(failed('refused'));
	expect(await owner.sync.administer({ type: 'rotate' })).toEqual(failed('refused'));
	expect(owner.sync.hasPending).toBe(true);
	expect(owner.sync.status.problem).toBe('refused');
	expect(appendsOf(wire).length).toBe(2);

	tellsTheTruth();
	await owner.until(() => owner.sync.caughtUp && !owner.sync.hasPending);
	expect(owner.sync.state.openEpoch).toBe(2);
	expect(owner.sync.members.size).toBe(1);
	expect(owner.sync.status).toMatchObject({ problem: null, trust: { state: 'verified' } });
	expect(await owner.sync.administer(adding(bob, 'viewer'))).toEqual(done);
	await close(owner);
});

test('a full space ends the wait for a change, keeps it, and sends it when there is room', async () => {
	const { wire, lies, tellsTheTruth } = lyingEdge(() => owner, 'over_quota');
	const owner: Desk = await foundedBy(ada, { WebSocket: wire.WebSocket });
	lies();
	expect(await owner.sync.administer(adding(bob, 'viewer'))).toEqual(failed('over_quota'));
	expect(owner.sync.status.problem).toBe('over_quota');
	expect(owner.sync.hasPending).toBe(true);
	tellsTheTruth();
	await owner.until(() => owner.sync.caughtUp && !owner.sync.hasPending);
	expect(owner.sync.members.size).toBe(2);
	expect(owner.sync.status.problem).toBe(null);
	await close(owner);
});

test('a tab that does not sync is shown what the other one was given once its role reads, and blames nobody', async () => {
	const owner = await foundedBy(ada);
	await owner.write('One');
	await synced(owner);
	const looks: (() => Promise<void>)[] = [];
	const onStored = (): void => {
		for (const look of looks) void look();
	};
	const syncing = await joined(owner, bob, 'viewer', { onStored });
	const other = newDesk(bob, owner.space, { store: syncing.store });
	await other.sync.load();
	looks.push(() => other.sync.look([]));
	expect(other.titles).toEqual(['One']);
	const { account } = bob.me;
	await owner.sync.administer({ type: 'change_role', account, role: 'auditor' });
	await owner.until(() => owner.sync.epochStatus.resealing === null);
	await owner.sync.administer({ type: 'rotate' });
	await owner.write('Two');
	await synced(owner);
	await other.until(() => other.sync.head.seq === owner.sync.head.seq);
	await owner.sync.administer({ type: 'change_role', account, role: 'viewer' });
	await other.until(() => other.titles.length === 2);
	expect(other.titles).toEqual(['One', 'Two']);
	expect(other.sync.status.losses).toEqual([]);
	await close(owner, syncing, other);
});

test('being removed is remembered without a connection, and by tabs that have none, until let in', async () => {
	const owner = await foundedBy(ada);
	const store = createMemoryStore();
	const tab = newDesk(bob, owner.space, { store });
	const member = await joined(owner, bob, 'editor', {
		store,
		onStored: (settled) => void tab.sync.look(settled)
	});
	await tab.sync.load();
	await tab.until(() => tab.sync.role === 'editor');
	const { account } = bob.me;
	expect(await owner.sync.administer({ type: 'remove', account })).toEqual(done);
	await member.until(() => member.sync.status.problem === 'removed');
	await tab.until(() => tab.sync.status.problem === 'removed');
	expect(tab.sync.role).toBe(null);
	await member.sync.close();

	const wire = newWire(encodeSpaceFrame);
	wire.isUp = false;
	let shown: (string | null)[] = [];
	const again: Desk = newDesk(bob, owner.space, {
		store,
		WebSocket: wire.WebSocket,
		onChange: () => shown.push(again.sync.status.problem)
	});
	await again.sync.load();
	await again.sync.lead();
	await again.until(() => again.sync.status.connection === 'offline');
	expect(again.sync.status).toMatchObject({ problem: 'removed', trust: { state: 'verified' } });
	expect(again.sync.role).toBe(null);
	// An edge accepts a socket before it refuses it: that shows nobody as a member.
	shown = [];
	wire.isUp = true;
	again.sync.retryNow();
	expect(await again.sync.until(() => again.sync.caughtUp)).toEqual(failed('not_found'));
	expect(shown.every((problem) => problem === 'removed')).toBe(true);

	await owner.sync.administer(adding(bob, 'viewer'));
	again.sync.retryNow();
	await again.until(() => again.sync.caughtUp && again.sync.role === 'viewer');
	expect(again.sync.status.problem).toBe(null);
	await again.sync.close();
	const last = newDesk(bob, owner.space, { store });
	await last.sync.load();
	expect(last.sync.status.problem).toBe(null);
	expect(last.sync.role).toBe('viewer');
	await close(owner, tab, last);
});

type Draft = Pick<CommitDraft, 'pages' | 'admin'>;

/** Commits that are formed beside the engine, sent by it, and stand: nothing of them is asked of it. */
async function placed(owner: Desk, drafts: readonly Draft[], changes = {}): Promise<Desk> {
	const { space } = owner.space;
	const { me, device, crypto } = owner.person;
	const { state } = owner.sync;
	const first = (state.counts.get(countKey(me.account, device)) ?? 0) + 1;
	await owner.sync.close();
	const rest = { space, seen: state.head, timeMs: Date.now(), epoch: state.openEpoch };
	const formed = await crypto.formCommits(
		device,
		drafts.map((draft, index) => ({ ...rest, ...draft, count: first + index }))
	);
	const pending = formed.map((commit, index) => ({
		...{ ...commit, space, count: first + index, outboxIds: [] }
	}));
	expect((await owner.store.savePending(pending)).ok).toBe(true);
	const again = newDesk(owner.person, owner.space, { ...changes, store: owner.store });
	await again.sync.load();
	await again.sync.lead();
	await again.until(() => again.sync.caughtUp && !again.sync.hasPending);
	return again;
}

const isAuditOf = ({ me }: Person) => ({ kind: 'audit', account: me.account }) as const;

test('an audit key is made anew for whoever is to read by it, and without whoever left', async () => {
	const admin = {
		members: [],
		settings: null,
		opensEpoch: false,
		auditNumber: 1,
		readers: [{ ...isAuditOf(ada), identityEntry: ada.me.identity }]
	};
	const wire = newWire(encodeSpaceFrame);
	const changes = { WebSocket: wire.WebSocket };
	const owner = await placed(await foundedBy(ada), [{ pages: [], admin }], changes);
	expect(owner.sync.state.audit?.number).toBe(1);
	const auditor = await joined(owner, bob, 'auditor');
	expect(owner.sync.state.audit?.number).toBe(2);
	const recipients = () =>
		appendsOf(wire)
			.at(-1)
			?.admin?.wraps.map(({ kind, recipient }) => ({ kind, account: recipient }));
	expect(recipients()).toEqual([isAuditOf(ada), isAuditOf(bob)]);

	const editor = await joined(owner, eve, 'editor');
	expect(await auditor.sync.administer({ type: 'leave' })).toEqual(done);
	await editor.until(() => editor.sync.state.auditOwed);
	expect(editor.sync.state.epochOwed).toBe(false);
	await editor.write('By an editor');
	await synced(editor);
	expect(editor.sync.state.auditOwed).toBe(true);
	await caughtUpWith(owner, editor);
	await owner.write('By the owner');
	await synced(owner);
	expect(owner.sync.state).toMatchObject({ auditOwed: false, epochOwed: false, openEpoch: 1 });
	expect(owner.sync.state.audit?.number).toBe(3);
	expect(recipients()).toEqual([isAuditOf(ada)]);
	await caughtUpWith(editor, owner);
	expect(editor.titles).toEqual(['By an editor', 'By the owner']);
	await close(owner, auditor, editor);
});

test('an owner who leaves takes both keys with them: the next who write bring new ones', async () => {
	const admin = {
		members: [],
		settings: null,
		opensEpoch: false,
		auditNumber: 1,
		readers: [{ ...isAuditOf(ada), identityEntry: ada.me.identity }]
	};
	const first = await placed(await foundedBy(ada), [{ pages: [], admin }]);
	const second = await joined(first, bob, 'owner');
	expect(await first.sync.administer({ type: 'leave' })).toEqual(done);
	await second.until(() => second.sync.state.epochOwed && second.sync.state.auditOwed);
	await second.write('Alone');
	await synced(second);
	expect(second.sync.state).toMatchObject({ epochOwed: false, auditOwed: false, openEpoch: 2 });
	expect(second.sync.state.audit?.number).toBe(3);
	await close(first, second);
});

test('destroying a space of more pages than one commit names leaves none of them', async () => {
	const page = (): Uint8Array => {
		const seed = makeSeed({ title: 'One of many', createdAtMs: 1 });
		if (!seed.ok) throw new Error('no seed');
		return encodePage([
			{ type: 'seed', item: idFromBytes<ItemId>(randomBytes(16)), seed: seed.value }
		]);
	};
	const commits = maxSupersedesPerCommit / maxPagesPerCommit + 1;
	const drafts = Array.from({ length: commits }, () => ({
		pages: Array.from({ length: maxPagesPerCommit }, page)
	}));
	const wire = newWire(encodeSpaceFrame);
	const changes = { WebSocket: wire.WebSocket };
	const owner = await placed(await foundedBy(ada), drafts, changes);
	expect(owner.items.list.length).toBe(commits * maxPagesPerCommit);
	const sent = appendsOf(wire).length;
	expect(await owner.sync.administer({ type: 'destroy' })).toEqual(done);
	const purges = appendsOf(wire)
		.slice(sent)
		.map(({ purge, supersedes }) => [purge.length, supersedes.length]);
	expect(purges).toEqual([
		[maxSupersedesPerCommit, maxSupersedesPerCommit],
		[maxPagesPerCommit, maxPagesPerCommit]
	]);
	await owner.until(() => owner.items.list.length === 0);
	expect(owner.sync.status.losses).toEqual([]);
	const fresh = newDesk(ada, owner.space);
	await fresh.sync.lead();
	await fresh.until(() => fresh.sync.caughtUp);
	const entries = await fresh.store.loadEntries(owner.space.space, 0, 1_000);
	expect(entries.ok && entries.value.flatMap(({ pages }) => pages).some(Boolean)).toBe(false);
	await close(owner, fresh);
});
