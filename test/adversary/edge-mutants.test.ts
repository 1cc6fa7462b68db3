// Whether attacks on the edge itself would be noticed: each of its checks is taken out of the bundle
// that is deployed, one at a time, and the attack that it stands against must then succeed.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, afterAll, describe, expect, test, vi } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http } from '../../client/http.ts';
import { generateDeviceKeyPair } from '../../client/profile.ts';
import { Proofs } from '../../client/proofs.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../../crypto/random.ts';
import { linkDoorKey } from '../../crypto/client/link-secret.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';
import { routes } from '../../protocol/http.ts';
import { maxPassphraseGuesses } from '../../protocol/limits.ts';
import { newLink, newPerson } from './company.ts';
import { isOnline, when, type Device } from './device.ts';
import { readableBundle, startEdge, type Edge } from './edge.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What attackers have of two share links: where they are, and of the guarded one the door key. */
interface Doors {
	readonly http: Http;
	readonly open: { readonly space: never; readonly link: never };
	readonly guarded: Doors['open'];
	readonly guardedDoor: string;
	readonly url: string;
	/** Ann's: her token, and what her key makes. */
	readonly token: string;
	readonly proofs: Proofs;
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
		...{ url: edge.url, token: tokenOf(device), proofs: await device.proofs() },
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

/** As it went over the wire. */
function tokenOf({ liar }: Device): string {
	const tokens = liar.sent.flatMap((sent) => {
		if (sent.kind !== 'http') return [];
		return sent.headers.filter((field) => field.startsWith('DPoP tacet_at_'));
	});
	const [token] = tokens.slice(-1);
	assert(token !== undefined);
	return token.replace('DPoP ', '');
}

/** Sends `body` with what was proven of `proven`; answers with the code, or 'ok'. */
async function dismiss(
	{ url, token }: Doors,
	proof: string,
	body: string
): Promise<{ readonly code: string; readonly nonce: string | null }> {
	const answer = await fetch(url + routes.requestDismiss.path, {
		method: 'POST',
		headers: { 'content-type': 'application/json', authorization: `DPoP ${token}`, dpop: proof },
		body
	});
	await answer.text();
	const code = answer.headers.get('tacet-code') ?? 'ok';
	return { code, nonce: answer.headers.get('dpop-nonce') };
}

const proofOf = ({ url, token }: Doors, by: Proofs, body: string): Promise<string> => {
	const place = url + routes.requestDismiss.path;
	return by.prove({ method: 'POST', url: place, body: utf8Encode(body) }, token);
};

/** Two requests that an honest device might make; and the nonce that the next proof needs. */
async function requestsOf(doors: Doors): Promise<readonly [string, string]> {
	const body = (digit: string): string => JSON.stringify({ request: digit.repeat(32) });
	const stale = await dismiss(doors, await proofOf(doors, doors.proofs, body('a')), body('a'));
	doors.proofs.learn(stale.nonce);
	return [body('a'), body('b')];
}

const attacks = {
	/** To the byte, with everything that went along. */
	async 'send a request again'(doors: Doors) {
		const [body] = await requestsOf(doors);
		const proof = await proofOf(doors, doors.proofs, body);
		// It is let in, and there is no such request.
		assert.equal((await dismiss(doors, proof, body)).code, 'not_found');
		assert.equal((await dismiss(doors, proof, body)).code, 'invalid_dpop_proof');
	},

	/** With a proof that was caught on its way, and never arrived. */
	async 'put another request in the place of one'(doors: Doors) {
		const [body, other] = await requestsOf(doors);
		const proof = await proofOf(doors, doors.proofs, body);
		assert.equal((await dismiss(doors, proof, other)).code, 'invalid_dpop_proof');
	},

	/** With a copied token, and whatever the edge tells. */
	async 'show a token by another key'(doors: Doors) {
		const [body] = await requestsOf(doors);
		const own = new Proofs(await generateDeviceKeyPair(), Date.now);
		own.learn((await dismiss(doors, await proofOf(doors, own, body), body)).nonce);
		const proof = await proofOf(doors, own, body);
		assert.equal((await dismiss(doors, proof, body)).code, 'invalid_dpop_proof');
	},

	/** With the link’s place, and no secret. */
	async 'open a link by another key'({ http, open }: Doors) {
		const [door, jkt] = [toBase64Url(randomBytes(32)), toBase64Url(randomBytes(32))];
		const answered = await http.call('linkStart', { ...open, door, ke1: null, jkt });
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
			const jkt = toBase64Url(randomBytes(32));
			const asked = { ...guarded, door: guardedDoor, ke1, jkt };
			const answered = await http.call('linkStart', asked);
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
		without: 'remembering which proofs were taken',
		from: 'nonce.taken.has(',
		to: '(() => false)(',
		attack: 'send a request again'
	},
	{
		without: 'comparing what is asked with what was proven',
		from: 'claims.bh === request.bh',
		to: 'true',
		attack: 'put another request in the place of one'
	},
	{
		without: 'comparing the key of a proof with that of the session',
		from: '!equalBytes(proof.thumbprint, thumbprint)',
		to: 'false',
		attack: 'show a token by another key'
	},
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

	test.each([
		'send a request again',
		'put another request in the place of one',
		'show a token by another key'
	] as const)('SES-04 withstands: %s', (attack) => attacks[attack](doors));
	test('PWD-12 withstands: open a link by another key', () =>
		attacks['open a link by another key'](doors));
	test('PWD-12, PWD-06 withstands: guess a passphrase without end', () =>
		attacks['guess a passphrase without end'](doors));
});

describe('the edge without', () => {
	let bundle: string;
	beforeAll(async () => {
		bundle = await readableBundle();
	});
	afterAll(() => rm(path.dirname(bundle), { recursive: true }));

	for (const { without, from, to, attack } of mutants) {
		test(`${without} falls to: ${attack}`, async () => {
			const doors = await doorsAt(await startEdge({ changed: { bundle, from, to } }));
			await expect(attacks[attack](doors)).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
			await doors.end();
		});
	}
});
