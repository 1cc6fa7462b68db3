// Server keys that an object fetched from the Deployment object, kept while it is awake: once per
// wake, again after an hour, and soon again when a token fits none of them.
import {
	verifyAccessToken,
	type AccessClaims,
	type TokenKey
} from '../crypto/edge/session-token.ts';
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { keysFreshMs, keysRefetchMs } from './limits.ts';

type TokenAt = Parameters<typeof verifyAccessToken>[1];

interface Fetched<Keys> {
	readonly keys: Keys;
	readonly fetchedAtMs: number;
}

export class FetchedKeys<Keys extends { readonly tokenKeys: readonly TokenKey[] }> {
	readonly #fetch: () => Promise<Result<Keys, Refusal>>;
	#fetched: Fetched<Keys> | null = null;

	constructor(fetch: () => Promise<Result<Keys, Refusal>>) {
		this.#fetch = fetch;
	}

	async get(maxAgeMs: number = keysFreshMs): Promise<Result<Keys, Refusal>> {
		const nowMs = Date.now();
		if (this.#fetched && nowMs - this.#fetched.fetchedAtMs < maxAgeMs)
			return ok(this.#fetched.keys);
		const keys = await this.#fetch();
		if (keys.ok) this.#fetched = { keys: keys.value, fetchedAtMs: nowMs };
		return keys;
	}

	/** What a token says, if it is genuine and has not expired. */
	verify(token: string): Promise<Result<AccessClaims, Refusal>> {
		return this.#verify({ token, nowMs: Date.now() });
	}

	/** What a token says, if it is genuine. It may have expired long ago. */
	verifyOrigin(token: string): Promise<Result<AccessClaims, Refusal>> {
		return this.#verify({ token, nowMs: 0 });
	}

	async #verify(input: TokenAt): Promise<Result<AccessClaims, Refusal>> {
		const claims = await this.#verifyWith(input, keysFreshMs);
		if (claims.ok || claims.error.code !== 'unauthenticated') return claims;
		return this.#verifyWith(input, keysRefetchMs);
	}

	async #verifyWith(input: TokenAt, maxAgeMs: number): Promise<Result<AccessClaims, Refusal>> {
		const keys = await this.get(maxAgeMs);
		if (!keys.ok) return keys;
		const claims = verifyAccessToken(keys.value.tokenKeys, input);
		return claims.ok ? claims : err({ code: 'unauthenticated' });
	}
}
