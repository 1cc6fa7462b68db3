// Everything that the verifier must refuse, each under a good signature where a signature can be.
import { describe, expect, test } from 'vitest';
import type { ChallengeSubject } from '../../../crypto/edge/passkey-challenges.ts';
import {
	relyingPartyOf,
	verifyPasskeyAsserted,
	verifyPasskeyCreated,
	type PasskeyFault
} from '../../../crypto/edge/webauthn.ts';
import { concatBytes, toBase64Url, utf8Encode } from '../../../protocol/bytes.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { passkeyChallengeTtlSeconds } from '../../../protocol/limits.ts';
import { valueOf } from '../vectors.ts';
import {
	account,
	coseKey,
	flag,
	nowMs,
	party,
	Question,
	SoftAuthenticator,
	type ClientData,
	type Statement,
	type Wrong
} from './webauthn-fixture.ts';

const ofOther = new SoftAuthenticator({ seed: 2 });
const text = toBase64Url;

/** Client data as another page's browser would write it. */
const wrongClientData: readonly (readonly [string, ClientData, PasskeyFault])[] = [
	['http', { origin: 'http://notes.example.org' }, 'wrong_origin'],
	['another port', { origin: 'https://notes.example.org:8443' }, 'wrong_origin'],
	['the default port, written', { origin: 'https://notes.example.org:443' }, 'wrong_origin'],
	['a host below', { origin: 'https://evil.notes.example.org' }, 'wrong_origin'],
	['the host above', { origin: 'https://example.org' }, 'wrong_origin'],
	['a host that ends alike', { origin: 'https://evilnotes.example.org' }, 'wrong_origin'],
	['a host that begins alike', { origin: 'https://notes.example.org.evil.net' }, 'wrong_origin'],
	['punycode', { origin: 'https://xn--ntes-5qa.example.org' }, 'wrong_origin'],
	['a letter that looks alike', { origin: 'https://nоtes.example.org' }, 'wrong_origin'],
	['a trailing dot', { origin: 'https://notes.example.org.' }, 'wrong_origin'],
	['a slash', { origin: 'https://notes.example.org/' }, 'wrong_origin'],
	['capitals', { origin: 'https://Notes.example.org' }, 'wrong_origin'],
	['white space', { origin: ' https://notes.example.org' }, 'wrong_origin'],
	['no origin', { origin: undefined }, 'wrong_origin'],
	['an opaque origin', { origin: 'null' }, 'wrong_origin'],
	['an app', { origin: 'android:apk-key-hash:AAAA' }, 'wrong_origin'],
	['a list of origins', { origin: [party.origin] }, 'wrong_origin'],
	['a frame', { crossOrigin: true }, 'framed'],
	['a frame, in other words', { crossOrigin: 'true' }, 'framed'],
	['a frame, named', { crossOrigin: true, topOrigin: 'https://evil.net' }, 'framed'],
	['a page above', { topOrigin: 'https://evil.net' }, 'framed'],
	['the same page above', { topOrigin: party.origin }, 'framed'],
	['no page above, but named', { topOrigin: null }, 'framed'],
	['payment', { type: 'payment.get' }, 'wrong_kind'],
	['no type', { type: undefined }, 'wrong_kind'],
	['type in capitals', { type: 'WEBAUTHN.GET' }, 'wrong_kind'],
	['no challenge', { challenge: undefined }, 'malformed'],
	['a challenge of zeros', { challenge: text(new Uint8Array(32)) }, 'wrong_challenge'],
	['an empty challenge', { challenge: '' }, 'wrong_challenge'],
	['a property of objects', { challenge: 'constructor' }, 'wrong_challenge']
];

const wrongAnywhere: readonly (readonly [string, Wrong, PasskeyFault])[] = [
	...wrongClientData.map(([name, clientData, fault]) => [name, { clientData }, fault] as const),
	['no JSON', { clientDataBytes: utf8Encode('{') }, 'malformed'],
	['JSON of another kind', { clientDataBytes: utf8Encode('null') }, 'malformed'],
	['a list', { clientDataBytes: utf8Encode('[]') }, 'malformed'],
	['no UTF-8', { clientDataBytes: Uint8Array.of(0x22, 0xff, 0x22) }, 'malformed'],
	['the relying party above', { rpId: 'example.org' }, 'refused'],
	['the relying party below', { rpId: 'evil.notes.example.org' }, 'refused'],
	['its origin in place of the relying party', { rpId: party.origin }, 'refused'],
	['nobody present', { flags: flag.UP }, 'refused'],
	['nobody verified', { flags: flag.UV }, 'refused'],
	['backed up, and not to be', { flags: flag.BS }, 'refused'],
	['extensions announced, none there', { flags: flag.ED }, 'refused'],
	['bytes after the end', { trailing: Uint8Array.of(0) }, 'refused'],
	['another type', { answer: { type: 'password' } }, 'refused'],
	['no type', { answer: { type: undefined } }, 'refused'],
	['rawId of another', { answer: { rawId: text(ofOther.credentialId) } }, 'refused'],
	['no rawId', { answer: { rawId: undefined } }, 'refused'],
	['client data in base64', { response: { clientDataJSON: 'e30=' } }, 'malformed'],
	['no client data', { response: { clientDataJSON: '' } }, 'malformed']
];

