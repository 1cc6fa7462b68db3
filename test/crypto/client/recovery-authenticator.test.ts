import { describe, expect, test } from 'vitest';
import { deriveRecoverySlotKey } from '../../../crypto/client/keyslots.ts';
import {
	deriveRecoveryAuthenticator,
	recoveryAuthenticatorHash
} from '../../../crypto/client/recovery-authenticator.ts';
import { createSecret } from '../../../crypto/client/secret.ts';
import { toHex } from '../../../protocol/bytes.ts';

const entropy = (fill: number) => createSecret<'recovery entropy'>(new Uint8Array(16).fill(fill));

describe('the authenticator of a recovery code', () => {
	test('is the same for the same code, and another for another', () => {
		const [first, again, other] = [entropy(1), entropy(1), entropy(2)].map(
			deriveRecoveryAuthenticator
		);
		expect(first!.length).toBe(32);
		expect(toHex(first!)).toBe(toHex(again!));
		expect(toHex(first!)).not.toBe(toHex(other!));
	});

	test('is not what opens the keyslot, and what the edge keeps is neither', () => {
		const slotKey = deriveRecoverySlotKey(entropy(1)).reveal();
		const authenticator = deriveRecoveryAuthenticator(entropy(1));
		const kept = recoveryAuthenticatorHash(authenticator);
		expect(new Set([slotKey, authenticator, kept].map(toHex)).size).toBe(3);
	});

	test('leaves the code as it is', () => {
		const secret = entropy(1);
		deriveRecoveryAuthenticator(secret);
		expect(secret.reveal()).toEqual(new Uint8Array(16).fill(1));
	});
});
