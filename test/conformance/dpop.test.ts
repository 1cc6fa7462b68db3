// Proofs of others judged by our edge's code, and ours by another verifier: RFC 9449 read three times.
import { generateKeyPair, generateProof } from 'dpop';
import * as oauth from 'oauth4webapi';
import { describe, expect, it } from 'vitest';
import { makeDpopProof, type ProofKey } from '../../crypto/client/dpop-proof.ts';
import { jwkThumbprint, parseP256Jwk } from '../../crypto/jwk.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import { ProofGuard } from '../../durable-objects/proof-guard.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';

const origin = 'https://notes.example';
const url = `${origin}/v1/spaces/7/socket?after=12`;
const address = `${origin}/v1/spaces/7/socket`;
const accessToken = 'tacet_at_AAAA.BBBB';
const none: Uint8Array = new Uint8Array(0);

async function proofKeyOf({ privateKey, publicKey }: CryptoKeyPair): Promise<ProofKey> {
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
	const jwk = parseP256Jwk({ kty, crv, x, y });
	if (!jwk.ok) throw new Error('the key is on P-256');
	return { privateKey, jwk: jwk.value };
}

async function subjectOf(pair: CryptoKeyPair, body = none, method = 'GET') {
	const { jwk } = await proofKeyOf(pair);
	const request = await describeRequest({ method, url, body });
	return { request, accessToken, thumbprint: jwkThumbprint(jwk) };
}

describe('a proof by dpop', () => {
	it('with bh as one more claim is taken, and once', async () => {
		const guard = new ProofGuard();
		const pair = await generateKeyPair('ES256');
		const body = utf8Encode('{"space":"7"}');
		const subject = await subjectOf(pair, body, 'POST');
		const { bh } = subject.request;
		const make = (nonce?: string) =>
			generateProof(pair, address, 'POST', nonce, accessToken, { bh });
		const refused = await guard.judge(await make(), subject);
		expect(refused).toEqual({ ok: false, error: 'use_dpop_nonce' });
		const proof = await make(guard.nonce);
		expect((await guard.judge(proof, subject)).ok).toBe(true);
		expect(await guard.judge(proof, subject)).toEqual({ ok: false, error: 'invalid_dpop_proof' });
	});

	it('is refused about another body, and under another key', async () => {
		const guard = new ProofGuard();
		const pair = await generateKeyPair('ES256');
		const { request } = await subjectOf(pair);
		const make = () =>
			generateProof(pair, address, 'GET', guard.nonce, accessToken, { bh: request.bh });
		const others = [
			await subjectOf(pair, utf8Encode('{}')),
			await subjectOf(await generateKeyPair('ES256'))
		];
		for (const subject of others) {
			const judged = await guard.judge(await make(), subject);
			expect(judged).toEqual({ ok: false, error: 'invalid_dpop_proof' });
		}
	});
});

describe('oauth4webapi', () => {
	it('asks again with the nonce that it was given, and is let in', async () => {
		const guard = new ProofGuard();
		const pair = await oauth.generateKeyPair('ES256');
		const subject = await subjectOf(pair);
		const handle = oauth.DPoP({}, pair, {
			[oauth.modifyAssertion]: (_header, claims) => {
				if ('htm' in claims) claims['bh'] = subject.request.bh;
			}
		});
		const answers: string[] = [];
		const edge = async (_url: string, { headers }: { headers: Record<string, string> }) => {
			expect(headers['authorization']).toBe(`DPoP ${accessToken}`);
			const judged = await guard.judge(headers['dpop'] ?? '', subject);
			answers.push(judged.ok ? 'taken' : judged.error);
			const asks = judged.ok ? {} : { 'WWW-Authenticate': `DPoP error="${judged.error}"` };
			const status = judged.ok ? 200 : 401;
			return new Response(null, { status, headers: { ...asks, 'DPoP-Nonce': guard.nonce } });
		};
		const ask = () =>
			oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), new Headers(), undefined, {
				DPoP: handle,
				[oauth.customFetch]: edge
			});
		const refused = await ask().catch((error: unknown) => error);
		expect(oauth.isDPoPNonceError(refused)).toBe(true);
		expect((await ask()).status).toBe(200);
		expect((await ask()).status).toBe(200);
		expect(answers).toEqual(['use_dpop_nonce', 'taken', 'taken']);
	});

	/** A resource server by oauth4webapi, which takes tokens of an issuer made up here. */
	async function judgeElsewhere(key: ProofKey, change: { url?: string; method?: string } = {}) {
		const issuer = 'https://issuer.example';
		const nowSeconds = Math.floor(Date.now() / 1_000);
		const pair = await oauth.generateKeyPair('ES256', { extractable: true });
		const token = await signToken(pair.privateKey, {
			...{ iss: issuer, aud: origin, sub: 'ada', client_id: 'notes', jti: 'a' },
			...{ iat: nowSeconds, exp: nowSeconds + 60 },
			cnf: { jkt: toBase64Url(jwkThumbprint(key.jwk)) }
		});
		const request = await describeRequest({ method: 'GET', url, body: none });
		const context = { accessToken: token, nonce: 'nonce', nowMs: Date.now() };
		const proof = await makeDpopProof(key, { request, context });
		const published = await crypto.subtle.exportKey('jwk', pair.publicKey);
		const keys = { keys: [{ ...published, alg: 'ES256', use: 'sig' }] };
		const sent = new Request(change.url ?? url, {
			method: change.method ?? 'GET',
			headers: { Authorization: `DPoP ${token}`, DPoP: proof }
		});
		return oauth.validateJwtAccessToken({ issuer, jwks_uri: `${issuer}/keys` }, sent, origin, {
			requireDPoP: true,
			[oauth.customFetch]: () => Promise.resolve(Response.json(keys))
		});
	}

	async function ourKey(): Promise<ProofKey> {
		const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
		return proofKeyOf(await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']));
	}

	it('takes a proof that our client makes', async () => {
		expect(await judgeElsewhere(await ourKey())).toMatchObject({ sub: 'ada' });
	});

	it('refuses it about another address or method', async () => {
		const key = await ourKey();
		await expect(judgeElsewhere(key, { method: 'POST' })).rejects.toThrow('htm mismatch');
		await expect(judgeElsewhere(key, { url: `${origin}/v1` })).rejects.toThrow('htu mismatch');
	});
});

async function signToken(privateKey: CryptoKey, claims: object): Promise<string> {
	const parts = [{ alg: 'ES256', typ: 'at+jwt' }, claims];
	const signed = parts.map((part) => toBase64Url(utf8Encode(JSON.stringify(part)))).join('.');
	const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
	const message = new TextEncoder().encode(signed);
	const signature = await crypto.subtle.sign(algorithm, privateKey, message);
	return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}
