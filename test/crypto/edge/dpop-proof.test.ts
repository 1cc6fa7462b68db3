// RFC 9449 §4.3, check by check: what is taken, and one thing wrong at a time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeDpopProof, type ProofKey } from '../../../crypto/client/dpop-proof.ts';
import {
	isSignedByItsKey,
	parseDpopProof,
	verifyDpopProof,
	type ProofSubject
} from '../../../crypto/edge/dpop-proof.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../../../crypto/jwk.ts';
import { accessTokenHash } from '../../../crypto/proven-request.ts';
import { fromBase64Url, toBase64Url, utf8Encode } from '../../../protocol/bytes.ts';
import { maxProofCharacters } from '../../../protocol/limits.ts';
import { headerOf, newProofKey, signJwt, someRequest } from '../proof-maker.ts';
import { flipped, hex, valueOf, withVectors } from '../vectors.ts';

/** RFC 9449 §4.1 and §6.1. */
const rfcJwk = valueOf(
	parseP256Jwk({
		kty: 'EC',
		crv: 'P-256',
		x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
		y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA'
	})
);
const rfcHeader =
	'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoU' +
	'klDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWcl' +
	'UwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19';
/** RFC 9449 §4.1, Figure 2: to a token endpoint. */
const rfcTokenProof =
	`${rfcHeader}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVy` +
	'LmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvw' +
	'nQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg';
/** RFC 9449 §7.1, Figure 12: to a resource, with a token. */
const rfcResourceProof =
	`${rfcHeader}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJj` +
	'ZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaN' +
	'TNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxH' +
	'F8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA';
const rfcAccessToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';

const accessToken = 'tacet_at_AAAA.BBBB';
const key = await newProofKey();
const otherKey = await newProofKey();
const request = await someRequest();
const thumbprint = jwkThumbprint(key.jwk);
const subject: ProofSubject = { request, accessToken, thumbprint };

const goodClaims = {
	jti: 'AAECAwQFBgcICQoLDA0ODw',
	...request,
	iat: 1_795_000_000,
	ath: accessTokenHash(accessToken),
	nonce: 'nonce-of-the-edge'
};

type Members = Readonly<Record<string, unknown>>;

/** A good proof with other claims or header members; `undefined` takes one out. */
const proofWith = (claims: Members, header: Members = {}, by: ProofKey = key): Promise<string> =>
	signJwt(by, {
		header: JSON.stringify({ ...headerOf(by), ...header }),
		claims: JSON.stringify({ ...goodClaims, ...claims })
	});

async function judge(text: string, about: Partial<ProofSubject> = {}): Promise<string> {
	const proof = parseDpopProof(text);
	if (!proof.ok) return proof.error;
	const judged = await verifyDpopProof(proof.value, { ...subject, ...about });
	return judged.ok ? 'taken' : judged.error;
}

const without = (text: string, part: string) => text.replace(part, '');
const headerJson = JSON.stringify(headerOf(key));
const claimsJson = JSON.stringify(goodClaims);
const signTexts = (header: string | Uint8Array, claims: string | Uint8Array = claimsJson) =>
	signJwt(key, { header, claims });

