import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/index.ts';
import type { Store } from '../../client/store.ts';
import { openKnownAccount, type KnownAccount } from '../../client/account-log.ts';
import {
	generateAccountKey,
	importAccountKey,
	parseAccountKey
} from '../../crypto/client/account-key.ts';
import { derivePasswordSlotKey, openKeyslot } from '../../crypto/client/keyslots.ts';
import { createSecret } from '../../crypto/client/secret.ts';
import { sha256 } from '../../crypto/hash.ts';
import { init, type OpaqueClient } from '../../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import type { RouteName } from '../../protocol/http.ts';
import { isOnline, startDevice, storeWithProfile, when, type Device } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { honest, type Lie } from './liar.ts';

const isSlow = process.env['SLOW'] === '1';
const password = 'canary-password-Zq7 staple';
const handle = 'anna';

let edge: Edge;
let device: Device;
/** Signs up, with one item; what follows is about logging in again. */
beforeAll(async () => {
	edge = await startEdge();
	device = await startDevice(edge.url);
	await device.tacet.start();
	expect((await device.tacet.signUp({ handle, password })).ok).toBe(true);
	expect((await device.space.create({ title: 'Only mine' })).ok).toBe(true);
	await when(device.space, () => isOnline(device.space));
}, 60_000);
afterAll(async () => {
	await device.close();
	await edge.remove();
}, 60_000);

type Json = Record<string, unknown>;

/** Answers of one route, otherwise. */
const otherwise = (route: RouteName, change: (body: Json) => unknown): Lie => ({
	answer: (asked, { status, body }) =>
		asked === route ? { status, body: change(structuredClone(body) as Json) } : undefined
});

interface Attempt {
	readonly code: string;
	/** Paths asked for, in order. */
	readonly paths: readonly string[];
	readonly said: string;
}

/** Logs in on a device that knows nothing, or with `store` unlocks one that does. */
async function attempt(
	lie: Lie,
	options: { store?: Store; url?: string; as?: string; password?: string } = {}
): Promise<Attempt> {
	const store = options.store ?? createMemoryStore();
	const own = await startDevice(options.url ?? edge.url, { store });
	own.liar.lie = lie;
	await own.tacet.start();
	const typed = options.password ?? password;
	const answered = options.store
		? await own.tacet.unlock({ password: typed })
		: await own.tacet.logIn({ handle: options.as ?? handle, password: typed });
	const paths = own.liar.sent.flatMap((sent) => (sent.kind === 'http' ? [sent.url] : []));
	const said = Buffer.concat(
		own.liar.sent.map((sent) => {
			if (sent.kind === 'http')
				return Buffer.concat([Buffer.from(sent.headers.join('\n')), sent.body]);
			return sent.kind === 'frame' ? Buffer.from(sent.message) : Buffer.alloc(0);
		})
	).toString('latin1');
	await own.close();
	return { code: answered.ok ? 'ok' : answered.error.code, paths, said };
}

const start = '/v1/login/start';
const finish = '/v1/login/finish';

describe('an edge that asks for less', () => {
	test('PWD-01 names cheaper stretching, other parameters, or a salt: nothing more leaves', async () => {
		for (const extra of [
			{ ksf: { iterations: 1 } },
			{ argon2: { memory: 8, passes: 1 } },
			{ kdf: 'pbkdf2', iterations: 600_000 },
			{ salt: 'AAAA' },
			{ memory: 4_294_967_295 }
		]) {
			const { code, paths } = await attempt(
				otherwise('loginStart', (body) => ({ ...body, ...extra }))
			);
			expect(code).toBe('server_misbehaved');
			expect(paths).toEqual([start]);
		}
	});

	test('PWD-07, PWD-01 asks for the password itself, or for another way to log in: it gets neither', async () => {
		for (const answer of [
			{ status: 200, body: { method: 'plain' } },
			{ status: 200, body: { method: 'srp', B: 'AAAA', salt: 'AAAA' } },
			{ status: 400, body: { error: { code: 'please_resend_password' } } },
			{ status: 400, body: 'please resend your password' },
			{ status: 401, body: { error: { code: 'login_failed', legacy: true } } },
			{ status: 307, body: {} }
		]) {
			const { code, paths, said } = await attempt({
				answer: (route) => (route === 'loginStart' ? answer : undefined)
			});
			expect(code).not.toBe('ok');
			expect(paths.every((path) => path === start)).toBe(true);
			for (const form of formsOf(password)) expect(said).not.toContain(form);
		}
	});

	test('INT-14 leaves out or nulls any field of an answer: the login ends, and no key is made anew', async () => {
		const fields: [RouteName, string][] = [
			['loginStart', 'login'],
			['loginStart', 'ke2'],
			['loginStart', 'handleHash'],
			['loginFinish', 'log'],
			['loginFinish', 'registrationRecord'],
			['loginFinish', 'keyslots'],
			...(isSlow
				? (['account', 'handleHash', 'session', 'ended'] as const).map(
						(field): [RouteName, string] => ['loginFinish', field]
					)
				: [])
		];
		for (const [route, field] of fields) {
			for (const change of [
				({ [field]: _, ...rest }: Json) => rest,
				...(isSlow ? [(body: Json) => ({ ...body, [field]: null })] : [])
			]) {
				const { code, paths } = await attempt(otherwise(route, change));
				expect(code, field).toBe('server_misbehaved');
				expect(paths).toEqual(route === 'loginStart' ? [start] : [start, finish]);
			}
		}
	}, 120_000);
});

