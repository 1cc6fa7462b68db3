import { afterEach, describe, expect, test, vi } from 'vitest';
import { importXaesKey, open, seal, type XaesKey } from '../../../crypto/client/aead.ts';
import {
	RecordCipher,
	recordsPerPrefix,
	subkeysAtHand
} from '../../../crypto/client/record-cipher.ts';
import { randomBytes } from '../../../crypto/random.ts';
import { concatBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, hex, isWorkerd, scripted, valueOf } from '../vectors.ts';

const keyOf = (fill: number): Promise<XaesKey> => importXaesKey(new Uint8Array(32).fill(fill));
const cipherOf = async (fill: number) => new RecordCipher(await keyOf(fill));
const aad = utf8Encode('its place');
const plaintext = utf8Encode('the same each time');
const failed = { ok: false, error: 'open_failed' };
const prefixOf = (record: Uint8Array) => toHex(record.subarray(0, 12));
const nonceOf = (record: Uint8Array) => toHex(record.subarray(0, 24));
const times = (count: number) => Array.from({ length: count });

/** How many records there are of each prefix, in order of appearance. */
function runsOf(records: readonly Uint8Array[]): number[] {
	const runs = new Map<string, number>();
	for (const record of records) {
		runs.set(prefixOf(record), (runs.get(prefixOf(record)) ?? 0) + 1);
	}
	return [...runs.values()];
}

/** Calls of WebCrypto from here on. */
function watch() {
	const importKey = vi.spyOn(crypto.subtle, 'importKey');
	const encrypt = vi.spyOn(crypto.subtle, 'encrypt');
	return { importKey, encrypt };
}

afterEach(() => {
	vi.restoreAllMocks();
});

describe('records under one key', () => {
	test('are such as C2SP publishes', async () => {
		const nonce = utf8Encode('ABCDEFGHIJKLMNOPQRSTUVWX');
		const random = scripted(nonce.subarray(0, 12), nonce.subarray(12));
		const cipher = new RecordCipher(await keyOf(3), random);
		const input = {
			plaintext: utf8Encode('XAES-256-GCM'),
			aad: utf8Encode('c2sp.org/XAES-256-GCM')
		};
		const sealed = await cipher.seal(input);
		expect(toHex(sealed)).toBe(
			`${toHex(nonce)}986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d`
		);
	});

	test('open without a cipher, and those made without one open by it', async () => {
		const key = await keyOf(1);
		const cipher = new RecordCipher(key);
		for (const sealed of [
			await cipher.seal({ plaintext, aad }),
			await seal(key, { plaintext, aad })
		]) {
			expect(valueOf(await open(key, { sealed, aad }))).toEqual(plaintext);
			expect(valueOf(await cipher.open({ sealed, aad }))).toEqual(plaintext);
		}
	});

	test('change their prefix at the limit, one after another', async () => {
		const cipher = await cipherOf(1);
		const records: Uint8Array[] = [];
		while (records.length < 2 * recordsPerPrefix + 1) {
			records.push(await cipher.seal({ plaintext, aad }));
		}
		expect(runsOf(records)).toEqual([recordsPerPrefix, recordsPerPrefix, 1]);
		expect(new Set(records.map(nonceOf)).size).toBe(records.length);
	});

	test('are counted before anything is waited for: all under way at once, none beyond the limit', async () => {
		const cipher = await cipherOf(1);
		const records = await Promise.all(
			times(3 * recordsPerPrefix + 5).map(() => cipher.seal({ plaintext, aad }))
		);
		expect(runsOf(records)).toEqual([recordsPerPrefix, recordsPerPrefix, recordsPerPrefix, 5]);
		expect(new Set(records.map(nonceOf)).size).toBe(records.length);
		const opened = await Promise.all(records.map((sealed) => cipher.open({ sealed, aad })));
		expect(opened.every((one) => one.ok)).toBe(true);
	});

	test('have other prefixes wherever else the key is', async () => {
		const key = await keyOf(1);
		const places = times(9).map(() => new RecordCipher(isWorkerd ? key : structuredClone(key)));
		const records = await Promise.all(
			places.flatMap((cipher) =>
				times(recordsPerPrefix + 1).map(() => cipher.seal({ plaintext, aad }))
			)
		);
		expect(runsOf(records)).toHaveLength(2 * places.length);
		expect(new Set(records.map(nonceOf)).size).toBe(records.length);
	});

	test('take one wait each, also where the prefix changes', async () => {
		const cipher = await cipherOf(1);
		await cipher.seal({ plaintext, aad });
		const { importKey, encrypt } = watch();
		for (let sealed = 1; sealed < recordsPerPrefix; sealed++) await cipher.seal({ plaintext, aad });
		// The next subkey: two blocks, one key.
		expect(importKey).toHaveBeenCalledTimes(1);
		expect(encrypt).toHaveBeenCalledTimes(recordsPerPrefix - 1 + 2);
		const before = encrypt.mock.calls.length;
		const first = cipher.seal({ plaintext, aad });
		await first;
		expect(importKey).toHaveBeenCalledTimes(1);
		expect(encrypt.mock.calls.length).toBe(before + 1);
	});
});

