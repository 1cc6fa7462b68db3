// One story with words that occur nowhere else, told at a real edge; then everything that the edge
// could have seen or kept is searched for them.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createMemoryStore, type Space } from '../../client/index.ts';
import { routes } from '../../protocol/http.ts';
import { isOnline, startDevice, when, type Device } from '../adversary/device.ts';
import { startEdge, type Edge } from '../adversary/edge.ts';
import { canary, findIn, formsOf } from './canaries.ts';

const words = {
	password: `${canary('Password')} and more`,
	title: canary('Title'),
	body: canary('Body'),
	typed: canary('Typed'),
	fileName: canary('FileName'),
	folder: canary('Folder'),
	fileText: canary('FileText'),
	trashed: canary('Trashed'),
	searched: canary('Searched')
};
/** The edge is told this one, and must not keep it. */
const handle = canary('handle').toLowerCase();

/** What OPAQUE gives to the client alone, as it appears during the story. */
const opaqueSecrets = new Map<string, Uint8Array>();
vi.mock(import('../../crypto/client/opaque-client.ts'), async (original) => {
	const module = await original();
	return {
		...module,
		finishLogin: (...input: Parameters<typeof module.finishLogin>) => {
			const finished = module.finishLogin(...input);
			if (finished.ok) {
				note('export key', finished.value.exportKey.reveal());
				note('session key', finished.value.sessionKey.reveal());
			}
			return finished;
		},
		finishRegistration: (...input: Parameters<typeof module.finishRegistration>) => {
			const finished = module.finishRegistration(...input);
			if (finished.ok) note('export key', finished.value.exportKey.reveal());
			return finished;
		}
	};
});
const note = (name: string, bytes: Uint8Array): void => {
	opaqueSecrets.set(`${name} ${String(opaqueSecrets.size)}`, bytes.slice());
};

let edge: Edge;
const seen: { readonly where: string; readonly bytes: Uint8Array }[] = [];
const secrets = new Map<string, readonly Buffer[]>();

const textFile = (name: string, text: string) => {
	const bytes = new TextEncoder().encode(text);
	return { path: name, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
};

/** So many sign-ups at once that the edge writes down what their network has used up. */
const askInHaste = (): Promise<unknown> =>
	Promise.all(
		['one', 'two', 'six', 'ten'].map((name) =>
			fetch(edge.url + routes.registrationStart.path, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ handle: name, registrationRequest: 'A'.repeat(43), invite: null })
			}).then((answer) => answer.arrayBuffer())
		)
	);

beforeAll(async () => {
	edge = await startEdge();
	const first = await startDevice(edge.url);
	await first.tacet.start();
	const made = await first.tacet.signUp({ handle, password: words.password });
	if (!made.ok) throw new Error(made.error.code);
	await write(first.space);
	const second = await startDevice(edge.url, { store: createMemoryStore() });
	await second.tacet.start();
	const opened = await second.tacet.logIn({ handle, password: words.password });
	if (!opened.ok) throw new Error(opened.error.code);
	await edit(second.space, first.space);
	expect(
		(await second.tacet.setOfflineUnlock({ enabled: true, password: words.password })).ok
	).toBe(true);
	expect((await first.tacet.account()).ok).toBe(true);
	// A wrong password and an unknown name leave their traces too.
	const stranger = await startDevice(edge.url);
	await stranger.tacet.start();
	expect((await stranger.tacet.logIn({ handle, password: `${words.password}!` })).ok).toBe(false);
	expect((await stranger.tacet.logIn({ handle: `${handle}2`, password: words.password })).ok).toBe(
		false
	);
	await askInHaste();
	expect((await first.tacet.logOut()).ok).toBe(true);
	for (const device of [first, second, stranger]) {
		record(device);
		await device.close();
	}
	for (const [name, word] of Object.entries(words)) secrets.set(name, formsOf(word));
	// One word of the code is common; all of it together, and each pair, is not.
	const code = made.value.recoveryCode;
	expect(code).toHaveLength(12);
	secrets.set('recovery code', formsOf(code.join(' ')));
	for (let index = 1; index < code.length; index++) {
		secrets.set(
			`recovery words ${String(index)}`,
			formsOf(code.slice(index - 1, index + 1).join(' '))
		);
	}
	for (const [name, bytes] of opaqueSecrets) secrets.set(name, formsOf(bytes));
	await askOften();
	await edge.stop();
}, 120_000);

