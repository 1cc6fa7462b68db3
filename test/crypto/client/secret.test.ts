import { describe, expect, test } from 'vitest';
import { createSecret } from '../../../crypto/client/secret.ts';

describe('a secret', () => {
	const bytes = () => Uint8Array.of(222, 173, 190, 239);

	test('prints as redacted wherever it is put', () => {
		const secret = createSecret(bytes());
		expect(String(secret)).toBe('<redacted>');
		expect(secret.toString()).toBe('<redacted>');
		expect(JSON.stringify({ root: secret })).toBe('{"root":"<redacted>"}');
		expect(JSON.stringify(Object.entries(secret))).not.toMatch(/222|173|dead/);
	});

	test('can not be cloned to another thread or a store', () => {
		expect(() => structuredClone(createSecret(bytes()))).toThrow();
	});

	test('is overwritten when wiped, and is gone then', () => {
		const owned = bytes();
		const secret = createSecret(owned);
		expect(secret.reveal()).toEqual(bytes());
		secret.wipe();
		expect(owned).toEqual(new Uint8Array(4));
		expect(() => secret.reveal()).toThrow('wiped');
		expect(() => {
			secret.wipe();
		}).not.toThrow();
	});
});
