// B15 and W9: one space, fifty live clients, one writer who sends as fast as eight commits under way
// allow; until each of the fifty was sent each commit. Beside it, on the same workerd: an object that
// inserts a record of as many bytes and sends it to everybody (peers/floor). Commits are formed and
// signed beforehand, and clients only count: this is about the edge. Both take turns.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import type { CryptoWorker } from '../client/crypto-port.ts';
import type { Space, Tacet } from '../client/index.ts';
import type { Pass } from '../client/http.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { Proofs } from '../client/proofs.ts';
import type { Store } from '../client/store.ts';
import { createTacet } from '../client/tacet.ts';
import { randomBytes } from '../crypto/random.ts';
import type { Head } from '../protocol/commit.ts';
import { encodeClientFrame } from '../protocol/frames.ts';
import type { Result } from '../protocol/result.ts';
import { inProject } from '../scripts/project.mjs';
import { greeted, protocolsFor } from './counting/session.ts';
import type { Listener, ListenerOrder, ListenerReport } from './live-listeners.ts';
import { nowMs } from './peer-process.ts';
import { cpuMs, end, startNode } from './processes.ts';
import { shuffled, spreadOf, type Spread } from './statistics.ts';
import { serveWorkerd, tacet, type Serving } from './systems.ts';

export interface LiveFigures {
	readonly clients: number;
	readonly commits: number;
	/** Edits a second that reach all of them. */
	readonly perSecond: Spread;
	readonly rawPerSecond: Spread;
	/** Of the raw object's speed, in each repeat. */
	readonly ratio: Spread;
	/** The same by processor time of workerd alone. */
	readonly cpuRatio: Spread;
	/** Processor time of workerd for one edit that goes to everybody. */
	readonly cpuMsEach: Spread;
	readonly rawCpuMsEach: Spread;
}

const clients = 50;
/** Each with one session and up to as many sockets as a session may have. */
const members = 7;
const socketsPerSession = 8;
const inFlight = 8;
/** Of an edit's page, before padding. */
const pageBytes = 900;
const password = 'correct horse battery staple';

interface Once {
	readonly wallMs: number;
	readonly cpuMs: number;
}

export async function measureLive(options: {
	readonly commits: number;
	readonly repeats: number;
}): Promise<LiveFigures> {
	const { commits, repeats } = options;
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-live-'));
	const data = (name: string): string => {
		const inside = path.join(folder, name);
		mkdirSync(inside);
		return inside;
	};
	const server = await tacet.serve(data('own'));
	const rawServer = await serveWorkerd(inProject('bench/peers/floor/config.capnp'), data('raw'));
	try {
		const own = await ownScene(server, commits * repeats);
		const raw = rawScene(rawServer, commits * repeats, own.frames[0]?.length ?? 0);
		const runs: { own: Once; raw: Once }[] = [];
		for (let repeat = 0; repeat < repeats; repeat++) {
			const once = {} as { own: Once; raw: Once };
			for (const which of shuffled(['own', 'raw'] as const)) {
				const scene = { own, raw }[which];
				const frames = scene.frames.slice(repeat * commits, (repeat + 1) * commits);
				once[which] = await run({ ...scene, frames });
			}
			runs.push(once);
		}
		return figuresOf(commits, runs);
	} finally {
		await server.stop();
		await rawServer.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

function figuresOf(
	commits: number,
	runs: readonly { readonly own: Once; readonly raw: Once }[]
): LiveFigures {
	const each = (which: 'own' | 'raw', of: (once: Once) => number) =>
		spreadOf(runs.map((run) => of(run[which])));
	return {
		...{ clients, commits },
		perSecond: each('own', ({ wallMs }) => (commits * 1_000) / wallMs),
		rawPerSecond: each('raw', ({ wallMs }) => (commits * 1_000) / wallMs),
		ratio: spreadOf(runs.map(({ own, raw }) => raw.wallMs / own.wallMs)),
		cpuRatio: spreadOf(runs.map(({ own, raw }) => raw.cpuMs / own.cpuMs)),
		cpuMsEach: each('own', (once) => once.cpuMs / commits),
		rawCpuMsEach: each('raw', (once) => once.cpuMs / commits)
	};
}

/** What the writer sends, and who hears it. */
interface Scene {
	readonly server: Serving;
	/** Anew for each run: what a socket is opened with is good once. */
	readonly enter: () => Promise<Entrances>;
	readonly frames: readonly Uint8Array[];
	/** Whether a message to the writer says that one of its frames was taken. */
	readonly isTaken: (message: Uint8Array | string) => boolean;
}

interface Entrances {
	readonly writer: Omit<Listener, 'kind' | 'pull'>;
	readonly listeners: readonly Listener[];
}

async function run({ server, enter, frames, isTaken }: Scene): Promise<Once> {
	const { writer, listeners } = await enter();
	const child = startNode({ program: inProject('bench/live-listeners.ts') });
	const socket = new WebSocket(writer.url, [...writer.protocols]);
	socket.binaryType = 'arraybuffer';
	try {
		await new Promise((resolve, reject) => {
			socket.addEventListener('open', resolve);
			socket.addEventListener('error', () => reject(new Error('the writer was refused')));
		});
		await ordered(child, { open: listeners }, 'open');
		const heard = ordered(child, { expect: frames.length }, 'heard');
		const beforeMs = cpuMs(server.pid);
		const startedMs = nowMs();
		await send(socket, frames, isTaken);
		const { atMs } = (await heard) as { readonly atMs: number };
		return { wallMs: atMs - startedMs, cpuMs: cpuMs(server.pid) - beforeMs };
	} finally {
		socket.close();
		await end(child, 'SIGTERM');
	}
}

function ordered(
	child: ChildProcess,
	order: ListenerOrder,
	answer: ListenerReport['done']
): Promise<ListenerReport> {
	return new Promise((resolve, reject) => {
		const hear = (report: ListenerReport): void => {
			child.off('message', hear);
			if (report.done === answer) resolve(report);
			else reject(new Error(report.done === 'failed' ? report.why : report.done));
		};
		child.on('message', hear);
		child.send(order);
	});
}

function send(
	socket: WebSocket,
	frames: readonly Uint8Array[],
	isTaken: Scene['isTaken']
): Promise<void> {
	return new Promise((resolve, reject) => {
		let sent = 0;
		let taken = 0;
		const more = (): void => {
			while (sent < frames.length && sent - taken < inFlight) {
				socket.send(frames[sent++] as Uint8Array<ArrayBuffer>);
			}
			if (taken === frames.length) resolve();
		};
		socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
			if (!isTaken(typeof data === 'string' ? data : new Uint8Array(data))) return;
			taken += 1;
			more();
		});
		socket.addEventListener('close', ({ reason }) => reject(new Error(`refused: ${reason}`)));
		more();
	});
}

