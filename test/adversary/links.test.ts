// Share links before an edge that swaps and relays, and strangers who guess.
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http } from '../../client/http.ts';
import type { LinkView, Space } from '../../client/index.ts';
import { openLinkView } from '../../client/link-view.ts';
import { parseLinkUrl, type LinkUrlOf } from '../../client/link-url.ts';
import { linkDoorKey, linkPassword } from '../../crypto/client/link-secret.ts';
import { preparePassword } from '../../crypto/client/password.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { RouteName } from '../../protocol/http.ts';
import { maxPassphraseGuesses } from '../../protocol/limits.ts';
import type { Answer } from '../../client/api.ts';
import { newPerson, newLink, type Company, type Person } from './company.ts';
import { isOnline, viewOf, when } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { Liar, type Lie } from './liar.ts';
import { flipped, headsOf } from './lies.ts';
import { chanceOf } from './random.ts';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });

const passphrase = 'passphrase of nine herons';
/** Thumbprint of a key that nobody has: what is opened with it goes no further. */
const anyKey = toBase64Url(new Uint8Array(32).fill(7));

let edge: Edge;
let ann: Person;
let garden: Space;
let cellar: Space;
let toGarden: Company['link'];
let toCellar: Company['link'];
beforeAll(async () => {
	edge = await startEdge();
	ann = await newPerson(edge, 'ann');
	garden = await newSpace('Garden');
	cellar = await newSpace('Cellar');
	toGarden = await newLink(garden, 'To the garden');
	toCellar = await newLink(cellar, 'To the cellar');
});
afterAll(async () => {
	await ann.device.close();
	await edge.remove();
});

async function newSpace(name: string): Promise<Space> {
	const made = await ann.device.tacet.createSpace({ name });
	assert(made.ok, JSON.stringify(made));
	const space = made.value;
	assert((await space.create({ title: `Only in the ${name}`, body: name })).ok);
	await when(space, () => isOnline(space));
	return space;
}

const startCrypto = () => startCryptoInProcess(() => Promise.resolve(opaqueModule));

interface Opened {
	readonly liar: Liar;
	readonly view: Awaited<Answer<LinkView>>;
	readonly close: () => Promise<void>;
}

/** Opens a link behind a liar of its own. */
async function opened(url: string, lie: Lie = {}, word?: string): Promise<Opened> {
	const liar = await Liar.start(edge.url);
	liar.lie = lie;
	const view = await openLinkView({ origin: liar.url, startCrypto }, url, word);
	return {
		liar,
		view,
		close: async (): Promise<void> => {
			if (view.ok) await view.value.close();
			await liar.stop();
		}
	};
}

const about = (wanted: RouteName, change: (body: never) => unknown): Lie => ({
	answer: (route, { status, body }) =>
		route === wanted && status === 200 ? { status, body: change(body as never) } : undefined
});

interface Started {
	readonly guarded: boolean;
	readonly login: unknown;
	readonly opening: {
		readonly record: string;
		readonly account: string;
		readonly accessToken: string;
	};
}

const codeOf = (answer: Awaited<Answer<LinkView>>): string =>
	answer.ok ? 'opened' : answer.error.code;

const linkOf = (url: string): LinkUrlOf<'share'> => {
	const link = parseLinkUrl(url);
	assert(link?.type === 'share');
	return link;
};

async function withPassphrase(space: Space): Promise<string> {
	const made = await space.createLink({
		label: 'Guarded',
		expiresAtMs: null,
		openings: null,
		passphrase
	});
	assert(made.ok && made.value.url !== null, JSON.stringify(made));
	return made.value.url;
}

