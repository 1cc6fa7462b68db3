// Second factors in the account's own object, on its own database.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { factorRates, maxSmsTries, smsRatePerAccount } from '../../durable-objects/limits.ts';
import { backupCodeHash, generateBackupCodes } from '../../crypto/backup-codes.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret } from '../../crypto/totp.ts';
import { toBase64Url, toHex, utf8Encode } from '../../protocol/bytes.ts';
import { encodeFactorData, type FactorData } from '../../protocol/factor.ts';
import type { FactorProof } from '../../protocol/factor-answer.ts';
import type { FactorId } from '../../protocol/ids.ts';
import { err } from '../../protocol/result.ts';
import { account, flag, SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import {
	adding,
	all,
	codeOf,
	FactorStage,
	login,
	passkeyData,
	totp,
	wrong,
	wrongCode
} from './factor-stage.ts';

const malformed = { ok: false, error: { code: 'malformed' } };
const limited = { ok: false, error: { code: 'rate_limited' } };
const parallel = 50;

const many = <Answer>(ask: (index: number) => Promise<Answer>): Promise<Answer[]> =>
	Promise.all(Array.from({ length: parallel }, (_, index) => ask(index)));
const rightOf = (answers: readonly { readonly ok: boolean }[]) =>
	answers.filter(({ ok }) => ok).length;

/** Moves the clock of everything that runs here. */
function pass(ms: number): void {
	vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
}
afterEach(() => {
	vi.useRealTimers();
});

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
					login('x', { isKnownDevice: away < 0 })
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
			const known = login('login 2', { isKnownDevice: true });
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

describe('a passkey', () => {
	it('WAN-04: answers one question, of one login, for one purpose', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const answer = stage.assert(authenticator);
			expect(await stage.answer(answer, login('login 2'))).toEqual(wrong);
			expect(await stage.answer(answer)).toEqual(wrong);
			const fresh = stage.assert(authenticator);
			expect(await stage.answer(fresh, login('login 1', { purpose: 'fresh' }))).toEqual(wrong);
			const good = stage.assert(authenticator);
			expect((await stage.answer(good)).ok).toBe(true);
			expect(await stage.answer(good)).toEqual(wrong);
		}));

	it('of 50 requests at once is right for one', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const answer = stage.assert(authenticator);
			expect(rightOf(await many(() => stage.answer(answer)))).toBe(1);
		}));

	it('need not know who uses it beside a password, and must for a step-up', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const unverified = { flags: flag.UV };
			const step = login('session 1', { purpose: 'fresh' });
			expect((await stage.answer(stage.assert(authenticator, undefined, unverified))).ok).toBe(
				true
			);
			expect(await stage.answer(stage.assert(authenticator, step, unverified), step)).toEqual(
				wrong
			);
			expect((await stage.answer(stage.assert(authenticator, step), step)).ok).toBe(true);
		}));

	it('WAN-04: that lives in one place and counts back is refused, and its owner told', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator({ counter: 10 });
			await stage.addPasskey(authenticator);
			expect((await stage.answer(stage.assert(authenticator))).ok).toBe(true);
			const spent = stage.store.loadFactors()[0]!.spent;
			expect(spent).toBe(11);
			const copied = stage.assert(authenticator, undefined, { counter: 11 });
			expect(await stage.answer(copied)).toEqual(wrong);
			expect(stage.notices).toEqual(['passkey_suspect', 'factor_refused']);
			expect(stage.store.loadFactors()[0]!.spent).toBe(spent);
			const next = stage.assert(authenticator, undefined, { counter: 12 });
			expect((await stage.answer(next)).ok).toBe(true);
		}));

	it('that is synced may count back, and its owner is told', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator({ counter: 10, isSynced: true });
			await stage.addPasskey(authenticator);
			const back = stage.assert(authenticator, undefined, { counter: 3 });
			expect((await stage.answer(back)).ok).toBe(true);
			expect(stage.notices).toEqual(['passkey_suspect']);
			expect(stage.store.loadFactors()[0]!.spent).toBe(10);
		}));

	it('that answers twice at once with one counter is right once', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator({ counter: 10 });
			await stage.addPasskey(authenticator);
			const subjects = [login('login 1'), login('login 2')];
			const answers = subjects.map((subject) =>
				stage.assert(authenticator, subject, { counter: 20 })
			);
			const judged = await Promise.all(
				answers.map((answer, index) => stage.answer(answer, subjects[index]))
			);
			expect(rightOf(judged)).toBe(1);
			expect(stage.notices).toContain('passkey_suspect');
		}));

	it('is none any more once it is removed, even while it answers', () =>
		FactorStage.run(async (stage) => {
			const authenticator = new SoftAuthenticator();
			await stage.addPasskey(authenticator);
			const judged = stage.answer(stage.assert(authenticator));
			stage.factors.keepOnly([]);
			expect(await judged).toEqual(wrong);
			expect(stage.factors.list()).toEqual([]);
		}));

	it('is not taken from another account’s hands', () =>
		FactorStage.run(async (stage) => {
			await stage.addPasskey(new SoftAuthenticator());
			const other = new SoftAuthenticator({ seed: 2 });
			expect(await stage.answer(stage.assert(other))).toEqual(wrong);
		}));
});

