import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { Deployment } from '../../durable-objects/deployment.ts';
import { tokenKeyLifetimeMs } from '../../durable-objects/limits.ts';
import { encodeServerKeys, parseServerKeys } from '../../durable-objects/server-keys.ts';
import { openServerKeys, parseEdgeSecret, sealServerKeys } from '../../crypto/edge/server-keys.ts';
import { mintAccessToken, verifyAccessToken } from '../../crypto/edge/session-token.ts';
import { randomBytes } from '../../crypto/random.ts';
import { fromHex, toBase64Url, toHex } from '../../protocol/bytes.ts';
import { idFromBytes } from '../../protocol/ids.ts';
import type { Env } from '../../durable-objects/env.ts';
import { bindings } from './edge.ts';
import { dump } from './storage.ts';

// Not the one that serves the other tests: each test here has a deployment of its own.
const fresh = () => bindings.DEPLOYMENT.getByName(toHex(randomBytes(8)));

const valueOf = <Value>(result: { ok: true; value: Value } | { ok: false }): Value => {
	if (!result.ok) throw new Error('refused');
	return result.value;
};

/** The object as it would wake with other secrets. */
const withSecrets = <Answer>(
	stub: DurableObjectStub<Deployment>,
	secrets: Partial<Env>,
	ask: (deployment: Deployment) => Promise<Answer>
): Promise<Answer> =>
	runInDurableObject(stub, (_object: Deployment, state: DurableObjectState) =>
		ask(new Deployment(state, { ...bindings, ...secrets }))
	);

it('makes its keys once, and has them after waking', async () => {
	const stub = fresh();
	const [one, other] = await Promise.all([stub.accountKeys(), stub.accountKeys()]);
	const keys = valueOf(one);
	expect(valueOf(other)).toEqual(keys);
	expect(keys.opaqueSetup).toHaveLength(128);
	await evictDurableObject(stub);
	expect(valueOf(await stub.accountKeys())).toEqual(keys);
	expect(valueOf(await stub.tokenKeys())).toEqual(keys.tokenKeys);
});

it('keeps its keys sealed', async () => {
	const stub = fresh();
	const keys = valueOf(await stub.accountKeys());
	const text = JSON.stringify(await dump(stub));
	for (const secret of [keys.opaqueSetup, keys.factorKey, keys.tokenKeys[0]?.secret]) {
		expect(text).not.toContain(toHex(secret ?? new Uint8Array()));
	}
	expect(text).toContain('sealed');
});

it('names a handle and a network alike each time, and never by their text', async () => {
	const stub = fresh();
	const network = '2001:db8:1:2:3:4:5:6';
	const names = valueOf(await stub.names({ handle: 'Ada', network }));
	expect(valueOf(await stub.names({ handle: 'ada', network: '2001:db8:1:2::9' }))).toEqual(names);
	expect(names.account).toMatch(/^[0-9a-f]{64}$/);
	expect(names.limiter).toMatch(/^[0-9a-f]{64}$/);
	expect(valueOf(await stub.names({ handle: 'adb', network })).account).not.toBe(names.account);
	expect(valueOf(await stub.names({ handle: null, network: 'no address' })).account).toBeNull();
	expect(await stub.names({ handle: 'a b', network })).toEqual({
		...{ ok: false, error: { code: 'malformed' } }
	});
	const elsewhere = valueOf(await fresh().names({ handle: 'ada', network }));
	expect(elsewhere.account).not.toBe(names.account);
});

it('takes the secret before beside a new one, and seals anew under the new', async () => {
	const stub = fresh();
	const keys = valueOf(await stub.accountKeys());
	const next = toBase64Url(randomBytes(32));
	const during = { TACET_SECRET: next, TACET_SECRET_PREVIOUS: bindings.TACET_SECRET };
	const rotated = await withSecrets(stub, during, (deployment) => deployment.accountKeys());
	expect(valueOf(rotated)).toEqual(keys);
	const after = await withSecrets(stub, { TACET_SECRET: next }, (deployment) =>
		deployment.accountKeys()
	);
	expect(valueOf(after)).toEqual(keys);
});

it('is unavailable with a wrong secret or none, and keeps what it has', async () => {
	const stub = fresh();
	const keys = valueOf(await stub.accountKeys());
	const before = await dump(stub);
	for (const TACET_SECRET of [toBase64Url(randomBytes(32)), '', 'too short']) {
		const refused = await withSecrets(stub, { TACET_SECRET }, (deployment) =>
			deployment.tokenKeys()
		);
		expect(refused).toEqual({ ok: false, error: { code: 'unavailable' } });
	}
	expect(await dump(stub)).toEqual(before);
	expect(valueOf(await stub.accountKeys())).toEqual(keys);
});

it('makes a new token key when the old one is due, and lets tokens of the old live on', async () => {
	const stub = fresh();
	const [old] = valueOf(await stub.tokenKeys());
	await age(stub, tokenKeyLifetimeMs + 1);
	const keys = await withSecrets(stub, {}, (deployment) => deployment.tokenKeys());
	expect(valueOf(keys).map(({ id }) => id)).toEqual([2, 1]);
	const nowMs = Date.now();
	if (old === undefined) throw new Error('there is a key');
	const token = mintAccessToken(old, {
		account: idFromBytes(randomBytes(16)),
		accountObject: toHex(randomBytes(32)),
		device: idFromBytes(randomBytes(16)),
		session: idFromBytes(randomBytes(16)),
		expiresAtMs: nowMs + 1_000,
		jkt: randomBytes(32)
	});
	expect(verifyAccessToken(valueOf(keys), { token, nowMs }).ok).toBe(true);
});

/** Opens the stored keys, moves their dates back, and stores them again. */
async function age(stub: DurableObjectStub<Deployment>, byMs: number): Promise<void> {
	const secret = valueOf(parseEdgeSecret(bindings.TACET_SECRET));
	const stored = (await dump(stub))['server_keys']?.[0]?.['sealed'];
	if (typeof stored !== 'string') throw new Error('the keys are stored');
	const sealed = valueOf(fromHex(stored));
	const opened = valueOf(await openServerKeys([secret], sealed));
	const keys = valueOf(parseServerKeys(opened.serverKeys));
	const tokenKeys = keys.tokenKeys.map((key) => ({ ...key, madeAtMs: key.madeAtMs - byMs }));
	const aged = await sealServerKeys(secret, encodeServerKeys({ ...keys, tokenKeys }));
	await runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
		state.storage.sql.exec('UPDATE server_keys SET sealed = ?', aged);
	});
}
