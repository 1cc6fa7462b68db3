// The people of a simulation: real keys, made without a password.
import type { HandedKeys } from '../../client/crypto-port.ts';
import { importXaesKey } from '../../crypto/client/aead.ts';
import { deriveKemPublicKey } from '../../crypto/client/hpke.ts';
import { createSecret } from '../../crypto/client/secret.ts';
import { createIdentity } from '../../crypto/identity.ts';
import { importSigningKey } from '../../crypto/signature.ts';
import { idFromBytes, type AccountId, type DeviceId } from '../../protocol/ids.ts';

export interface SimulatedPerson {
	readonly name: string;
	readonly account: AccountId;
	readonly identityEntry: Uint8Array;
	/** What each of their devices unlocks with. */
	readonly devices: readonly HandedKeys[];
}

const devicesEach = 4;
const filled = (lengthBytes: number, ...values: readonly number[]): Uint8Array =>
	Uint8Array.from({ length: lengthBytes }, (_, index) => values[index % values.length] ?? 0);

export async function castPerson(number: number): Promise<SimulatedPerson> {
	const signing = await importSigningKey(filled(32, number, 1));
	const kemSeed = filled(32, number, 2);
	const kemKey = deriveKemPublicKey(createSecret(kemSeed.slice()));
	const identity = await createIdentity({ signing, kemKey });
	const { account, bytes } = identity;
	const device = async (index: number): Promise<HandedKeys> => ({
		account,
		device: idFromBytes<DeviceId>(filled(16, number, index)),
		identity: bytes,
		signingKey: signing.privateKey,
		kemSeed,
		keyringGenesisRandom: filled(32, number, 3),
		keyringEpochKey: filled(32, number, 4),
		localKey: await importXaesKey(filled(32, number, 5, index))
	});
	const devices = await Promise.all(
		Array.from({ length: devicesEach }, (_, index) => device(index))
	);
	return { name: `person ${String(number)}`, account, identityEntry: bytes, devices };
}
