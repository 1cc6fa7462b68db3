// Members of a shared space who misuse their keys, together with an edge that passes everything on.
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SyncStatus } from '../../client/index.ts';
import { randomBytes } from '../../crypto/random.ts';
import { parseCommit, roles, type Admin, type Role } from '../../protocol/commit.ts';
import { parseClientFrame } from '../../protocol/frames.ts';
import { encodePage } from '../../protocol/page.ts';
import { idFromBytes, type ItemId } from '../../protocol/ids.ts';
import { makeCompany, staff, type Company } from './company.ts';
import { copyStore, neverRepairs, settled, startDevice, viewOf } from './device.ts';
import { adding, Insider, newSigner, ownerOf, type Signer } from './insider.ts';
import { headsOf } from './lies.ts';
import type { World } from './world.ts';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 120_000 });

let company: Company;
const worlds = new Map<Role, World>();
beforeAll(async () => {
	company = await makeCompany({ seed: 71, steps: 5 });
	for (const role of staff) worlds.set(role, await company.worldOf(role));
});
afterAll(() => company.end());

const worldOf = (role: Role): World => {
	const world = worlds.get(role);
	assert(world);
	return world;
};

const signerOf = (role: Role): Promise<Signer> => ownerOf(worldOf(role));
const newItem = (): ItemId => idFromBytes<ItemId>(randomBytes(16));

/** What a member's device, which had all of it, makes of what was added. */
async function readAs(role: Role, insider: Insider) {
	const world = worldOf(role);
	const known = world.stores.get(world.head.seq);
	assert(known, 'the history ends where everybody was');
	const device = await startDevice(world.edge.url, {
		...{ keys: world.keys, at: world.at },
		repairWaitMs: neverRepairs,
		store: await copyStore(known, [world.keyring, world.space])
	});
	device.liar.lie = insider.lie;
	await device.tacet.start();
	await settled(device.space);
	const { sync, members } = device.space;
	const view = await viewOf(device.space);
	await device.close();
	const roleOf = new Map(members.map((member) => [member.account, member.role]));
	return { sync, fault: faultOf(sync), view, roleOf };
}

const faultOf = ({ trust }: SyncStatus): string =>
	trust.state === 'not_trusted' ? trust.fault : 'none';

/** Nobody takes it, and everybody shows what they had. */
async function refusedByAll(insider: Insider, faults: readonly string[]): Promise<void> {
	for (const role of staff) {
		const { fault, view } = await readAs(role, insider);
		expect(faults, `${role}: ${fault}`).toContain(fault);
		expect(view).toBe(worldOf(role).views.get(worldOf(role).head.seq));
	}
}

const withRole = (account: Signer['identity']['account'], role: Role | null): Admin => ({
	members: [{ account, role, kind: 'person', identityEntry: null }],
	epoch: null,
	audit: null,
	wraps: [],
	settings: null
});

describe('a member beyond their role', () => {
	test('COM-01 a viewer’s or auditor’s write that the edge passes on is taken by nobody', async () => {
		for (const role of ['viewer', 'auditor'] as const) {
			const insider = new Insider(worldOf(role));
			await insider.commit(await signerOf(role), { supersedes: [{ seq: 2, index: 0 }] });
			await refusedByAll(insider, ['role_forbids', 'page_unknown']);
		}
		const sealed = new Insider(worldOf('viewer'));
		const seed = { createdAtMs: 1, title: 'By a viewer', body: '', path: null };
		await sealed.write([encodePage([{ type: 'seed', item: newItem(), seed }])]);
		await refusedByAll(sealed, ['role_forbids']);
	});

	test('COM-03, KEY-12 nobody but an owner raises, adds or removes anybody', async () => {
		for (const actor of ['editor', 'viewer', 'auditor'] as const) {
			const self = worldOf(actor).keys.account;
			const owner = worldOf('owner').keys.account;
			const ghost = await newSigner();
			const changes = [
				withRole(self, 'owner'),
				withRole(owner, 'viewer'),
				withRole(owner, null),
				...roles.map((role) => adding(ghost, role))
			];
			for (const admin of changes) {
				const insider = new Insider(worldOf(actor));
				await insider.commit(await signerOf(actor), { admin });
				const { fault, roleOf } = await readAs('owner', insider);
				expect(fault).toBe('role_forbids');
				expect(roleOf.get(self)).toBe(actor);
				expect(roleOf.get(owner)).toBe('owner');
				expect(roleOf.has(ghost.identity.account)).toBe(false);
			}
		}
	});

	test('KEY-12 a ghost whom the edge signs in is a member on no device', async () => {
		const ghost = await newSigner();
		const insider = new Insider(worldOf('owner'));
		await insider.commit(ghost, { admin: adding(ghost, 'viewer') });
		await refusedByAll(insider, ['not_a_member']);
	});

	test('COM-03 the last owner stays, whoever signs', async () => {
		const owner = await signerOf('owner');
		for (const role of [null, 'viewer'] as const) {
			const insider = new Insider(worldOf('owner'));
			await insider.commit(owner, { admin: withRole(owner.identity.account, role) });
			await refusedByAll(insider, ['no_owner_left']);
		}
	});
});