describe('the proofs that RFC 9449 prints', () => {
	test('§4.1: is read as §4.2 explains it, and signed by its key', async () => {
		const proof = valueOf(parseDpopProof(rfcTokenProof));
		expect(proof.jwk).toEqual(rfcJwk);
		expect(proof.claims).toEqual({
			jti: '-BwC3ESc6acc2lTc',
			htm: 'POST',
			htu: 'https://server.example.com/token',
			iat: 1_562_262_616,
			...{ ath: null, nonce: null, bh: null }
		});
		expect(await isSignedByItsKey(proof)).toBe(true);
	});

	test('§6.1: is of the key with that thumbprint', () => {
		const { thumbprint: jkt } = valueOf(parseDpopProof(rfcTokenProof));
		expect(toBase64Url(jkt)).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
	});

	test('§7.1: has the hash of its token', async () => {
		const proof = valueOf(parseDpopProof(rfcResourceProof));
		expect(proof.claims.ath).toBe('fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo');
		expect(accessTokenHash(rfcAccessToken)).toBe(proof.claims.ath);
		expect(await isSignedByItsKey(proof)).toBe(true);
	});

	test('are refused here: they say nothing of query and body', async () => {
		const { htm, htu } = valueOf(parseDpopProof(rfcResourceProof)).claims;
		const about = {
			request: { ...request, htm, htu },
			accessToken: rfcAccessToken,
			thumbprint: jwkThumbprint(rfcJwk)
		};
		expect(await judge(rfcResourceProof, about)).toBe('wrong_request');
	});
});

interface PrintedProofs {
	readonly access_token: string;
	readonly jkt: string;
	readonly proofs: readonly { readonly dpop: string; readonly claims: Members }[];
}

await withVectors<PrintedProofs>('RFC 9449, transcribed', 'rfc-small/rfc9449_dpop.json', (rfc) => {
	test('is what is typed in here', async () => {
		expect(rfc.proofs.map(({ dpop }) => dpop)).toEqual([rfcTokenProof, rfcResourceProof]);
		expect(rfc.access_token).toBe(rfcAccessToken);
		for (const { dpop, claims } of rfc.proofs) {
			const proof = valueOf(parseDpopProof(dpop));
			expect(proof.claims).toMatchObject(claims);
			expect(toBase64Url(proof.thumbprint)).toBe(rfc.jkt);
			expect(await isSignedByItsKey(proof)).toBe(true);
		}
	});
});

describe('a proof is taken', () => {
	test('as our client makes it, with and without a token and a nonce', async () => {
		for (const token of [accessToken, null]) {
			for (const nonce of ['nonce-of-the-edge', null]) {
				const context = { accessToken: token, nonce, nowMs: 1_795_000_000_999 };
				const text = await makeDpopProof(key, { request, context });
				expect(await judge(text, { accessToken: token })).toBe('taken');
				const { claims } = valueOf(parseDpopProof(text));
				expect(claims.nonce).toBe(nonce);
				expect(claims.iat).toBe(1_795_000_000);
			}
		}
	});

	test('with its members in any order, with white space and escapes', async () => {
		const { jwk } = key;
		const header = `{ "jwk" : {"y":"${jwk.y}","x":"${jwk.x}","crv":"P-256","kty":"EC"},\n "alg":"ES256", "\\u0074yp":"dpop+jwt"}`;
		const escaped = claimsJson.replaceAll('/', '\\/');
		expect(await judge(await signTexts(header, escaped))).toBe('taken');
	});

	test('whatever the clock of its client says', async () => {
		for (const iat of [0, -5, 1.5, 4_102_444_800, 1e15]) {
			expect(await judge(await proofWith({ iat }))).toBe('taken');
		}
	});

	test('of any key, where no session says which', async () => {
		expect(await judge(await proofWith({}, {}, otherKey), { thumbprint: null })).toBe('taken');
	});

	test('with the longest and the shortest id', async () => {
		expect(await judge(await proofWith({ jti: 'a'.repeat(16) }))).toBe('taken');
		expect(await judge(await proofWith({ jti: 'a'.repeat(64) }))).toBe('taken');
	});
});

const twice = async () => `${await proofWith({})}, ${await proofWith({ jti: 'a'.repeat(22) })}`;

describe('§4.3 check 1: there is one header field', () => {
	test('two of them, joined as the platform joins them, are refused', async () => {
		expect(await judge(await twice())).toBe('malformed');
	});
});