/** Numbers of frames: protocol/frames.ts. */
const entriesFrame = 17;
const appendedFrame = 18;
const refusedFrame = 19;

/** A record is as long as the frame of a commit. */
function rawScene(server: Serving, commits: number, frameBytes: number): Scene {
	const url = `ws://localhost:${server.port}/socket`;
	const lengthBytes = 4;
	const frames = Array.from({ length: commits }, () => {
		const frame = new Uint8Array(frameBytes);
		frame.set(randomBytes(frameBytes - lengthBytes), lengthBytes);
		new DataView(frame.buffer).setUint32(0, frameBytes - lengthBytes);
		return frame;
	});
	const listener = { url, protocols: [], pull: null, kind: null };
	return {
		...{ server, frames },
		isTaken: (message) => typeof message === 'string',
		enter: () =>
			Promise.resolve({
				writer: { url, protocols: [] },
				listeners: Array.from({ length: clients }, () => listener)
			})
	};
}

async function ownScene(server: Serving, commits: number): Promise<Scene> {
	const origin = `http://localhost:${server.port}`;
	const writer = await signUp(origin, 'writer');
	const created = await writer.tacet.createSpace({ name: 'Measured' });
	if (!created.ok) throw new Error(created.error.code);
	const space = created.value;
	const tokens = [await socketOf(writer, space)];
	while (tokens.length < members) {
		const member = await signUp(origin, `member-${tokens.length}`);
		tokens.push(await socketOf(member, await join(space, member)));
		await member.tacet.close();
	}
	await settled(space);
	const [own] = tokens;
	if (own === undefined) throw new Error('nobody is here');
	const frames = await formCommits(writer, { space, socket: own, count: commits });
	await writer.tacet.close();
	const pull = encodeClientFrame({ type: 'pull', after: space.sync.verified?.seq ?? 0 });
	const enter = async (): Promise<Entrances> => {
		// Each is told the nonce that proofs are made with from here on.
		for (const socket of tokens) await headOnOffer(socket);
		const listeners: Listener[] = [];
		for (let index = 0; index < clients; index++) {
			const socket = tokens[members - 1 - Math.floor(index / socketsPerSession)] ?? own;
			listeners.push({ ...(await entranceOf(socket)), pull, kind: entriesFrame });
		}
		return { writer: await entranceOf(own), listeners };
	};
	return {
		...{ server, frames, enter },
		isTaken(message) {
			if (typeof message === 'string') return false;
			if (message[1] === refusedFrame) throw new Error('a commit was refused');
			return message[1] === appendedFrame;
		}
	};
}

