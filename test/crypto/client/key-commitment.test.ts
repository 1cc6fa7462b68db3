import { describe, expect, test } from 'vitest';
import {
	epochKeyCommitment,
	isCommittedEpochKey,
	openCommitted,
	sealCommitted
} from '../../../crypto/client/key-commitment.ts';
import { createSecret, type EpochKey } from '../../../crypto/client/secret.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { concatBytes, equalBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { idFromBytes, type SpaceId } from '../../../protocol/ids.ts';
import { flipped, hex, valueOf, withVectors } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const aad = utf8Encode('slot 1');
const key = new Uint8Array(32).fill(8);

describe('a committed record', () => {
	test('opens under its key, and adds 72 bytes', async () => {
		const plaintext = utf8Encode('root');
		const sealed = await sealCommitted(key, { plaintext, aad });
		expect(sealed.length).toBe(plaintext.length + 72);
		expect(valueOf(await openCommitted(key, { sealed, aad }))).toEqual(plaintext);
	});

	test('opens no more once any byte changed, was cut off or added', async () => {
		const sealed = await sealCommitted(key, { plaintext: utf8Encode('root'), aad });
		for (let index = 0; index < sealed.length; index++) {
			expect(await openCommitted(key, { sealed: flipped(sealed, index), aad })).toEqual(failed);
			expect(await openCommitted(key, { sealed: sealed.subarray(0, index), aad })).toEqual(failed);
		}
		const longer = concatBytes(sealed, Uint8Array.of(0));
		expect(await openCommitted(key, { sealed: longer, aad })).toEqual(failed);
	});

	test('opens at no other place and under no other key', async () => {
		const sealed = await sealCommitted(key, { plaintext: utf8Encode('root'), aad });
		expect(await openCommitted(key, { sealed, aad: utf8Encode('slot 2') })).toEqual(failed);
		expect(await openCommitted(flipped(key, 31), { sealed, aad })).toEqual(failed);
	});

	test('is refused by its commitment alone, even when the record inside is good', async () => {
		const sealed = await sealCommitted(key, { plaintext: utf8Encode('root'), aad });
		const other = await sealCommitted(flipped(key, 0), { plaintext: utf8Encode('root'), aad });
		const spliced = concatBytes(other.subarray(0, 32), sealed.subarray(32));
		expect(await openCommitted(key, { sealed: spliced, aad })).toEqual(failed);
	});
});

describe('the commitment to an epoch key', () => {
	const space = idFromBytes<SpaceId>(new Uint8Array(16).fill(1));
	const epochKey: EpochKey = createSecret(new Uint8Array(32).fill(2));

	test('fits that key in that space and epoch, and nothing else', () => {
		const commitment = epochKeyCommitment(epochKey, space, 1);
		expect(isCommittedEpochKey(epochKey, { space, epoch: 1, commitment })).toBe(true);
		expect(isCommittedEpochKey(epochKey, { space, epoch: 2, commitment })).toBe(false);
		const otherSpace = idFromBytes<SpaceId>(new Uint8Array(16).fill(9));
		expect(isCommittedEpochKey(epochKey, { space: otherSpace, epoch: 1, commitment })).toBe(false);
		const otherKey: EpochKey = createSecret(new Uint8Array(32).fill(3));
		expect(isCommittedEpochKey(otherKey, { space, epoch: 1, commitment })).toBe(false);
		for (let index = 0; index < commitment.length; index++) {
			const changed = flipped(commitment, index);
			expect(isCommittedEpochKey(epochKey, { space, epoch: 1, commitment: changed })).toBe(false);
		}
	});
});

interface Salamander {
	readonly name: string;
	readonly keys: readonly string[];
	readonly nonce: string;
	readonly ciphertext: string;
	readonly tag: string;
	/** A word instead of the list where it would be too long. */
	readonly plaintexts: readonly string[] | string;
}

await withVectors<{ vectors: Salamander[] }>(
	'invisible salamanders: one ciphertext for many guesses',
	'salamander/aes256gcm_multikey.json',
	({ vectors }) => {
		test.each(vectors)(
			'$name: raw AES-GCM opens under every key, a committed record under none',
			async (vector) => {
				const iv = new Uint8Array(hex(vector.nonce));
				const body = new Uint8Array(hex(vector.ciphertext + vector.tag));
				const record = concatBytes(new Uint8Array(12), iv, body);
				const guessed = hex(vector.keys[0] ?? '');
				const commitment = (await sealCommitted(guessed, { plaintext: body, aad })).subarray(0, 32);
				for (const [index, text] of vector.keys.entries()) {
					const guess = new Uint8Array(hex(text));
					const gcmKey = await crypto.subtle.importKey('raw', guess, 'AES-GCM', false, ['decrypt']);
					const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, gcmKey, body);
					expect(opened.byteLength).toBe(body.length - 16);
					if (typeof vector.plaintexts !== 'string') {
						expect(toHex(new Uint8Array(opened))).toBe(vector.plaintexts[index]);
					}
					const sealed = concatBytes(commitment, record);
					expect(await openCommitted(guess, { sealed, aad: new Uint8Array() })).toEqual(failed);
				}
			}
		);

		test('no two of two hundred guessed keys share a commitment', async () => {
			const commitments: Uint8Array[] = [];
			const fixed = (lengthBytes: number) => new Uint8Array(lengthBytes);
			for (let guess = 0; guess < 200; guess++) {
				const guessedKey = sha256(utf8Encode(`guess-${guess}`));
				const sealed = await sealCommitted(guessedKey, { plaintext: new Uint8Array(), aad }, fixed);
				expect(commitments.some((seen) => equalBytes(seen, sealed.subarray(0, 32)))).toBe(false);
				commitments.push(sealed.slice(0, 32));
			}
		});
	}
);
