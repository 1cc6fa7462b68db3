import { expect, test } from 'vitest';
import { open, seal } from '../../../crypto/client/aead.ts';
import {
	deriveDeviceSecret,
	deriveProfileKey,
	generateDeviceKey
} from '../../../crypto/client/device-key.ts';

const aad = new Uint8Array();

test('a device key can not be read out, and gives the same secrets each time', async () => {
	const key = await generateDeviceKey();
	expect(key.extractable).toBe(false);
	await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
	const secret = (await deriveDeviceSecret(key)).reveal();
	expect(secret.length).toBe(32);
	expect((await deriveDeviceSecret(key)).reveal()).toEqual(secret);
	expect((await deriveDeviceSecret(await generateDeviceKey())).reveal()).not.toEqual(secret);
	const sealed = await seal(await deriveProfileKey(key), { plaintext: secret, aad });
	expect((await open(await deriveProfileKey(key), { sealed, aad })).ok).toBe(true);
	expect((await open(await deriveProfileKey(await generateDeviceKey()), { sealed, aad })).ok).toBe(
		false
	);
});
