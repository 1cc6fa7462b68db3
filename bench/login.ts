// B10 and B11: what an OPAQUE login costs, part by part. The client's half runs in this process; the
// server's is read off the scheduler's count for the workerd process, over many logins, less what
// the same number of requests costs that are refused before any cryptography.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { client, ready, server } from '@serenity-kit/opaque';
import { build as bundle } from 'esbuild';
import { logIn, signUp, type AccountParts } from '../client/account.ts';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import { Http } from '../client/http.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { stretchPassword } from '../crypto/client/argon2.ts';
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { inProject } from '../scripts/project.mjs';
import { keyStretching, type FirstLogin, type FirstLoginTook } from './first-login.ts';
import { cpuMs } from './processes.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { serveWorkerd, tacet } from './systems.ts';

export interface LoginFigures {
	/** Whole login, as the client sees it. */
	readonly wallMs: Spread;
	readonly clientCpuMs: Spread;
	/** Each call of the crypto core and of HTTP, in the order of their first use. */
	readonly partsMs: Readonly<Record<string, Spread>>;
	/** The first login in a thread of its own, less what its requests took: what the client itself adds. */
	readonly ownMs: Spread;
	/** Both steps of serenity-kit's client, likewise the first ones of a thread, in turn with logins. */
	readonly serenityMs: Spread;
	/** The one by the other, turn by turn. */
	readonly ownRatio: Spread;
	/** The same by processor time of the thread: with fetch, and without what else the machine did. */
	readonly ownCpuRatio: Spread;
	/** Not the first ones: serenity-kit's client still holds its 64 MiB then, Tacet's touches new ones. */
	readonly laterRatio: Spread;
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
	const edge = await tacet.serve(folder);
	try {
		const origin = `http://localhost:${edge.port}`;
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
		const serenity = await serenityAlone();
		const wallMs: number[] = [];
		const laterRatio: number[] = [];
		const clientCpuMs: number[] = [];
		const serverBeforeMs = cpuMs(edge.pid);
		for (let count = 0; count < logins; count++) {
			const asked = httpMs(parts);
			const startedMs = performance.now();
			const cpu = process.cpuUsage();
			await login();
			const used = process.cpuUsage(cpu);
			const ms = performance.now() - startedMs;
			wallMs.push(ms);
			clientCpuMs.push((used.user + used.system) / 1_000);
			laterRatio.push((ms - (httpMs(parts) - asked)) / serenity.again());
		}
		const serverCpuMs = (cpuMs(edge.pid) - serverBeforeMs) / logins;
		return {
			wallMs: spreadOf(wallMs),
			clientCpuMs: spreadOf(clientCpuMs),
			laterRatio: spreadOf(laterRatio),
			...(await firstLogins(origin, serenity.answer, logins)),
			partsMs: Object.fromEntries([...parts].map(([name, ms]) => [name, spreadOf(ms)])),
			argon2Ms: spreadOf(await argon2Alone()),
			serverCpuMs,
			serverFloorCpuMs: await refusedRequests(origin, edge.pid, logins),
			...(await limits(logins))
		};
	} finally {
		await edge.stop();
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
	return { http, crypto, origin, store: createMemoryStore(), nowMs: Date.now };
}

/** What all requests took so far. */
function httpMs(parts: ReadonlyMap<string, readonly number[]>): number {
	const requests = [...parts].filter(([name]) => name.startsWith('http:'));
	return requests.flatMap(([, ms]) => ms).reduce((sum, ms) => sum + ms, 0);
}

interface Serenity {
	/** The server's message. */
	readonly answer: (startLoginRequest: string) => string;
	/** One more login in this thread: ms of the client's two steps. */
	readonly again: () => number;
}

/** The library as it is published, with an account of its own. */
async function serenityAlone(): Promise<Serenity> {
	await ready;
	const serverSetup = server.createSetup();
	const begun = client.startRegistration({ password });
	const { registrationResponse } = server.createRegistrationResponse({
		...{ serverSetup, userIdentifier: handle },
		registrationRequest: begun.registrationRequest
	});
	const { registrationRecord } = client.finishRegistration({
		...{ password, registrationResponse, keyStretching },
		clientRegistrationState: begun.clientRegistrationState
	});
	const answer = (startLoginRequest: string): string =>
		server.startLogin({
			...{ serverSetup, userIdentifier: handle },
			...{ registrationRecord, startLoginRequest }
		}).loginResponse;
	const again = (): number => {
		const startedMs = performance.now();
		const { clientLoginState, startLoginRequest } = client.startLogin({ password });
		const firstMs = performance.now() - startedMs;
		const loginResponse = answer(startLoginRequest);
		const answeredMs = performance.now();
		const finish = { password, clientLoginState, loginResponse, keyStretching };
		if (client.finishLogin(finish) === undefined) throw new Error('a login failed');
		return firstMs + performance.now() - answeredMs;
	};
	return { answer, again };
}

/** One thread after another; who goes first changes. */
async function firstLogins(
	origin: string,
	answer: Serenity['answer'],
	turns: number
): Promise<Pick<LoginFigures, 'ownMs' | 'serenityMs' | 'ownRatio' | 'ownCpuRatio'>> {
	const took = { tacet: [] as FirstLoginTook[], serenity: [] as FirstLoginTook[] };
	for (let turn = 0; turn < turns; turn++) {
		const order = ['tacet', 'serenity'] as const;
		for (const who of turn % 2 === 0 ? order : order.toReversed()) {
			took[who].push(await inThread({ who, origin, handle, password }, answer));
		}
	}
	const each = (figure: keyof FirstLoginTook) =>
		took.tacet.map((own, turn) => own[figure] / (took.serenity[turn]?.[figure] ?? Number.NaN));
	return {
		ownMs: spreadOf(took.tacet.map(({ ms }) => ms)),
		serenityMs: spreadOf(took.serenity.map(({ ms }) => ms)),
		ownRatio: spreadOf(each('ms')),
		ownCpuRatio: spreadOf(each('cpuMs'))
	};
}

function inThread(input: FirstLogin, answer: Serenity['answer']): Promise<FirstLoginTook> {
	return new Promise((resolve, reject) => {
		const thread = new Worker(inProject('bench/first-login.ts'), { workerData: input });
		thread.on('error', reject);
		thread.on('message', (said: { startLoginRequest: string } | { took: FirstLoginTook }) => {
			if ('startLoginRequest' in said) thread.postMessage(answer(said.startLoginRequest));
			else
				void thread.terminate().then(() => {
					resolve(said.took);
				});
		});
	});
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

export async function refusedRequests(origin: string, pid: number, pairs: number): Promise<number> {
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
export async function limits(
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
