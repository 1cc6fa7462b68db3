// Samples and generators of what an edge keeps of factors, one of each kind.
import fc from 'fast-check';
import type { FactorData } from '../../protocol/factor.ts';
import { passkeyTransports } from '../../protocol/passkey.ts';
import { bytesFrom } from './samples.ts';

export const sampleFactors: readonly FactorData[] = [
	{ kind: 'totp', secret: bytesFrom(1, 20) },
	{
		...{ kind: 'webauthn', credentialId: bytesFrom(2, 32), publicKey: bytesFrom(3, 77) },
		...{ isBackupEligible: true, transports: ['hybrid', 'internal'] }
	},
	{
		kind: 'backup_codes',
		hashes: Array.from({ length: 10 }, (_, index) => bytesFrom(10 + index, 32))
	},
	{ kind: 'sms', salt: bytesFrom(4, 16), number: '+15550123456' }
];

const someBytes = (min: number, max: number = min) =>
	fc.uint8Array({ minLength: min, maxLength: max });
const someDigits = fc.stringMatching(/^[1-9]\d{6,14}$/);

export const someFactor: fc.Arbitrary<FactorData> = fc.oneof(
	fc.record({ kind: fc.constant('totp' as const), secret: someBytes(20) }),
	fc.record({
		kind: fc.constant('webauthn' as const),
		credentialId: someBytes(16, 100),
		publicKey: someBytes(1, 100),
		isBackupEligible: fc.boolean(),
		transports: fc.subarray([...passkeyTransports])
	}),
	fc.record({
		kind: fc.constant('backup_codes' as const),
		hashes: fc.uniqueArray(someBytes(32), {
			...{ minLength: 10, maxLength: 10, selector: (hash) => hash.join() }
		})
	}),
	fc.record({
		kind: fc.constant('sms' as const),
		salt: someBytes(16),
		number: someDigits.map((digits) => `+${digits}`)
	})
);