describe('§4.3 check 2: it is one well-formed JWT', () => {
	const good = proofWith({});
	const part = async (index: number) => (await good).split('.')[index]!;

	test('of three parts', async () => {
		const text = await good;
		const [header, claims, signature] = text.split('.');
		const others = ['', '.', '..', `${text}.`, `.${text}`, `${text}.${signature!}`, header!];
		others.push(`${header!}.${claims!}`, `${header!}..${signature!}`, `.${claims!}.${signature!}`);
		for (const other of others) expect(await judge(other)).toBe('malformed');
	});

	test('in strict base64url', async () => {
		const text = await good;
		const signature = await part(2);
		const others = [`${text}=`, `${text}==`, ` ${text}`, `${text}\n`, text.replace('.', '. ')];
		others.push(text.replace(signature, `${signature.slice(0, 9)} ${signature.slice(9)}`));
		others.push(text.replace(signature, `+/${signature.slice(2)}`));
		// 64 bytes leave four bits: 86 characters, of which the last has four of them at zero.
		const last = signature.at(-1)!;
		const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
		const next = alphabet[alphabet.indexOf(last) + 1]!;
		others.push(text.slice(0, -1) + next);
		for (const other of others) expect(await judge(other)).toBe('malformed');
	});

	test('of objects in JSON, in UTF-8', async () => {
		const texts = ['', '{', '[]', 'null', '7', '""', `${claimsJson},`, `${claimsJson}{}`];
		texts.push(`[${claimsJson}]`, `\ufeff${claimsJson}`, claimsJson.replaceAll('"', "'"));
		for (const text of texts) {
			expect(await judge(await signTexts(headerJson, text))).toBe('malformed');
			expect(await judge(await signTexts(text))).toBe('malformed');
		}
		const bytes = utf8Encode(claimsJson);
		const overlong = flipped(bytes, claimsJson.indexOf('nonce-of'), 0x80);
		expect(await judge(await signTexts(headerJson, overlong))).toBe('malformed');
	});

	test('no member of which comes twice, whichever of them is right', async () => {
		const wrongMethod = '"htm":"GET"';
		const texts = [
			claimsJson.replace('{', `{${wrongMethod},`),
			claimsJson.replace(/}$/, `,${wrongMethod}}`),
			claimsJson.replace('{', '{"htm":"POST",'),
			claimsJson.replace('{', '{"\\u0068tm":"GET",'),
			claimsJson.replace('{', '{"htm" \n:"GET",')
		];
		for (const text of texts) {
			expect(await judge(await signTexts(headerJson, text))).toBe('malformed');
		}
		const headers = [
			headerJson.replace('{', '{"alg":"none",'),
			headerJson.replace(/}$/, ',"alg":"ES256"}'),
			headerJson.replace('"kty":"EC"', '"kty":"EC","kty":"EC"'),
			headerJson.replace('{', `{"jwk":${JSON.stringify(otherKey.jwk)},`)
		];
		for (const header of headers) expect(await judge(await signTexts(header))).toBe('malformed');
	});

	test('which quotes and colons inside a string do not make look like two', async () => {
		for (const nonce of ['a":"b', '","htm":"GET', '\\":', ':":']) {
			expect(await judge(await proofWith({ nonce }))).toBe('taken');
		}
	});

	test('nested no deeper than a key, and no longer than a proof may be', async () => {
		for (const depth of [1, 2, 700]) {
			const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
			const claims = claimsJson.replace('"nonce-of-the-edge"', nested);
			expect(await judge(await signTexts(headerJson, claims))).toBe('malformed');
			expect(await judge(await signTexts(nested))).toBe('malformed');
		}
		const longest = await signTexts(headerJson + ' '.repeat(800), claimsJson);
		const room = Math.floor(((maxProofCharacters - longest.length) * 3) / 4);
		const fits = await signTexts(headerJson + ' '.repeat(800 + room), claimsJson);
		expect(fits.length).toBeGreaterThan(maxProofCharacters - 4);
		expect(await judge(fits)).toBe('taken');
		const tooLong = await signTexts(headerJson + ' '.repeat(803 + room), claimsJson);
		expect(tooLong.length).toBeGreaterThan(maxProofCharacters);
		expect(await judge(tooLong)).toBe('malformed');
	});
});

