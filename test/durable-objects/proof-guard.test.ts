// Each proof is taken once, whatever happens in between; and nobody without a key is remembered.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeDpopProof, type ProofKey } from '../../crypto/client/dpop-proof.ts';
import type { ProofSubject, VerifiedProof } from '../../crypto/edge/dpop-proof.ts';
import { jwkThumbprint } from '../../crypto/jwk.ts';
import { describeRequest, type ProvenRequest } from '../../crypto/proven-request.ts';
import { randomBytes } from '../../crypto/random.ts';
import { maxProofsPerNonce, proofNonceTtlMs } from '../../durable-objects/limits.ts';
import { ProofGuard } from '../../durable-objects/proof-guard.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { newProofKey } from '../crypto/proof-maker.ts';

class Clock {
	nowMs = 1_795_000_000_000;
	readonly guard = () => new ProofGuard({ nowMs: () => this.nowMs, random: randomBytes });
}

/** What the guard looks at of a proof whose signature was verified elsewhere. */
const verified = (of: { key: number; jti: string; nonce: string | null }): VerifiedProof =>
	({
		thumbprint: new Uint8Array(32).fill(of.key),
		claims: { jti: of.jti, nonce: of.nonce }
	}) as unknown as VerifiedProof;

const answerOf = (answer: ReturnType<ProofGuard['admit']>): string =>
	answer.ok ? 'taken' : answer.error;

const fill = (guard: ProofGuard, count: number, nonce = guard.nonce) => {
	for (let index = 0; index < count; index++) {
		guard.admit(verified({ key: 9, jti: toBase64Url(randomBytes(12)), nonce }));
	}
};

describe('a proof that was verified', () => {
	it('is taken once', () => {
		const guard = new Clock().guard();
		const proof = verified({ key: 1, jti: 'a', nonce: guard.nonce });
		expect(answerOf(guard.admit(proof))).toBe('taken');
		expect(answerOf(guard.admit(proof))).toBe('invalid_dpop_proof');
	});

	it('may have the id of one by another key', () => {
		const guard = new Clock().guard();
		const { nonce } = guard;
		expect(answerOf(guard.admit(verified({ key: 1, jti: 'a', nonce })))).toBe('taken');
		expect(answerOf(guard.admit(verified({ key: 2, jti: 'a', nonce })))).toBe('taken');
	});

	it('needs a nonce of this guard', () => {
		const clock = new Clock();
		const [guard, other] = [clock.guard(), clock.guard()];
		for (const nonce of [null, '', other.nonce, guard.nonce.slice(1)]) {
			expect(answerOf(guard.admit(verified({ key: 1, jti: 'a', nonce })))).toBe('use_dpop_nonce');
		}
	});

	it('needs one that was given within two minutes', () => {
		const clock = new Clock();
		const guard = clock.guard();
		const { nonce } = guard;
		const answers: string[] = [];
		for (const jti of ['a', 'b', 'c']) {
			answers.push(answerOf(guard.admit(verified({ key: 1, jti, nonce }))));
			clock.nowMs += proofNonceTtlMs;
		}
		expect(answers).toEqual(['taken', 'taken', 'use_dpop_nonce']);
	});

	it('is remembered as long as its nonce is taken', () => {
		const clock = new Clock();
		const guard = clock.guard();
		const proof = verified({ key: 1, jti: 'a', nonce: guard.nonce });
		guard.admit(proof);
		clock.nowMs += 2 * proofNonceTtlMs - 1;
		expect(answerOf(guard.admit(proof))).toBe('invalid_dpop_proof');
		clock.nowMs += 1;
		expect(answerOf(guard.admit(proof))).toBe('use_dpop_nonce');
	});

	it('is refused after a clock that went back', () => {
		const clock = new Clock();
		const guard = clock.guard();
		const { nonce } = guard;
		clock.nowMs -= 1;
		expect(answerOf(guard.admit(verified({ key: 1, jti: 'a', nonce })))).toBe('use_dpop_nonce');
		expect(guard.nonce).not.toBe(nonce);
	});
});

describe('the nonce', () => {
	it('stays for a minute, and is never the same again', () => {
		const clock = new Clock();
		const guard = clock.guard();
		const seen = new Set([guard.nonce]);
		expect(guard.nonce).toMatch(/^[\w-]{22}$/);
		clock.nowMs += proofNonceTtlMs - 1;
		expect(seen.has(guard.nonce)).toBe(true);
		for (const waitMs of [1, proofNonceTtlMs, 5 * proofNonceTtlMs, 1e12]) {
			clock.nowMs += waitMs;
			expect(seen.has(guard.nonce)).toBe(false);
			seen.add(guard.nonce);
		}
	});

	it('changes early when as many proofs are remembered as may be, and the one before is taken no more', () => {
		const guard = new Clock().guard();
		const { nonce } = guard;
		const proof = verified({ key: 1, jti: 'a', nonce });
		guard.admit(proof);
		fill(guard, maxProofsPerNonce - 2);
		expect(guard.nonce).toBe(nonce);
		fill(guard, 1);
		expect(guard.nonce).not.toBe(nonce);
		expect(answerOf(guard.admit(proof))).toBe('invalid_dpop_proof');
		const late = verified({ key: 1, jti: 'b', nonce });
		expect(answerOf(guard.admit(late))).toBe('use_dpop_nonce');
		expect(answerOf(guard.admit(verified({ key: 1, jti: 'b', nonce: guard.nonce })))).toBe('taken');
	});
});