const backup = (code: Uint8Array): FactorProof & { kind: 'backup_codes' } => ({
	...{ kind: 'backup_codes', code: toBase64Url(code) }
});
const codesData = (codes: readonly Uint8Array[]): FactorData => ({
	...{ kind: 'backup_codes', hashes: codes.map((code) => backupCodeHash(account, code)) }
});

async function addBackupCodes(stage: FactorStage): Promise<Uint8Array[]> {
	const codes = generateBackupCodes();
	expect((await stage.add(codesData(codes), backup(codes[9]!))).ok).toBe(true);
	return codes;
}

describe('backup codes', () => {
	it('are good once each, in any order, until there are none', () =>
		FactorStage.run(async (stage) => {
			const codes = await addBackupCodes(stage);
			for (const [used, code] of [...codes.entries()].reverse()) {
				expect(stage.factors.list()[0]!.codesLeft).toBe(used + 1);
				stage.wake();
				expect((await stage.answer(backup(code))).ok).toBe(true);
				expect(await stage.answer(backup(code))).toEqual(wrong);
			}
			expect(stage.factors.list()[0]!.codesLeft).toBe(0);
			expect(stage.factors.question(login('login 1'), all)).toBeNull();
		}));

	it('are right exactly ten times of 50 requests at once', () =>
		FactorStage.run(async (stage) => {
			const codes = await addBackupCodes(stage);
			const known = login('login 1', { isKnownDevice: true });
			const answers = await many((index) =>
				stage.answer(backup(codes[index % 10]!), index % 2 === 0 ? known : undefined)
			);
			expect(rightOf(answers)).toBe(10);
			expect(stage.factors.list()[0]!.codesLeft).toBe(0);
		}));

	it('are not those of another account, nor of a set that was replaced', () =>
		FactorStage.run(async (stage) => {
			const codes = await addBackupCodes(stage);
			expect(await stage.answer(backup(randomBytes(10)))).toEqual(wrong);
			const other = login('login 1', { account: 'ff'.repeat(16) as typeof account });
			expect(await stage.answer(backup(codes[0]!), other)).toEqual(wrong);
			stage.factors.keepOnly([]);
			await addBackupCodes(stage);
			expect(await stage.answer(backup(codes[0]!))).toEqual(wrong);
		}));

	it('are kept as hashes', () =>
		FactorStage.run(async (stage) => {
			const codes = await addBackupCodes(stage);
			const text = toHex(stage.store.loadFactors()[0]!.data);
			for (const code of codes) expect(text).not.toContain(toHex(code));
		}));
});

const telephone = '+15550123456';
const telephoneData: FactorData = { kind: 'sms', salt: new Uint8Array(16), number: telephone };
const sms = (code: string): FactorProof & { kind: 'sms' } => ({ kind: 'sms', code });

async function addTelephone(stage: FactorStage): Promise<FactorId> {
	expect(await stage.factors.sendTo(adding, telephone)).toEqual({ ok: true, value: null });
	const added = await stage.add(telephoneData, sms(stage.messageCode));
	if (!added.ok) throw new Error('not added');
	return added.value;
}

