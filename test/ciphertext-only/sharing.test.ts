// Sharing with words that occur nowhere else, told at a real edge: names of spaces, what people are
// called, labels and passphrases of links, and the secrets in links. Then everything that the edge
// could have seen or kept is searched for them.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openLinkView } from '../../client/link-view.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { letIn, newPerson, type Person } from '../adversary/company.ts';
import { isOnline, when } from '../adversary/device.ts';
import { startEdge, type Edge } from '../adversary/edge.ts';
import { Liar } from '../adversary/liar.ts';
import { canary, findIn, formsOf } from './canaries.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const words = {
	spaceName: canary('SpaceName'),
	newName: canary('NewName'),
	title: canary('SharedTitle'),
	label: canary('LinkLabel'),
	passphrase: `${canary('Passphrase')} and more`
};
const [ownersHandle, guestsHandle] = [canary('owner').toLowerCase(), canary('guest').toLowerCase()];

interface Place {
	readonly where: string;
	readonly bytes: Uint8Array;
}

let edge: Edge;
const seen: Place[] = [];
const secrets = new Map<string, readonly Buffer[]>();
const handles = new Map([
	['handle of the owner', formsOf(ownersHandle)],
	['handle of the guest', formsOf(guestsHandle)]
]);

function record({ sent, answers }: Liar): void {
	for (const one of sent) {
		if (one.kind === 'end') continue;
		if (one.kind === 'frame') {
			seen.push({ where: 'frame', bytes: Buffer.from(one.message) });
			continue;
		}
		seen.push({ where: 'URL', bytes: Buffer.from(one.url) });
		seen.push({ where: 'headers', bytes: Buffer.from(one.headers.join('\n')) });
		if (one.kind === 'http') seen.push({ where: `body of ${one.url}`, bytes: one.body });
	}
	for (const { kind, bytes } of answers) seen.push({ where: `answer, ${kind}`, bytes });
}

/** The secret behind the last dot of a link, as text and as bytes. */
function keep(name: string, url: string | null): string {
	assert(url !== null);
	const secret = url.split('.').at(-1) ?? '';
	secrets.set(`${name}, as text`, formsOf(secret));
	secrets.set(name, formsOf(Buffer.from(secret, 'base64url')));
	return url;
}

async function open(url: string, passphrase?: string): Promise<void> {
	const liar = await Liar.start(edge.url);
	const startCrypto = () => startCryptoInProcess(() => Promise.resolve(opaqueModule));
	const view = await openLinkView({ origin: liar.url, startCrypto }, url, passphrase);
	assert(view.ok, JSON.stringify(view));
	assert.equal(view.value.space.items[0]?.title, words.title);
	await view.value.close();
	record(liar);
	await liar.stop();
}

async function share(owner: Person, guest: Person): Promise<void> {
	const made = await owner.device.tacet.createSpace({ name: words.spaceName });
	assert(made.ok);
	const space = made.value;
	assert((await space.create({ title: words.title })).ok);
	const invited = await space.invite({ role: 'viewer', expiresInDays: 1 });
	assert(invited.ok);
	keep('secret of an invitation', invited.value.url);
	await letIn(space, guest, 'editor');
	assert((await space.rename(words.newName)).ok);
	const input = { label: words.label, expiresAtMs: null, openings: null };
	const plain = await space.createLink({ ...input, passphrase: null });
	const guarded = await space.createLink({ ...input, passphrase: words.passphrase });
	assert(plain.ok && guarded.ok);
	await when(space, () => isOnline(space));
	await open(keep('secret of a link', plain.value.url));
	await open(keep('secret of a guarded link', guarded.value.url), words.passphrase);
	const other = await owner.device.tacet.createSpace({ name: words.spaceName });
	assert(other.ok);
	assert((await other.value.inviteHandle({ handle: guestsHandle, role: 'viewer' })).ok);
	const asked = await guest.device.tacet.requests();
	assert(asked.ok && asked.value.length === 1);
	const offer = await owner.device.tacet.linkDevice();
	assert(offer.ok);
	keep('secret of a device link', offer.value.url);
}

beforeAll(async () => {
	edge = await startEdge();
	const owner = await newPerson(edge, ownersHandle);
	const guest = await newPerson(edge, guestsHandle);
	for (const [name, word] of Object.entries(words)) secrets.set(name, formsOf(word));
	await share(owner, guest);
	for (const { device } of [owner, guest]) {
		record(device.liar);
		await device.close();
	}
	await edge.stop();
});
afterAll(() => edge.remove());

const findings = (places: readonly Place[], wanted: ReadonlyMap<string, readonly Buffer[]>) =>
	places
		.map(({ where, bytes }) => ({ where, found: findIn(bytes, wanted) }))
		.filter(({ found }) => found.length > 0);

async function filesOfEdge(): Promise<readonly Place[]> {
	const files = await readdir(edge.dataDir, { recursive: true, withFileTypes: true });
	const names = files
		.filter((file) => file.isFile())
		.map((file) => path.join(file.parentPath, file.name));
	return Promise.all(
		names.map(async (name) => ({
			where: path.relative(edge.dataDir, name),
			bytes: await readFile(name)
		}))
	);
}

describe('nothing of what is shared, what it is called, or what opens a link', () => {
	test('KEY-17, NET-01 is in any URL, header, body or frame, either way', () => {
		expect(seen.length).toBeGreaterThan(80);
		expect(secrets.size).toBe(Object.keys(words).length + 8);
		expect(findings(seen, secrets)).toEqual([]);
	});

	test('KEY-17, EDG-07 is in any file of the edge: databases, their journals, the log', async () => {
		const files = await filesOfEdge();
		expect(files.filter(({ where }) => where.includes('.sqlite')).length).toBeGreaterThan(3);
		expect(findings(files, secrets)).toEqual([]);
	});
});

describe('what people are called', () => {
	test('EDG-07 is sealed in claims, invitations and requests: the edge hears it where it looks somebody up', async () => {
		const places = new Set(findings(seen, handles).map(({ where }) => where));
		expect([...places].sort()).toEqual([
			'body of /v1/identities/read',
			'body of /v1/login/finish',
			'body of /v1/login/start',
			'body of /v1/registration/finish',
			'body of /v1/registration/start',
			'body of /v1/requests/send'
		]);
		expect(findings(await filesOfEdge(), handles)).toEqual([]);
	});
});
