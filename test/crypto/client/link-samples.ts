// People, links and places for the tests of what a carried secret opens.
import { deriveAccountKeys } from '../../../crypto/client/account-keys.ts';
import { createSecret, type Secret } from '../../../crypto/client/secret.ts';
import { createIdentity } from '../../../crypto/identity.ts';
import { idFromBytes, type AnyId, type InviteId, type LinkId } from '../../../protocol/ids.ts';
import { bytesFrom, space } from '../../protocol/samples.ts';

export const idFrom = <Kind extends AnyId>(first: number): Kind =>
	idFromBytes<Kind>(bytesFrom(first, 16));

/** Its first half is the id of the samples' space. */
export const genesisHash = bytesFrom(1, 32);
export const secret = bytesFrom(145, 32);
export const otherSecret = bytesFrom(146, 32);
export const invite = idFrom<InviteId>(81);
export const link = idFrom<LinkId>(113);
export const failed = { ok: false, error: 'open_failed' };
export { space };

export const exportKeyOf = (first: number): Secret<'opaque export key'> =>
	createSecret(bytesFrom(first, 64));

/** A person with the keys of a root of 32 equal bytes. */
export async function personOf(fill: number) {
	const keys = await deriveAccountKeys(createSecret(new Uint8Array(32).fill(fill)));
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	return { ...keys, identity };
}

/** Each byte flipped, each length cut off, one byte added. */
export function* spoilt(good: Uint8Array, step = 1): Generator<Uint8Array> {
	for (let index = 0; index < good.length; index += step) {
		const changed = good.slice();
		changed[index] = (changed[index] ?? 0) ^ 1;
		yield changed;
		yield good.slice(0, index);
	}
	yield Uint8Array.from([...good, 0]);
}