describe('a message to a telephone', () => {
	it('brings a code that is good once, where it was asked for', () =>
		FactorStage.run(async (stage) => {
			const factor = await addTelephone(stage);
			const subject = login('login 1');
			expect((await stage.factors.send(subject, all, factor)).ok).toBe(true);
			expect(stage.messages.at(-1)).toEqual({
				to: telephone,
				text: `${stage.messageCode} is your code for notes.example.org\n\n@notes.example.org #${stage.messageCode}`
			});
			const answer = sms(stage.messageCode);
			expect(await stage.answer(answer, login('login 2'))).toEqual(wrong);
			const step = login('login 1', { purpose: 'fresh' });
			expect(await stage.answer(answer, step)).toEqual(wrong);
			expect(rightOf(await many(() => stage.answer(answer)))).toBe(1);
		}));

	it('is none where no gateway is named, and no use where it fails', () =>
		FactorStage.run(async (stage) => {
			const factor = await addTelephone(stage);
			const unavailable = { ok: false, error: { code: 'unavailable' } };
			for (const gateway of [null, false]) {
				stage.wake({ gateway });
				expect(await stage.factors.send(login('login 1'), all, factor)).toEqual(unavailable);
				expect(await stage.factors.sendTo(adding, telephone)).toEqual(unavailable);
			}
		}));

	it('is good for ten minutes, and five tries', () =>
		FactorStage.run(async (stage) => {
			pass(0);
			const factor = await addTelephone(stage);
			const subject = login('login 1', { isKnownDevice: true });
			await stage.factors.send(subject, all, factor);
			const late = sms(stage.messageCode);
			pass(600_000);
			expect(await stage.answer(late, subject)).toEqual(wrong);
			await stage.factors.send(subject, all, factor);
			const right = stage.messageCode;
			const other = sms(right === '000000' ? '000001' : '000000');
			pass(3_600_000 * 24);
			await stage.factors.send(subject, all, factor);
			for (let tries = 1; tries < maxSmsTries; tries++) {
				expect(await stage.answer(other, subject)).toEqual(wrong);
			}
			const fifth = login('login 1', { isKnownDevice: false });
			expect(await stage.answer(other, fifth)).toEqual(wrong);
			expect(await stage.answer(sms(stage.messageCode), fifth)).toEqual(wrong);
		}));

	it('takes the place of the one before', () =>
		FactorStage.run(async (stage) => {
			const factor = await addTelephone(stage);
			const subject = login('login 1');
			await stage.factors.send(subject, all, factor);
			const first = stage.messageCode;
			await stage.factors.send(subject, all, factor);
			const second = stage.messageCode;
			if (first !== second) expect(await stage.answer(sms(first))).toEqual(wrong);
			expect((await stage.answer(sms(second))).ok).toBe(true);
		}));

	it('is sent five times a day, counted before it is sent, and through sleep', () =>
		FactorStage.run(async (stage) => {
			pass(0);
			const factor = await addTelephone(stage);
			const send = () => {
				stage.wake();
				return stage.factors.send(login('login 1'), all, factor);
			};
			for (let sent = 0; sent < smsRatePerAccount.burst; sent++)
				expect((await send()).ok).toBe(true);
			expect(await send()).toMatchObject(limited);
			expect(stage.messages).toHaveLength(1 + smsRatePerAccount.burst);
			pass(smsRatePerAccount.intervalMs);
			expect((await send()).ok).toBe(true);
			expect(await send()).toMatchObject(limited);
			expect(smsRatePerAccount.burst * smsRatePerAccount.intervalMs).toBe(86_400_000);
		}));

	it('is not sent when the deployment has sent enough', () =>
		FactorStage.run(async (stage) => {
			const factor = await addTelephone(stage);
			const sent = stage.messages.length;
			stage.wake({ mayMessage: () => err({ code: 'rate_limited', retryAfterSeconds: 1 }) });
			expect(await stage.factors.send(login('login 1'), all, factor)).toMatchObject(limited);
			expect(stage.messages).toHaveLength(sent);
		}));

	it('goes to a number that is kept sealed', () =>
		FactorStage.run(async (stage) => {
			await addTelephone(stage);
			const { data } = stage.store.loadFactors()[0]!;
			expect(toHex(data)).not.toContain(toHex(utf8Encode(telephone.slice(1))));
			expect(JSON.stringify(stage.factors.list())).not.toContain(telephone.slice(1));
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