describe('a share link', () => {
	test('KEY-17 opens to what members see, and its secret is in no request', async () => {
		const { view, liar, close } = await opened(toGarden.url);
		assert(view.ok, JSON.stringify(view));
		expect(await viewOf(view.value.space)).toBe(await viewOf(garden));
		const secret = toGarden.url.split('.').at(-1) ?? '';
		for (const sent of [...liar.sent, ...ann.device.liar.sent]) {
			if (sent.kind === 'frame' || sent.kind === 'end') continue;
			const body = sent.kind === 'http' ? sent.body.toString() : '';
			expect(`${sent.url} ${sent.headers.join(' ')} ${body}`).not.toContain(secret);
		}
		await close();
	});

	test('INT-02 served with the record, account or token of another link shows nothing', async () => {
		let other: Started['opening'] | null = null;
		const heard = await opened(toCellar.url, {
			answer(route, { body }) {
				if (route === 'linkStart') other = (body as Started).opening;
				return undefined;
			}
		});
		assert(heard.view.ok);
		await heard.close();
		const foreign = other as Started['opening'] | null;
		assert(foreign);
		for (const [change, expected] of [
			[{ record: foreign.record }, ['link_invalid']],
			[{ account: foreign.account }, ['server_misbehaved']],
			[foreign, ['link_invalid']],
			// A token of another space opens no socket of this one.
			[{ accessToken: foreign.accessToken }, ['link_ended', 'not_found', 'unauthenticated']]
		] as const) {
			const lie = about('linkStart', (body: Started) => ({
				...body,
				opening: { ...body.opening, ...change }
			}));
			const { view, close } = await opened(toGarden.url, lie);
			expect(expected).toContain(codeOf(view));
			await close();
		}
	});

	test('INT-02, KEY-06 served with the log of another space stops', async () => {
		const log: Parameters<typeof headsOf>[0][number][] = [];
		const heard = await opened(toCellar.url, {
			toClient(frame) {
				if (frame.type === 'entries') log.push(...frame.entries);
				return undefined;
			}
		});
		assert(heard.view.ok);
		await heard.close();
		const offered = headsOf(log).at(-1);
		assert(offered);
		const { view, close } = await opened(toGarden.url, {
			toClient: (frame) =>
				frame.type === 'hello'
					? [{ type: 'hello', offered }]
					: frame.type === 'entries'
						? [{ type: 'entries', entries: log, offered }]
						: undefined
		});
		expect(codeOf(view)).toBe('not_trusted');
		await close();
	});

	test('INT-01 with any bit of its record changed is invalid', async () => {
		for (let seed = 1; seed <= 12; seed++) {
			const lie = about('linkStart', (body: Started) => {
				const record = fromBase64Url(body.opening.record);
				assert(record.ok);
				const changed = toBase64Url(flipped(record.value, chanceOf(seed)));
				return { ...body, opening: { ...body.opening, record: changed } };
			});
			const { view, close } = await opened(toGarden.url, lie);
			expect(codeOf(view)).toBe('link_invalid');
			await close();
		}
	});

	test('INT-14 answered with a token that is none, and that no socket takes, is an error at once', async () => {
		for (const accessToken of ['', 'a b', 'tacet.1', 'tacet_at_ä.x', 'tacet_at_a.b\r\nx: y']) {
			const { view, close } = await opened(
				toGarden.url,
				about('linkStart', (body: Started) => ({
					...body,
					opening: { ...body.opening, accessToken }
				}))
			);
			expect([accessToken, codeOf(view)]).toEqual([accessToken, 'server_misbehaved']);
			await close();
		}
	});

	test('INT-05 shown the log from before it was made, or without its end, shows nothing', async () => {
		const log: Parameters<typeof headsOf>[0][number][] = [];
		const heard = await opened(toGarden.url, {
			toClient(frame) {
				if (frame.type === 'entries') log.push(...frame.entries);
				return undefined;
			}
		});
		await heard.close();
		for (const until of headsOf(log).slice(1, 3)) {
			const { view, close } = await opened(toGarden.url, {
				toClient(frame) {
					if (frame.type === 'hello') return [{ type: 'hello', offered: until }];
					if (frame.type !== 'entries') return undefined;
					const entries = frame.entries.filter(({ seq }) => seq <= until.seq);
					return [{ ...frame, entries, offered: until }];
				}
			});
			expect(codeOf(view)).not.toBe('opened');
			await close();
		}
	});
});