describe('§4.3 check 3: it has the claims of §4.2, and none that nobody looks at', () => {
	test.each([
		...(['jti', 'htm', 'htu', 'iat'] as const).flatMap((name) => [
			{ [name]: undefined },
			{ [name]: null },
			{ [name]: true },
			{ [name]: [] },
			{ [name]: {} }
		]),
		...(['jti', 'htm', 'htu', 'nonce', 'ath', 'bh'] as const).flatMap((name) => [
			{ [name]: '' },
			{ [name]: 7 },
			{ [name]: null },
			{ [name]: 'with white space' },
			{ [name]: 'A\u030angstro\u0308m-in-two-marks' },
			{ [name]: '\u212bngstr\u00f6m-in-one-letter' },
			{ [name]: 'zero\u0000zero\u0000zero\u0000' }
		]),
		{ iat: '1795000000' },
		{ jti: 'a'.repeat(15) },
		{ jti: 'a'.repeat(65) },
		{ nonce: 'a'.repeat(65) },
		{ exp: 1_795_000_600 },
		{ nbf: 1_795_000_000 },
		{ Jti: 'AAECAwQFBgcICQoLDA0ODw' },
		{ constructor: 'x' },
		{ ['']: 'x' }
	] satisfies Members[])('%j', async (claims) => {
		expect(await judge(await proofWith(claims))).toBe('malformed');
	});

	test('a time that no double holds is no time', async () => {
		const claims = claimsJson.replace('1795000000', '1e999');
		expect(await judge(await signTexts(headerJson, claims))).toBe('malformed');
	});

	test('a member named after the prototype is a member like others', async () => {
		const claims = claimsJson.replace('{', '{"__proto__":{"htm":"GET"},');
		expect(await judge(await signTexts(headerJson, claims))).toBe('malformed');
		const header = `{"__proto__":${headerJson.slice(1)}`;
		expect(await judge(await signTexts(header))).toBe('malformed');
		const inherited = `{"__proto__":${headerJson}}`;
		expect(await judge(await signTexts(inherited))).toBe('malformed');
	});
});

describe('§4.3 checks 4, 5 and 7: its header says typ, alg and a public key, and nothing else', () => {
	test.each([
		{ typ: undefined },
		{ typ: 'JWT' },
		{ typ: 'DPoP+JWT' },
		{ typ: 'application/dpop+jwt' },
		{ typ: ['dpop+jwt'] },
		{ alg: undefined },
		{ alg: 'none' },
		{ alg: 'None' },
		{ alg: 'HS256' },
		{ alg: 'RS256' },
		{ alg: 'ES384' },
		{ alg: 'ES256K' },
		{ alg: 'EdDSA' },
		{ alg: 'es256' },
		{ alg: ['ES256'] },
		{ crit: ['exp'], exp: 1 },
		{ crit: [] },
		{ b64: false },
		{ kid: '1' },
		{ jku: 'https://evil.example/keys' },
		{ x5c: ['AAAA'] },
		{ x5u: 'https://evil.example/chain' },
		{ x5t: 'AAAA' },
		{ cty: 'JWT' },
		{ zip: 'DEF' },
		{ nonce: 'nonce-of-the-edge' },
		{ jwk: undefined },
		{ jwk: null },
		{ jwk: JSON.stringify(key.jwk) },
		{ jwk: [key.jwk] },
		{ jwk: { ...key.jwk, d: key.jwk.x } },
		{ jwk: { ...key.jwk, alg: 'ES256' } },
		{ jwk: { ...key.jwk, use: 'sig' } },
		{ jwk: { ...key.jwk, key_ops: ['verify'] } },
		{ jwk: { ...key.jwk, kid: '1' } },
		{ jwk: { ...key.jwk, crv: 'P-384' } },
		{ jwk: { ...key.jwk, kty: 'oct', k: 'AAAA' } },
		{ jwk: { kty: 'oct', k: key.jwk.x } },
		{ jwk: { kty: 'OKP', crv: 'Ed25519', x: key.jwk.x } },
		{ jwk: { kty: 'EC', crv: 'P-256', x: key.jwk.x } },
		{ jwk: { ...key.jwk, x: `${key.jwk.x}=` } },
		{ jwk: { ...key.jwk, x: key.jwk.x.slice(0, -2) } },
		{ jwk: { ...key.jwk, x: `AA${key.jwk.x}` } }
	] satisfies Members[])('%j', async (header) => {
		expect(await judge(await proofWith({}, header))).toBe('malformed');
	});

	test('a MAC under the public key is no signature (CVE-2015-9235)', async () => {
		const secret = await crypto.subtle.importKey(
			'raw',
			new TextEncoder().encode(JSON.stringify(key.jwk)),
			{ name: 'HMAC', hash: 'SHA-256' },
			false,
			['sign']
		);
		const [header, claims] = (await proofWith({}, { alg: 'HS256' })).split('.');
		const signed = `${header!}.${claims!}`;
		const mac = await crypto.subtle.sign('HMAC', secret, new TextEncoder().encode(signed));
		expect(await judge(`${signed}.${toBase64Url(new Uint8Array(mac))}`)).toBe('malformed');
	});
});

