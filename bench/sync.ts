// W1 to W4, once for one system: push, pull on a fresh device, live edits, bytes on the wire and in
// the server's folder. Server and both clients are processes of their own; a counting proxy stands
// before each client.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ClientProcess, cpuMs, end, peakMemoryMib, untilQuiet } from './processes.ts';
import { startProxy, type CountingProxy } from './proxy.ts';
import { median, percentile } from './statistics.ts';
import type { Serving, System } from './systems.ts';

export interface SyncOptions {
	readonly notes: number;
	readonly rttMs: number;
}

/** Times in ms, bytes of TCP payload, memory in MiB. */
export interface SyncFigures {
	readonly pushMs: number;
	readonly pullMs: number;
	readonly editMedianMs: number;
	readonly editP95Ms: number;
	readonly pushUpBytes: number;
	readonly pushDownBytes: number;
	readonly pullUpBytes: number;
	readonly pullDownBytes: number;
	/** For one edit, on the connection of who writes and of who reads. */
	readonly editWriterUpBytes: number;
	readonly editWriterDownBytes: number;
	readonly editReaderUpBytes: number;
	readonly editReaderDownBytes: number;
	/** In the server's folder, after its databases were checkpointed. */
	readonly storedBytes: number;
	readonly serverCpuPushMs: number;
	readonly serverCpuPullMs: number;
	readonly writerMemoryMib: number;
	readonly readerMemoryMib: number;
	readonly serverMemoryMib: number;
}

export const editCount = 30;
const editEveryMs = 60;

export async function measureSync(system: System, options: SyncOptions): Promise<SyncFigures> {
	const folder = mkdtempSync(path.join(tmpdir(), `bench-${system.name}-`));
	const server = await system.serve(folder);
	const proxies = await Promise.all(
		[0, 1].map(() => startProxy({ toPort: server.port, rttMs: options.rttMs }))
	);
	try {
		const figures = await measureClients(system, { ...options, server, proxies });
		const serverMemoryMib = peakMemoryMib(server.pid);
		await server.stop();
		return { ...figures, serverMemoryMib, storedBytes: storedBytesIn(folder) };
	} finally {
		await server.stop();
		for (const proxy of proxies) await proxy.close();
		rmSync(folder, { recursive: true, force: true });
	}
}

interface Stage extends SyncOptions {
	readonly server: Serving;
	readonly proxies: readonly CountingProxy[];
}

type ClientFigures = Omit<SyncFigures, 'serverMemoryMib' | 'storedBytes'>;

async function measureClients(system: System, stage: Stage): Promise<ClientFigures> {
	const [writerProxy, readerProxy] = stage.proxies as [CountingProxy, CountingProxy];
	const writer = new ClientProcess(system.client);
	const reader = new ClientProcess(system.client);
	try {
		await Promise.all([writer.wait('ready'), reader.wait('ready')]);
		const count = stage.notes;
		const serverCpu = () => cpuMs(stage.server.pid);
		const beforePushMs = serverCpu();
		writer.order({ do: 'push', url: urlOf(writerProxy), count });
		const pushed = await writer.wait('push');
		await untilQuiet([writer.child.pid!, stage.server.pid]);
		const serverCpuPushMs = serverCpu() - beforePushMs;
		const pushBytes = bytesOf(writerProxy);
		const beforePullMs = serverCpu();
		const { credentials } = pushed;
		reader.order({ do: 'pull', url: urlOf(readerProxy), count, credentials });
		const pulled = await reader.wait('pull');
		if (pulled.equal !== count) throw new Error(`${pulled.equal} of ${count} notes are equal`);
		const serverCpuPullMs = serverCpu() - beforePullMs;
		const pullBytes = bytesOf(readerProxy);
		const edits = await measureEdits({
			server: stage.server,
			writer,
			reader,
			writerProxy,
			readerProxy
		});
		return {
			pushMs: pushed.ms,
			pullMs: pulled.ms,
			pushUpBytes: pushBytes.up,
			pushDownBytes: pushBytes.down,
			pullUpBytes: pullBytes.up,
			pullDownBytes: pullBytes.down,
			serverCpuPushMs,
			serverCpuPullMs,
			...edits,
			writerMemoryMib: peakMemoryMib(writer.child.pid!),
			readerMemoryMib: peakMemoryMib(reader.child.pid!)
		};
	} finally {
		await Promise.all([writer, reader].map(({ child }) => end(child, 'SIGKILL')));
	}
}

async function measureEdits(stage: {
	readonly server: Serving;
	readonly writer: ClientProcess;
	readonly reader: ClientProcess;
	readonly writerProxy: CountingProxy;
	readonly readerProxy: CountingProxy;
}) {
	const { server, writer, reader, writerProxy, readerProxy } = stage;
	const everybody = [writer.child.pid!, reader.child.pid!, server.pid];
	reader.order({ do: 'watch', count: editCount });
	await reader.wait('watch');
	await untilQuiet(everybody);
	const before = [bytesOf(writerProxy), bytesOf(readerProxy)] as const;
	writer.order({ do: 'edit', count: editCount, everyMs: editEveryMs });
	const { latenciesMs } = await reader.wait('seen', 30_000);
	await writer.wait('edit');
	await untilQuiet(everybody);
	const after = [bytesOf(writerProxy), bytesOf(readerProxy)] as const;
	return {
		editMedianMs: median(latenciesMs),
		editP95Ms: percentile(latenciesMs, 0.95),
		editWriterUpBytes: (after[0].up - before[0].up) / editCount,
		editWriterDownBytes: (after[0].down - before[0].down) / editCount,
		editReaderUpBytes: (after[1].up - before[1].up) / editCount,
		editReaderDownBytes: (after[1].down - before[1].down) / editCount
	};
}

const urlOf = ({ port }: CountingProxy): string => `http://localhost:${port}`;
const bytesOf = ({ upBytes, downBytes }: CountingProxy) => ({ up: upBytes, down: downBytes });

export function storedBytesIn(folder: string): number {
	const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map((name) => path.join(folder, name))
		.filter((file) => statSync(file).isFile());
	for (const file of files) if (/\.(sqlite|db)$/.test(file)) checkpoint(file);
	return files.reduce(
		(sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
		0
	);
}

/** What a server leaves in its write-ahead log is neither lost nor counted twice. */
function checkpoint(file: string): void {
	const database = new DatabaseSync(file);
	database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
	database.close();
}
