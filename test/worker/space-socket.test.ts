// The upgrade to a space's socket, and every frame that must not be taken.
import { beforeAll, describe, expect, it } from 'vitest';
import { networkRates } from '../../durable-objects/limits.ts';
import { encodeCbor } from '../../protocol/cbor.ts';
import { encodeClientFrame, type ClientFrame } from '../../protocol/frames.ts';
import { spaceSocketPath } from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { maxFrameBytes, maxPagesPerFetch } from '../../protocol/limits.ts';
import { socketProtocol } from '../../protocol/version.ts';
import {
	connect,
	fetchWorker,
	openEdge,
	protocolsFor,
	refusalOf,
	TestSocket,
	upgrade
} from '../durable-objects/edge.ts';
import { after, Person, randomPage, type Log, type Session } from '../durable-objects/person.ts';
import { dumpEverything } from '../durable-objects/storage.ts';

let ada: Person;
let session: Session;
let log: Log;
let frames: Record<ClientFrame['type'], ClientFrame>;

beforeAll(async () => {
	ada = await Person.signUp(await openEdge());
	session = await ada.logIn();
	const genesis = await ada.genesis(session.device);
	log = after(genesis.log, genesis.append);
	const socket = await connect(log.space, session.token);
	await socket.ask(genesis.append);
	socket.socket.close(1000);
	const append = await ada.commit(log, session.device, { pages: [randomPage(10)] });
	frames = {
		append,
		pull: { type: 'pull', after: 0 },
		fetch: { type: 'fetch', pages: [{ seq: 1, index: 0 }] },
		beat: {
			type: 'beat',
			heartbeat: { body: new Uint8Array(130), signature: new Uint8Array(64) }
		},
		put_back: { type: 'put_back', after: log.head, entries: [append] }
	};
});

describe('an upgrade', () => {
	it('answers with the protocol that both speak', async () => {
		const response = await upgrade(log.space, session.token);
		expect(response.status).toBe(101);
		expect(response.headers.get('Sec-WebSocket-Protocol')).toBe(socketProtocol);
		expect(response.headers.get('Sec-WebSocket-Protocol')).not.toContain(session.token);
		const { webSocket } = response;
		if (webSocket === null) throw new Error('no socket');
		const socket = new TestSocket(webSocket);
		expect(await socket.nextOf('hello')).toEqual({
			type: 'hello',
			offered: { seq: 1, hash: log.head.hash }
		});
		webSocket.close(1000);
	});

	it('from another origin is refused before it is a socket', async () => {
		for (const Origin of ['https://evil.test', 'null']) {
			const response = await upgrade(log.space, session.token, { Origin });
			expect(response.status).toBe(403);
			expect(response.webSocket).toBeNull();
		}
	});

	it('is refused if it is none, or names no space', async () => {
		const path = spaceSocketPath(log.space);
		const plain = await fetchWorker(path, {
			headers: { 'Sec-WebSocket-Protocol': `${socketProtocol}, ${session.token}` }
		});
		expect(plain.status).toBe(400);
		const noProtocol = await fetchWorker(path, { headers: { Upgrade: 'websocket' } });
		expect(noProtocol.status).toBe(400);
		for (const space of ['x', log.space.toUpperCase(), `${log.space}0`, '..%2f..']) {
			expect((await upgrade(space, session.token)).status).toBe(404);
		}
		expect((await fetchWorker(path, { method: 'POST' })).status).toBe(405);
	});

	it('tells a client of another version so, in a way that a browser can read', async () => {
		const path = spaceSocketPath(log.space);
		const response = await fetchWorker(path, {
			headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': `tacet.2, ${session.token}` }
		});
		expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('tacet.2');
		expect(await refusalOf(response)).toBe(4426);
	});

	it('that says where to go on from is answered from there, before any frame of it', async () => {
		const socket = await connect(log.space, session.token, 0);
		socket.send(frames.fetch);
		expect((await socket.nextOf('entries')).entries.map(({ seq }) => seq)).toEqual([1]);
		await socket.nextOf('pages');
		socket.socket.close(1000);
		for (const beyond of [1, 2, Number.MAX_SAFE_INTEGER]) {
			const other = await connect(log.space, session.token, beyond);
			const { entries, offered } = await other.nextOf('entries');
			expect([entries, offered]).toEqual([[], { seq: 1, hash: log.head.hash }]);
			other.socket.close(1000);
		}
	});

	it('that says anything else in its query is refused, and stores nothing', async () => {
		const before = await dumpEverything();
		const long = '1'.repeat(10_000);
		for (const query of ['after', 'after=', 'after=-1', 'after=1&x=1', 'x=1', `after=${long}`]) {
			const response = await fetchWorker(`${spaceSocketPath(log.space)}?${query}`, {
				headers: {
					Upgrade: 'websocket',
					'Sec-WebSocket-Protocol': await protocolsFor(session.token, spaceSocketPath(log.space))
				}
			});
			expect([query, await refusalOf(response)]).toEqual([query, 4400]);
		}
		expect(await dumpEverything()).toBe(before);
	});

	it('with a token that is none is refused, and stores nothing', async () => {
		const before = await dumpEverything();
		const strange = 'f'.repeat(32) as SpaceId;
		for (const token of ['', 'x', 'tacet_at_', 'x'.repeat(2_000), session.refreshToken]) {
			expect(await refusalOf(await upgrade(log.space, token))).toBe(4401);
			expect(await refusalOf(await upgrade(strange, token))).toBe(4401);
		}
		expect(await dumpEverything()).toBe(before);
	});

	it('counts against the limit of its network, also with a token that is none', async () => {
		const address = { 'CF-Connecting-IP': '192.0.2.77' };
		const burst = Array.from({ length: networkRates.socket.burst + 40 }, () =>
			upgrade(log.space, 'x', address).then(refusalOf)
		);
		const codes = await Promise.all(burst);
		expect(codes.filter((code) => code === 4429).length).toBeGreaterThan(0);
		expect(codes.filter((code) => code === 4401).length).toBeGreaterThanOrEqual(
			networkRates.socket.burst
		);
		expect((await upgrade(log.space, session.token)).headers.get('Tacet-Code')).toBeNull();
	}, 60_000);

	it('of a space that does not exist stores nothing but that the session opened it', async () => {
		const before = JSON.parse(await dumpEverything()) as unknown[];
		const socket = await connect('e'.repeat(32) as SpaceId, session.token);
		const { entries, offered } = await socket
			.ask({ type: 'pull', after: 0 })
			.then((frame) => (frame.type === 'entries' ? frame : Promise.reject(new Error(frame.type))));
		expect([entries, offered.seq]).toEqual([[], 0]);
		socket.socket.close(1000);
		const now = JSON.parse(await dumpEverything()) as unknown[];
		expect(now).toHaveLength(before.length);
	});
});