describe('§4.3 check 6: the key in it signed it', () => {
	test('and no other did', async () => {
		const text = await proofWith({}, { jwk: key.jwk }, otherKey);
		expect(await judge(text)).toBe('bad_signature');
	});

	test('byte for byte as it stands', async () => {
		const [header, claims, signature] = (await proofWith({})).split('.');
		const [, otherClaims] = (await proofWith({ jti: 'b'.repeat(22) })).split('.');
		expect(await judge(`${header!}.${otherClaims!}.${signature!}`)).toBe('bad_signature');
		const spaced = toBase64Url(utf8Encode(`${headerJson} `));
		expect(await judge(`${spaced}.${claims!}.${signature!}`)).toBe('bad_signature');
		const bytes = valueOf(fromBase64Url(signature!));
		for (const index of [0, 31, 32, 63]) {
			const bad = toBase64Url(flipped(bytes, index));
			expect(await judge(`${header!}.${claims!}.${bad}`)).toBe('bad_signature');
		}
	});

	test('as r and s of 32 bytes each, and in no other form', async () => {
		const [header, claims, signature] = (await proofWith({})).split('.');
		const bytes = valueOf(fromBase64Url(signature!));
		const der = new Uint8Array([0x30, 68, 2, 32, ...bytes.slice(0, 32), 2, 32, ...bytes.slice(32)]);
		for (const other of [new Uint8Array(0), bytes.slice(1), new Uint8Array([...bytes, 0]), der]) {
			const text = `${header!}.${claims!}.${toBase64Url(other)}`;
			expect(await judge(text)).toBe('malformed');
		}
		const zeros = toBase64Url(new Uint8Array(64));
		expect(await judge(`${header!}.${claims!}.${zeros}`)).toBe('bad_signature');
	});

	test('with a key that is a point of the curve', async () => {
		const zero = toBase64Url(new Uint8Array(32));
		const beyond = toBase64Url(new Uint8Array(32).fill(255));
		const points: P256Jwk[] = [
			{ ...key.jwk, y: otherKey.jwk.y },
			{ ...key.jwk, x: zero, y: zero },
			{ ...key.jwk, x: beyond },
			{ ...key.jwk, x: key.jwk.y, y: key.jwk.x }
		];
		for (const jwk of points) {
			const text = await proofWith({}, { jwk });
			expect(await judge(text, { thumbprint: null })).toBe('bad_signature');
		}
	});
});

