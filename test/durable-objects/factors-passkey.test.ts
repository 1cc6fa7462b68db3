// Passkeys as second factors, judged in the account's own object.
import { describe, expect, it } from 'vitest';
import { flag, SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import { FactorStage, login, wrong, many, rightOf } from './factor-stage.ts';

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
