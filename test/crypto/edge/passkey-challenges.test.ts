import { describe, expect, test } from 'vitest';
import {
	PasskeyChallenges,
	passkeyPurposes,
	type ChallengeSubject
} from '../../../crypto/edge/passkey-challenges.ts';
import { toBase64Url } from '../../../protocol/bytes.ts';
import { passkeyChallengeBytes, passkeyChallengeTtlSeconds } from '../../../protocol/limits.ts';
import { account } from './webauthn-fixture.ts';

const subject: ChallengeSubject = { purpose: 'login', account, holder: 'login 1' };
const text = toBase64Url;

describe('challenges', () => {
	test('are random, of 32 bytes, and each is taken once', () => {
		const challenges = new PasskeyChallenges();
		const given = Array.from({ length: 32 }, () => challenges.give(subject, 0));
		expect(given.every(({ length }) => length === passkeyChallengeBytes)).toBe(true);
		expect(new Set(given.map(text)).size).toBe(given.length);
		expect(given.map((each) => challenges.take(text(each), subject, 1))).toEqual(given.map(text));
		expect(given.map((each) => challenges.take(text(each), subject, 1))).toEqual(
			given.map(() => null)
		);
	});

	test('are for one purpose', () => {
		for (const purpose of passkeyPurposes) {
			for (const other of passkeyPurposes) {
				const challenges = new PasskeyChallenges();
				const given = challenges.give({ ...subject, purpose }, 0);
				const taken = challenges.take(text(given), { ...subject, purpose: other }, 1);
				expect(taken !== null).toBe(purpose === other);
			}
		}
	});

	test('are taken in the very form in which they were given', () => {
		const challenges = new PasskeyChallenges();
		const given = text(challenges.give(subject, 0));
		for (const other of [`${given}=`, ` ${given}`, given.toUpperCase(), given.slice(1), '']) {
			expect(challenges.take(other, subject, 1)).toBeNull();
		}
		expect(challenges.take(given, subject, 1)).toBe(given);
	});

	test('end with their time, which begins when they are given', () => {
		const ttlMs = passkeyChallengeTtlSeconds * 1_000;
		const challenges = new PasskeyChallenges();
		const [first, second] = [challenges.give(subject, 0), challenges.give(subject, 10)];
		expect(challenges.take(text(first), subject, ttlMs)).toBeNull();
		expect(challenges.take(text(second), subject, ttlMs)).not.toBeNull();
	});

	test('are 64 at a time: the oldest is forgotten, and those that are too old before it', () => {
		const challenges = new PasskeyChallenges();
		const given = Array.from({ length: 65 }, () => challenges.give(subject, 0));
		const taken = given.map((each) => challenges.take(text(each), subject, 1));
		expect(taken.map((each) => each !== null)).toEqual([false, ...Array<boolean>(64).fill(true)]);
	});

	test('are not changed through what they were given for', () => {
		const challenges = new PasskeyChallenges();
		const about = { ...subject };
		const given = challenges.give(about, 0);
		about.holder = 'login 2';
		expect(challenges.take(text(given), about, 1)).toBeNull();
	});
});
