// W10: a log of many edits of few notes, before and after compaction: bytes at the edge, bytes of a
// pull, and time until a fresh device has verified, opened and read all of it. B17: what one more edit
// costs while history and items grow. By the whole client and the real edge; payload is the text.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import type { Space, Tacet } from '../client/index.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import type { Store } from '../client/store.ts';
import { createTacet } from '../client/tacet.ts';
import { utf8Encode } from '../protocol/bytes.ts';
import type { ItemId } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import { inProject } from '../scripts/project.mjs';
import { makeNotes } from './notes.ts';
import { cpuMs, untilQuiet } from './processes.ts';
import { median } from './statistics.ts';
import { tacet } from './systems.ts';

/** What a space holds at the edge, read from its database once the server has ended. */
export interface EdgeBytes {
	/** Commits with signatures and heads: they stay for ever. */
	readonly commits: number;
	readonly livePages: number;
	/** Kept for the retention, then dropped. */
	readonly supersededPages: number;
	/** Rows that were written: one for each commit, page of its own row, and superseded run of pages. */
	readonly rows: number;
}

export interface PullFigures {
	readonly receivedBytes: number;
	readonly wallMs: number;
	readonly cpuMs: number;
}

export interface EditCost {
	readonly history: number;
	readonly items: number;
	readonly clientCpuMs: number;
	readonly edgeCpuMs: number;
	readonly sentBytes: number;
}

/** A log, and what a fresh device takes, before and after it was packed. */
export interface Packed {
	readonly commits: number;
	readonly before: EdgeBytes & PullFigures;
	readonly after: EdgeBytes & PullFigures;
}

export interface CompactionFigures extends Packed {
	/** The same of shorter logs, shortest first. */
	readonly shorter?: readonly Packed[];
	readonly notes: number;
	readonly payloadBytes: number;
	/** Of the device that packed, in all, and how many commits it took. */
	readonly packingCpuMs: number;
	readonly packingCommits: number;
	readonly edits: readonly EditCost[];
}

const password = 'correct horse battery';
/** Longer than any run: nothing is packed before it is asked for. */
const never = () => 86_400_000;
const noteCount = 1_000;
/** Edits whose cost is taken together, in so many groups. */
const groupEdits = 50;
const groups = 7;

const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

const traffic = { received: 0, sent: 0 };
class CountingSocket extends WebSocket {
	constructor(url: string | URL, protocols?: string | string[]) {
		super(url, protocols);
		this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
			if (data instanceof ArrayBuffer) traffic.received += data.byteLength;
		});
	}
	override send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
		if (data instanceof Uint8Array) traffic.sent += data.byteLength;
		super.send(data as Uint8Array<ArrayBuffer>);
	}
}

type Server = Awaited<ReturnType<typeof tacet.serve>>;

/** @param histories after how many commits the cost of one edit is taken; the last is the log's end. */
export async function measureCompaction(
	histories: readonly number[],
	itemCounts: readonly number[]
): Promise<CompactionFigures> {
	const shorter: Packed[] = [];
	for (const history of histories.slice(0, -1)) {
		const { commits, before, after } = await measureLog([history], []);
		shorter.push({ commits, before, after });
	}
	return { ...(await measureLog(histories, itemCounts)), shorter };
}