describe('somebody who was removed', () => {
	/** The editor leaves by themselves, as the log allows. */
	async function left(): Promise<Insider> {
		const insider = new Insider(worldOf('editor'));
		const editor = await signerOf('editor');
		await insider.commit(editor, { admin: withRole(editor.identity.account, null) });
		return insider;
	}

	test('KEY-18, INT-17 writes nothing afterwards, also not under a date or a head from before', async () => {
		const { entries, head } = worldOf('editor');
		const before = headsOf(entries)[head.seq];
		assert(before);
		for (const content of [{}, { timeMs: 1 }, { seen: before }]) {
			const insider = await left();
			const seed = { createdAtMs: 1, title: 'Back-dated', body: '', path: null };
			await insider.write(
				[encodePage([{ type: 'seed', item: newItem(), seed }])],
				undefined,
				content
			);
			for (const role of ['owner', 'viewer'] as const) {
				const { fault, view } = await readAs(role, insider);
				expect(['not_a_member', 'epoch_not_open']).toContain(fault);
				expect(view).not.toContain('Back-dated');
			}
		}
	});

	test('KEY-18 leaves once: the same leaving replayed after that is refused', async () => {
		const insider = await left();
		const leaving = insider.extra[0];
		assert(leaving);
		insider.entries.push({ ...leaving, seq: leaving.seq + 1 });
		const { fault, roleOf } = await readAs('owner', insider);
		expect(['not_a_member', 'count_wrong', 'seen_unknown']).toContain(fault);
		expect(roleOf.has(worldOf('editor').keys.account)).toBe(false);
	});
});

describe('keys of a space', () => {
	test('KEY-18 a closed epoch takes no page any more, by whoever holds its key', async () => {
		const insider = new Insider(worldOf('editor'));
		const seed = { createdAtMs: 1, title: 'Under the old key', body: '', path: null };
		const pages = [encodePage([{ type: 'seed', item: newItem(), seed }])];
		await insider.write(pages, undefined, {}, 1);
		await refusedByAll(insider, ['epoch_not_open']);
	});

	test('KEY-18, CRY-02 an epoch is not opened again, and has no second key', async () => {
		const owner = await signerOf('owner');
		const { entries } = worldOf('owner');
		const opened = entries.flatMap(({ commit }) => {
			const parsed = parseCommit(commit);
			return parsed.ok && parsed.value.admin?.epoch ? [parsed.value.admin] : [];
		});
		const last = opened.at(-1);
		assert(last?.epoch);
		for (const number of [last.epoch.number, 1, last.epoch.number + 2]) {
			const insider = new Insider(worldOf('owner'));
			const epoch = { ...last.epoch, number, commitment: randomBytes(32) };
			const wraps = last.wraps.map((wrap) => ({ ...wrap, number }));
			await insider.commit(owner, { admin: { ...last, members: [], epoch, wraps } });
			await refusedByAll(insider, ['epoch_number_wrong']);
		}
	});

	test('KEY-03, KEY-05 an epoch whose wraps leave out a reader, or name one more, is refused', async () => {
		const owner = await signerOf('owner');
		const ghost = await newSigner();
		const next = 1 + newestEpoch();
		const readers = ['owner', 'editor', 'viewer'] as const;
		const wrapFor = (account: Signer['identity']['account']) =>
			({ kind: 'content', number: next, recipient: account, hash: randomBytes(32) }) as const;
		const accounts = readers.map((role) => worldOf(role).keys.account);
		for (const recipients of [accounts.slice(1), [...accounts, ghost.identity.account]]) {
			const insider = new Insider(worldOf('owner'));
			const epoch = { number: next, commitment: randomBytes(32), previousHash: randomBytes(32) };
			const admin: Admin = {
				members: [],
				epoch,
				audit: null,
				wraps: recipients.map(wrapFor).sort((a, b) => (a.recipient < b.recipient ? -1 : 1)),
				settings: null
			};
			await insider.commit(owner, { admin });
			await refusedByAll(insider, ['wraps_wrong', 'malformed']);
		}
	});

	function newestEpoch(): number {
		const numbers = worldOf('owner').entries.flatMap(({ commit }) => {
			const parsed = parseCommit(commit);
			return parsed.ok && parsed.value.admin?.epoch ? [parsed.value.admin.epoch.number] : [];
		});
		return Math.max(...numbers);
	}

	test('KEY-07, KEY-12 a member entry with another identity or KEM key is not that account’s', async () => {
		const owner = await signerOf('owner');
		const [ghost, victim] = [await newSigner(), worldOf('viewer').keys.account];
		for (const identityEntry of [ghost.identity.bytes, worldOf('editor').keys.identity]) {
			const insider = new Insider(worldOf('owner'));
			const change = { account: victim, role: 'viewer', kind: 'person', identityEntry } as const;
			await insider.commit(owner, { admin: { ...withRole(victim, 'viewer'), members: [change] } });
			const { fault } = await readAs('editor', insider);
			expect(['member_change_invalid', 'identity_mismatch']).toContain(fault);
		}
		// The right entry, with the edge's KEM key in it: its self-signature is not good any more.
		const changed = worldOf('viewer').keys.identity.slice();
		changed[200] = (changed[200] ?? 0) ^ 1;
		const insider = new Insider(worldOf('owner'));
		const member = {
			account: victim,
			role: 'viewer',
			kind: 'person',
			identityEntry: changed
		} as const;
		await insider.commit(owner, { admin: { ...withRole(victim, 'viewer'), members: [member] } });
		const { fault } = await readAs('editor', insider);
		expect(fault).not.toBe('none');
	});
});

