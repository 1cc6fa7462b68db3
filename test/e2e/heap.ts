// What a debugger sees of a browser's memory, in each page and worker of a profile: every string that
// something still holds. And what stands in the memory of their processes.
import { open, readFile, type FileHandle } from 'node:fs/promises';
import type { BrowserContext, CDPSession } from 'playwright-core';

export interface Heap {
	/** 'page', 'worker', 'service_worker' */
	readonly type: string;
	readonly url: string;
	/** Of V8: all strings stand in it. */
	readonly snapshot: string;
}

/** After a garbage collection, as both ways of looking begin with one. */
export async function heapsOf(context: BrowserContext): Promise<readonly Heap[]> {
	const browser = context.browser();
	if (browser === null) throw new Error('a persistent context has a browser');
	const session = await browser.newBrowserCDPSession();
	const { targetInfos } = await session.send('Target.getTargets');
	const heaps: Heap[] = [];
	for (const { targetId, type, url } of targetInfos) {
		if (!['page', 'worker', 'service_worker', 'shared_worker'].includes(type)) continue;
		const target = await Target.attach(session, targetId);
		heaps.push({ type, url, snapshot: await target.snapshot() });
		await target.detach();
	}
	await session.detach();
	return heaps;
}

interface Message {
	readonly id?: number;
	readonly method?: string;
	readonly params?: { readonly chunk?: string };
	readonly result?: unknown;
	readonly error?: { readonly message: string };
}

/** A session inside a session: the only kind that reaches workers from here. */
class Target {
	readonly #session: CDPSession;
	readonly #id: string;
	readonly #waiting = new Map<number, (message: Message) => void>();
	#count = 0;
	#chunks: string[] = [];

	static async attach(session: CDPSession, targetId: string): Promise<Target> {
		const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
		return new Target(session, sessionId);
	}

	constructor(session: CDPSession, id: string) {
		this.#session = session;
		this.#id = id;
		session.on('Target.receivedMessageFromTarget', this.#hear);
	}

	readonly #hear = (event: { readonly sessionId: string; readonly message: string }): void => {
		if (event.sessionId !== this.#id) return;
		const message = JSON.parse(event.message) as Message;
		if (message.method === 'HeapProfiler.addHeapSnapshotChunk') {
			this.#chunks.push(message.params?.chunk ?? '');
		}
		if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
	};

	async #send<Answer>(method: string, params: object = {}): Promise<Answer> {
		const id = ++this.#count;
		const { promise, resolve } = Promise.withResolvers<Message>();
		this.#waiting.set(id, resolve);
		const message = JSON.stringify({ id, method, params });
		await this.#session.send('Target.sendMessageToTarget', { sessionId: this.#id, message });
		const { result, error } = await promise;
		if (error) throw new Error(`${method}: ${error.message}`);
		return result as Answer;
	}

	async snapshot(): Promise<string> {
		this.#chunks = [];
		await this.#send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
		return this.#chunks.join('');
	}

	async detach(): Promise<void> {
		this.#session.off('Target.receivedMessageFromTarget', this.#hear);
		await this.#session.send('Target.detachFromTarget', { sessionId: this.#id });
	}
}

/** A region of memory is read in parts of this size, which overlap by what is looked for. */
const partBytes = 16_777_216;

/**
 * How often each of `needles` stands in the memory of the profile's pages and their workers, freed or
 * not: V8 shows a debugger no bytes of arrays. Where the system has no such files: null.
 */
export async function timesInMemory(
	context: BrowserContext,
	needles: readonly Uint8Array[]
): Promise<readonly number[] | null> {
	if (process.platform !== 'linux') return null;
	const session = await context.browser()?.newBrowserCDPSession();
	const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {};
	const times = needles.map(() => 0);
	for (const { id } of processInfo.filter(({ type }) => type === 'renderer')) {
		const maps = await readFile(`/proc/${String(id)}/maps`, 'utf8');
		const memory = await open(`/proc/${String(id)}/mem`);
		for (const [, from = '', to = ''] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
			await search(memory, [parseInt(from, 16), parseInt(to, 16)], (part) => {
				for (const [index, needle] of needles.entries()) times[index]! += timesIn(part, needle);
			});
		}
		await memory.close();
	}
	await session?.detach();
	return times;
}

async function search(
	memory: FileHandle,
	[from, to]: readonly [number, number],
	look: (part: Buffer) => void
): Promise<void> {
	for (let at = from; at < to; at += partBytes) {
		const part = Buffer.alloc(Math.min(partBytes + 64, to - at));
		// Reserved and never used: there is nothing to read.
		const { bytesRead } = await memory
			.read(part, 0, part.length, at)
			.catch(() => ({ bytesRead: 0 }));
		look(part.subarray(0, bytesRead));
	}
}

function timesIn(part: Buffer, needle: Uint8Array): number {
	let times = 0;
	for (let at = part.indexOf(needle); at >= 0; at = part.indexOf(needle, at + 1)) times += 1;
	return times;
}