describe('a random generator', () => {
	test('that gives a suffix again is asked once more', async () => {
		const suffixes = [1, 1, 2].map((fill) => new Uint8Array(12).fill(fill));
		const cipher = new RecordCipher(await keyOf(1), scripted(new Uint8Array(12), ...suffixes));
		const records = [await cipher.seal({ plaintext, aad }), await cipher.seal({ plaintext, aad })];
		expect(records.map((record) => record[23])).toEqual([1, 2]);
	});

	test('that gives nothing else seals nothing', async () => {
		const cipher = new RecordCipher(await keyOf(1), (length) => new Uint8Array(length).fill(7));
		await cipher.seal({ plaintext, aad });
		await expect(cipher.seal({ plaintext, aad })).rejects.toThrow('repeats itself');
	});
});

describe('what is kept', () => {
	test('is not cloned, and belongs to no key', async ({ skip }) => {
		skip(isWorkerd, 'workerd clones no CryptoKey, and seals nothing');
		const cipher = await cipherOf(1);
		await cipher.seal({ plaintext, aad });
		expect(Object.keys(structuredClone({ ...cipher }))).toEqual(['key']);
		expect(Object.keys(cipher.key).toSorted()).toEqual(['blockCipher', 'cmacSubkey']);
	});

	test('is a subkey for each of the prefixes used last, and no more', async () => {
		const key = await keyOf(1);
		const records = await Promise.all(
			times(subkeysAtHand + 3).map(() => seal(key, { plaintext, aad }))
		);
		const cipher = new RecordCipher(key);
		for (const sealed of records) valueOf(await cipher.open({ sealed, aad }));
		const { importKey } = watch();
		for (const sealed of records.slice(3)) valueOf(await cipher.open({ sealed, aad }));
		expect(importKey).not.toHaveBeenCalled();
		for (const sealed of records.slice(0, 3)) valueOf(await cipher.open({ sealed, aad }));
		expect(importKey).toHaveBeenCalledTimes(3);
	});

	test('serves all that are opened at once', async () => {
		const key = await keyOf(1);
		const sealer = new RecordCipher(key);
		const records = await Promise.all(times(16).map(() => sealer.seal({ plaintext, aad })));
		const cipher = new RecordCipher(key);
		const { importKey } = watch();
		await Promise.all(records.map((sealed) => cipher.open({ sealed, aad })));
		expect(importKey).toHaveBeenCalledTimes(1);
	});

	test('is not what failed: it is tried anew', async () => {
		const cipher = await cipherOf(1);
		const { importKey } = watch();
		importKey.mockRejectedValueOnce(new Error('no memory'));
		await expect(cipher.seal({ plaintext, aad })).rejects.toThrow('no memory');
		const sealed = await cipher.seal({ plaintext, aad });
		expect(valueOf(await cipher.open({ sealed, aad }))).toEqual(plaintext);
	});

	test('can be sealed and opened with, and not read out', async () => {
		const { importKey } = watch();
		const cipher = await cipherOf(1);
		await cipher.seal({ plaintext, aad });
		const subkeys = await Promise.all(
			importKey.mock.results.map(({ value }) => value as Promise<CryptoKey>)
		);
		expect(subkeys).toHaveLength(2);
		for (const subkey of subkeys) expect(subkey.extractable).toBe(false);
	});
});

describe('a record opens no more, and says the same,', () => {
	test.each([
		['with a subkey at hand', 1],
		['with none', 0]
	])('once any byte changed: %s', async (_, before) => {
		const key = await keyOf(2);
		const sealed = await seal(key, { plaintext, aad });
		for (let index = 0; index < sealed.length; index++) {
			const cipher = new RecordCipher(key);
			if (before === 1) expect((await cipher.open({ sealed, aad })).ok).toBe(true);
			expect(await cipher.open({ sealed: flipped(sealed, index), aad })).toEqual(failed);
			// What did not open leaves nothing behind that would keep others from it.
			expect(valueOf(await cipher.open({ sealed, aad }))).toEqual(plaintext);
		}
	});

	test('under the prefix of another record', async () => {
		const cipher = await cipherOf(2);
		const [a, b] = [
			await cipher.seal({ plaintext, aad }),
			await (await cipherOf(2)).seal({ plaintext, aad })
		];
		expect((await cipher.open({ sealed: b, aad })).ok).toBe(true);
		const mixed = concatBytes(a.subarray(0, 12), b.subarray(12));
		expect(await cipher.open({ sealed: mixed, aad })).toEqual(failed);
	});

	test('cut, extended, at another place, or under another key', async () => {
		const cipher = await cipherOf(2);
		const sealed = await cipher.seal({ plaintext, aad });
		for (let length = 0; length < sealed.length; length++) {
			expect(await cipher.open({ sealed: sealed.subarray(0, length), aad })).toEqual(failed);
		}
		expect(await cipher.open({ sealed: concatBytes(sealed, hex('00')), aad })).toEqual(failed);
		expect(await cipher.open({ sealed, aad: randomBytes(9) })).toEqual(failed);
		expect(await (await cipherOf(3)).open({ sealed, aad })).toEqual(failed);
	});
});
