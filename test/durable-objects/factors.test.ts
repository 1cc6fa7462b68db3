// Second factors in the account's own object, on its own database.
import { describe, expect, it } from 'vitest';
import { factorRates } from '../../durable-objects/limits.ts';
import { generateBackupCodes } from '../../crypto/backup-codes.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret } from '../../crypto/totp.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import { encodeFactorData, type FactorData } from '../../protocol/factor.ts';
import type { FactorId } from '../../protocol/ids.ts';
import { err } from '../../protocol/result.ts';
import { flag, SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import {
	addBackupCodes,
	adding,
	addTelephone,
	all,
	backup,
	codeOf,
	codesData,
	FactorStage,
	knownDevice,
	limited,
	login,
	malformed,
	many,
	parallel,
	pass,
	passkeyData,
	rightOf,
	sms,
	telephone,
	telephoneData,
	totp,
	wrong,
	wrongCode
} from './factor-stage.ts';

describe('a one-time password', () => {
	it('MFA-02: is taken once, and none of a step before it after that', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const present = codeOf(secret);
			expect(await stage.answer(totp(present))).toMatchObject({
				ok: true,
				value: { kind: 'totp' }
			});
			expect(await stage.answer(totp(present))).toEqual(wrong);
			expect(await stage.answer(totp(codeOf(secret, -1)))).toEqual(wrong);
			expect((await stage.answer(totp(codeOf(secret, 1)))).ok).toBe(true);
			expect(await stage.answer(totp(codeOf(secret, 0)), login('login 2'))).toEqual(wrong);
		}));

	it('is not taken again after the object slept', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const present = codeOf(secret);
			expect((await stage.answer(totp(present))).ok).toBe(true);
			stage.wake();
			expect(await stage.answer(totp(present))).toEqual(wrong);
		}));

	it('MFA-02: of 50 requests at once is right for one', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const code = totp(codeOf(secret));
			const answers = await many((index) => stage.answer(code, login(`login ${String(index)}`)));
			expect(rightOf(answers)).toBe(1);
		}));

	it('MFA-02: may be of a clock that is off by a step, and by no more', () =>
		FactorStage.run(async (stage) => {
			pass(0);
			for (const away of [-2, -1, 0, 1, 2]) {
				const secret = generateTotpSecret();
				const added = await stage.add({ kind: 'totp', secret }, totp(codeOf(secret, -1)));
				expect(added.ok).toBe(true);
				// The step of the proof is used up: two steps later it is as if there had been none.
				pass(90_000);
				const answer = await stage.answer(
					totp(codeOf(secret, away)),
					login('x', { knownDevice: away < 0 ? knownDevice : null })
				);
				expect(answer.ok, String(away)).toBe(Math.abs(away) <= 1);
			}
		}));

	it('that proved the factor is used up', () =>
		FactorStage.run(async (stage) => {
			const secret = generateTotpSecret();
			const code = totp(codeOf(secret));
			expect((await stage.add({ kind: 'totp', secret }, code)).ok).toBe(true);
			expect(await stage.answer(code)).toEqual(wrong);
			expect((await stage.answer(totp(codeOf(secret, 1)))).ok).toBe(true);
		}));

	it('is asked of every app that the account has', () =>
		FactorStage.run(async (stage) => {
			const [first, second] = [await stage.addTotp(), await stage.addTotp()];
			expect((await stage.answer(totp(codeOf(second)))).ok).toBe(true);
			expect((await stage.answer(totp(codeOf(first)))).ok).toBe(true);
		}));

	it('has its secret sealed, and opens with no other key', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const stored = stage.store.loadFactors()[0]!;
			const plain = encodeFactorData({ kind: 'totp', secret });
			expect(stored.data).toHaveLength(plain.length + 28);
			expect(toHex(stored.data)).not.toContain(toHex(secret));
			const unavailable = { ok: false, error: { code: 'unavailable' } };
			stage.wake({ factorKey: { ok: true, value: new Uint8Array(32) } });
			expect(await stage.answer(totp(codeOf(secret)))).toEqual(unavailable);
			stage.wake({ factorKey: err({ code: 'unavailable' }) });
			expect(await stage.answer(totp(codeOf(secret)))).toEqual(unavailable);
			stage.wake();
			expect((await stage.answer(totp(codeOf(secret)))).ok).toBe(true);
		}));
});

