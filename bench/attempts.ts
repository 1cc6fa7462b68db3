// What guessing costs: logins that are begun and never finished, from fifty addresses, twenty at a time.
// How many are answered is held against what the limits allow by their arithmetic, exactly; processor
// time of the edge is given beside what the cryptography of one answer takes, and what a request takes
// that is refused as malformed.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { logIn, signUp, type OpenedAccount } from '../client/account.ts';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import { Http } from '../client/http.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import { randomBytes } from '../crypto/random.ts';
import type { Rate } from '../durable-objects/gcra.ts';
import {
	loginRatePerAccount,
	loginRatePerNetwork,
	networkRates
} from '../durable-objects/limits.ts';
import { routes } from '../protocol/http.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { inProject } from '../scripts/project.mjs';
import { serve, type Serving } from '../scripts/serve.mjs';
import { limits, refusedRequests } from './login.ts';
import { cpuMs } from './processes.ts';
import { percentile } from './statistics.ts';

interface Attempts {
	readonly attempts: number;
	readonly answered: number;
	/** By the limits' arithmetic, given how long it took: at least, and at most. */
	readonly allowed: readonly [number, number];
	/** Of all, answered or refused, at the side that waits. */
	readonly p50Ms: number;
	readonly p99Ms: number;
	/** Of workerd, for each attempt. */
	readonly serverCpuMs: number;
}

export interface AttemptFigures {
	readonly oneAccount: Attempts;
	/** Once that account answers nobody any more. */
	readonly oneAccountSpent: Attempts;
	/** Whoever knows the password, meanwhile, on a new device from elsewhere: 'ok', or why not. */
	readonly ownerMeanwhile: string;
	/** A locked device that the account knows, unlocked again and again: all of it, stretching included. */
	readonly knownDevice: { readonly quiet: Logins; readonly flooded: Logins };
	readonly manyAccounts: Attempts;
	readonly oneNetwork: Attempts;
	/** An attempt that is answered, by the cryptography of its answer alone. */
	readonly answeredRatio: number;
	/** One that is refused, by a request that is refused as malformed. */
	readonly refusedRatio: number;
}

interface Logins {
	readonly logins: number;
	/** Those that did not get in: there must be none. */
	readonly refused: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
}

const attempts = 1_000;
/** Of the known device, in a flood and without one. */
const unlockings = 30;
const addresses = 50;
const atOnce = 20;
const networkHeader = 'bench-network';
const handle = 'measured';
const password = 'correct horse battery staple';

/** The edge that is deployed, told by a header where a request comes from: the platform knows that. */
async function serveNetworks(folder: string): Promise<Serving> {
	cpSync(inProject('dist'), path.join(folder, 'dist'), { recursive: true });
	const front = path.join(folder, 'dist/local/front.js');
	const parts = readFileSync(front, 'utf8').split("'127.0.0.1'");
	if (parts.length !== 2) throw new Error('the front no longer says where requests come from');
	writeFileSync(front, parts.join(`headers.get('${networkHeader}') ?? '127.0.0.1'`));
	return serve({
		signUp: 'open',
		dataDir: path.join(folder, 'data'),
		local: path.join(folder, 'dist/local')
	});
}

const addressOf = (number: number): string => `198.51.100.${String(number)}`;

interface Plan {
	readonly handleOf: (attempt: number) => string;
	readonly addressOf: (attempt: number) => string;
	/** The limit that binds, if one does. */
	readonly rate: Rate | null;
	/** Of it, what was used up before. */
	readonly used?: number;
}

async function guess(
	{ url, pid }: Serving,
	ke1s: readonly string[],
	plan: Plan
): Promise<Attempts> {
	const tookMs: number[] = [];
	const byAddress = new Map<string, number>();
	let answered = 0;
	let next = 0;
	const one = async (): Promise<void> => {
		for (let attempt = next++; attempt < attempts; attempt = next++) {
			const from = plan.addressOf(attempt);
			const headers = { 'content-type': 'application/json', [networkHeader]: from };
			const ke1 = ke1s[attempt % ke1s.length];
			const body = JSON.stringify({ handle: plan.handleOf(attempt), ke1 });
			const startedMs = performance.now();
			const answer = await fetch(url + routes.loginStart.path, { method: 'POST', headers, body });
			await answer.arrayBuffer();
			tookMs.push(performance.now() - startedMs);
			if (answer.status === 200) {
				answered += 1;
				byAddress.set(from, (byAddress.get(from) ?? 0) + 1);
			} else if (answer.status !== 429) throw new Error(`answered with ${String(answer.status)}`);
		}
	};
	const beforeMs = cpuMs(pid);
	const startedMs = performance.now();
	await Promise.all(Array.from({ length: atOnce }, one));
	const elapsedMs = performance.now() - startedMs;
	const { rate, used = 0 } = plan;
	const grown = (limit: Rate): number => limit.burst + Math.ceil(elapsedMs / limit.intervalMs);
	const allowed: Attempts['allowed'] =
		rate === null
			? [attempts, attempts]
			: [Math.max(0, rate.burst - used), Math.min(attempts, grown(rate) - used)];
	const isExact = answered >= allowed[0] && answered <= allowed[1];
	if (!isExact) throw new Error(`${String(answered)} were answered, not ${allowed.join(' to ')}`);
	if (plan.rate === loginRatePerAccount) {
		const most = Math.max(0, ...byAddress.values());
		if (most > grown(loginRatePerNetwork))
			throw new Error(`one network was answered ${most} times`);
	}
	return {
		...{ attempts, answered, allowed },
		p50Ms: percentile(tookMs, 0.5),
		p99Ms: percentile(tookMs, 0.99),
		serverCpuMs: (cpuMs(pid) - beforeMs) / attempts
	};
}

