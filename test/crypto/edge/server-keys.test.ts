import { describe, expect, test } from 'vitest';
import {
	openServerKeys,
	parseEdgeSecret,
	sealServerKeys
} from '../../../crypto/edge/server-keys.ts';
import { concatBytes, toBase64Url, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, valueOf } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const secretOf = (fill: string) => valueOf(parseEdgeSecret(fill.repeat(32)));
const serverKeys = utf8Encode('OPAQUE setup and the rest');

describe('the edge secret', () => {
	test('is 32 bytes, as hex or as base64url', () => {
		const bytes = new Uint8Array(32).fill(0xab);
		expect(secretOf('ab')).toEqual(bytes);
		expect(valueOf(parseEdgeSecret(toBase64Url(bytes)))).toEqual(bytes);
		for (const text of [
			'',
			'ab',
			'AB'.repeat(32),
			'zz'.repeat(32),
			'ab'.repeat(33),
			'A'.repeat(42)
		]) {
			expect(parseEdgeSecret(text)).toEqual({ ok: false, error: 'malformed' });
		}
	});
});

describe('sealed server keys', () => {
	test('open under the secret that sealed them, or any accepted one', async () => {
		const sealed = await sealServerKeys(secretOf('01'), serverKeys);
		expect(sealed.length).toBe(serverKeys.length + 28);
		expect(await openServerKeys([secretOf('01')], sealed)).toEqual({
			ok: true,
			value: { serverKeys, secretIndex: 0 }
		});
		expect(await openServerKeys([secretOf('02'), secretOf('01')], sealed)).toEqual({
			ok: true,
			value: { serverKeys, secretIndex: 1 }
		});
		expect(await openServerKeys([secretOf('02')], sealed)).toEqual(failed);
		expect(await openServerKeys([], sealed)).toEqual(failed);
	});

	test('open no more once any byte changed, was cut off or added', async () => {
		const secrets = [secretOf('01')];
		const sealed = await sealServerKeys(secretOf('01'), serverKeys);
		for (let index = 0; index < sealed.length; index++) {
			expect(await openServerKeys(secrets, flipped(sealed, index))).toEqual(failed);
			expect(await openServerKeys(secrets, sealed.subarray(0, index))).toEqual(failed);
		}
		expect(await openServerKeys(secrets, concatBytes(sealed, Uint8Array.of(0)))).toEqual(failed);
	});

	test('differ each time', async () => {
		const first = await sealServerKeys(secretOf('01'), serverKeys);
		expect(await sealServerKeys(secretOf('01'), serverKeys)).not.toEqual(first);
	});
});
