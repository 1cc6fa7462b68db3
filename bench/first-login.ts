// The first login of a page, in a thread of its own that was never logged in with: nothing has touched
// the 64 MiB of Argon2id yet, and no loop has been compiled twice. Run by login.ts, one at a time;
// answers with what it took, and before that, for the library alone, asks for the server's message.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { client, ready } from '@serenity-kit/opaque';
import { logIn } from '../client/account.ts';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import { Http } from '../client/http.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { argon2Parameters } from '../crypto/client/argon2.ts';
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { inProject } from '../scripts/project.mjs';

export interface FirstLogin {
	readonly who: 'tacet' | 'serenity';
	readonly origin: string;
	readonly handle: string;
	readonly password: string;
}
export interface FirstLoginTook {
	/** Without the time that requests were under way. */
	readonly ms: number;
	/** Of this thread; what fetch does is in it. */
	readonly cpuMs: number;
}

export const keyStretching = {
	'argon2id-custom': {
		memory: argon2Parameters.memoryKib,
		iterations: argon2Parameters.iterations,
		parallelism: argon2Parameters.parallelism
	}
};

class Clock {
	readonly #startedMs = performance.now();
	readonly #cpu = process.threadCpuUsage();
	#awayMs = 0;

	async away<Value>(work: () => Promise<Value>): Promise<Value> {
		const leftMs = performance.now();
		const value = await work();
		this.#awayMs += performance.now() - leftMs;
		return value;
	}

	get took(): FirstLoginTook {
		const { user, system } = process.threadCpuUsage(this.#cpu);
		const ms = performance.now() - this.#startedMs - this.#awayMs;
		return { ms, cpuMs: (user + system) / 1_000 };
	}
}

async function byTacet({ origin, handle, password }: FirstLogin): Promise<FirstLoginTook> {
	const wasm = new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')));
	const crypto = startCryptoInProcess(() => Promise.resolve(wasm)).port;
	// What a thread's first request takes is no part of a login.
	await (await fetch(`${origin}/v1/login/start`, { method: 'POST' })).arrayBuffer();
	let clock = new Clock();
	const timedFetch: typeof fetch = (input, init) => clock.away(() => fetch(input, init));
	const http = new Http({ origin, fetch: timedFetch });
	const device = idFromBytes<DeviceId>(randomBytes(16));
	clock = new Clock();
	const run = { http, crypto, origin, store: createMemoryStore(), nowMs: Date.now };
	const done = await logIn(run, { handle, password, device });
	if (!done.ok) throw new Error(done.error.code);
	return clock.took;
}

async function bySerenity({ password }: FirstLogin): Promise<FirstLoginTook> {
	await ready;
	const clock = new Clock();
	const { clientLoginState, startLoginRequest } = client.startLogin({ password });
	const loginResponse = await clock.away(() => ask(startLoginRequest));
	const finish = { password, clientLoginState, loginResponse, keyStretching };
	if (client.finishLogin(finish) === undefined) throw new Error('a login failed');
	return clock.took;
}

async function ask(startLoginRequest: string): Promise<string> {
	parentPort?.postMessage({ startLoginRequest });
	const [answer] = parentPort === null ? [] : ((await once(parentPort, 'message')) as [string]);
	return answer ?? '';
}

if (parentPort !== null) {
	const input = workerData as FirstLogin;
	const took = await (input.who === 'tacet' ? byTacet(input) : bySerenity(input));
	parentPort.postMessage({ took });
}