type Step =
	| { readonly do: 'make'; readonly key: number; readonly jti: string }
	| { readonly do: 'show'; readonly which: number }
	| { readonly do: 'wait'; readonly ms: number }
	| { readonly do: 'evict' }
	| { readonly do: 'fill'; readonly count: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
	fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({
				do: fc.constant('make' as const),
				key: fc.nat(1),
				jti: fc.constantFrom('a', 'b')
			})
		},
		{ weight: 8, arbitrary: fc.record({ do: fc.constant('show' as const), which: fc.nat(30) }) },
		{
			weight: 4,
			arbitrary: fc.record({
				do: fc.constant('wait' as const),
				ms: fc.oneof(
					fc.constantFrom(1, proofNonceTtlMs - 1, proofNonceTtlMs, 2 * proofNonceTtlMs, -1),
					fc.integer({ min: -300_000, max: 300_000 })
				)
			})
		},
		{ weight: 1, arbitrary: fc.constant({ do: 'evict' as const }) },
		{
			weight: 1,
			arbitrary: fc.record({
				do: fc.constant('fill' as const),
				count: fc.constantFrom(1, maxProofsPerNonce - 1, maxProofsPerNonce)
			})
		}
	),
	{ maxLength: 60 }
);

describe('no order of proofs, evictions and clocks', () => {
	it('has one taken twice, or one whose nonce is older than two minutes', () => {
		let taken = 0;
		let refused = 0;
		fc.assert(
			fc.property(steps, (plan) => {
				const clock = new Clock();
				let guard = clock.guard();
				const givenAtMs = new Map([[guard.nonce, clock.nowMs]]);
				const made: { key: number; jti: string; nonce: string }[] = [];
				const used = new Set<string>();
				for (const step of plan) {
					if (step.do === 'wait') clock.nowMs += step.ms;
					if (step.do === 'evict') guard = clock.guard();
					if (step.do === 'fill') fill(guard, step.count);
					const { nonce } = guard;
					if (!givenAtMs.has(nonce)) givenAtMs.set(nonce, clock.nowMs);
					if (step.do === 'make') made.push({ key: step.key, jti: step.jti, nonce });
					const shown = step.do === 'show' ? made[step.which % (made.length || 1)] : made.at(-1);
					if (shown === undefined || (step.do !== 'show' && step.do !== 'make')) continue;
					const name = JSON.stringify(shown);
					const answer = guard.admit(verified(shown));
					if (step.do === 'make') expect(answer.ok).toBe(!used.has(name));
					if (!answer.ok) {
						refused++;
						continue;
					}
					expect(used.has(name)).toBe(false);
					used.add(name);
					taken++;
					const ageMs = clock.nowMs - (givenAtMs.get(shown.nonce) ?? Number.NaN);
					expect(ageMs).toBeGreaterThanOrEqual(0);
					expect(ageMs).toBeLessThan(2 * proofNonceTtlMs);
				}
			}),
			{ numRuns: 400 }
		);
		expect(taken).toBeGreaterThan(100);
		expect(refused).toBeGreaterThan(100);
	});
});

describe('proofs as they arrive', () => {
	let key: ProofKey;
	let stranger: ProofKey;
	let request: ProvenRequest;
	let subject: ProofSubject;
	beforeAll(async () => {
		key = await newProofKey();
		stranger = await newProofKey();
		const body = new Uint8Array(0);
		request = await describeRequest({ method: 'GET', url: 'https://a.example/v1/account', body });
		subject = { request, accessToken: null, thumbprint: jwkThumbprint(key.jwk) };
	});

	const prove = (nonce: string | null, by = key) =>
		makeDpopProof(by, { request, context: { accessToken: null, nonce, nowMs: 0 } });

	it('are taken once, though fifty requests bring one at the same time', async () => {
		const guard = new ProofGuard();
		const proofs = await Promise.all([prove(guard.nonce), prove(guard.nonce)]);
		const calls = Array.from({ length: 50 }, (_, index) => proofs[index % 2]!);
		const answers = await Promise.all(calls.map((text) => guard.judge(text, subject)));
		expect(answers.filter(({ ok }) => ok)).toHaveLength(2);
		expect(answers.filter((answer) => !answer.ok && answer.error === 'use_dpop_nonce')).toEqual([]);
	});

	it('are refused if the nonce ends while the signature is verified', async () => {
		const clock = new Clock();
		const guard = clock.guard();
		const judging = guard.judge(await prove(guard.nonce), subject);
		clock.nowMs += 2 * proofNonceTtlMs;
		expect(await judging).toEqual({ ok: false, error: 'use_dpop_nonce' });
	});

	it('are told the nonce before anything else', async () => {
		const guard = new ProofGuard();
		const codes: unknown[] = [];
		for (const text of ['nothing', await prove(null), await prove('another', stranger)]) {
			const answer = await guard.judge(text, subject);
			codes.push(answer.ok ? answer : answer.error);
		}
		expect(codes).toEqual(['invalid_dpop_proof', 'use_dpop_nonce', 'use_dpop_nonce']);
	});

	it('of strangers fill no memory, and use no id up', async () => {
		const guard = new ProofGuard();
		const { nonce } = guard;
		const random = () => new Uint8Array(16).fill(7);
		const context = { accessToken: null, nonce, nowMs: 0 };
		const mine = await makeDpopProof(key, { request, context }, random);
		const [header, claims] = mine.split('.');
		const theirs = await makeDpopProof(stranger, { request, context }, random);
		const forged = `${header!}.${claims!}.${theirs.split('.')[2]!}`;
		const bad = Array.from({ length: maxProofsPerNonce + 1 }, (_, index) =>
			index % 64 === 0 ? forged : theirs
		);
		for (const text of bad) {
			expect(await guard.judge(text, subject)).toEqual({ ok: false, error: 'invalid_dpop_proof' });
		}
		expect(guard.nonce).toBe(nonce);
		expect((await guard.judge(mine, subject)).ok).toBe(true);
	});
});