/** Invited, claimed, admitted, and let in. */
async function join(space: Space, member: Entered): Promise<Space> {
	const { invite, url } = valueOf(await space.invite({ role: 'editor', expiresInDays: 7 }));
	if (url === null) throw new Error('an own invitation has no link');
	valueOf(await member.tacet.acceptInvitation(url));
	valueOf(await space.admit(invite));
	// Else it asks again by itself a little later.
	await member.tacet.checkJoining();
	const { state } = member.tacet;
	const look = (): Space | undefined =>
		member.tacet.state.phase === 'unlocked'
			? member.tacet.state.spaces.find(({ id }) => id === space.id)
			: undefined;
	if (state.phase !== 'unlocked') throw new Error('locked');
	return new Promise((resolve) => {
		const stop = member.tacet.subscribe(() => {
			const joined = look();
			if (joined === undefined) return;
			stop();
			resolve(joined);
		});
		const joined = look();
		if (joined !== undefined) resolve(joined);
	});
}

function valueOf<Value>(answer: Result<Value, { readonly code: string }>): Value {
	if (!answer.ok) throw new Error(answer.error.code);
	return answer.value;
}

const settled = (space: Space): Promise<void> =>
	new Promise((resolve) => {
		const look = (): void => {
			const { connection, waiting, verified } = space.sync;
			if (connection === 'online' && waiting === 0 && verified !== null) resolve();
		};
		space.subscribe(look);
		look();
	});

/** Where a member's socket of the space leads, and what shows their session. */
interface Socket {
	/** http or https. */
	readonly address: string;
	readonly pass: Pass;
}

const entranceOf = async ({ address, pass }: Socket) => ({
	url: address.replace(/^http/, 'ws'),
	protocols: await protocolsFor(address, pass)
});

async function socketOf({ opened, store }: Entered, space: Space): Promise<Socket> {
	await settled(space);
	const [url, protocols] = [...opened].find(([address]) => address.includes(space.id)) ?? [];
	const profile = await store.loadProfile();
	if (url === undefined || !profile.ok || profile.value === null) throw new Error('no socket');
	const proofs = new Proofs(profile.value.deviceKey, Date.now);
	const pass = { proofs, token: protocols?.[1] ?? null };
	return { address: url.replace(/^ws/, 'http'), pass };
}

interface Entered {
	readonly tacet: Tacet;
	readonly crypto: CryptoWorker;
	readonly store: Store;
	/** Sockets by address, with what they carried as protocols. */
	readonly opened: ReadonlyMap<string, readonly string[]>;
}

const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

/** A new account, by the whole client. */
async function signUp(origin: string, handle: string): Promise<Entered> {
	const store = createMemoryStore();
	const opened = new Map<string, readonly string[]>();
	let crypto: CryptoWorker | undefined;
	const client = createTacet({
		origin,
		store,
		startCrypto: () => (crypto = startCryptoInProcess(loadOpaque)),
		WebSocket: class extends WebSocket {
			constructor(url: string | URL, protocols?: string | string[]) {
				super(url, protocols);
				opened.set(String(url), [protocols ?? []].flat());
			}
		}
	});
	await client.start();
	valueOf(await client.signUp({ handle, password }));
	if (crypto === undefined) throw new Error('no crypto was started');
	return { tacet: client, crypto, store, opened };
}

/** What the edge says first on a new socket. */
async function headOnOffer({ address, pass }: Socket): Promise<Head> {
	const { socket, offered } = await greeted(address, pass);
	const closed = new Promise((resolve) => {
		socket.addEventListener('close', resolve);
	});
	socket.close();
	await closed;
	return offered;
}

/** The next commits of this device, each with a page, as an editor's person writes them. */
async function formCommits(
	{ tacet: client, crypto }: Entered,
	input: { readonly space: Space; readonly socket: Socket; readonly count: number }
): Promise<readonly Uint8Array[]> {
	const { state } = client;
	if (state.phase !== 'unlocked') throw new Error('locked');
	const seen = await headOnOffer(input.socket);
	const { space } = input;
	const drafts = Array.from({ length: input.count }, (_, index) => ({
		...{ space: space.id, epoch: space.epoch.number, seen, timeMs: Date.now() },
		// So far every commit of the space is this device's own.
		count: seen.seq + 1 + index,
		pages: [randomBytes(pageBytes)]
	}));
	const formed = await crypto.port.formCommits(state.device, drafts);
	return formed.map(({ commit, signature, pages, wraps, previousKey }) => {
		const frame = { commit, signature, pages, wraps, previousKey };
		return encodeClientFrame({ type: 'append', ...frame });
	});
}
