// The access log through the real edge, by the clients that read it: what stands in it, for whom, and
// what an edge that shows another one comes to.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AccessEntry } from '../../client/api-sharing.ts';
import type { Space } from '../../client/api.ts';
import type { ResponseOf } from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import {
	close,
	loggedIn,
	newHandle,
	signedUp,
	spaceNamed,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { join, newSpace } from './shared-spaces.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

type Part = ResponseOf<'eventList'>;
type Asked = { readonly space: SpaceId; readonly before: number | null };

/** What this device's edge answers about events, after a lie was told. */
class Line {
	lie: ((part: Part, asked: Asked) => Part) | null = null;

	readonly fetch: typeof fetch = async (input, init) => {
		const answer = await fetch(input, init);
		const isEvents =
			new URL(answer.url).pathname.endsWith('/v1/events/list') && answer.status === 200;
		if (this.lie === null || !isEvents) return answer;
		const asked = JSON.parse(init?.body as string) as Asked;
		return Response.json(this.lie((await answer.json()) as Part, asked));
	};
}

let line: Line;
beforeEach(() => {
	line = new Line();
});

const person = () => signedUp(edge, newHandle());

const read = async (space: Space) => valueOf(await space.accessLog());

const kindsOf = (entries: readonly AccessEntry[]): readonly string[] =>
	entries.map(({ event }) => (typeof event === 'string' ? event : event.kind));

/** Until somebody who has just come in is seen to have opened the space. */
async function readUntil(space: Space, device: Device): Promise<readonly AccessEntry[]> {
	const { account } = stateOf(device);
	for (;;) {
		const { entries } = await read(space);
		const isThere = entries.some(
			({ event }) =>
				typeof event !== 'string' && event.kind === 'opened' && event.account === account
		);
		if (isThere) return entries;
	}
}

describe('the access log', () => {
	test('EDG-10 says to owners and auditors who opened a space, and to nobody else', async () => {
		const [ann, ben, eva] = [await person(), await person(), await person()];
		const space = await newSpace(ann);
		expect(await read(space)).toEqual({ entries: [], older: null, state: 'checked' });
		const bens = await join(space, ben, 'editor');
		await readUntil(space, ben);
		const evas = await join(space, eva, 'auditor');
		const seen = await readUntil(evas, eva);
		// What was sealed before there was a key for her is there, and closed to her.
		expect(kindsOf(seen)).toContain('not_for_this_account');
		expect(kindsOf(await readUntil(space, eva))).not.toContain('not_for_this_account');
		const refused = { ok: false, error: { code: 'forbidden' } };
		expect(await bens.accessLog()).toEqual(refused);
		valueOf(await space.changeRole(stateOf(ben).account, 'viewer'));
		await until(bens, () => bens.role === 'viewer');
		expect(await bens.accessLog()).toEqual(refused);
		expect(evas.items).toEqual([]);
		await close(ann, ben, eva);
	});

	test('has a new key as soon as an auditor is removed, which opens nothing for them', async () => {
		const [ann, ben, eva] = [await person(), await person(), await person()];
		const space = await newSpace(ann);
		const evas = await join(space, eva, 'auditor');
		await readUntil(evas, eva);
		valueOf(await space.remove(stateOf(eva).account));
		await until(evas, () => evas.role === null);
		expect((await evas.accessLog()).ok).toBe(false);
		await join(space, ben, 'viewer');
		const entries = await readUntil(space, ben);
		expect(kindsOf(entries)).not.toContain('unreadable');
		expect(kindsOf(entries)).not.toContain('not_for_this_account');
		await close(ann, ben, eva);
	});
});

describe('an edge that shows another log of events', () => {
	/** Somebody's space with events in it, as a device sees it whose edge may lie. */
	async function shared() {
		const ann = await signedUp(edge, newHandle(), { fetch: line.fetch });
		const ben = await person();
		const space = await newSpace(ann);
		await join(space, ben, 'editor');
		await readUntil(space, ben);
		for (let count = 0; count < 2; count++) {
			const { url } = valueOf(await space.invite({ role: 'viewer', expiresInDays: 7 }));
			valueOf(await ben.tacet.readInvitation(url ?? ''));
		}
		const { entries, state } = await read(space);
		expect(state).toBe('checked');
		expect(entries.length).toBeGreaterThanOrEqual(3);
		return { ann, ben, space, entries };
	}

	test('EDG-09 is caught when it cuts events back, or leaves out all of them', async () => {
		const { ann, ben, space } = await shared();
		line.lie = (part) => ({ ...part, events: part.events.slice(0, -1) });
		expect((await read(space)).state).toBe('cut_back');
		const zeros = 'A'.repeat(43);
		line.lie = () => ({ oldest: 1, after: 0, previous: zeros, events: [] });
		expect((await read(space)).state).toBe('cut_back');
		// What was seen is not forgotten for that.
		line.lie = null;
		expect((await read(space)).state).toBe('checked');
		await close(ann, ben);
	});

	test('EDG-09 is caught when another event stands where one was seen', async () => {
		const { ann, ben, space } = await shared();
		line.lie = (part) => {
			const [first, ...others] = part.events;
			const [second] = others;
			if (first === undefined || second === undefined) throw new Error('too few events');
			return { ...part, events: [second, first, ...others.slice(1)] };
		};
		const { state, entries } = await read(space);
		expect(state).toBe('forked');
		// Out of its place none of them opens, and neither does what hangs on it.
		expect(new Set(kindsOf(entries))).toEqual(new Set(['unreadable']));
		await close(ann, ben);
	});

	test('EDG-09 is caught when it shows the events of another space', async () => {
		const { ann, ben, space } = await shared();
		const other = await newSpace(ann);
		await join(other, ben, 'viewer');
		await readUntil(other, ben);
		let theirs: Part | null = null;
		line.lie = (part, asked) => {
			if (asked.space === other.id) theirs = part;
			return asked.space === space.id && theirs !== null ? theirs : part;
		};
		await read(other);
		const { state, entries } = await read(space);
		expect(['forked', 'cut_back']).toContain(state);
		expect(new Set(kindsOf(entries))).toEqual(new Set(['unreadable']));
		await close(ann, ben);
	});

	test('EDG-09 is caught when it says that older events were dropped, which none can be yet', async () => {
		const { ann, ben, space, entries } = await shared();
		const { n } = entries[0] ?? { n: 0 };
		line.lie = (part) => ({
			...{ oldest: n + 5, after: n + 4, previous: part.previous },
			events: part.events.slice(-1)
		});
		expect((await read(space)).state).toBe('cut_back');
		line.lie = (part) => ({ ...part, oldest: part.after + 2 });
		expect(await space.accessLog()).toMatchObject({ error: { code: 'server_misbehaved' } });
		line.lie = (part) => ({ ...part, previous: part.previous.replace(/^./, 'B') });
		expect(await space.accessLog()).toMatchObject({ error: { code: 'server_misbehaved' } });
		await close(ann, ben);
	});

	test('EDG-09 is caught by what others have seen, by a device that has seen nothing', async () => {
		const handle = newHandle();
		const ann = await signedUp(edge, handle);
		const eva = await signedUp(edge, newHandle(), { fetch: line.fetch });
		const space = await newSpace(ann);
		const zeros = 'A'.repeat(43);
		line.lie = () => ({ oldest: 1, after: 0, previous: zeros, events: [] });
		const evas = await join(space, eva, 'auditor');
		await readUntil(space, eva);
		expect((await evas.accessLog()).ok).toBe(true);
		space.syncNow();
		await close(ann);
		// Her next device says in its heartbeat how far it has read.
		const next = await loggedIn(edge, handle);
		await synced(await spaceNamed(next, space.name));
		await until(evas, () => evas.heartbeats.some(({ audit }) => audit !== null));
		expect((await read(evas)).state).toBe('cut_back');
		line.lie = null;
		expect((await read(evas)).state).toBe('checked');
		await close(next, eva);
	});
});