/** Ways in which text may stand in bytes. */
const formsOf = (text: string): readonly string[] => [
	text,
	encodeURIComponent(text),
	Buffer.from(text).toString('base64').replace(/=+$/, ''),
	Buffer.from(text).toString('hex'),
	Buffer.from(text, 'utf16le').toString('latin1')
];

describe('an edge that answers with something else', () => {
	test('INT-01, PWD-08 of the same form, in any field of a login, opens no account', async () => {
		const expected: [RouteName, string, string][] = [
			['loginStart', 'ke2', 'login_failed'],
			['loginStart', 'login', 'login_failed'],
			['loginStart', 'handleHash', 'login_failed'],
			['loginFinish', 'account', 'server_misbehaved'],
			['loginFinish', 'handleHash', 'server_misbehaved'],
			['loginFinish', 'log', 'server_misbehaved'],
			['loginFinish', 'registrationRecord', 'server_misbehaved'],
			['loginFinish', 'keyslots', 'server_misbehaved']
		];
		for (const [route, field, code] of expected) {
			const result = await attempt(
				otherwise(route, (body) => ({ ...body, [field]: changed(body[field]) }))
			);
			expect(result.code, field).toBe(code);
		}
	}, 60_000);

	test('KEY-07 its own account and keys, whole: the password opens none of it', async () => {
		const mallory = await startDevice(edge.url);
		let theirs: Json = {};
		mallory.liar.lie = {
			answer: (route, { body }) => {
				if (route === 'loginFinish') theirs = structuredClone(body) as Json;
				return undefined;
			}
		};
		await mallory.tacet.start();
		expect(
			(await mallory.tacet.signUp({ handle: 'mallory', password: 'another password' })).ok
		).toBe(true);
		await mallory.close();
		for (const fields of [
			['account', 'handleHash', 'log', 'registrationRecord', 'keyslots'],
			['account', 'log', 'registrationRecord', 'keyslots'],
			['log'],
			['keyslots'],
			['account', 'log']
		]) {
			const result = await attempt(
				otherwise('loginFinish', (body) => ({
					...body,
					...Object.fromEntries(fields.map((field) => [field, theirs[field]]))
				}))
			);
			expect(result.code, fields.join()).toBe('server_misbehaved');
			expect(result.paths).toEqual([start, finish]);
		}
	}, 60_000);

	test('KEY-07 keyslots of several accounts at once: nothing is opened that the log does not name', async () => {
		const result = await attempt(
			otherwise('loginFinish', (body) => ({
				...body,
				keyslots: [...[body['keyslots']].flat().map(changed), ...[body['keyslots']].flat()]
			}))
		);
		expect(result.code).toBe('server_misbehaved');
	});

	test('PWD-11, CRY-02 a keyslot whose commitment is that of another key: it is not opened', async () => {
		const result = await attempt(
			otherwise('loginFinish', (body) => {
				const [slot = '', other = ''] = [body['keyslots']].flat() as string[];
				const a = Buffer.from(slot, 'base64url');
				const b = Buffer.from(other, 'base64url');
				// The record's last 104 bytes: commitment, then sealed root.
				b.copy(a, a.length - 104, b.length - 104, b.length - 72);
				return { ...body, keyslots: [a.toString('base64url')] };
			})
		);
		expect(result.code).toBe('server_misbehaved');
	});
});

/** One bit in the middle flipped, in a form that the schemas let through. */
function changed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(changed);
	const text = String(value);
	const isHex = /^[0-9a-f]{32}$/.test(text);
	const bytes = Buffer.from(text, isHex ? 'hex' : 'base64url');
	const middle = Math.floor(bytes.length / 2);
	bytes[middle] = (bytes[middle] ?? 0) ^ 4;
	return bytes.toString(isHex ? 'hex' : 'base64url');
}

