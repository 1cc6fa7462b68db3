// Backup codes, and codes that are sent to a telephone, in the account's own object.
import { describe, expect, it } from 'vitest';
import { maxSmsTries, smsRatePerAccount } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toHex, utf8Encode } from '../../protocol/bytes.ts';
import { err } from '../../protocol/result.ts';
import type { account } from '../crypto/edge/webauthn-fixture.ts';
import {
	addBackupCodes,
	adding,
	addTelephone,
	all,
	backup,
	FactorStage,
	knownDevice,
	limited,
	login,
	many,
	pass,
	rightOf,
	sms,
	telephone,
	wrong
} from './factor-stage.ts';

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
			const known = login('login 1', { knownDevice });
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
			const subject = login('login 1', { knownDevice });
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
			const fifth = login('login 1', { knownDevice: null });
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