/** So often that the network's limiter writes it down. */
async function askOften(): Promise<void> {
	const { path: route, method } = routes.sessionRefresh;
	const headers = { 'Content-Type': 'application/json' };
	const body = JSON.stringify({ refreshToken: 'none' });
	for (let asked = 0; asked < 20; asked++) {
		await (await fetch(`${edge.url}${route}`, { method, headers, body })).text();
	}
}

afterAll(() => edge.remove());

async function write(space: Space): Promise<void> {
	await space.importFiles([
		textFile(`${words.folder}/${words.fileName}.md`, `# ${words.fileName}\n\n${words.fileText}`),
		textFile(`${words.folder}/deeper/other.md`, `Another ${words.fileText}`)
	]);
	expect((await space.create({ title: words.title, body: words.body })).ok).toBe(true);
	expect((await space.create({ title: words.trashed, body: words.trashed })).ok).toBe(true);
	await when(space, () => isOnline(space));
	expect(space.search(words.searched)).toHaveLength(0);
	expect(space.search(words.body)).toHaveLength(1);
}

async function edit(space: Space, other: Space): Promise<void> {
	await when(space, () => isOnline(space) && space.items.length === 4);
	const item = space.items.find(({ title }) => title === words.title);
	const doomed = space.items.find(({ title }) => title === words.trashed);
	if (!item || !doomed) throw new Error('the second device has what the first one wrote');
	const open = await space.open(item.id);
	if (!open.ok) throw new Error(open.error.code);
	open.value.body.insert(0, `${words.typed} `);
	expect((await open.value.close()).ok).toBe(true);
	expect((await space.trash(doomed.id)).ok).toBe(true);
	await when(space, () => isOnline(space));
	await when(other, () => other.trashed.length === 1);
	expect((await space.restore(doomed.id)).ok).toBe(true);
	expect((await space.deleteForever(doomed.id)).ok).toBe(true);
	await when(space, () => isOnline(space));
	await when(other, () => other.items.length === 3 && other.search(words.typed).length === 1);
}

function record({ liar }: Device): void {
	for (const sent of liar.sent) {
		if (sent.kind === 'http') {
			seen.push({ where: `URL ${sent.method} ${sent.url}`, bytes: Buffer.from(sent.url) });
			seen.push({ where: `headers of ${sent.url}`, bytes: Buffer.from(sent.headers.join('\n')) });
			seen.push({ where: `body of ${sent.url}`, bytes: sent.body });
		} else if (sent.kind === 'socket') {
			seen.push({ where: `URL ${sent.url}`, bytes: Buffer.from(sent.url) });
			seen.push({ where: `headers of ${sent.url}`, bytes: Buffer.from(sent.headers.join('\n')) });
		} else if (sent.kind === 'frame') {
			seen.push({ where: 'frame to the edge', bytes: Buffer.from(sent.message) });
		}
	}
	for (const { kind, bytes } of liar.answers) seen.push({ where: `answer, ${kind}`, bytes });
}

/** Where anything was found. */
const findings = (
	places: readonly { readonly where: string; readonly bytes: Uint8Array }[],
	wanted: ReadonlyMap<string, readonly Buffer[]>
) =>
	places
		.map(({ where, bytes }) => ({ where, found: findIn(bytes, wanted) }))
		.filter(({ found }) => found.length > 0);

async function filesOfEdge(): Promise<readonly { where: string; bytes: Uint8Array }[]> {
	const files = await readdir(edge.dataDir, { recursive: true, withFileTypes: true });
	return Promise.all(
		files
			.filter((file) => file.isFile())
			.map(async (file) => {
				const name = path.join(file.parentPath, file.name);
				return { where: path.relative(edge.dataDir, name), bytes: await readFile(name) };
			})
	);
}