type Owner = ReturnType<typeof owner>['parts'];

/** One after another, as one person would. */
async function unlockAgainAndAgain(
	parts: Owner,
	{ profile, name }: OpenedAccount
): Promise<Logins> {
	const tookMs: number[] = [];
	let refused = 0;
	for (let login = 0; login < unlockings; login++) {
		const startedMs = performance.now();
		const came = await logIn(parts, { handle, password, known: { profile, name } });
		tookMs.push(performance.now() - startedMs);
		if (!came.ok) refused += 1;
	}
	const [p50Ms, p99Ms] = [percentile(tookMs, 0.5), percentile(tookMs, 0.99)];
	return { logins: unlockings, refused, p50Ms, p99Ms };
}

/** While the account is guessed at as fast as it is answered, by so many at a time. */
async function unlockInFlood(
	{ url }: Serving,
	ke1s: readonly string[],
	{ parts, opened }: { readonly parts: Owner; readonly opened: OpenedAccount }
): Promise<Logins> {
	let isOver = false;
	let next = 0;
	const flood = async (): Promise<void> => {
		while (!isOver) {
			const attempt = next++;
			const from = addressOf(1 + (attempt % addresses));
			const answer = await fetch(url + routes.loginStart.path, {
				method: 'POST',
				headers: { 'content-type': 'application/json', [networkHeader]: from },
				body: JSON.stringify({ handle, ke1: ke1s[attempt % ke1s.length] })
			});
			await answer.arrayBuffer();
		}
	};
	const guessers = Array.from({ length: atOnce }, flood);
	const came = await unlockAgainAndAgain(parts, opened);
	isOver = true;
	await Promise.all(guessers);
	if (came.refused > 0) throw new Error('a flood kept a known device out');
	return came;
}

async function makeKe1s(): Promise<readonly string[]> {
	const wasm = new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')));
	const { client } = await init(wasm);
	return Array.from({ length: 100 }, () => client.startLogin({ password: 'x' }).startLoginRequest);
}

/** Of an account with this handle, from a network where nobody guesses. */
function owner(url: string) {
	const loadOpaque = () =>
		Promise.resolve(
			new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
		);
	const core = startCryptoInProcess(loadOpaque);
	const fromHome: typeof fetch = (input, given) => {
		const headers = new Headers(given?.headers);
		headers.set(networkHeader, '203.0.113.1');
		return fetch(input, { ...given, headers });
	};
	const http = new Http({ origin: url, fetch: fromHome });
	const parts = {
		http,
		crypto: core.port,
		origin: url,
		store: createMemoryStore(),
		nowMs: Date.now
	};
	return {
		parts,
		end: () => {
			core.end();
		}
	};
}

export async function measureAttempts(rounds: number): Promise<AttemptFigures> {
	const ke1s = await makeKe1s();
	const spread = (attempt: number): string => addressOf(1 + (attempt % addresses));
	const each = (attempt: number): string => `somebody-${String(attempt)}`;
	const one = await withEdge(async (edge) => {
		const { parts, end } = owner(edge.url);
		const made = await signUp(parts, { handle, password });
		if (!made.ok) throw new Error(made.error.code);
		const device = idFromBytes<DeviceId>(randomBytes(16));
		const quiet = await unlockAgainAndAgain(parts, made.value);
		const plan = { handleOf: () => handle, addressOf: spread, rate: loginRatePerAccount };
		const oneAccount = await guess(edge, ke1s, plan);
		const used = oneAccount.answered;
		const oneAccountSpent = await guess(edge, ke1s, { ...plan, used });
		const flooded = await unlockInFlood(edge, ke1s, { parts, opened: made.value });
		const came = await logIn(parts, { handle, password, device });
		end();
		const malformedMs = (await refusedRequests(edge.url, edge.pid, rounds * 10)) / 2;
		const ownerMeanwhile = came.ok ? 'ok' : came.error.code;
		return {
			...{ oneAccount, oneAccountSpent, ownerMeanwhile, knownDevice: { quiet, flooded } },
			refusedRatio: oneAccountSpent.serverCpuMs / malformedMs
		};
	});
	const manyAccounts = await withEdge((edge) =>
		guess(edge, ke1s, { handleOf: each, addressOf: spread, rate: null })
	);
	const oneNetwork = await withEdge((edge) =>
		guess(edge, ke1s, { handleOf: each, addressOf: () => addressOf(1), rate: networkRates.login })
	);
	const { answerMs } = await limits(rounds);
	return { ...one, manyAccounts, oneNetwork, answeredRatio: manyAccounts.serverCpuMs / answerMs };
}

async function withEdge<Value>(work: (edge: Serving) => Promise<Value>): Promise<Value> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-attempts-'));
	const edge = await serveNetworks(folder);
	try {
		return await work(edge);
	} finally {
		await edge.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}