/** Sends raw bytes on a socket of their own; answers with how they ended. */
async function fate(bytes: Uint8Array | string): Promise<string> {
	const socket = await connect(log.space, session.token);
	socket.socket.send(bytes);
	const closed = socket.closed.then((code) => `closed ${String(code)}`);
	const answered = socket.next().then(
		(frame) => (frame.type === 'refused' ? `refused ${frame.refusal.code}` : frame.type),
		() => closed
	);
	const result = await Promise.race([closed, answered]);
	socket.socket.close(1000);
	await closed;
	return result;
}

describe('a frame', () => {
	it.each(['append', 'pull', 'fetch', 'beat'] as const)(
		'%s that is cut off, extended or doubled closes the socket, and stores nothing',
		async (type) => {
			const bytes = encodeClientFrame(frames[type]);
			const before = await dumpEverything();
			const step = Math.max(1, Math.floor(bytes.length / 12));
			for (let length = 0; length < bytes.length; length += step) {
				expect(await fate(bytes.slice(0, length))).toBe('closed 4400');
			}
			expect(await fate(Uint8Array.of(...bytes, 0))).toBe('closed 4400');
			expect(await fate(Uint8Array.of(...bytes, ...bytes))).toBe('closed 4400');
			expect(await dumpEverything()).toBe(before);
		}
	);

	it('append with any bit flipped is refused, and stores nothing', async () => {
		const bytes = encodeClientFrame(frames.append);
		const before = await dumpEverything();
		const step = Math.floor(bytes.length / 40);
		for (let offset = 0; offset < bytes.length; offset += step) {
			const flipped = bytes.slice();
			flipped[offset] = (flipped[offset] ?? 0) ^ (1 << offset % 8);
			expect(await fate(flipped)).toMatch(/^closed 44|^refused /);
		}
		expect(await dumpEverything()).toBe(before);
	}, 60_000);

	it('of no known kind, or with values out of range, closes the socket', async () => {
		const hash = new Uint8Array(32);
		const strange = [
			...[
				[],
				[0],
				[4],
				[5],
				[16, 1, hash],
				[18, 1, 1],
				['1'],
				[null],
				[2],
				[2, -1],
				[2, '0'],
				[2, 0, 0]
			],
			...[
				[2, [0]],
				[2, null],
				[3],
				[3, []],
				[3, [[0, 0]]],
				[3, [[1]]],
				[3, [[1, -1]]],
				[3, [1, 0]]
			],
			...[[3, new Array(maxPagesPerFetch + 1).fill([1, 0])], [1], [1, hash, hash, [], [], null]]
		];
		const before = await dumpEverything();
		for (const value of strange) {
			expect(await fate(encodeCbor(value as never))).toBe('closed 4400');
		}
		for (const value of [7, 'text', null, true, hash]) {
			expect(await fate(encodeCbor(value))).toBe('closed 4400');
		}
		expect(await dumpEverything()).toBe(before);
	}, 60_000);

	it('of text closes the socket, unless it is a ping', async () => {
		for (const text of ['', 'pong', 'PING', 'ping ', '{"type":"pull"}', 'x'.repeat(100_000)]) {
			expect(await fate(text)).toBe('closed 4400');
		}
		const response = await upgrade(log.space, session.token);
		const socket = response.webSocket;
		if (socket === null) throw new Error('no socket');
		const pong = new Promise((resolve) => {
			socket.addEventListener('message', ({ data }) => {
				if (typeof data === 'string') resolve(data);
			});
		});
		socket.accept();
		socket.send('ping');
		expect(await pong).toBe('pong');
		socket.close(1000);
	});

	it('that is too large closes the socket', async () => {
		expect(await fate(new Uint8Array(maxFrameBytes + 1))).toBe('closed 4413');
		const pages = [randomPage(1_000_000), randomPage(1_000_000), randomPage(1_000_000)];
		const append = await ada.commit(log, session.device, { pages, count: 2 });
		expect(await fate(encodeClientFrame(append))).toBe('refused too_large');
	});

	it('is answered in the order in which it came', async () => {
		const socket = await connect(log.space, session.token);
		for (let index = 0; index < 5; index++) {
			socket.send(frames.fetch);
			socket.send({ type: 'pull', after: 1 });
		}
		for (let index = 0; index < 5; index++) {
			expect((await socket.next()).type).toBe('pages');
			expect((await socket.next()).type).toBe('entries');
		}
		socket.socket.close(1000);
	});
});