describe('wrong answers', () => {
	it('MFA-01: are five, from all logins together, and then even the right code waits', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const bad = totp(wrongCode(secret));
			const answers = await many((index) => stage.answer(bad, login(`login ${String(index)}`)));
			const refusals = answers.map((answer) => (answer.ok ? 'ok' : answer.error.code));
			const { burst } = factorRates.totp;
			expect(burst).toBe(5);
			expect(refusals.filter((code) => code === 'factor_wrong')).toHaveLength(burst);
			expect(refusals.filter((code) => code === 'rate_limited')).toHaveLength(parallel - burst);
			expect(await stage.answer(totp(codeOf(secret)))).toMatchObject(limited);
			expect(stage.notices).toEqual(Array(burst).fill('factor_refused'));
		}));

	it('MFA-01: are counted through the sleep of the object, before they are answered', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			for (let tries = 0; tries < factorRates.totp.burst; tries++) {
				stage.wake();
				expect(await stage.answer(totp(wrongCode(secret)))).toEqual(wrong);
			}
			stage.wake();
			expect(await stage.answer(totp(codeOf(secret)))).toMatchObject(limited);
		}));

	it('of a device that the account knows are counted by themselves', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const bad = totp(wrongCode(secret));
			for (let tries = 0; tries < factorRates.totp.burst; tries++) await stage.answer(bad);
			expect(await stage.answer(bad)).toMatchObject(limited);
			const known = login('login 2', { knownDevice });
			expect((await stage.answer(totp(codeOf(secret)), known)).ok).toBe(true);
		}));

	it('of one kind leave the others alone', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			for (let tries = 0; tries <= factorRates.totp.burst; tries++) {
				await stage.answer(totp(wrongCode(secret)));
			}
			expect((await stage.answer(stage.assert(authenticator))).ok).toBe(true);
		}));

	it('lock nobody out who has what nobody can guess', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const codes = await addBackupCodes(stage);
			const other = new SoftAuthenticator({ seed: 2 });
			const asked = stage.assert(authenticator);
			for (let tries = 0; tries < factorRates.webauthn.burst; tries++) {
				expect(await stage.answer(stage.assert(other))).toEqual(wrong);
				expect(await stage.answer(backup(randomBytes(10)))).toEqual(wrong);
			}
			const before = JSON.stringify(stage.rows('factor_attempts'));
			expect(await stage.answer(stage.assert(other))).toMatchObject(limited);
			expect(await stage.answer(backup(randomBytes(10)))).toMatchObject(limited);
			expect(JSON.stringify(stage.rows('factor_attempts'))).toBe(before);
			expect((await stage.answer(asked)).ok).toBe(true);
			expect((await stage.answer(backup(codes[0]!))).ok).toBe(true);
		}));

	it('are forgiven with time, one by one, and never by a right answer', () =>
		FactorStage.run(async (stage) => {
			pass(0);
			const secret = await stage.addTotp();
			const bad = () => stage.answer(totp(wrongCode(secret)));
			const { burst, intervalMs } = factorRates.totp;
			for (let tries = 1; tries < burst; tries++) expect(await bad()).toEqual(wrong);
			expect((await stage.answer(totp(codeOf(secret)))).ok).toBe(true);
			expect(await bad()).toEqual(wrong);
			expect(await bad()).toMatchObject({
				error: { code: 'rate_limited', retryAfterSeconds: intervalMs / 1_000 }
			});
			pass(intervalMs);
			expect(await bad()).toEqual(wrong);
			expect(await bad()).toMatchObject(limited);
		}));

	it('cost one row, right answers one, and refused ones none', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			await stage.answer(totp(wrongCode(secret)));
			expect(stage.rows('factor_attempts')).toHaveLength(1);
			for (let tries = 0; tries < 10; tries++) await stage.answer(totp(wrongCode(secret)));
			const before = JSON.stringify(stage.rows('factor_attempts'));
			await stage.answer(totp(codeOf(secret)));
			expect(JSON.stringify(stage.rows('factor_attempts'))).toBe(before);
		}));
});

describe('what suffices', () => {
	it('is asked for, and nothing else', () =>
		FactorStage.run(async (stage) => {
			expect(stage.factors.question(login('login 1'), all)).toBeNull();
			await stage.addTotp();
			const passkey = await stage.addPasskey(new SoftAuthenticator());
			expect(stage.factors.question(login('login 1'), [])).toBeNull();
			expect(stage.factors.question(login('login 1'), all)?.factors).toHaveLength(2);
			expect(stage.factors.question(login('login 1'), ['webauthn'])).toMatchObject({
				factors: [{ factor: passkey, kind: 'webauthn' }],
				webauthn: { passkeys: [{ transports: ['internal'] }] }
			});
			expect(stage.factors.question(login('login 1'), ['totp'])?.webauthn).toBeNull();
		}));

	it('MFA-05: is the only thing that is taken: with passkeys asked for, no right code is', () =>
		FactorStage.run(async (stage) => {
			const secret = await stage.addTotp();
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const codes = await addBackupCodes(stage);
			const number = await addTelephone(stage);
			const only = ['webauthn'] as const;
			const subject = login('login 1');
			const before = JSON.stringify(stage.store.loadFactors());
			expect(await stage.answer(totp(codeOf(secret)), subject, only)).toEqual(wrong);
			expect(await stage.answer(backup(codes[0]!), subject, only)).toEqual(wrong);
			expect(await stage.factors.send(subject, only, number)).toEqual({
				...{ ok: false, error: { code: 'not_found' } }
			});
			expect(JSON.stringify(stage.store.loadFactors())).toBe(before);
			const assertion = stage.assert(authenticator, subject);
			expect((await stage.answer(assertion, subject, only)).ok).toBe(true);
		}));

	it('is asked for at an address that has no passkeys, without them', () =>
		FactorStage.run(async (stage) => {
			await stage.addPasskey(new SoftAuthenticator());
			const elsewhere = login('login 1', { origin: 'https://192.0.2.7' });
			expect(stage.factors.question(elsewhere, all)).toMatchObject({ webauthn: null });
			expect(stage.factors.challenge(elsewhere)).toEqual({
				...{ ok: false, error: { code: 'unavailable' } }
			});
		}));
});

