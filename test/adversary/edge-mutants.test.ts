// Whether attacks on the edge itself would be noticed: each of its checks is taken out of the bundle
// that is deployed, one at a time, and the attack that it stands against must then succeed.
import assert from 'node:assert/strict';
import { beforeAll, afterAll, describe, expect, test, vi } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http } from '../../client/http.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../../crypto/random.ts';
import { linkDoorKey } from '../../crypto/client/link-secret.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { maxPassphraseGuesses } from '../../protocol/limits.ts';
import { newLink, newPerson } from './company.ts';
import { isOnline, when } from './device.ts';
import { startChangedEdge, startEdge, type Edge } from './edge.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What attackers have of two share links: where they are, and of the guarded one the door key. */
interface Doors {
	readonly http: Http;
	readonly open: { readonly space: never; readonly link: never };
	readonly guarded: Doors['open'];
	readonly guardedDoor: string;
	end(): Promise<void>;
}

async function doorsAt(edge: Edge): Promise<Doors> {
	const { device } = await newPerson(edge, 'ann');
	const made = await device.tacet.createSpace({ name: 'Garden' });
	assert(made.ok);
	await when(made.value, () => isOnline(made.value));
	const { url } = await newLink(made.value, 'For guests');
	const withWord = await made.value.createLink({
		...{ label: 'Guarded', expiresAtMs: null, openings: null },
		passphrase: 'passphrase of nine herons'
	});
	assert(withWord.ok && withWord.value.url !== null);
	const [open, guarded] = [parseLinkUrl(url), parseLinkUrl(withWord.value.url)];
	assert(open?.type === 'share' && guarded?.type === 'share');
	return {
		http: new Http({ origin: edge.url }),
		open: { space: open.space as never, link: open.link as never },
		guarded: { space: guarded.space as never, link: guarded.link as never },
		guardedDoor: toBase64Url(linkDoorKey(guarded.secret)),
		async end() {
			await device.close();
			await edge.remove();
		}
	};
}

const attacks = {
	/** With the link’s place, and no secret. */
	async 'open a link by another key'({ http, open }: Doors) {
		const door = toBase64Url(randomBytes(32));
		const answered = await http.call('linkStart', { ...open, door, ke1: null });
		assert.deepEqual(answered, { ok: false, error: { code: 'not_found' } });
	},

	/** Guesses that are never finished: whether one was right shows before the end. */
	async 'guess a passphrase without end'({ http, guarded, guardedDoor }: Doors) {
		const core = startCryptoInProcess(() => Promise.resolve(opaqueModule));
		const started = await core.port.startLogin('passphrase of ten herons');
		core.end();
		assert(started.ok);
		const codes: string[] = [];
		for (let guess = 0; guess <= maxPassphraseGuesses; guess++) {
			const ke1 = toBase64Url(started.value);
			const answered = await http.call('linkStart', { ...guarded, door: guardedDoor, ke1 });
			codes.push(answered.ok ? 'ok' : answered.error.code);
		}
		assert.equal(codes.at(-1), 'link_frozen');
	}
};

interface EdgeMutant {
	readonly without: string;
	readonly from: string;
	readonly to: string;
	readonly attack: keyof typeof attacks;
}

const mutants: readonly EdgeMutant[] = [
	{
		without: 'comparing the door key of a share link',
		from: '!isDoor || ',
		to: '',
		attack: 'open a link by another key'
	},
	{
		without: 'counting guesses before they are answered',
		from: 'this.#store.addGuess(',
		to: 'void (',
		attack: 'guess a passphrase without end'
	}
];

describe('the edge as it is', () => {
	let doors: Doors;
	beforeAll(async () => {
		doors = await doorsAt(await startEdge());
	});
	afterAll(() => doors.end());

	test('PWD-12 withstands: open a link by another key', () =>
		attacks['open a link by another key'](doors));
	test('PWD-12, PWD-06 withstands: guess a passphrase without end', () =>
		attacks['guess a passphrase without end'](doors));
});

describe('the edge without', () => {
	for (const { without, from, to, attack } of mutants) {
		test(`${without} falls to: ${attack}`, async () => {
			const doors = await doorsAt(await startChangedEdge(from, to));
			await expect(attacks[attack](doors)).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
			await doors.end();
		});
	}
});
