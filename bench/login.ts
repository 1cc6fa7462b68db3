// B10 and B11: what an OPAQUE login costs, part by part. The client's half runs in this process; the
// server's is read off the scheduler's count for the workerd process, over many logins, less what
// the same number of requests costs that are refused before any cryptography.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import { logIn, signUp, type AccountParts } from '../client/account.ts';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import { Http } from '../client/http.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { stretchPassword } from '../crypto/client/argon2.ts';
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { inProject } from '../scripts/project.mjs';
import { cpuMs } from './processes.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { serveWorkerd, tacet } from './systems.ts';

export interface LoginFigures {
	/** Whole login, as the client sees it. */
	readonly wallMs: Spread;
	readonly clientCpuMs: Spread;
	/** Each call of the crypto core and of HTTP, in the order of their first use. */
	readonly partsMs: Readonly<Record<string, Spread>>;
	/** Argon2id alone with the same parameters, by another implementation (hash-wasm). */
	readonly argon2Ms: Spread;
	/** CPU of workerd for both messages of a login, everything included. */
	readonly serverCpuMs: number;
	/** CPU of workerd for two requests that are refused as malformed. */
	readonly serverFloorCpuMs: number;
	/** CPU of workerd, in the same run, for one blindEvaluate and three X25519. */
	readonly limitMs: number;
	/** CPU of workerd for opaque-ke's answer to KE1 alone: all but a hundredth of OPAQUE's work. */
	readonly answerMs: number;
}

const handle = 'measured';
const password = 'correct horse battery staple';
const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

export async function measureLogin(logins: number): Promise<LoginFigures> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-login-'));
	const server = await tacet.serve(folder);
	try {
		const origin = `http://localhost:${server.port}`;
		const parts = new Map<string, number[]>();
		const run = accountParts(origin, parts);
		const device = idFromBytes<DeviceId>(randomBytes(16));
		const made = await signUp(run, { handle, password });
		if (!made.ok) throw new Error(made.error.code);
		const login = async (): Promise<void> => {
			const done = await logIn(run, { handle, password, device });
			if (!done.ok) throw new Error(done.error.code);
		};
		await login();
		parts.clear();
		const wallMs: number[] = [];
		const clientCpuMs: number[] = [];
		const serverBeforeMs = cpuMs(server.pid);
		for (let count = 0; count < logins; count++) {
			const startedMs = performance.now();
			const cpu = process.cpuUsage();
			await login();
			const used = process.cpuUsage(cpu);
			wallMs.push(performance.now() - startedMs);
			clientCpuMs.push((used.user + used.system) / 1_000);
		}
		const serverCpuMs = (cpuMs(server.pid) - serverBeforeMs) / logins;
		return {
			wallMs: spreadOf(wallMs),
			clientCpuMs: spreadOf(clientCpuMs),
			partsMs: Object.fromEntries([...parts].map(([name, ms]) => [name, spreadOf(ms)])),
			argon2Ms: spreadOf(await argon2Alone()),
			serverCpuMs,
			serverFloorCpuMs: await refusedRequests(origin, server.pid, logins),
			...(await limits(logins))
		};
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

function accountParts(origin: string, parts: Map<string, number[]>): AccountParts {
	const timed = async <Value>(name: string, work: () => Promise<Value>): Promise<Value> => {
		const startedMs = performance.now();
		const value = await work();
		parts.set(name, [...(parts.get(name) ?? []), performance.now() - startedMs]);
		return value;
	};
	const { port } = startCryptoInProcess(loadOpaque);
	const crypto = new Proxy(port, {
		get(target, name): unknown {
			const method: unknown = Reflect.get(target, name);
			if (typeof method !== 'function') return method;
			return (...input: unknown[]) =>
				timed(`core: ${String(name)}`, () => Promise.resolve(Reflect.apply(method, target, input)));
		}
	});
	const timedFetch: typeof fetch = (input, init) =>
		timed(`http: ${new URL(input as string).pathname}`, () => fetch(input, init));
	const http = new Http({ origin, fetch: timedFetch });
	return { http, crypto, origin, store: createMemoryStore() };
}

async function argon2Alone(): Promise<readonly number[]> {
	const ms: number[] = [];
	const salt = randomBytes(16);
	await stretchPassword(password, salt);
	for (let count = 0; count < 5; count++) {
		const startedMs = performance.now();
		await stretchPassword(password, salt);
		ms.push(performance.now() - startedMs);
	}
	return ms;
}

async function refusedRequests(origin: string, pid: number, pairs: number): Promise<number> {
	const ask = async () => {
		const headers = { 'content-type': 'application/json' };
		const body = JSON.stringify({ handle, ke1: 'A' });
		const answer = await fetch(`${origin}/v1/login/start`, { method: 'POST', headers, body });
		await answer.arrayBuffer();
	};
	await ask();
	const beforeMs = cpuMs(pid);
	for (let count = 0; count < 2 * pairs; count++) await ask();
	return (cpuMs(pid) - beforeMs) / pairs;
}

/** Rounds of bench/limits/opaque.ts in one request; a request without any is taken off. */
async function limits(
	count: number
): Promise<{ readonly limitMs: number; readonly answerMs: number }> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-limit-'));
	await bundleLimit(folder);
	const server = await serveWorkerd(path.join(folder, 'config.capnp'), '');
	try {
		const ask = async (what: string, rounds: number): Promise<number> => {
			const beforeMs = cpuMs(server.pid);
			const answer = await fetch(`http://localhost:${server.port}/${what}?rounds=${rounds}`);
			if (!answer.ok) throw new Error(await answer.text());
			await answer.arrayBuffer();
			return cpuMs(server.pid) - beforeMs;
		};
		const each = async (what: string): Promise<number> => {
			await ask(what, count);
			const emptyMs = await ask(what, 0);
			return ((await ask(what, count)) - emptyMs) / count;
		};
		return { limitMs: await each('limit'), answerMs: await each('answer') };
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function bundleLimit(folder: string): Promise<void> {
	await bundle({
		entryPoints: [inProject('bench/limits/opaque.ts')],
		outfile: path.join(folder, 'worker.js'),
		bundle: true,
		format: 'esm',
		external: ['*.wasm'],
		logLevel: 'error'
	});
	copyFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm'), path.join(folder, 'opaque-ke.wasm'));
	copyFileSync(inProject('bench/limits/opaque.capnp'), path.join(folder, 'config.capnp'));
}