describe('another server', () => {
	test('PWD-08, PWD-04 with the same handle and password does not pass for the one that this device knows', async () => {
		const other = await startEdge();
		const twin = await startDevice(other.url);
		await twin.tacet.start();
		expect((await twin.tacet.signUp({ handle, password })).ok).toBe(true);
		await twin.close();
		const store = await storeWithProfile(device.store);
		const { code, paths } = await attempt(honest, { store, url: other.url });
		expect(code).toBe('server_key_changed');
		expect(paths).toEqual([start]);
		await other.remove();
	}, 60_000);

	test('PWD-04 that relays the login under another name gets no session: the login is bound to the name that the client sees', async () => {
		const own = await startDevice(edge.url);
		own.liar.host = 'tacet.example';
		await own.tacet.start();
		const answered = await own.tacet.logIn({ handle, password });
		expect(answered).toMatchObject({ ok: false, error: { code: 'login_failed' } });
		own.liar.host = null;
		expect((await own.tacet.logIn({ handle, password })).ok).toBe(true);
		await own.close();
	});

	test('PWD-08 answers a registration in place of the right one: the account is not what its owner asked for, and no login succeeds', async () => {
		const other = await startEdge();
		const own = await startDevice(edge.url);
		own.liar.lie = {
			answer: (route, { status, body }) =>
				route === 'registrationStart'
					? { status, body: { ...(body as Json), registrationResponse: response } }
					: undefined
		};
		const asked = await fetch(`${other.url}/v1/registration/start`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({
				handle: 'berta',
				invite: null,
				registrationRequest: Buffer.from(ristrettoBase, 'hex').toString('base64url')
			})
		});
		const { registrationResponse: response } = (await asked.json()) as {
			registrationResponse: string;
		};
		expect(response).toMatch(/^[\w-]{86}$/);
		await own.tacet.start();
		const made = await own.tacet.signUp({ handle: 'berta', password });
		expect(made.ok).toBe(false);
		expect(own.tacet.state.phase).toBe('signed_out');
		await own.close();
		await other.remove();
	}, 60_000);

	test('INT-14 leaves out or changes any field of a registration answer: nothing is registered', async () => {
		for (const field of ['registrationResponse', 'handleHash']) {
			const own = await startDevice(edge.url);
			own.liar.lie = otherwise('registrationStart', ({ [field]: _, ...rest }) => rest);
			await own.tacet.start();
			const made = await own.tacet.signUp({ handle: 'cora', password });
			expect(made).toMatchObject({ ok: false, error: { code: 'server_misbehaved' } });
			await own.close();
		}
		const own = await startDevice(edge.url);
		own.liar.lie = otherwise('registrationStart', (body) => ({
			...body,
			handleHash: changed(body['handleHash'])
		}));
		await own.tacet.start();
		// It is signed: the honest edge behind the liar refuses what it is not named in.
		const made = await own.tacet.signUp({ handle: 'cora', password });
		expect(made).toMatchObject({ ok: false, error: { code: 'forbidden' } });
		await own.close();
	}, 60_000);
});

/** The base point of ristretto255, RFC 9496 appendix A.1. */
const ristrettoBase = 'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76';

describe('a stolen record', () => {
	test('PWD-02 is of use only to somebody who stretches each guess at full price', async () => {
		const { client } = await init(opaqueModule);
		const guess = async (keyStretching: KeyStretching): Promise<boolean> => {
			const { clientLoginState, startLoginRequest } = client.startLogin({ password });
			const answer = await fetch(`${edge.url}${start}`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ handle, ke1: startLoginRequest })
			});
			const { ke2: loginResponse } = (await answer.json()) as { ke2: string };
			const request = { clientLoginState, loginResponse, password, keyStretching };
			return client.finishLogin(request) !== undefined;
		};
		const full = { memory: 65_536, iterations: 3, parallelism: 4 };
		expect(await guess({ 'argon2id-custom': full })).toBe(true);
		for (const less of [
			{ memory: 32_768 },
			{ iterations: 2 },
			{ parallelism: 1 },
			{ memory: 32 }
		]) {
			expect(await guess({ 'argon2id-custom': { ...full, ...less } })).toBe(false);
		}
	}, 60_000);
});

