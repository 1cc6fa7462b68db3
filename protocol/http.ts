// Request and response schema of every HTTP route, and the route table itself. JSON; byte strings
// are base64url without padding, ids 32 hex digits. Both sides parse with these schemas.
import * as v from 'valibot';
import type { WireErrorCode } from './errors.ts';
import { accountRoutes } from './http-account.ts';
import { empty, type RouteAuth } from './http-fields.ts';
import { loginRoutes } from './http-login.ts';
import { operatorRoutes } from './http-operator.ts';
import { recoveryRoutes } from './http-recovery.ts';
import { sharingRoutes } from './http-sharing.ts';
import type { Seq, SpaceId } from './ids.ts';
import { maxProofNonceCharacters } from './limits.ts';
import { err, ok, type Result } from './result.ts';

export { empty, type RouteAuth } from './http-fields.ts';

export const healthResponse = v.strictObject({
	name: v.literal('tacet'),
	protocolVersion: v.number()
});

/** `{ error: { code, retryAfterSeconds? } }`, the body of every refusal. */
export const errorResponse = v.strictObject({
	error: v.strictObject({ code: v.string(), retryAfterSeconds: v.optional(v.number()) })
});

/** What a route asks of whoever calls it has to be said. */
interface Route {
	readonly auth: RouteAuth;
	readonly [field: string]: unknown;
}

/** Every route. */
export const routes = {
	health: {
		method: 'GET',
		path: '/v1/health',
		auth: 'none',
		request: empty,
		response: healthResponse
	},
	...operatorRoutes,
	...accountRoutes,
	...loginRoutes,
	...recoveryRoutes,
	...sharingRoutes
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
export type RequestOf<Name extends RouteName> = v.InferOutput<(typeof routes)[Name]['request']>;
export type ResponseOf<Name extends RouteName> = v.InferOutput<(typeof routes)[Name]['response']>;

/**
 * The socket of a space: GET with upgrade; token and proof travel in Sec-WebSocket-Protocol.
 *
 * @param after begins with what a pull frame would ask for; null: with the greeting alone.
 */
export const spaceSocketPath = (space: SpaceId, after: Seq | null = null): string =>
	`/v1/spaces/${space}/socket${after === null ? '' : `?after=${String(after)}`}`;

const socketQuery = /^\?after=(0|[1-9]\d{0,15})$/;

/** The query of a socket's address, which has one spelling: the seq to go on after, or null. */
export function parseSocketQuery(query: string): Result<Seq | null, 'malformed'> {
	if (query === '') return ok(null);
	const after = Number(socketQuery.exec(query)?.[1] ?? Number.NaN);
	return Number.isSafeInteger(after) ? ok(after) : err('malformed');
}

const staleProof: WireErrorCode = 'use_dpop_nonce';

/** Why a socket is closed whose proof is not fresh: the nonce that the next one has to carry. */
export const staleProofReason = (nonce: string): string => `${staleProof} ${nonce}`;

/** The nonce in the reason of a close, or null in that of any other. */
export function nonceOfReason(reason: string): string | null {
	const [code, nonce, ...rest] = reason.split(' ');
	if (code !== staleProof || nonce === undefined || rest.length > 0) return null;
	return isProofNonce(nonce) ? nonce : null;
}

/** Whether this may be put into a proof: visible ASCII, of bounded length. */
export const isProofNonce = (text: string): boolean =>
	text.length <= maxProofNonceCharacters && /^[\x21-\x7e]+$/.test(text);
