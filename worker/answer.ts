// How the Worker answers: a value of the route's schema, or a refusal of the one table.
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import type { Env } from '../durable-objects/env.ts';

export interface AppEnv {
	Bindings: Env;
	Variables: { /** Name of the route, for the log. */ route?: string };
}

/** Tells the log, and people with curl, which refusal an answer is. */
export const codeHeader = 'Tacet-Code';

/** RFC 9449 §8.2: what the next proof has to carry. */
export const nonceHeader = 'DPoP-Nonce';

/** For whoever has too much open at once: room is made by others, at no time that is known. */
const defaultRetrySeconds = 1;

/** @param nonce of the object that was asked, if it has one. */
export function refuse(
	{ code, retryAfterSeconds: given }: Refusal,
	nonce: string | null = null
): Response {
	const { httpStatus } = wireErrors[code];
	const retryAfterSeconds = given ?? (code === 'rate_limited' ? defaultRetrySeconds : undefined);
	const headers = new Headers({ [codeHeader]: code });
	if (nonce !== null) headers.set(nonceHeader, nonce);
	const challenge = challengeOf(code);
	if (challenge !== null) headers.set('WWW-Authenticate', challenge);
	if (retryAfterSeconds !== undefined) headers.set('Retry-After', String(retryAfterSeconds));
	const error = retryAfterSeconds === undefined ? { code } : { code, retryAfterSeconds };
	return Response.json({ error }, { status: httpStatus, headers });
}

/** RFC 9449 §7.1. */
function challengeOf(code: Refusal['code']): string | null {
	if (code === 'unauthenticated') return 'DPoP algs="ES256"';
	const isOfProof = code === 'use_dpop_nonce' || code === 'invalid_dpop_proof';
	return isOfProof ? `DPoP error="${code}", algs="ES256"` : null;
}