describe('everything that an edge has, and its secrets, too', () => {
	const name = 'dora';
	let owner: Device;
	let accountKey: string | null;
	let known: KnownAccount;
	beforeAll(async () => {
		owner = await startDevice(edge.url);
		await owner.tacet.start();
		const made = await owner.tacet.signUp({ handle: name, password });
		accountKey = made.ok ? made.value.accountKey : null;
		const profile = await owner.store.loadProfile();
		if (!profile.ok || profile.value === null) throw new Error('nothing is kept');
		known = await openKnownAccount(profile.value);
	}, 60_000);
	afterAll(() => owner.close());

	/** What OPAQUE gives to whoever has guessed the password. */
	async function guessedExportKey(): Promise<Uint8Array> {
		const { client } = await init(opaqueModule);
		const { clientLoginState, startLoginRequest } = client.startLogin({ password });
		const answer = await fetch(`${edge.url}${start}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ handle: name, ke1: startLoginRequest })
		});
		const { ke2: loginResponse } = (await answer.json()) as { ke2: string };
		const full = { memory: 65_536, iterations: 3, parallelism: 4 };
		const finished = client.finishLogin({
			...{ clientLoginState, loginResponse, password },
			keyStretching: { 'argon2id-custom': full }
		});
		return Buffer.from(finished?.exportKey ?? '', 'base64url');
	}

	test("PWD-03 an edge that has guessed the password opens no keyslot, and can't say that there is no account key", async () => {
		const { state } = owner.tacet;
		if (state.phase !== 'unlocked' || accountKey === null) throw new Error(state.phase);
		const exportKey = await guessedExportKey();
		const opens = async (key: CryptoKey | null): Promise<boolean> => {
			const slotKey = await derivePasswordSlotKey(createSecret(exportKey.slice()), key);
			const tried = known.keyslots.map((slot) => openKeyslot(slotKey, state.account, slot));
			return (await Promise.all(tried)).some(({ ok }) => ok);
		};
		expect(await opens(null)).toBe(false);
		const another = await importAccountKey(generateAccountKey());
		expect(await opens(another)).toBe(false);
		// The person's paper is all that is missing.
		const typed = parseAccountKey(accountKey);
		if (!typed.ok) throw new Error(typed.error);
		expect(await opens(await importAccountKey(typed.value))).toBe(true);

		const asked = await attempt(honest, { as: name });
		expect(asked.code).toBe('account_key_needed');
		const denied = otherwise('loginFinish', (body) => withoutAccountKey(body, known));
		expect((await attempt(denied, { as: name })).code).toBe('server_misbehaved');
	}, 60_000);
});

/** The first write, which says that there is no account key. */
function withoutAccountKey(body: Json, { registrationRecord }: KnownAccount): Json {
	const log = body['log'] as { writes: { write: string; signature: string }[] };
	const [first] = log.writes;
	if (first === undefined) throw new Error('a log begins with a write');
	const write = Buffer.from(first.write, 'base64url');
	const place = write.indexOf(sha256(registrationRecord)) + 32;
	expect(write[place]).toBe(cborTrue);
	write[place] = cborTrue - 1;
	first.write = write.toString('base64url');
	return body;
}

/** RFC 8949 §3.3: false is the byte before it. */
const cborTrue = 0xf5;

type KeyStretching = NonNullable<Parameters<OpaqueClient['finishLogin']>[0]['keyStretching']>;

describe('who has an account', () => {
	test('PWD-05 is not told by a login: known and unknown handles get answers of one form, the same each time', async () => {
		const ask = async (name: string) => {
			const answer = await fetch(`${edge.url}/v1/login/start`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ handle: name, ke1 })
			});
			const headers = [...answer.headers].filter(([key]) => key !== 'date');
			const body = (await answer.json()) as { ke2: string; login: string; handleHash: string };
			return { status: answer.status, headers, body };
		};
		const ke1 = await ke1Of();
		const [known, unknown] = [await ask(handle), await ask('nobody-here')];
		expect(unknown.status).toBe(known.status);
		expect(unknown.headers).toEqual(known.headers);
		const lengths = ({ body }: typeof known) => [
			body.ke2.length,
			body.login.length,
			body.handleHash.length
		];
		expect(lengths(unknown)).toEqual(lengths(known));
		// The evaluated element and the masked record's OPRF part repeat for both alike.
		for (const name of [handle, 'nobody-here']) {
			const first = await ask(name);
			const second = await ask(name);
			expect(second.body.ke2.slice(0, 42)).toBe(first.body.ke2.slice(0, 42));
			expect(second.body.ke2).not.toBe(first.body.ke2);
		}
		const wrong = await attempt(honest, { password: 'not the password' });
		const nobody = await attempt(honest, { as: 'nobody-here' });
		expect(nobody.code).toBe(wrong.code);
		expect(nobody.paths).toEqual(wrong.paths);
	}, 60_000);
});

/** As the client makes it. */
async function ke1Of(): Promise<string> {
	const own = await startDevice(edge.url);
	await own.tacet.start();
	await own.tacet.logIn({ handle: 'somebody', password });
	const sent = own.liar.sent.find((message) => message.kind === 'http');
	await own.close();
	if (sent?.kind !== 'http') throw new Error('a login asks the edge');
	return (JSON.parse(sent.body.toString()) as { ke1: string }).ke1;
}