async function measureLog(
	histories: readonly number[],
	itemCounts: readonly number[]
): Promise<CompactionFigures> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-compaction-'));
	let server = await tacet.serve(folder);
	const restart = async () => {
		await server.stop();
		server = await tacet.serve(folder);
	};
	try {
		const edits: EditCost[] = [];
		const writer = await newClient(server, createMemoryStore(), never);
		const space = await signedUp(writer);
		await fill(space, noteCount);
		for (const history of histories) {
			await editUntil(space, history);
			edits.push(await costOfEdit(space, server));
		}
		const payloadBytes = await payloadOf(space);
		const commits = seqOf(space);
		await writer.close();
		const before = { ...(await pull(server, noteCount)), ...(await atRest(server, folder)) };
		await restart();
		const packing = await pack(server, noteCount);
		const after = { ...(await pull(server, noteCount)), ...(await atRest(server, folder)) };
		for (const count of itemCounts) edits.push(await costWithItems(count));
		return {
			...{ commits, notes: noteCount, payloadBytes, before, after, edits },
			packingCpuMs: packing.cpuMs,
			packingCommits: packing.commits
		};
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function newClient(server: Server, store: Store, repairWaitMs: () => number): Promise<Tacet> {
	const client = createTacet({
		origin: `http://localhost:${server.port}`,
		store,
		startCrypto: () => startCryptoInProcess(loadOpaque),
		WebSocket: CountingSocket,
		repairWaitMs
	});
	await client.start();
	return client;
}

async function signedUp(client: Tacet): Promise<Space> {
	valueOf(await client.signUp({ handle: 'measured', password }));
	return spaceOf(client);
}

function spaceOf({ state }: Tacet): Space {
	if (state.phase !== 'unlocked') throw new Error(`it is ${state.phase}`);
	return state.space;
}

async function fill(space: Space, count: number): Promise<void> {
	const files = makeNotes(count).map(({ title, body }) => ({
		path: `${title}.md`,
		sizeBytes: body.length,
		bytes: () => Promise.resolve(utf8Encode(body))
	}));
	await space.importFiles(files);
	await until(space, () => space.sync.waiting === 0 && space.sync.connection === 'online');
}

/** A sentence's beginning in a note, then in another: each a commit. */
async function editUntil(space: Space, commits: number): Promise<void> {
	const ids = space.items.map(({ id }) => id).sort();
	for (let at = 0; seqOf(space) < commits; at++) {
		const id = ids[(at * 7_919) % ids.length];
		if (id !== undefined) await edit(space, id, Math.min(10, commits - seqOf(space)));
	}
}

async function edit(space: Space, id: ItemId, times: number): Promise<void> {
	const open = valueOf(await space.open(id));
	for (let time = 0; time < times; time++) {
		open.body.insert(open.body.length, ` and so on ${String(time)}`);
		await open.flush();
		await until(space, () => space.sync.waiting === 0);
	}
	await open.close();
}

/** Of one edit of an open note, until it is acknowledged: the middle of several groups. */
async function costOfEdit(space: Space, server: Server): Promise<EditCost> {
	const [first] = space.items;
	if (first === undefined) throw new Error('no notes');
	const history = seqOf(space);
	const costs: { client: number; edge: number; sent: number }[] = [];
	await edit(space, first.id, groupEdits);
	for (let group = 0; group < groups; group++) {
		await untilQuiet([process.pid, server.pid]);
		const sent = traffic.sent;
		const edge = cpuMs(server.pid);
		const cpu = process.cpuUsage();
		await edit(space, first.id, groupEdits);
		const { user, system } = process.cpuUsage(cpu);
		costs.push({
			client: (user + system) / 1_000 / groupEdits,
			edge: (cpuMs(server.pid) - edge) / groupEdits,
			sent: (traffic.sent - sent) / groupEdits
		});
	}
	return {
		...{ history, items: space.items.length },
		clientCpuMs: median(costs.map(({ client }) => client)),
		edgeCpuMs: median(costs.map(({ edge }) => edge)),
		sentBytes: median(costs.map(({ sent }) => sent))
	};
}

async function costWithItems(count: number): Promise<EditCost> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-items-'));
	const server = await tacet.serve(folder);
	try {
		const client = await newClient(server, createMemoryStore(), never);
		const space = await signedUp(client);
		await fill(space, count);
		const cost = await costOfEdit(space, server);
		await client.close();
		return cost;
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

/** From the moment at which the keys are there until every note was read. */
async function pull(server: Server, notes: number): Promise<PullFigures> {
	const client = await newClient(server, createMemoryStore(), never);
	let [startedMs, received] = [0, 0];
	let cpu = process.cpuUsage();
	const onStep = (step: string) => {
		if (step !== 'opening_space') return;
		[startedMs, received, cpu] = [performance.now(), traffic.received, process.cpuUsage()];
	};
	valueOf(await client.logIn({ handle: 'measured', password, onStep }));
	const space = spaceOf(client);
	await until(space, () => space.sync.connection === 'online' && space.items.length === notes);
	for (const { id } of space.items) valueOf(await space.read(id));
	const { user, system } = process.cpuUsage(cpu);
	const figures = {
		receivedBytes: traffic.received - received,
		wallMs: performance.now() - startedMs,
		cpuMs: (user + system) / 1_000
	};
	await client.close();
	return figures;
}

async function pack(server: Server, notes: number) {
	const client = await newClient(server, createMemoryStore(), () => 0);
	valueOf(await client.logIn({ handle: 'measured', password }));
	const space = spaceOf(client);
	await until(space, () => space.sync.connection === 'online' && space.items.length === notes);
	const before = seqOf(space);
	const cpu = process.cpuUsage();
	valueOf(await client.confirmDevice());
	await until(space, () => space.sync.packing === null && space.sync.connection === 'online');
	const { user, system } = process.cpuUsage(cpu);
	const commits = seqOf(space) - before;
	await client.close();
	return { cpuMs: (user + system) / 1_000, commits };
}

async function payloadOf(space: Space): Promise<number> {
	let bytes = 0;
	for (const { id } of space.items) {
		const { title, body } = valueOf(await space.read(id));
		bytes += utf8Encode(title).length + utf8Encode(body).length;
	}
	return bytes;
}

async function atRest(server: Server, folder: string): Promise<EdgeBytes> {
	await server.stop();
	const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((name) => name.endsWith('.sqlite') && name.includes('tacet-Space'))
		.flatMap((name) => bytesIn(path.join(folder, name)));
	const [largest] = found.sort((a, b) => b.commits - a.commits);
	if (largest === undefined) throw new Error('no space was found');
	return largest;
}

/** As the edge numbers pages; those of a commit with one page stand in its row. */
const placesPerSeq = 4_096;

function bytesIn(file: string): readonly EdgeBytes[] {
	const database = new DatabaseSync(file);
	try {
		if (!database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'commits'").get()) return [];
		const sum = (query: string): number => Number(database.prepare(query).get()?.['value'] ?? 0);
		const isOver = (place: string) =>
			`EXISTS (SELECT 1 FROM superseded s WHERE ${place} BETWEEN s.first_place AND s.last_place)`;
		const inline = (over: string) =>
			sum(
				`SELECT sum(length(page)) AS value FROM commits WHERE ${over} ${isOver(`seq * ${String(placesPerSeq)}`)}`
			);
		const apart = (over: string) =>
			sum(`SELECT sum(length(sealed)) AS value FROM pages WHERE ${over} ${isOver('pages.place')}`);
		const rows = ['commits', 'pages', 'superseded'].map((table) =>
			sum(`SELECT count(*) AS value FROM ${table}`)
		);
		return [
			{
				commits: sum(
					'SELECT sum(length(commit_bytes) + length(signature) + length(head)) AS value FROM commits'
				),
				livePages: inline('NOT') + apart('NOT'),
				supersededPages: inline('') + apart(''),
				rows: rows.reduce((total, count) => total + count, 0)
			}
		];
	} finally {
		database.close();
	}
}

const seqOf = (space: Space): number => space.sync.verified?.seq ?? 0;

function until(space: Space, test: () => boolean): Promise<void> {
	if (test()) return Promise.resolve();
	return new Promise((resolve) => {
		const stop = space.subscribe(() => {
			if (!test()) return;
			stop();
			resolve();
		});
	});
}

function valueOf<Value>(result: Result<Value, { readonly code: string }>): Value {
	if (!result.ok) throw new Error(result.error.code);
	return result.value;
}