describe('a new passkey', () => {
	const fresh = () => new SoftAuthenticator();

	test('is taken with its key, its counter and what it says of itself', async () => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator({ isSynced: true })];
		const taken = await verifyPasskeyCreated(
			authenticator.create(question.challenge),
			question.check()
		);
		expect(taken).toEqual({
			ok: true,
			value: {
				...authenticator.stored,
				isBackedUp: true,
				isUserVerified: true,
				transports: ['internal']
			}
		});
	});

	test.each(wrongAnywhere)('is refused: %s', async (_, wrong, fault) => {
		const question = new Question();
		const created = fresh().create(question.challenge, wrong);
		const answer = await verifyPasskeyCreated(created, question.check());
		expect(answer).toEqual({ ok: false, error: fault });
	});

	test.each<readonly [string, Wrong, PasskeyFault]>([
		['an assertion', { clientData: { type: 'webauthn.get' } }, 'wrong_kind'],
		['another id signed', { credentialId: ofOther.credentialId }, 'not_yours'],
		['no credential in it', { flags: flag.AT }, 'refused']
	])('is refused: %s', async (_, wrong, fault) => {
		const question = new Question();
		const answer = await verifyPasskeyCreated(
			fresh().create(question.challenge, wrong),
			question.check()
		);
		expect(answer).toEqual({ ok: false, error: fault });
	});

	test('is refused with a key that is not asked for, or that changes when it is read', async () => {
		const longer = concatBytes(Uint8Array.of(0xb8, 0x05), ofOther.publicKey.slice(1));
		const wide = new Uint8Array(48).fill(1);
		const es384 = coseKey([
			[1, 2],
			[3, -35],
			[-1, 2],
			[-2, wide],
			[-3, wide]
		]);
		for (const publicKey of [es384, longer, Uint8Array.of(0x80), new Uint8Array()]) {
			const question = new Question();
			const created = fresh().create(question.challenge, { publicKey });
			expect((await verifyPasskeyCreated(created, question.check())).ok).toBe(false);
		}
	});

	test.each<Statement>([
		{
			fmt: 'packed',
			attStmt: new Map<string, unknown>([
				['alg', -7],
				['sig', new Uint8Array(70)]
			])
		},
		{ fmt: 'tpm', attStmt: new Map([['ver', '2.0']]) },
		{ fmt: 'none', attStmt: new Map([['x5c', 1]]) },
		{ fmt: 'unheard of' }
	])('is taken whatever is said about its maker: $fmt', async (statement) => {
		const question = new Question();
		const created = fresh().create(question.challenge, { statement });
		expect((await verifyPasskeyCreated(created, question.check())).ok).toBe(true);
	});

	test.each<Statement>([{ fmt: 1 }, { attStmt: [] }, { attStmt: 'x' }])(
		'is refused with a statement that has no form: %o',
		async (statement) => {
			const question = new Question();
			const created = fresh().create(question.challenge, { statement });
			const answer = await verifyPasskeyCreated(created, question.check());
			expect(answer).toEqual({ ok: false, error: 'malformed' });
		}
	);

	test('may go unverified only where that was not asked for', async () => {
		const question = new Question();
		const created = fresh().create(question.challenge, { flags: flag.UV });
		const taken = await verifyPasskeyCreated(
			created,
			question.check({ asksForVerification: false })
		);
		expect(taken.ok && taken.value.isUserVerified).toBe(false);
		expect(taken.ok).toBe(true);
	});
});