describe('the door of a share link', () => {
	const knock = async (url: string, door: Uint8Array) => {
		const { space, link } = linkOf(url);
		const http = new Http({ origin: edge.url });
		return http.call('linkStart', { space, link, door: toBase64Url(door), ke1: null, jkt: anyKey });
	};

	test('PWD-12, EDG-12 is not opened by the key of another link, nor told apart from a link that is not there', async () => {
		const wrong = await knock(toGarden.url, linkDoorKey(linkOf(toCellar.url).secret));
		const missing = await new Http({ origin: edge.url }).call('linkStart', {
			space: linkOf(toGarden.url).space,
			link: linkOf(toCellar.url).link,
			door: toBase64Url(new Uint8Array(32)),
			ke1: null,
			jkt: anyKey
		});
		expect(wrong).toEqual(missing);
		expect(wrong).toMatchObject({ ok: false, error: { code: 'not_found' } });
	});

	test('PWD-12 gives whoever has learnt its key ciphertext, and nothing that opens it', async () => {
		const { space, link, secret } = linkOf(toGarden.url);
		const got = await knock(toGarden.url, linkDoorKey(secret));
		assert(got.ok && got.value.opening !== null);
		const record = fromBase64Url(got.value.opening.record);
		assert(record.ok);
		// The door's key in the place of the secret, as a relay would have it.
		const core = startCrypto();
		const { port } = core;
		const tried = await port.sharing.openInvite({
			secret: linkDoorKey(secret),
			space,
			invite: link as never,
			sealed: record.value
		});
		core.end();
		expect(tried.ok).toBe(false);
	});
});

describe('a passphrase', () => {
	test('PWD-12 can’t be guessed by whoever has not the link, and their guesses burn nothing', async () => {
		const url = await withPassphrase(garden);
		const { space, link } = linkOf(url);
		const http = new Http({ origin: edge.url });
		const core = startCrypto();
		const { port } = core;
		const ke1 = await port.sharing.startLinkLogin(new Uint8Array(32), passphrase);
		assert(ke1.ok);
		for (let guess = 0; guess < 2 * maxPassphraseGuesses; guess++) {
			const door = toBase64Url(Uint8Array.from({ length: 32 }, () => guess));
			const started = await http.call('linkStart', {
				space,
				link,
				door,
				ke1: toBase64Url(ke1.value),
				jkt: anyKey
			});
			expect(started.ok).toBe(false);
		}
		core.end();
		const { view, close } = await opened(url, {}, passphrase);
		expect(codeOf(view)).toBe('opened');
		await close();
	});

	test('PWD-12 is no part of what OPAQUE is given: without the link the right one is a wrong one', () => {
		const prepared = preparePassword(passphrase);
		assert(prepared.ok);
		const own = linkPassword(linkOf(toGarden.url).secret, prepared.value);
		const other = linkPassword(linkOf(toCellar.url).secret, prepared.value);
		expect(own).not.toEqual(other);
		expect(JSON.stringify(own)).not.toContain(passphrase);
	});

	test('PWD-12, PWD-06 guessed ten times freezes the link, also when no guess was finished', async () => {
		const url = await withPassphrase(garden);
		const { space, link, secret } = linkOf(url);
		const http = new Http({ origin: edge.url });
		const door = toBase64Url(linkDoorKey(secret));
		const core = startCrypto();
		const { port } = core;
		const ke1 = await port.sharing.startLinkLogin(secret, 'a wrong passphrase');
		assert(ke1.ok);
		for (let guess = 0; guess < maxPassphraseGuesses; guess++) {
			await http.call('linkStart', { space, link, door, ke1: toBase64Url(ke1.value), jkt: anyKey });
		}
		core.end();
		const { view, close } = await opened(url, {}, passphrase);
		expect(codeOf(view)).not.toBe('opened');
		await close();
		const listed = await garden.links();
		assert(listed.ok);
		expect(listed.value.find((one) => one.link === link)).toMatchObject({ frozen: true });
	});
});
