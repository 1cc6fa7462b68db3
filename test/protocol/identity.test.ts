import { expect, test } from 'vitest';
import { encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import {
	encodeIdentityBody,
	encodeIdentityEntry,
	parseIdentityEntry,
	type IdentityBody
} from '../../protocol/identity.ts';
import {
	account,
	bytesFrom,
	expectNoThrow,
	expectStrict,
	sampleIdentity,
	sampleIdentityBody,
	sampleRenewal
} from './samples.ts';

const malformed = { ok: false, error: 'malformed' };
const first = encodeIdentityEntry(sampleIdentity);
const second = encodeIdentityEntry(sampleRenewal);

test('an entry is read back as it was written', () => {
	const parsed = parseIdentityEntry(first);
	expect(parsed).toEqual({ ok: true, value: { body: sampleIdentityBody, ...sampleIdentity } });
	const renewed = parseIdentityEntry(second);
	expect(renewed.ok && renewed.value.body).toMatchObject({ account, n: 2 });
});

test('an entry has one encoding, and so has the body inside it', () => {
	expectStrict(parseIdentityEntry, encodeIdentityEntry, first);
	const bodyOf = (bytes: Uint8Array) =>
		parseIdentityEntry(encodeIdentityEntry({ ...sampleIdentity, bodyBytes: bytes }));
	expectStrict(bodyOf, ({ body }) => encodeIdentityBody(body), sampleIdentity.bodyBytes);
});

test('an entry is read or refused, never thrown at', () => {
	expectNoThrow(parseIdentityEntry);
});

const entryWith = (body: Partial<IdentityBody>, previousSignature: Uint8Array | null) =>
	encodeIdentityEntry({
		...sampleIdentity,
		bodyBytes: encodeIdentityBody({ ...sampleIdentityBody, ...body }),
		previousSignature
	});
const [hash, signature] = [bytesFrom(1, 32), bytesFrom(1, 64)];

test.each<[string, Uint8Array]>([
	['a first entry that names an account', entryWith({ account }, null)],
	['a first entry with an entry before', entryWith({ previousHash: hash }, null)],
	['a first entry signed by a key before', entryWith({}, signature)],
	['a second entry without an account', entryWith({ n: 2, previousHash: hash }, signature)],
	['a second entry without the one before', entryWith({ n: 2, account }, signature)],
	[
		'a second entry not signed by the one before',
		entryWith({ n: 2, account, previousHash: hash }, null)
	],
	['entry 0', entryWith({ n: 0 }, null)],
	['a signing key of 31 bytes', entryWith({ signingKey: bytesFrom(1, 31) }, null)],
	['a key for wraps of 1,215 bytes', entryWith({ kemKey: bytesFrom(1, 1_215) }, null)],
	[
		'a signature of 63 bytes',
		encodeIdentityEntry({ ...sampleIdentity, signature: bytesFrom(1, 63) })
	],
	['version 2', encodeIdentityEntry({ ...sampleIdentity, bodyBytes: versionTwo() })],
	['a body that is no CBOR', encodeIdentityEntry({ ...sampleIdentity, bodyBytes: hash })]
])('%s is malformed', (_, bytes) => {
	expect(parseIdentityEntry(bytes)).toEqual(malformed);
});

function versionTwo(): Uint8Array {
	const { signingKey, kemKey } = sampleIdentityBody;
	const body: readonly Cbor[] = [2, null, 1, null, signingKey, kemKey];
	return encodeCbor(body);
}
