// What members' devices say about how far they have read, against an edge that shows different things
// to different people, or less than there is.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Space } from '../../client/index.ts';
import { encodeHeartbeat, parseHeartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { idFromBytes, type DeviceId } from '../../protocol/ids.ts';
import { randomBytes } from '../../crypto/random.ts';
import { sign } from '../../crypto/signature.ts';
import { makeCompany, newPerson, staff, letIn, type Company, type Person } from './company.ts';
import {
	copyStore,
	isDistrusted,
	isOnline,
	neverRepairs,
	seqOf,
	settled,
	startDevice,
	viewOf,
	when,
	type Device
} from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { newSigner } from './insider.ts';
import { beatsSent, type Lie, type Liar } from './liar.ts';
import { headsOf } from './lies.ts';
import { readUnder, traceOf } from './reading.ts';
import type { World } from './world.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let company: Company;
let viewer: World;
beforeAll(async () => {
	company = await makeCompany({ seed: 81, steps: 5 });
	viewer = await company.worldOf('viewer');
});
afterAll(() => company.end());

const faultOf = ({ sync: { trust } }: Space): string =>
	trust.state === 'not_trusted' ? trust.fault : 'none';

const bodyOf = ({ body }: SignedHeartbeat) => {
	const parsed = parseHeartbeat(body);
	assert(parsed.ok);
	return parsed.value;
};

/** The newest heartbeats of others about the space. */
const genuine = (): readonly SignedHeartbeat[] =>
	viewer.beats.filter((beat) => {
		const { space, account, head } = bodyOf(beat);
		return (
			space === viewer.space && account !== viewer.keys.account && head.seq === viewer.head.seq
		);
	});

/** The log as it was at `until`, to one device. */
const oldLog = (until: number, heartbeats: readonly SignedHeartbeat[] | null): Lie => {
	const offered = headsOf(viewer.entries)[until];
	assert(offered);
	return {
		toClient(frame, { space }) {
			if (space !== viewer.space) return undefined;
			if (frame.type === 'hello') return [{ type: 'hello', offered }];
			if (frame.type === 'heartbeats') return heartbeats && [{ type: 'heartbeats', heartbeats }];
			if (frame.type !== 'entries') return undefined;
			const entries = frame.entries.filter(({ seq }) => seq <= until);
			return [{ ...frame, entries, offered }];
		}
	} as Lie;
};

async function viewerDevice(from: number, lie: Lie): Promise<Device> {
	const known = viewer.stores.get(from);
	assert(known);
	const device = await startDevice(viewer.edge.url, {
		...{ keys: viewer.keys, at: viewer.at },
		repairWaitMs: neverRepairs,
		store: await copyStore(known, [viewer.keyring, viewer.space])
	});
	device.liar.lie = lie;
	await device.tacet.start();
	return device;
}

describe('entries that are withheld', () => {
	test('INT-08, INT-05 are missed as soon as anybody’s heartbeat is ahead, also by somebody who only reads', async () => {
		const seqs = [...viewer.stores.keys()].filter((seq) => seq > 0 && seq < viewer.head.seq);
		for (const from of seqs) {
			const device = await viewerDevice(from, oldLog(from, genuine()));
			await when(device.space, () => isDistrusted(device.space));
			expect(faultOf(device.space)).toBe('withheld');
			expect(seqOf(device.space)).toBe(from);
			expect(await viewOf(device.space)).toBe(viewer.views.get(from));
			await device.close();
		}
	});

	test('INT-05, INT-06 from a device that knows nothing are missed just so', async () => {
		const device = await startDevice(viewer.edge.url, {
			...{ keys: viewer.keys, at: viewer.at },
			repairWaitMs: neverRepairs,
			store: await copyStore(viewer.stores.get(0) ?? assert.fail(), [])
		});
		const [, , until] = [...viewer.stores.keys()];
		assert(until !== undefined);
		device.liar.lie = oldLog(until, genuine());
		await device.tacet.start();
		await device.arrives();
		await when(device.space, () => isDistrusted(device.space));
		expect(faultOf(device.space)).toBe('withheld');
		await device.close();
	});

	test('INT-08 with the heartbeats are not missed, and nothing says that all is there since then', async () => {
		const [from] = [...viewer.stores.keys()].filter((seq) => seq > 0);
		assert(from !== undefined);
		const device = await viewerDevice(from, oldLog(from, []));
		await settled(device.space);
		expect(faultOf(device.space)).toBe('none');
		// Not defended at once: what the page can say is how old the others' newest word is.
		expect(device.space.heartbeats).toEqual([]);
		await device.close();
	});

	test('INT-08 leave the trace of any other fault', async () => {
		const [from] = [...viewer.stores.keys()].filter((seq) => seq > 0);
		assert(from !== undefined);
		const device = await viewerDevice(from, oldLog(from, genuine()));
		await when(device.space, () => isDistrusted(device.space));
		const trace = () => traceOf(device.liar.sent, viewer.space);
		// Its end arrives here after the client has said why.
		await when(device.liar, () => trace().at(-1) === 'end 1000');
		expect(trace().filter((line) => line.startsWith('append'))).toEqual([]);
		await device.close();
	});
});

describe('heartbeats that nobody gave', () => {
	test('INT-07, KEY-12 frame nobody: forged, altered, of strangers, devices and spaces that are not, they say nothing', async () => {
		const [one] = genuine();
		assert(one);
		const said = bodyOf(one);
		const ahead = { seq: said.head.seq + 3, hash: randomBytes(32) };
		const stranger = await newSigner();
		const signedBy = async (change: object): Promise<SignedHeartbeat> => {
			const body = encodeHeartbeat({ ...said, ...change });
			return { body, signature: await sign(stranger.privateKey, body) };
		};
		const forged = [
			await signedBy({ head: ahead }),
			await signedBy({ account: stranger.identity.account, head: ahead }),
			{ body: encodeHeartbeat({ ...said, head: ahead }), signature: one.signature },
			{
				body: encodeHeartbeat({ ...said, device: idFromBytes<DeviceId>(randomBytes(16)) }),
				signature: one.signature
			},
			{ body: one.body.subarray(1), signature: one.signature },
			{ body: new Uint8Array(0), signature: one.signature },
			...viewer.beats.filter((beat) => bodyOf(beat).space !== viewer.space)
		];
		for (const beat of forged) {
			const outcome = await readUnder(viewer, {
				toClient: (frame, { space }) =>
					space === viewer.space && frame.type === 'heartbeats'
						? [{ type: 'heartbeats', heartbeats: [beat] }]
						: undefined
			});
			expect(outcome).toMatchObject({ after: 'online', fault: null });
		}
	});

	test('INT-07 again, in any order, or from long ago change nothing', async () => {
		const { beats } = viewer;
		for (const heartbeats of [beats, [...beats].reverse(), [...beats, ...beats].slice(0, 200)]) {
			const outcome = await readUnder(viewer, {
				toClient: (frame, { space }) =>
					space === viewer.space && frame.type === 'heartbeats'
						? [{ type: 'heartbeats', heartbeats }]
						: undefined
			});
			expect(outcome).toMatchObject({ after: 'online', fault: null });
		}
	});
});

describe('two histories of a shared space', () => {
	async function moveTo(device: Device, space: Space, edge: Edge): Promise<void> {
		device.liar.edgeUrl = edge.url;
		device.liar.cut();
		await when(space, () => space.sync.connection !== 'online');
		space.syncNow();
		await when(space, () => isOnline(space));
	}

	/** The newest heartbeat of that device about the space, wherever it was shown. */
	const lastBeat = (liar: Liar, space: Space): SignedHeartbeat => {
		const beat = beatsSent([liar]).findLast((one) => bodyOf(one).space === space.id);
		assert(beat);
		return beat;
	};

	/** The device again, a day later: it says how far it is. */
	async function dayLater(person: Person, space: Space, edge: Edge): Promise<Device> {
		const store = await copyStore(person.device.store, [person.keyring, space.id]);
		const device = await startDevice(edge.url, {
			...{ keys: person.keys, at: space.id, store },
			repairWaitMs: neverRepairs
		});
		await device.tacet.start();
		const seq = seqOf(space);
		await when(device.liar, () =>
			beatsSent([device.liar]).some((beat) => {
				const said = bodyOf(beat);
				return said.space === space.id && said.head.seq >= seq;
			})
		);
		return device;
	}

	test('INT-07 are found by one heartbeat that crosses over, though one side never writes', async () => {
		const own = await startEdge();
		const ann = await newPerson(own, 'ann');
		const ben = await newPerson(own, 'ben');
		const made = await ann.device.tacet.createSpace({ name: 'Torn' });
		assert(made.ok);
		const atAnn = made.value;
		assert((await atAnn.create({ title: 'In common' })).ok);
		const atBen = await letIn(atAnn, ben, 'viewer');
		await when(atAnn, () => isOnline(atAnn));
		await when(atBen, () => seqOf(atBen) === seqOf(atAnn));
		const folder = await own.backUp();
		const [a, b] = [await startEdge({ backup: folder }), await startEdge({ backup: folder })];
		// Each gets another entry after the common ones: Ann's own, and one that Ann's copy writes.
		const twin = await startDevice(b.url, {
			...{ keys: ann.keys, at: atAnn.id, repairWaitMs: neverRepairs },
			store: await copyStore(ann.device.store, [ann.keyring, atAnn.id])
		});
		await twin.tacet.start();
		await when(twin.space, () => isOnline(twin.space));
		assert((await twin.space.create({ title: 'Shown to Ben' })).ok);
		await when(twin.space, () => isOnline(twin.space));
		await moveTo(ann.device, atAnn, a);
		assert((await atAnn.create({ title: 'Shown to Ann' })).ok);
		await when(atAnn, () => isOnline(atAnn));
		await moveTo(ben.device, atBen, b);
		await when(atBen, () => seqOf(atBen) === seqOf(twin.space));
		const [shownToAnn, shownToBen] = [await viewOf(atAnn), await viewOf(atBen)];

		const benLater = await dayLater(ben, atBen, b);
		const fromBen = lastBeat(benLater.liar, atBen);
		const annLater = await dayLater(ann, atAnn, a);
		const fromAnn = lastBeat(annLater.liar, atAnn);
		for (const [device, beat, shown] of [
			[annLater, fromBen, shownToAnn],
			[benLater, fromAnn, shownToBen]
		] as const) {
			await when(device.space, () => isOnline(device.space));
			const line = device.liar.lines.find(({ space }) => space === atAnn.id);
			assert(line);
			line.tell({ type: 'heartbeats', heartbeats: [beat] });
			await when(device.space, () => isDistrusted(device.space));
			expect(faultOf(device.space)).toBe('fork');
			expect(await viewOf(device.space)).toBe(shown);
			await device.close();
		}
		for (const device of [twin, ann.device, ben.device]) await device.close();
		for (const edge of [own, a, b]) await edge.remove();
		await rm(folder, { recursive: true });
	});
});

test('INT-08 each member in each role gives heartbeats, and sees those of the others', async () => {
	for (const role of staff) {
		const world = await company.worldOf(role);
		const store = world.stores.get(world.head.seq);
		assert(store);
		const device = await startDevice(world.edge.url, {
			...{ keys: world.keys, at: world.at, repairWaitMs: neverRepairs },
			store: await copyStore(store, [world.keyring, world.space])
		});
		await device.tacet.start();
		await settled(device.space);
		const others = (): number =>
			new Set(device.space.heartbeats.map(({ account }) => account)).size;
		await when(device.space, () => others() === staff.length - 1);
		await device.close();
	}
});