describe('an assertion', () => {
	test('is taken, with the counter that is to be kept', async () => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const asserted = authenticator.assert(question.challenge);
		expect(
			await verifyPasskeyAsserted(asserted, [ofOther.stored, passkey], question.check())
		).toEqual({
			ok: true,
			value: {
				passkey,
				signCount: 2,
				isBackedUp: false,
				isUserVerified: true,
				isCounterSuspect: false
			}
		});
	});

	test.each(wrongAnywhere)('is refused: %s', async (_, wrong, fault) => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const before = structuredClone(passkey);
		const asserted = authenticator.assert(question.challenge, wrong);
		const answer = await verifyPasskeyAsserted(asserted, [passkey], question.check());
		expect(answer).toEqual({ ok: false, error: fault });
		expect(passkey).toEqual(before);
	});

	test.each<readonly [string, Wrong, PasskeyFault]>([
		['a registration', { clientData: { type: 'webauthn.create' } }, 'wrong_kind'],
		['an id that nobody has', { answer: { id: text(new Uint8Array(32)) } }, 'not_yours'],
		['no id', { answer: { id: '' } }, 'not_yours'],
		[
			'somebody else named in it',
			{ response: { userHandle: text(new Uint8Array(16)) } },
			'not_yours'
		],
		['nobody named in it', { response: { userHandle: '' } }, 'not_yours'],
		['a synced passkey, all at once', { flags: flag.BE }, 'refused'],
		['a credential announced, none there', { flags: flag.AT }, 'refused'],
		['no authenticator data', { response: { authenticatorData: '' } }, 'refused'],
		['no signature', { response: { signature: '' } }, 'malformed'],
		['a signature in base64', { response: { signature: 'MEU=' } }, 'malformed']
	])('is refused: %s', async (_, wrong, fault) => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const asserted = authenticator.assert(question.challenge, wrong);
		const answer = await verifyPasskeyAsserted(asserted, [passkey], question.check());
		expect(answer).toEqual({ ok: false, error: fault });
	});

	test('is refused if the account has no passkey, or another one only', async () => {
		for (const passkeys of [[], [ofOther.stored]]) {
			const question = new Question();
			const asserted = new SoftAuthenticator().assert(question.challenge);
			const answer = await verifyPasskeyAsserted(asserted, passkeys, question.check());
			expect(answer).toEqual({ ok: false, error: 'not_yours' });
		}
	});

	test('is refused under another name, its own signature or not', async () => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const id = text(ofOther.credentialId);
		const asserted = authenticator.assert(question.challenge, { answer: { id, rawId: id } });
		const passkeys = [authenticator.stored, ofOther.stored];
		const answer = await verifyPasskeyAsserted(asserted, passkeys, question.check());
		expect(answer).toEqual({ ok: false, error: 'refused' });
	});

	test('needs nobody named in it', async () => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const asserted = authenticator.assert(question.challenge, { response: { userHandle: null } });
		expect((await verifyPasskeyAsserted(asserted, [passkey], question.check())).ok).toBe(true);
	});

	test('may go unverified only where that was not asked for, and says so', async () => {
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const asserted = authenticator.assert(question.challenge, { flags: flag.UV });
		const check = question.check({ asksForVerification: false });
		const taken = valueOf(await verifyPasskeyAsserted(asserted, [passkey], check));
		expect(taken.isUserVerified).toBe(false);
	});
});

describe('a counter', () => {
	const cases: readonly (readonly [
		string,
		number,
		number,
		boolean,
		PasskeyFault | 'suspect' | 'fine'
	])[] = [
		['rises', 5, 6, false, 'fine'],
		['leaps', 5, 4_294_967_295, false, 'fine'],
		['is not kept', 0, 0, false, 'fine'],
		['begins', 0, 1, false, 'fine'],
		['stands still', 5, 5, false, 'bad_counter'],
		['falls', 5, 4, false, 'bad_counter'],
		['is kept no more', 5, 0, false, 'bad_counter'],
		['rises, synced', 5, 6, true, 'fine'],
		['is not kept, synced', 0, 0, true, 'fine'],
		['stands still, synced', 5, 5, true, 'suspect'],
		['falls, synced', 5, 4, true, 'suspect'],
		['is kept no more, synced', 5, 0, true, 'suspect']
	];

	test.each(cases)('%s', async (_, signCount, counter, isSynced, outcome) => {
		const question = new Question();
		const authenticator = new SoftAuthenticator({ isSynced });
		const passkey = { ...authenticator.stored, signCount };
		const asserted = authenticator.assert(question.challenge, { counter });
		const answer = await verifyPasskeyAsserted(asserted, [passkey], question.check());
		expect(passkey.signCount).toBe(signCount);
		if (outcome === 'bad_counter') {
			expect(answer).toEqual({ ok: false, error: outcome });
			return;
		}
		const taken = valueOf(answer);
		expect(taken.isCounterSuspect).toBe(outcome === 'suspect');
		expect(taken.signCount).toBe(Math.max(signCount, counter));
	});
});

