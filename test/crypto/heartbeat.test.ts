import { expect, test } from 'vitest';
import { signHeartbeat } from '../../crypto/client/sign-heartbeat.ts';
import { heartbeatProof } from '../../crypto/heartbeat.ts';
import { verifyProof } from '../../crypto/signature.ts';
import { toHex } from '../../protocol/bytes.ts';
import { encodeHeartbeat, parseHeartbeat } from '../../protocol/heartbeat.ts';
import { maxHeartbeatBytes } from '../../protocol/limits.ts';
import { sampleHeartbeat } from '../protocol/sharing-samples.ts';
import { personOf } from './client/link-samples.ts';
import { flipped, valueOf } from './vectors.ts';

test('a heartbeat holds for the member who gave it, and says what was signed', async () => {
	const ada = await personOf(1);
	const signed = await signHeartbeat(ada.signing.privateKey, sampleHeartbeat);
	expect(await verifyProof(heartbeatProof(ada.identity, signed))).toBe(true);
	expect(valueOf(parseHeartbeat(signed.body))).toEqual(sampleHeartbeat);
	expect(signed.body.length).toBeLessThanOrEqual(maxHeartbeatBytes);
	expect(toHex(signed.signature)).toBe(locked);
});

test('a heartbeat of another member, or changed in any byte, holds for nobody', async () => {
	const ada = await personOf(1);
	const bob = await personOf(2);
	const signed = await signHeartbeat(ada.signing.privateKey, sampleHeartbeat);
	expect(await verifyProof(heartbeatProof(bob.identity, signed))).toBe(false);
	const holds = (changed: Partial<typeof signed>) =>
		verifyProof(heartbeatProof(ada.identity, { ...signed, ...changed }));
	for (let index = 0; index < signed.body.length; index++) {
		expect(await holds({ body: flipped(signed.body, index) }), `byte ${index}`).toBe(false);
	}
	for (let index = 0; index < signed.signature.length; index++) {
		expect(await holds({ signature: flipped(signed.signature, index) })).toBe(false);
	}
	const other = encodeHeartbeat({ ...sampleHeartbeat, timeMs: sampleHeartbeat.timeMs + 1 });
	expect(await holds({ body: other })).toBe(false);
});

const locked =
	'f52093bc66dadb74ab16d646d1c0c4ccc5cdc12d8f91b2b6a0ca6d25f4b7b07e' +
	'f8f20ad54335f311011b47bb06d137e7c6b3200fc27064da42cb5d983b67180a';
