// The people of a simulation: real keys, made without a password, and those that each may go over to.
import type { HandedKeys } from '../../client/crypto-port.ts';
import { importXaesKey } from '../../crypto/client/aead.ts';
import { deriveKemPublicKey } from '../../crypto/client/hpke.ts';
import { createSecret } from '../../crypto/client/secret.ts';
import { createIdentity, renewIdentity, type Identity } from '../../crypto/identity.ts';
import { importSigningKey } from '../../crypto/signature.ts';
import { idFromBytes, type AccountId, type DeviceId } from '../../protocol/ids.ts';

interface Unlocking {
	readonly identityEntry: Uint8Array;
	/** What each of their devices unlocks with. */
	readonly devices: readonly HandedKeys[];
}

export interface SimulatedPerson extends Unlocking {
	readonly name: string;
	readonly account: AccountId;
	/** Under an identity that follows the first. */
	readonly renewed: Unlocking;
}

const devicesEach = 4;
const filled = (lengthBytes: number, ...values: readonly number[]): Uint8Array =>
	Uint8Array.from({ length: lengthBytes }, (_, index) => values[index % values.length] ?? 0);

export async function castPerson(number: number): Promise<SimulatedPerson> {
	const signing = await importSigningKey(filled(32, number, 1));
	const kemSeed = filled(32, number, 2);
	const identity = await createIdentity({ signing, kemKey: kemKeyOf(kemSeed) });
	const next = await importSigningKey(filled(32, number, 6));
	const nextSeed = filled(32, number, 7);
	const renewed = await renewIdentity(identity, {
		...{ signing: next, kemKey: kemKeyOf(nextSeed) },
		previousKey: signing.privateKey
	});
	return {
		name: `person ${String(number)}`,
		account: identity.account,
		...(await unlocking(number, identity, { signingKey: signing.privateKey, kemSeed })),
		renewed: await unlocking(number, renewed, { signingKey: next.privateKey, kemSeed: nextSeed })
	};
}

const kemKeyOf = (seed: Uint8Array): Uint8Array => deriveKemPublicKey(createSecret(seed.slice()));

async function unlocking(
	number: number,
	{ account, bytes }: Identity,
	keys: Pick<HandedKeys, 'signingKey' | 'kemSeed'>
): Promise<Unlocking> {
	const device = async (index: number): Promise<HandedKeys> => ({
		...{ account, identity: bytes },
		...keys,
		device: idFromBytes<DeviceId>(filled(16, number, index)),
		keyringGenesisRandom: filled(32, number, 3),
		firstGenesisRandom: filled(32, number, 6),
		keyringEpochKey: filled(32, number, 4),
		localKey: await importXaesKey(filled(32, number, 5, index)),
		earlier: []
	});
	const devices = Array.from({ length: devicesEach }, (_, index) => device(index));
	return { identityEntry: bytes, devices: await Promise.all(devices) };
}