describe('§4.3 checks 8 and 9, and bh: it is about this request', () => {
	test.each([
		{ htm: 'GET' },
		{ htm: 'post' },
		{ htu: 'https://notes.example/v1/requests/dismiss' },
		{ htu: 'https://notes.example/v1/requests/list/' },
		{ htu: 'https://notes.example/v1/requests/list?after=7' },
		{ htu: 'https://notes.example/v1/requests/list#top' },
		{ htu: 'http://notes.example/v1/requests/list' },
		{ htu: 'https://notes.example:8443/v1/requests/list' },
		{ htu: 'https://evil.example/v1/requests/list' },
		{ htu: 'https://notes.example@evil.example/v1/requests/list' },
		{ htu: 'https://notes.example.evil.example/v1/requests/list' },
		{ htu: '/v1/requests/list' },
		{ bh: undefined },
		{ bh: accessTokenHash('another body') },
		{ bh: `${request.bh}=` },
		{ bh: request.bh.toLowerCase() }
	] satisfies Members[])('%j is about another', async (claims) => {
		expect(await judge(await proofWith(claims))).toBe('wrong_request');
	});

	test.each([
		'https://NOTES.example/v1/requests/list',
		'HTTPS://notes.example:443/v1/requests/list',
		'https://notes.example/v1/requests/./list',
		'https://notes.example/%761/x/../requests/list'
	])('%s is this one', async (htu) => {
		expect(await judge(await proofWith({ htu }))).toBe('taken');
	});

	test('the request may be spelled otherwise, too', async () => {
		const htu = 'https://Notes.Example:443/v1/requests/list';
		expect(await judge(await proofWith({}), { request: { ...request, htu } })).toBe('taken');
	});

	test('a request to no address matches nothing', async () => {
		const nowhere = { ...request, htu: 'about:blank' };
		const text = await proofWith({ htu: 'about:blank' });
		expect(await judge(text, { request: nowhere })).toBe('wrong_request');
	});
});

describe('§4.3 check 12: it is of this token and the key that the token is bound to', () => {
	test('12a: the hash of the token', async () => {
		const other = accessTokenHash('tacet_at_AAAA.BBBC');
		expect(await judge(await proofWith({ ath: other }))).toBe('wrong_token');
		expect(await judge(await proofWith({ ath: undefined }))).toBe('wrong_token');
		expect(await judge(await proofWith({ ath: accessToken }))).toBe('wrong_token');
		expect(await judge(await proofWith({}), { accessToken: null })).toBe('wrong_token');
	});

	test('12b: another key is not that of the session, whatever it signs', async () => {
		expect(await judge(await proofWith({}, {}, otherKey))).toBe('wrong_key');
	});
});

const judged = ['malformed', 'wrong_request', 'wrong_token', 'wrong_key', 'bad_signature'];

describe('whatever comes', () => {
	test('is refused without an exception: text', () => {
		const base64 = fc.string({ unit: fc.constantFrom(...'AZaz09-_=+/. ') });
		const jwt = fc.array(fc.oneof(base64, fc.string())).map((parts) => parts.join('.'));
		fc.assert(
			fc.property(fc.oneof(fc.string({ unit: 'binary' }), jwt), (text) => {
				expect(parseDpopProof(text)).toEqual({ ok: false, error: 'malformed' });
			})
		);
	});

	test('is refused without an exception: signed JSON of any kind', async () => {
		const value = fc.jsonValue({ maxDepth: 3 });
		const claims = fc.dictionary(
			fc.constantFrom(...Object.keys(goodClaims), 'exp', '__proto__', 'toString'),
			value
		);
		await fc.assert(
			fc.asyncProperty(fc.oneof(value, claims), async (any) => {
				const text = JSON.stringify(any);
				const inClaims = await judge(await signTexts(headerJson, text));
				expect(judged).toContain(inClaims);
				expect(await judge(await signTexts(text))).toBe('malformed');
				const jwk = JSON.stringify({ ...headerOf(key), jwk: any });
				expect(await judge(await signTexts(jwk))).toBe('malformed');
			}),
			{ numRuns: 60 }
		);
	});

	test('a good proof with one character changed is never taken', async () => {
		const good = await proofWith({});
		const character = fc.constantFrom(...'ABCxyz019-_.=+ ,{}"');
		await fc.assert(
			fc.asyncProperty(fc.nat(good.length - 1), character, async (at, other) => {
				fc.pre(good[at] !== other);
				const text = good.slice(0, at) + other + good.slice(at + 1);
				expect(judged).toContain(await judge(text));
			}),
			{ numRuns: 150 }
		);
	});

	test('with a part taken out of its JSON is refused', async () => {
		const parts = ['"typ":"dpop+jwt",', '"alg":"ES256",', '"kty":"EC",'];
		for (const part of parts) {
			expect(await judge(await signTexts(without(headerJson, part)))).toBe('malformed');
		}
	});
});

