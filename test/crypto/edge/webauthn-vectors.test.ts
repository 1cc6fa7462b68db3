// The vectors of WebAuthn Level 3, "Test Vectors": what is taken of every pair, and what becomes of it
// when one bit of it is another.
import { sha256 } from '@noble/hashes/sha2.js';
import { expect, test } from 'vitest';
import {
	verifyPasskeyAsserted,
	verifyPasskeyCreated,
	type PasskeyFault,
	type StoredPasskey
} from '../../../crypto/edge/webauthn.ts';
import { toBase64Url, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, hex, valueOf, withVectors } from '../vectors.ts';
import { assertedOf, checkOf, createdOf, typedPair, type Pair } from './webauthn-pair.ts';

type Outcome = PasskeyFault | 'taken';

/** Of both halves alike. Attestation of every kind is cut off, so that it changes nothing. */
const outcomes: Readonly<Record<string, Outcome>> = {
	'ES256 Credential with No Attestation': 'taken',
	'ES256 Credential with Self Attestation': 'taken',
	'ES256 Credential with "crossOrigin": true in clientDataJSON': 'framed',
	'ES256 Credential with "topOrigin" in clientDataJSON': 'framed',
	'ES256 Credential with very long credential ID': 'taken',
	'Packed Attestation with ES256 Credential': 'taken',
	'Packed Attestation with ES384 Credential': 'refused',
	'Packed Attestation with ES512 Credential': 'refused',
	'Packed Attestation with RS256 Credential': 'taken',
	'Packed Attestation with Ed25519 Credential': 'taken',
	'Packed Attestation with Ed448 Credential': 'refused',
	'TPM Attestation with ES256 Credential': 'taken',
	'Android Key Attestation with ES256 Credential': 'taken',
	'Apple Anonymous Attestation with ES256 Credential': 'taken',
	'FIDO U2F Attestation with ES256 Credential': 'taken'
};

const create = (pair: Pair, created = createdOf(pair), check = checkOf(pair.blocks[0])) =>
	verifyPasskeyCreated(created, check);

const assert = (
	pair: Pair,
	passkey: StoredPasskey,
	asserted = assertedOf(pair),
	check = checkOf(pair.blocks[1])
) => verifyPasskeyAsserted(asserted, [passkey], check);

const userVerified = 4;

/** One bit of each byte, of everything that a signature covers and of the signature. */
async function expectNoChangeTaken(pair: Pair): Promise<void> {
	const passkey = valueOf(await create(pair));
	const before = structuredClone(passkey);
	const { response } = assertedOf(pair);
	for (const name of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
		const bytes = hex(pair.blocks[1][name]);
		for (let index = 0; index < bytes.length; index++) {
			const changed = toBase64Url(flipped(bytes, index, 1 << index % 8));
			const asserted = { ...assertedOf(pair), response: { ...response, [name]: changed } };
			expect((await assert(pair, passkey, asserted)).ok, `${name} at ${index}`).toBe(false);
		}
	}
	expect(passkey).toEqual(before);
}

/** Counter and AAGUID are covered by no signature, and say nothing of the key; a statement is not read. */
async function expectNothingElseAsserts(pair: Pair): Promise<void> {
	const bytes = hex(pair.blocks[0].attestationObject);
	const start = toHex(bytes).indexOf(toHex(sha256(utf8Encode('example.org')))) / 2;
	for (let index = 0; index < bytes.length; index++) {
		if (index < start || (index >= start + 33 && index < start + 53)) continue;
		const attestationObject = toBase64Url(flipped(bytes, index));
		const response = { ...createdOf(pair).response, attestationObject };
		const created = await create(pair, { ...createdOf(pair), response });
		const asserted = created.ok ? await assert(pair, created.value) : created;
		expect(asserted.ok, `at ${index}`).toBe(false);
	}
}

test('WAN-01: a pair of WebAuthn Level 3, typed in, is taken as it is and in no other way', async () => {
	const passkey = valueOf(await create(typedPair));
	expect(toHex(passkey.credentialId)).toBe(typedPair.blocks[0].credential_id);
	expect(valueOf(await assert(typedPair, passkey)).passkey).toBe(passkey);
	await expectNoChangeTaken(typedPair);
	await expectNothingElseAsserts(typedPair);
});

await withVectors<{ vectors: Pair[] }>(
	'WebAuthn Level 3',
	'webauthn/webauthn-L3-test-vectors.json',
	({ vectors }) => {
		const pairs = vectors.filter(({ section }) => section.includes('Credential'));
		const taken = pairs.filter(({ section }) => outcomes[section] === 'taken');

		test('are the fifteen pairs that are expected', () => {
			expect(pairs.map(({ section }) => section)).toEqual(Object.keys(outcomes));
		});

		test.each(pairs)('$section', async (pair) => {
			const outcome = outcomes[pair.section];
			const created = await create(pair);
			expect(created.ok ? 'taken' : created.error).toBe(outcome);
			if (created.ok) {
				expect(toBase64Url(created.value.credentialId)).toBe(createdOf(pair).id);
				expect(valueOf(await assert(pair, created.value)).passkey).toBe(created.value);
				return;
			}
			// What makes no passkey asserts none, were it another's by the same name.
			const { publicKey } = valueOf(await create(taken[0]!));
			const credentialId = hex(pair.blocks[0].credential_id);
			const passkey = { publicKey, credentialId, signCount: 0, isBackupEligible: true };
			const asserted = await assert(pair, passkey);
			expect(asserted.ok).toBe(false);
			if (outcome === 'framed') expect(asserted).toEqual(created);
		});

		test.each(taken)(
			'$section: whether a person was verified counts if asked for',
			async (pair) => {
				const asked = { ...checkOf(pair.blocks[1]), asksForVerification: true };
				const passkey = valueOf(await create(pair));
				const flags = hex(pair.blocks[1].authenticatorData)[32]!;
				const asserted = await assert(pair, passkey, assertedOf(pair), asked);
				expect(asserted.ok).toBe((flags & userVerified) !== 0);
			}
		);

		test.each(taken)('WAN-01: $section: no bit of its assertion may change', expectNoChangeTaken);

		test.each(taken)(
			'WAN-01: $section: what else is registered asserts nothing',
			expectNothingElseAsserts
		);

		test('WAN-01: different credentials do not stand for each other', async () => {
			for (const pair of taken) {
				for (const other of taken) {
					if (other === pair) continue;
					const { publicKey } = valueOf(await create(other));
					const passkey = valueOf(await create(pair));
					expect((await assert(pair, { ...passkey, publicKey })).ok).toBe(false);
					const mixed = { ...assertedOf(pair), rawId: assertedOf(other).rawId };
					expect(await assert(pair, passkey, mixed)).toEqual({ ok: false, error: 'refused' });
				}
			}
		});

		test('the one that is typed in is one of them', () => {
			const [published] = pairs;
			expect(
				published!.blocks.map((block, index) => ({ ...block, ...typedPair.blocks[index] }))
			).toEqual(published!.blocks);
		});
	}
);