describe('a new factor', () => {
	const secret = generateTotpSecret();

	it.each<[string, (stage: FactorStage) => Promise<unknown>, object]>([
		[
			'a code of another secret',
			(stage) => stage.add({ kind: 'totp', secret }, totp(wrongCode(secret))),
			wrong
		],
		[
			'a hash that the write does not have',
			(stage) =>
				stage.add({ kind: 'totp', secret }, totp(codeOf(secret)), { hash: new Uint8Array(32) }),
			malformed
		],
		[
			'another kind than the write has',
			(stage) => stage.add({ kind: 'totp', secret }, totp(codeOf(secret)), { kind: 'sms' }),
			malformed
		],
		[
			'a proof of another kind',
			async (stage) => stage.add({ kind: 'totp', secret }, sms('000000')),
			malformed
		],
		[
			'a backup code that is not among them',
			(stage) => stage.add(codesData(generateBackupCodes()), backup(randomBytes(10))),
			wrong
		],
		['a code that was never sent', (stage) => stage.add(telephoneData, sms('000000')), wrong],
		[
			'a code that was sent to another number',
			async (stage) => {
				await stage.factors.sendTo(adding, '+15550123457');
				return stage.add(telephoneData, sms(stage.messageCode));
			},
			wrong
		],
		[
			'a code that was sent for another session',
			async (stage) => {
				await stage.factors.sendTo({ ...adding, holder: 'session 2' }, telephone);
				return stage.add(telephoneData, sms(stage.messageCode));
			},
			wrong
		],
		[
			'a code that was sent for a login',
			async (stage) => {
				await stage.factors.sendTo(login('session 1'), telephone);
				return stage.add(telephoneData, sms(stage.messageCode));
			},
			wrong
		],
		[
			'a passkey that did not verify who made it',
			(stage) => {
				const authenticator = new SoftAuthenticator();
				const proof = stage.createPasskey(authenticator, { flags: flag.UV });
				return stage.add(passkeyData(authenticator), proof);
			},
			wrong
		],
		[
			'the key of another passkey',
			(stage) => {
				const [made, signed] = [new SoftAuthenticator(), new SoftAuthenticator({ seed: 2 })];
				const data = { ...passkeyData(made), publicKey: signed.publicKey } as FactorData;
				return stage.add(data, stage.createPasskey(made));
			},
			malformed
		],
		[
			'a passkey that says that it is synced, and is not',
			(stage) => {
				const made = new SoftAuthenticator();
				const data = { ...passkeyData(made), isBackupEligible: true } as FactorData;
				return stage.add(data, stage.createPasskey(made));
			},
			malformed
		],
		[
			'a passkey under an id that is not its own',
			(stage) => {
				const made = new SoftAuthenticator();
				const proof = stage.createPasskey(made);
				return stage.add(passkeyData(made), proof, { factor: '05'.repeat(16) as FactorId });
			},
			malformed
		],
		[
			'the challenge of another session',
			(stage) => {
				const made = new SoftAuthenticator();
				const proof = stage.createPasskey(made);
				return stage.add(passkeyData(made), proof, {}, { ...adding, holder: 'session 2' });
			},
			wrong
		]
	])('is not taken with %s', (_, attempt, refusal) =>
		FactorStage.run(async (stage) => {
			expect(await attempt(stage)).toEqual(refusal);
			expect(stage.factors.list()).toEqual([]);
			expect(stage.rows('factors')).toEqual([]);
		})
	);

	it('is shown with when it was added and used, and of a passkey what is public', () =>
		FactorStage.run(async (stage) => {
			const startMs = Date.now();
			const kept = await stage.addTotp();
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			await addBackupCodes(stage);
			await stage.answer(totp(codeOf(kept)));
			const shown = stage.factors.list();
			const ofKind = (kind: string) => shown.find((facts) => facts.kind === kind)!;
			expect(shown).toHaveLength(3);
			for (const facts of shown) expect(facts.addedAtMs).toBeGreaterThanOrEqual(startMs);
			expect(ofKind('totp').usedAtMs).toBeGreaterThanOrEqual(startMs);
			expect(ofKind('totp')).toMatchObject({ data: null, codesLeft: null });
			expect(ofKind('webauthn')).toMatchObject({
				...{ usedAtMs: null, codesLeft: null },
				data: toBase64Url(encodeFactorData(passkeyData(authenticator)))
			});
			expect(ofKind('backup_codes')).toMatchObject({ data: null, codesLeft: 10 });
		}));
});