describe('nothing of the content, the password, the recovery code or what OPAQUE gives the client', () => {
	test('NET-01, KEY-07 is in any URL, header, body or frame, either way', () => {
		expect(seen.length).toBeGreaterThan(60);
		expect(opaqueSecrets.size).toBeGreaterThanOrEqual(5);
		expect(findings(seen, secrets)).toEqual([]);
	});

	test('EDG-07 is in any file of the edge: databases, their journals, the log', async () => {
		const files = await filesOfEdge();
		expect(files.filter(({ where }) => where.includes('.sqlite')).length).toBeGreaterThanOrEqual(4);
		expect(files.some(({ where }) => where === 'server.log')).toBe(true);
		expect(findings(files, secrets)).toEqual([]);
	});

	test('is overlooked: each of them is found where it does stand', () => {
		for (const [name, forms] of secrets) {
			for (const form of forms) {
				const page = Buffer.concat([Buffer.alloc(100, 'x'), form, Buffer.alloc(100, 'y')]);
				expect(findIn(page, secrets), name).toContain(name);
			}
		}
		const inside = Buffer.from(JSON.stringify({ a: 1, b: words.title })).toString('base64url');
		expect(findIn(Buffer.from(inside), secrets)).toContain('title');
	});
});

describe('the handle', () => {
	test('EDG-07 goes in the bodies of sign-up and login, and nowhere else', async () => {
		const wanted = new Map([['handle', formsOf(handle)]]);
		const places = new Set(findings(seen, wanted).map(({ where }) => where));
		expect([...places].sort()).toEqual([
			'body of /v1/login/finish',
			'body of /v1/login/start',
			'body of /v1/registration/finish',
			'body of /v1/registration/start'
		]);
		expect(findings(await filesOfEdge(), wanted)).toEqual([]);
	});
});

describe('what the edge is told and keeps', () => {
	test('NET-02 has no header but those of HTTP itself, token, proof, and the type of a body', () => {
		const names = seen
			.filter(({ where }) => where.startsWith('headers'))
			.flatMap(({ bytes }) =>
				Buffer.from(bytes)
					.toString()
					.split('\n')
					.filter((_, index) => index % 2 === 0)
			);
		expect([...new Set(names.map((name) => name.toLowerCase()))].sort()).toEqual([
			'accept',
			'accept-encoding',
			'accept-language',
			'authorization',
			'cache-control',
			'connection',
			'content-length',
			'content-type',
			'dpop',
			'host',
			'pragma',
			'sec-fetch-mode',
			'sec-websocket-extensions',
			'sec-websocket-key',
			'sec-websocket-protocol',
			'sec-websocket-version',
			'upgrade',
			'user-agent'
		]);
	});

	test('NET-02 is stored in the columns of the ledger and in no others', async () => {
		const columns = new Set<string>();
		for (const { where } of await filesOfEdge()) {
			if (!where.endsWith('.sqlite')) continue;
			const [object = ''] = where.split(path.sep).slice(-2);
			for (const column of columnsOf(path.join(edge.dataDir, where))) {
				columns.add(`${object}: ${column}`);
			}
		}
		const text = `${JSON.stringify([...columns].sort(), null, '\t')}\n`;
		await expect(text).toMatchFileSnapshot('stored-columns.json');
	});
});

function columnsOf(file: string): readonly string[] {
	const database = new DatabaseSync(file);
	const rows = database
		.prepare(
			`SELECT m.name || '.' || c.name AS name FROM sqlite_schema m, pragma_table_info(m.name) c
			WHERE m.type = 'table' AND substr(m.name, 1, 4) <> '_cf_'`
		)
		.all() as unknown as readonly { readonly name: string }[];
	database.close();
	return rows.map(({ name }) => name);
}

describe('tokens', () => {
	test('EDG-07 are in no file of the edge, and in no URL', async () => {
		const tokens = new Map<string, readonly Buffer[]>();
		for (const { where, bytes } of seen) {
			if (!where.startsWith('answer, http')) continue;
			const text = Buffer.from(bytes).toString();
			for (const [, name = '', token = ''] of text.matchAll(
				/"((?:access|refresh)Token)":"([^"]+)"/g
			)) {
				tokens.set(`${name} ${String(tokens.size)}`, formsOf(token));
				// The secret at its end, by itself.
				const secret = token.split('.').at(-1) ?? '';
				tokens.set(
					`${name} secret ${String(tokens.size)}`,
					formsOf(Buffer.from(secret, 'base64url'))
				);
			}
		}
		expect(tokens.size).toBeGreaterThanOrEqual(8);
		expect(findings(await filesOfEdge(), tokens)).toEqual([]);
		expect(
			findings(
				seen.filter(({ where }) => where.startsWith('URL')),
				tokens
			)
		).toEqual([]);
	});
});