interface P1363Group {
	readonly publicKey: { readonly uncompressed: string };
	readonly tests: readonly {
		readonly tcId: number;
		readonly comment: string;
		readonly msg: string;
		readonly sig: string;
		readonly result: 'valid' | 'invalid';
	}[];
}

await withVectors<{ readonly testGroups: readonly P1363Group[] }>(
	'Wycheproof, ECDSA P-256 with SHA-256 as r ‖ s',
	'wycheproof/ecdsa_secp256r1_sha256_p1363_test.json',
	({ testGroups }) => {
		test('every signature is judged as it is there', async () => {
			let count = 0;
			for (const { publicKey, tests } of testGroups) {
				const point = hex(publicKey.uncompressed);
				const x = toBase64Url(point.slice(1, 33));
				const jwk = { kty: 'EC', crv: 'P-256', x, y: toBase64Url(point.slice(33)) } as const;
				for (const { tcId, comment, msg, sig, result } of tests) {
					const proof = { jwk, signed: hex(msg), signature: hex(sig) };
					const isGood = proof.signature.length === 64 && (await isSignedByItsKey(proof));
					expect(isGood, `${tcId} ${comment}`).toBe(result === 'valid');
					count++;
				}
			}
			expect(count).toBeGreaterThan(200);
		});
	}
);

interface JwsGroup {
	readonly comment: string;
	readonly public?: Readonly<Record<string, string>>;
	readonly tests: readonly { readonly jws: string; readonly result: string }[];
}

await withVectors<{ readonly testGroups: readonly JwsGroup[] }>(
	'Wycheproof, JSON Web Signature',
	'wycheproof/json_web_signature_test.json',
	({ testGroups }) => {
		test('none of them is a proof', () => {
			const texts = testGroups.flatMap(({ tests }) => tests.map(({ jws }) => jws));
			expect(texts.length).toBeGreaterThan(300);
			for (const text of texts) expect(parseDpopProof(text).ok).toBe(false);
		});

		test('those of ES256 are signed by their key where they are valid', async () => {
			const groups = testGroups.filter(({ public: jwk }) => jwk?.['alg'] === 'ES256');
			expect(groups.length).toBeGreaterThan(1);
			for (const { public: published, tests } of groups) {
				const { x = '', y = '' } = published ?? {};
				const jwk = { kty: 'EC', crv: 'P-256', x, y } as const;
				for (const { jws, result } of tests) {
					const [header = '', payload = '', signatureText = '', ...rest] = jws.split('.');
					const bytes = fromBase64Url(signatureText);
					if (rest.length > 0 || !bytes.ok || bytes.value.length !== 64) {
						expect(result).toBe('invalid');
						continue;
					}
					const signed = utf8Encode(`${header}.${payload}`);
					const isGood = await isSignedByItsKey({ jwk, signed, signature: bytes.value });
					// A header that was put in a signed text makes it another text.
					expect(isGood, jws).toBe(result === 'valid');
				}
			}
		});
	}
);
