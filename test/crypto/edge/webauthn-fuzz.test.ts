// Whatever bytes stand in an answer, it is refused, and nothing is thrown.
import fc from 'fast-check';
import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { verifyPasskeyAsserted, verifyPasskeyCreated } from '../../../crypto/edge/webauthn.ts';
import { fromBase64Url, toBase64Url, utf8Encode } from '../../../protocol/bytes.ts';
import type { PasskeyAsserted, PasskeyCreated } from '../../../protocol/passkey.ts';
import { valueOf } from '../vectors.ts';
import { party, Question, SoftAuthenticator } from './webauthn-fixture.ts';

const numRuns = 200;
const bytes = fc.uint8Array({ maxLength: 300 }).map(toBase64Url);
/** CBOR of any shape, as an authenticator might write it. */
const cbor = fc
	.letrec((tie) => ({
		value: fc.oneof(
			{ depthSize: 'small', maxDepth: 4 },
			fc.integer(),
			fc.boolean(),
			fc.constant(null),
			fc.string({ maxLength: 12 }),
			fc.constantFrom('fmt', 'attStmt', 'authData', 'none'),
			fc.uint8Array({ maxLength: 80 }),
			fc.array(tie('value'), { maxLength: 4 }),
			fc
				.array(fc.tuple(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.string()), tie('value')), {
					maxLength: 6
				})
				.map((members) => new Map(members))
		)
	}))
	.value.map((value) => toBase64Url(new Uint8Array(encode(value))));
const base64 = fc.string({ maxLength: 80 });
const anything = fc.oneof(bytes, cbor, base64);

/** The bytes of a good answer, some of them changed, left out or put in. */
const edits = fc.array(
	fc.record({
		at: fc.nat(1_000),
		remove: fc.nat(3),
		insert: fc.uint8Array({ maxLength: 3 })
	}),
	{ minLength: 1, maxLength: 3 }
);

function edited(
	text: string,
	changes: readonly { at: number; remove: number; insert: Uint8Array }[]
): string {
	const list = [...valueOf(fromBase64Url(text))];
	for (const { at, remove, insert } of changes) {
		list.splice(at % (list.length + 1), remove, ...insert);
	}
	return toBase64Url(Uint8Array.from(list));
}

async function created(change: (good: PasskeyCreated) => PasskeyCreated) {
	const [question, authenticator] = [new Question(), new SoftAuthenticator()];
	const good = authenticator.create(question.challenge);
	return verifyPasskeyCreated(change(good), question.check());
}

async function asserted(change: (good: PasskeyAsserted) => PasskeyAsserted) {
	const [question, authenticator] = [new Question(), new SoftAuthenticator()];
	const passkey = authenticator.stored;
	const good = authenticator.assert(question.challenge);
	return verifyPasskeyAsserted(change(good), [passkey], question.check());
}

type Changed = readonly [field: string, text: string];
const inResponse = <Answer extends PasskeyCreated | PasskeyAsserted>(
	answer: Answer,
	[field, text]: Changed
): Answer => ({ ...answer, response: { ...answer.response, [field]: text } });

describe('a new passkey', () => {
	test('WAN-01: with anything in place of a field is refused', async () => {
		const field = fc.constantFrom('clientDataJSON', 'attestationObject');
		await fc.assert(
			fc.asyncProperty(field, anything, async (name, text) => {
				expect((await created((good) => inResponse(good, [name, text]))).ok).toBe(false);
			}),
			{ numRuns }
		);
	});

	test('with edits is refused, or has the key and id of a good one', async () => {
		const { publicKey, credentialId } = new SoftAuthenticator();
		await fc.assert(
			fc.asyncProperty(edits, async (changes) => {
				const answer = await created((good) =>
					inResponse(good, ['attestationObject', edited(good.response.attestationObject, changes)])
				);
				if (!answer.ok) return;
				expect(answer.value.credentialId).toEqual(credentialId);
				expect(answer.value.publicKey.length).toBe(publicKey.length);
			}),
			{ numRuns }
		);
	});
});

describe('an assertion', () => {
	test('WAN-01: with anything in place of a field is refused', async () => {
		const field = fc.constantFrom('clientDataJSON', 'authenticatorData', 'signature');
		await fc.assert(
			fc.asyncProperty(field, anything, async (name, text) => {
				expect((await asserted((good) => inResponse(good, [name, text]))).ok).toBe(false);
			}),
			{ numRuns }
		);
	});

	test('with edits is refused', async () => {
		const field = fc.constantFrom('clientDataJSON', 'authenticatorData', 'signature');
		await fc.assert(
			fc.asyncProperty(field, edits, async (name, changes) => {
				const answer = await asserted((good) => {
					const text = good.response[name];
					const other = edited(text, changes);
					return other === text ? { ...good, id: '' } : inResponse(good, [name, other]);
				});
				expect(answer.ok).toBe(false);
			}),
			{ numRuns }
		);
	});

	test('with any JSON as client data is refused, signed as it is', async () => {
		await fc.assert(
			fc.asyncProperty(fc.jsonValue(), async (value) => {
				const [question, authenticator] = [new Question(), new SoftAuthenticator()];
				const passkey = authenticator.stored;
				const clientDataBytes = utf8Encode(JSON.stringify(value));
				const answer = authenticator.assert(question.challenge, { clientDataBytes });
				expect((await verifyPasskeyAsserted(answer, [passkey], question.check())).ok).toBe(false);
			}),
			{ numRuns }
		);
	});

	test('WAN-02: with a stranger’s origin is refused, whatever it is', async () => {
		await fc.assert(
			fc.asyncProperty(fc.oneof(fc.webUrl(), fc.string(), fc.anything()), async (origin) => {
				if (origin === party.origin) return;
				const [question, authenticator] = [new Question(), new SoftAuthenticator()];
				const passkey = authenticator.stored;
				const answer = authenticator.assert(question.challenge, {
					clientDataBytes: utf8Encode(
						`{"type":"webauthn.get","challenge":"${toBase64Url(question.challenge)}","origin":${safeJson(origin)}}`
					)
				});
				const judged = await verifyPasskeyAsserted(answer, [passkey], question.check());
				expect(judged).toEqual({ ok: false, error: 'wrong_origin' });
			}),
			{ numRuns }
		);
	});
});

/** JSON has no undefined, no bigint and no circles. */
function safeJson(value: unknown): string {
	try {
		return JSON.stringify([value]).slice(1, -1);
	} catch {
		return 'null';
	}
}
