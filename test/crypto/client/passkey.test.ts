import { describe, expect, test } from 'vitest';
import { generateRoot } from '../../../crypto/client/account-keys.ts';
import {
	derivePasskeySlotKey,
	openKeyslot,
	sealPasskeyKeyslot
} from '../../../crypto/client/keyslots.ts';
import {
	passkeyCreationOptions,
	passkeyRequestOptions,
	passkeySalt,
	splitAsserted,
	splitCreated,
	type AssertedCredential,
	type CreatedCredential
} from '../../../crypto/client/passkey.ts';
import { createSecret } from '../../../crypto/client/secret.ts';
import { passkeySlotId } from '../../../crypto/passkey-id.ts';
import { passkeyAlgorithms } from '../../../crypto/edge/cose-key.ts';
import { toBase64Url, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { decodeCbor } from '../../../protocol/cbor.ts';
import { bytesOfId, type AccountId } from '../../../protocol/ids.ts';
import { parseKeyslot } from '../../../protocol/keyslot.ts';
import { passkeySaltInput } from '../../../protocol/labels.ts';
import { account } from '../edge/webauthn-fixture.ts';
import { flipped, valueOf } from '../vectors.ts';

const other = 'ff'.repeat(16) as AccountId;
const credentialId = new Uint8Array(32).fill(3);
const challenge = new Uint8Array(32).fill(5);
const outputOf = (fill: number) => createSecret<'prf output'>(new Uint8Array(32).fill(fill));
const ask = {
	...{ rpId: 'notes.example.org', account, challenge, app: 'Tacet', handle: 'ada' },
	passkeys: [
		{ credentialId, transports: ['internal', 'hybrid'] as const },
		{ credentialId: credentialId.slice(16), transports: [] }
	]
};

describe('what a browser is asked for', () => {
	const creation = passkeyCreationOptions(ask);
	const request = passkeyRequestOptions(ask);

	test('is a person verified, always', () => {
		expect(creation.authenticatorSelection.userVerification).toBe('required');
		expect(request.userVerification).toBe('required');
	});

	test('is no statement about the authenticator', () => {
		expect(creation.attestation).toBe('none');
	});

	test('are the algorithms that the edge takes', () => {
		expect(creation.pubKeyCredParams.map(({ alg }) => alg)).toEqual([...passkeyAlgorithms]);
	});

	test('is for the whole host, and for the account by its id', () => {
		expect(creation.rp.id).toBe(ask.rpId);
		expect(request.rpId).toBe(ask.rpId);
		expect(creation.user.id).toEqual(bytesOfId(account));
	});

	test('are passkeys that the account has, and a new one is none of them', () => {
		const named = [
			{ type: 'public-key', id: credentialId, transports: ['internal', 'hybrid'] },
			{ type: 'public-key', id: credentialId.slice(16) }
		];
		expect(creation.excludeCredentials).toEqual(named);
		expect(request.allowCredentials).toEqual(named);
	});

	test('is one PRF input, the account’s', () => {
		const asked = { prf: { eval: { first: passkeySalt(account) } } };
		expect(creation.extensions).toEqual(asked);
		expect(request.extensions).toEqual(asked);
	});

	test('has bytes of its own, which nobody else can change', () => {
		expect(creation.challenge).toEqual(challenge);
		expect(creation.challenge).not.toBe(challenge);
		expect(request.allowCredentials[0]!.id).not.toBe(credentialId);
	});
});

describe('the PRF input', () => {
	test('is a hash of label and account', () => {
		expect(decodeCbor(passkeySaltInput(account))).toEqual({
			ok: true,
			value: ['tacet/1 passkey salt', bytesOfId(account)]
		});
		expect(passkeySalt(account).length).toBe(32);
		expect(toHex(passkeySalt(account))).toBe(toHex(passkeySalt(account)));
		expect(toHex(passkeySalt(account))).not.toBe(toHex(passkeySalt(other)));
	});
});

const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;
const secretBytes = new Uint8Array(32).fill(0xab);
const results = (first: ArrayBuffer | ArrayBufferView | undefined) => () => ({
	prf: { enabled: true, ...(first && { results: { first } }) }
});
const createdBy = (changed: Partial<CreatedCredential> = {}): CreatedCredential => ({
	rawId: buffer(credentialId),
	type: 'public-key',
	getClientExtensionResults: results(buffer(secretBytes)),
	response: {
		clientDataJSON: buffer(utf8Encode('{}')),
		attestationObject: buffer(Uint8Array.of(1, 2)),
		getTransports: () => ['internal', 'smart-card', 'carrier pigeon', 'usb']
	},
	...changed
});
const assertedBy = (changed: Partial<AssertedCredential> = {}): AssertedCredential => ({
	rawId: buffer(credentialId),
	type: 'public-key',
	getClientExtensionResults: results(buffer(secretBytes)),
	response: {
		clientDataJSON: buffer(utf8Encode('{}')),
		authenticatorData: buffer(Uint8Array.of(3)),
		signature: buffer(Uint8Array.of(4)),
		userHandle: buffer(bytesOfId(account))
	},
	...changed
});

describe('a browser’s answer', () => {
	test('is split: nothing that is sent has the PRF output in it', () => {
		const created = valueOf(splitCreated(createdBy()));
		const asserted = valueOf(splitAsserted(assertedBy()));
		for (const { sent, output } of [created, asserted]) {
			expect(toHex(output!.reveal())).toBe('ab'.repeat(32));
			const said = JSON.stringify(sent);
			expect(said).not.toContain(toBase64Url(secretBytes));
			expect(said).not.toMatch(/prf|extension|results/i);
		}
	});

	test('has the fields of its form, and known transports only', () => {
		const id = toBase64Url(credentialId);
		expect(valueOf(splitCreated(createdBy())).sent).toEqual({
			...{ id, rawId: id, type: 'public-key' },
			response: { clientDataJSON: 'e30', attestationObject: 'AQI', transports: ['internal', 'usb'] }
		});
		expect(valueOf(splitAsserted(assertedBy())).sent).toEqual({
			...{ id, rawId: id, type: 'public-key' },
			response: {
				...{ clientDataJSON: 'e30', authenticatorData: 'Aw', signature: 'BA' },
				userHandle: toBase64Url(bytesOfId(account))
			}
		});
	});

	test('may have no PRF output', () => {
		const without = [results(undefined), () => ({}), () => ({ prf: {} })];
		for (const getClientExtensionResults of without) {
			expect(valueOf(splitCreated(createdBy({ getClientExtensionResults }))).output).toBeNull();
			expect(valueOf(splitAsserted(assertedBy({ getClientExtensionResults }))).output).toBeNull();
		}
	});

	test('gives up the very bytes that the browser made, so that they can be overwritten', () => {
		for (const first of [buffer(secretBytes), new Uint8Array(secretBytes)]) {
			const getClientExtensionResults = results(first);
			valueOf(splitAsserted(assertedBy({ getClientExtensionResults }))).output!.wipe();
			const left = first instanceof ArrayBuffer ? new Uint8Array(first) : first;
			expect(toHex(left)).toBe('00'.repeat(32));
		}
	});

	test('is unusable with another output or another kind of credential', () => {
		const unusable = { ok: false, error: 'unusable' };
		for (const length of [0, 31, 33, 64]) {
			const getClientExtensionResults = results(new ArrayBuffer(length));
			expect(splitCreated(createdBy({ getClientExtensionResults }))).toEqual(unusable);
			expect(splitAsserted(assertedBy({ getClientExtensionResults }))).toEqual(unusable);
		}
		expect(splitCreated(createdBy({ type: 'password' }))).toEqual(unusable);
		expect(splitAsserted(assertedBy({ type: 'password' }))).toEqual(unusable);
	});
});

describe('a passkey’s keyslot', () => {
	const slot = passkeySlotId(credentialId);
	const place = { account, slot, generation: 1 };

	test('opens by the PRF output, and by no other', async () => {
		const root = generateRoot();
		const keyslot = await sealPasskeyKeyslot(derivePasskeySlotKey(outputOf(1)), root, place);
		const opened = await openKeyslot(derivePasskeySlotKey(outputOf(1)), account, keyslot);
		expect(valueOf(opened).reveal()).toEqual(root.reveal());
		const failed = { ok: false, error: 'open_failed' };
		expect(await openKeyslot(derivePasskeySlotKey(outputOf(2)), account, keyslot)).toEqual(failed);
		expect(await openKeyslot(derivePasskeySlotKey(outputOf(1)), other, keyslot)).toEqual(failed);
	});

	test('WAN-05: is bound to the credential: under another one’s id it does not open', async () => {
		const slotKey = derivePasskeySlotKey(outputOf(1));
		const keyslot = await sealPasskeyKeyslot(slotKey, generateRoot(), place);
		const parsed = valueOf(parseKeyslot(keyslot));
		expect([parsed.kind, toHex(parsed.slot)]).toEqual(['passkey', toHex(slot)]);
		const at = toHex(keyslot).indexOf(toHex(slot)) / 2;
		const swapped = keyslot.slice();
		swapped.set(passkeySlotId(flipped(credentialId, 0)), at);
		expect(await openKeyslot(slotKey, account, swapped)).toEqual({
			ok: false,
			error: 'open_failed'
		});
	});

	test('has the same id each time, and new bytes', async () => {
		const slotKey = derivePasskeySlotKey(outputOf(1));
		const root = generateRoot();
		const [one, two] = await Promise.all([
			sealPasskeyKeyslot(slotKey, root, place),
			sealPasskeyKeyslot(slotKey, root, place)
		]);
		expect(toHex(valueOf(parseKeyslot(one)).slot)).toBe(toHex(valueOf(parseKeyslot(two)).slot));
		expect(toHex(one)).not.toBe(toHex(two));
	});

	test('takes its id from the whole credential id', () => {
		expect(slot.length).toBe(16);
		const ids = [credentialId, flipped(credentialId, 31), credentialId.slice(1)].map(passkeySlotId);
		expect(new Set(ids.map(toHex)).size).toBe(3);
	});

	test('has a key of its own label, made from 32 bytes only', () => {
		expect(derivePasskeySlotKey(outputOf(1)).reveal().length).toBe(32);
		expect(toHex(derivePasskeySlotKey(outputOf(1)).reveal())).not.toBe('01'.repeat(32));
		expect(() => derivePasskeySlotKey(createSecret(new Uint8Array(31)))).toThrow(RangeError);
	});
});
