// Takes each DPoP proof once. In memory only: a nonce says which proofs are remembered, and when this
// object is put to sleep it forgets both, so that no proof outlives what is known of it and no row is
// written. The nonce says what is fresh, too: no client's clock decides.
import {
	parseDpopProof,
	verifyDpopProof,
	type ProofSubject,
	type VerifiedProof
} from '../crypto/edge/dpop-proof.ts';
import { randomBytes, type RandomSource } from '../crypto/random.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { maxProofsPerNonce, proofNonceTtlMs } from './limits.ts';

/** As RFC 9449 names them (§7.1 and §9). After the second, the same request with a new proof is good. */
export type ProofRefusal = 'invalid_dpop_proof' | 'use_dpop_nonce';

interface Nonce {
	readonly value: string;
	readonly sinceMs: number;
	/** Key and `jti` of every proof that was taken with it. */
	readonly taken: Set<string>;
}

interface Surroundings {
	readonly nowMs: () => number;
	readonly random: RandomSource;
}

const nonceBytes = 16;

export class ProofGuard {
	readonly #surroundings: Surroundings;
	#current: Nonce;
	#before: Nonce | null = null;

	constructor(surroundings: Surroundings = { nowMs: () => Date.now(), random: randomBytes }) {
		this.#surroundings = surroundings;
		this.#current = this.#newNonce(surroundings.nowMs());
	}

	/** What the next proof has to carry: goes out with every answer. */
	get nonce(): string {
		this.#turn();
		return this.#current.value;
	}

	/**
	 * Judges a proof, and takes it if it is good: of many calls with one proof, one is answered with
	 * it. What is stale is refused before its signature is looked at.
	 */
	async judge(text: string, subject: ProofSubject): Promise<Result<VerifiedProof, ProofRefusal>> {
		const proof = parseDpopProof(text);
		if (!proof.ok) return err('invalid_dpop_proof');
		if (this.#find(proof.value.claims.nonce) === null) return err('use_dpop_nonce');
		const verified = await verifyDpopProof(proof.value, subject);
		return verified.ok ? this.admit(verified.value) : err('invalid_dpop_proof');
	}

	/**
	 * Takes a proof that was verified, unless it was taken before. One synchronous block; and only who
	 * holds a key gets here, so that nobody else fills the memory or makes the nonce change.
	 */
	admit(proof: VerifiedProof): Result<VerifiedProof, ProofRefusal> {
		const nonce = this.#find(proof.claims.nonce);
		if (nonce === null) return err('use_dpop_nonce');
		const id = `${toBase64Url(proof.thumbprint)} ${proof.claims.jti}`;
		if (nonce.taken.has(id)) return err('invalid_dpop_proof');
		if (nonce.taken.size >= maxProofsPerNonce) return err('use_dpop_nonce');
		nonce.taken.add(id);
		return ok(proof);
	}

	#find(value: string | null): Nonce | null {
		this.#turn();
		return [this.#current, this.#before].find((nonce) => nonce?.value === value) ?? null;
	}

	/** A nonce is given for one while, and taken for two; a clock that goes back ends it. */
	#turn(): void {
		const nowMs = this.#surroundings.nowMs();
		const isWithin = ({ sinceMs }: Nonce, ttlMs: number) =>
			nowMs >= sinceMs && nowMs < sinceMs + ttlMs;
		if (this.#before !== null && !isWithin(this.#before, 2 * proofNonceTtlMs)) this.#before = null;
		const isFull = this.#current.taken.size >= maxProofsPerNonce;
		if (isWithin(this.#current, proofNonceTtlMs) && !isFull) return;
		this.#before = isWithin(this.#current, 2 * proofNonceTtlMs) ? this.#current : null;
		this.#current = this.#newNonce(nowMs);
	}

	#newNonce(sinceMs: number): Nonce {
		const value = toBase64Url(this.#surroundings.random(nonceBytes));
		return { value, sinceMs, taken: new Set() };
	}
}
