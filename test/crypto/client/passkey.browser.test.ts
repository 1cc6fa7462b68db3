// Passkeys in Chromium, with an authenticator that its debugging protocol makes up: our options are
// taken, the PRF output is stable and stays here, and the edge's verifier takes what is sent.
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import { derivePasskeySlotKey } from '../../../crypto/client/keyslots.ts';
import {
	passkeyCreationOptions,
	passkeyRequestOptions,
	splitAsserted,
	splitCreated,
	type AssertedCredential,
	type CreatedCredential,
	type KnownPasskey
} from '../../../crypto/client/passkey.ts';
import {
	relyingPartyOf,
	verifyPasskeyAsserted,
	verifyPasskeyCreated
} from '../../../crypto/edge/webauthn.ts';
import { toBase64Url, toHex } from '../../../protocol/bytes.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { passkeyAsserted, passkeyCreated } from '../../../protocol/passkey.ts';
import { account, Question } from '../edge/webauthn-fixture.ts';
import { valueOf } from '../vectors.ts';

/** Of Chromium's DevTools protocol, domain WebAuthn. */
interface Session {
	send(method: string, params?: object): Promise<{ readonly authenticatorId: string }>;
}

const session = cdp() as unknown as Session;
const party = valueOf(relyingPartyOf(location.origin));

async function plugIn(changed: object = {}): Promise<void> {
	await session.send('WebAuthn.addVirtualAuthenticator', {
		options: {
			protocol: 'ctap2',
			ctap2Version: 'ctap2_1',
			transport: 'internal',
			hasResidentKey: true,
			hasUserVerification: true,
			hasPrf: true,
			isUserVerified: true,
			automaticPresenceSimulation: true,
			...changed
		}
	});
}

beforeEach(() => session.send('WebAuthn.enable'));
afterEach(() => session.send('WebAuthn.disable'));

async function create(challenge: Uint8Array, passkeys: readonly KnownPasskey[] = []) {
	const ask = { rpId: party.rpId, account, challenge, passkeys, app: 'Tacet', handle: 'ada' };
	const publicKey = passkeyCreationOptions(ask);
	const credential: unknown = await navigator.credentials.create({ publicKey });
	return valueOf(splitCreated(credential as CreatedCredential));
}

async function assert(challenge: Uint8Array, passkeys: readonly KnownPasskey[], of = account) {
	const publicKey = passkeyRequestOptions({ rpId: party.rpId, account: of, challenge, passkeys });
	const credential: unknown = await navigator.credentials.get({ publicKey });
	return valueOf(splitAsserted(credential as AssertedCredential));
}

test('a passkey is made, used, and taken by the edge, which sees no PRF output', async () => {
	await plugIn();
	const first = new Question({ purpose: 'add' });
	const created = await create(first.challenge);
	const stored = valueOf(await verifyPasskeyCreated(created.sent, first.check({ party })));
	expect(stored.isUserVerified).toBe(true);
	expect(stored.credentialId).toEqual(created.credentialId);

	const known = [{ credentialId: stored.credentialId, transports: stored.transports }];
	const second = new Question();
	const asserted = await assert(second.challenge, known);
	const taken = valueOf(
		await verifyPasskeyAsserted(asserted.sent, [stored], second.check({ party }))
	);
	expect(taken.signCount).toBeGreaterThan(stored.signCount);
	expect(taken.isCounterSuspect).toBe(false);

	expect(v.is(passkeyCreated, created.sent)).toBe(true);
	expect(v.is(passkeyAsserted, asserted.sent)).toBe(true);
	const output = asserted.output!.reveal();
	const sent = JSON.stringify([created.sent, asserted.sent]);
	expect(sent).not.toContain(toBase64Url(output));
	expect(sent).not.toContain(toHex(output));
	expect(sent).not.toMatch(/prf|results|extension/i);
});

test('its PRF output is the same each time, and another for another account', async () => {
	await plugIn();
	const challenge = new Uint8Array(32);
	const { credentialId, output, sent } = await create(challenge);
	const known = [{ credentialId, transports: sent.response.transports }];
	const [once, again] = [await assert(challenge, known), await assert(challenge, known)];
	const other = await assert(challenge, known, 'ff'.repeat(16) as AccountId);
	const keys = [output, once.output, again.output, other.output].map((each) =>
		toHex(derivePasskeySlotKey(each!).reveal())
	);
	expect(new Set(keys.slice(0, 3)).size).toBe(1);
	expect(keys[3]).not.toBe(keys[0]);
});

test('an authenticator without PRF gives a passkey that opens nothing', async () => {
	await plugIn({ hasPrf: false });
	const question = new Question();
	const created = await create(question.challenge);
	expect(created.output).toBeNull();
	expect((await verifyPasskeyCreated(created.sent, question.check({ party }))).ok).toBe(true);
});

test('nobody is asked twice for one authenticator', async () => {
	await plugIn();
	const { credentialId } = await create(new Uint8Array(32));
	const again = create(new Uint8Array(32), [{ credentialId, transports: [] }]);
	await expect(again).rejects.toThrow();
});