describe('a challenge', () => {
	const other = 'ff'.repeat(16) as AccountId;
	const authenticator = new SoftAuthenticator();
	const passkeys = [authenticator.stored];

	test('WAN-04: is good once, however often its answer is sent', async () => {
		const question = new Question();
		const asserted = authenticator.assert(question.challenge);
		const answers = await Promise.all(
			[1, 2, 3].map(() => verifyPasskeyAsserted(asserted, passkeys, question.check()))
		);
		const again = await verifyPasskeyAsserted(asserted, passkeys, question.check());
		expect([...answers, again].map((answer) => answer.ok)).toEqual([true, false, false, false]);
		expect(again).toEqual({ ok: false, error: 'wrong_challenge' });
	});

	test('is spent by an answer that is refused', async () => {
		const question = new Question();
		const wrong = { clientData: { origin: 'https://evil.net' } };
		const first = authenticator.assert(question.challenge, wrong);
		expect((await verifyPasskeyAsserted(first, passkeys, question.check())).ok).toBe(false);
		const second = authenticator.assert(question.challenge);
		const answer = await verifyPasskeyAsserted(second, passkeys, question.check());
		expect(answer).toEqual({ ok: false, error: 'wrong_challenge' });
	});

	test.each<readonly [string, ChallengeSubject]>([
		['purpose', { purpose: 'fresh', account, holder: 'login 1' }],
		['holder', { purpose: 'login', account, holder: 'login 2' }],
		['account', { purpose: 'login', account: other, holder: 'login 1' }]
	])('WAN-04: is no good for another %s, and for its own no more', async (_, subject) => {
		const question = new Question();
		for (const check of [question.check({ subject }), question.check()]) {
			const asserted = authenticator.assert(question.challenge, { response: { userHandle: null } });
			const answer = await verifyPasskeyAsserted(asserted, passkeys, check);
			expect(answer).toEqual({ ok: false, error: 'wrong_challenge' });
		}
	});

	test('WAN-04: for a new passkey is no good for an old one', async () => {
		const question = new Question({ purpose: 'add' });
		const asserted = authenticator.assert(question.challenge);
		const subject = { purpose: 'login', account, holder: 'login 1' } as const;
		const answer = await verifyPasskeyAsserted(asserted, passkeys, question.check({ subject }));
		expect(answer).toEqual({ ok: false, error: 'wrong_challenge' });
	});

	test('of another place is none', async () => {
		const question = new Question();
		const asserted = authenticator.assert(question.challenge);
		const answer = await verifyPasskeyAsserted(asserted, passkeys, new Question().check());
		expect(answer).toEqual({ ok: false, error: 'wrong_challenge' });
	});

	test.each([
		[passkeyChallengeTtlSeconds * 1_000 - 1, true],
		[passkeyChallengeTtlSeconds * 1_000, false]
	])('is good for its time: %d ms later', async (laterMs, isGood) => {
		const question = new Question();
		const asserted = authenticator.assert(question.challenge);
		const check = question.check({ nowMs: nowMs + laterMs });
		expect((await verifyPasskeyAsserted(asserted, passkeys, check)).ok).toBe(isGood);
	});
});

describe('a relying party', () => {
	test.each([
		['https://notes.example.org', 'notes.example.org'],
		['https://notes.example.org:8443', 'notes.example.org'],
		['https://tacet.ada.workers.dev', 'tacet.ada.workers.dev'],
		['https://nas', 'nas'],
		['https://xn--bcher-kva.example', 'xn--bcher-kva.example'],
		['https://localhost:8787', 'localhost'],
		['http://localhost:8787', 'localhost'],
		['http://localhost', 'localhost']
	])('is the whole host of %s', (origin, rpId) => {
		expect(relyingPartyOf(origin)).toEqual({ ok: true, value: { origin, rpId } });
	});

	test.each([
		...['http://notes.example.org', 'http://127.0.0.1:8787', 'https://127.0.0.1', 'https://[::1]'],
		...['https://notes.example.org/', 'https://notes.example.org.', 'https://Notes.example.org'],
		...['https://notes.example.org:443', 'http://localhost:80', 'https://-a.org', 'https://a..org'],
		...['https://ada@example.org', 'https://bücher.example', 'http://a.localhost', 'null', ''],
		...['https://notes.example.org\nhttps://evil.net', 'ftp://example.org', 'https://example.1']
	])('there is none for %s', (origin) => {
		expect(relyingPartyOf(origin)).toEqual({ ok: false, error: 'malformed' });
	});

	test('WAN-02: at a port is not the one at another', async () => {
		const at = (port: string) => valueOf(relyingPartyOf(`https://notes.example.org${port}`));
		const [question, authenticator] = [new Question(), new SoftAuthenticator()];
		const passkey = authenticator.stored;
		const asserted = authenticator.assert(question.challenge);
		const check = question.check({ party: at(':8443') });
		const answer = await verifyPasskeyAsserted(asserted, [passkey], check);
		expect(answer).toEqual({ ok: false, error: 'wrong_origin' });
	});
});
