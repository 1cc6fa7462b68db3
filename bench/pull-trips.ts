// B5: round trips of a pull: what it takes longer at 80 ms of round trip than at none, by those 80 ms.
// With a session: a fresh device that has just logged in, until all notes are readable; as W2. With a
// login: the same from the password on, OPAQUE and Argon2id included, which cost as much at either.
// Half a round trip is added each way by the proxy: that of TCP itself, before the first byte, is not.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import type { Space, Tacet } from '../client/index.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { createTacet } from '../client/tacet.ts';
import { utf8Encode } from '../protocol/bytes.ts';
import { inProject } from '../scripts/project.mjs';
import { makeNotes } from './notes.ts';
import { untilQuiet } from './processes.ts';
import { startProxy, type CountingProxy } from './proxy.ts';
import { median } from './statistics.ts';
import { tacet } from './systems.ts';

export interface TripFigures {
	readonly notes: number;
	readonly rttMs: number;
	readonly withSession: number;
	readonly withLogin: number;
	/** Medians they are made of. */
	readonly sessionMs: { readonly near: number; readonly far: number };
	readonly loginMs: { readonly near: number; readonly far: number };
}

const rttMs = 80;
const handle = 'measured';
const password = 'correct horse battery staple';
const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

interface Once {
	/** From the end of the login. */
	readonly sessionMs: number;
	/** From the password. */
	readonly loginMs: number;
}

export async function measureTrips(options: {
	readonly notes: number;
	readonly repeats: number;
}): Promise<TripFigures> {
	const { notes, repeats } = options;
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-trips-'));
	const server = await tacet.serve(folder);
	const near = await startProxy({ toPort: server.port, rttMs: 0 });
	const far = await startProxy({ toPort: server.port, rttMs });
	try {
		await fill(near, notes);
		const runs: Record<'near' | 'far', Once[]> = { near: [], far: [] };
		// The first one compiles what all of them run.
		await pull(near, notes);
		for (let repeat = 0; repeat < repeats; repeat++) {
			for (const [name, proxy] of Object.entries({ near, far })) {
				await untilQuiet([process.pid, server.pid]);
				runs[name as 'near' | 'far'].push(await pull(proxy, notes));
			}
		}
		const ms = (of: keyof Once) => ({
			near: median(runs.near.map((once) => once[of])),
			far: median(runs.far.map((once) => once[of]))
		});
		const trips = (of: keyof Once): number => (ms(of).far - ms(of).near) / rttMs;
		return {
			...{ notes, rttMs, sessionMs: ms('sessionMs'), loginMs: ms('loginMs') },
			...{ withSession: trips('sessionMs'), withLogin: trips('loginMs') }
		};
	} finally {
		await near.close();
		await far.close();
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

function newClient({ port }: CountingProxy): Tacet {
	return createTacet({
		origin: `http://localhost:${port}`,
		store: createMemoryStore(),
		startCrypto: () => startCryptoInProcess(loadOpaque)
	});
}

async function fill(proxy: CountingProxy, count: number): Promise<void> {
	const client = newClient(proxy);
	await client.start();
	const made = await client.signUp({ handle, password });
	if (!made.ok) throw new Error(made.error.code);
	const files = makeNotes(count).map(({ title, body }) => ({
		path: `${title}.md`,
		sizeBytes: body.length,
		bytes: () => Promise.resolve(utf8Encode(body))
	}));
	const space = spaceOf(client);
	await space.importFiles(files);
	await until(space, () => space.sync.waiting === 0 && space.sync.connection === 'online');
	await client.close();
}

async function pull(proxy: CountingProxy, count: number): Promise<Once> {
	const client = newClient(proxy);
	await client.start();
	const startedMs = performance.now();
	let loggedInMs = Number.NaN;
	const onStep = (step: string): void => {
		if (step === 'opening_space') loggedInMs = performance.now();
	};
	const entered = await client.logIn({ handle, password, onStep });
	if (!entered.ok) throw new Error(entered.error.code);
	const space = spaceOf(client);
	await until(space, () => space.items.length === count);
	const endedMs = performance.now();
	await client.close();
	return { sessionMs: endedMs - loggedInMs, loginMs: endedMs - startedMs };
}

function spaceOf({ state }: Tacet): Space {
	if (state.phase !== 'unlocked') throw new Error(`still ${state.phase}`);
	return state.space;
}

async function until(space: Space, test: () => boolean): Promise<void> {
	if (test()) return;
	await new Promise<void>((resolve) => {
		const stop = space.subscribe(() => {
			if (!test()) return;
			stop();
			resolve();
		});
	});
}