describe('what is signed for one space', () => {
	test('INT-02, KEY-06 says nothing in another: an owner’s own change, replayed, is refused', async () => {
		const { keyringEntries } = worldOf('owner');
		const other = await anotherSpace();
		for (const foreign of [...keyringEntries.slice(0, 2), ...other]) {
			const insider = new Insider(worldOf('owner'));
			insider.entries.push({ ...foreign, seq: insider.entries.length + 1 });
			const { fault } = await readAs('viewer', insider);
			expect(fault).toBe('wrong_space');
		}
	});

	/** Entries of another space of the same owner. */
	async function anotherSpace() {
		const { device } = company.people.owner;
		const made = await device.tacet.createSpace({ name: 'Another one' });
		assert(made.ok);
		const log = device.liar.sent.flatMap((sent) =>
			sent.kind === 'frame' && sent.space === made.value.id ? [sent.message] : []
		);
		return log.flatMap((message) => {
			const frame = typeof message === 'string' ? null : parseClientFrame(message);
			if (!frame?.ok || frame.value.type !== 'append') return [];
			const { commit, signature, pages } = frame.value;
			return [{ seq: 0, commit, signature, pages, wraps: [], previousKey: null }];
		});
	}
});

describe('a hostile compaction', () => {
	test('INT-04 that leaves an item out is named, and the item stays in view', async () => {
		const insider = new Insider(worldOf('editor'));
		const { entries } = worldOf('editor');
		const page = entries.findLast(({ pages }) => pages.some((bytes) => bytes !== null));
		assert(page);
		const parsed = parseCommit(page.commit);
		assert(parsed.ok);
		const seed = { createdAtMs: 1, title: 'Something else', body: '', path: null };
		const kept = encodePage([{ type: 'seed', item: newItem(), seed }], 5);
		await insider.write([kept], undefined, { supersedes: [{ seq: page.seq, index: 0 }] });
		for (const role of ['owner', 'viewer'] as const) {
			const { sync, view, fault } = await readAs(role, insider);
			expect(fault).toBe('none');
			const before = JSON.parse(worldOf(role).views.get(worldOf(role).head.seq) ?? '[]') as {
				title: string;
			}[];
			for (const { title } of before) expect(view).toContain(title);
			const { account } = worldOf('editor').keys;
			expect(sync.losses.some((loss) => JSON.stringify(loss).includes(account))).toBe(true);
		}
	});

	test('INT-10 that restates another time can’t bring a replaced state back in the place of a newer one', async () => {
		const { items } = company.people.owner.device.spaceAt(company.space);
		const [item] = items;
		assert(item);
		for (const restatedMs of [1, Date.now() + 1e9]) {
			const insider = new Insider(worldOf('editor'));
			const seed = { createdAtMs: 1, title: 'A second beginning', body: '', path: null };
			await insider.write([encodePage([{ type: 'seed', item: item.id, seed }], restatedMs)]);
			const { view } = await readAs('viewer', insider);
			// An item has one seed, the one that stands first on the log, whatever time is claimed.
			expect(view).not.toContain('A second beginning');
		}
	});
});
