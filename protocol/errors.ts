// Every refusal that crosses the wire: one row each. The client's reaction is read from this table,
// never from prose. Words for people live in web/src/lib/messages.ts.

/** What a client may do after a refusal. */
export type Retry =
	| 'never'
	| 'at_once'
	| 'after_login'
	| 'after_step_up'
	| 'after_refetch'
	| 'after_upgrade'
	| 'backoff';

interface WireError {
	readonly httpStatus: number;
	/** WebSocket close code where the refusal ends the socket; else null: an error frame. */
	readonly closeCode: number | null;
	readonly retry: Retry;
}

export const wireErrors = {
	/** Not of the form that the schema asks for; also bytes that do not match their signed hash. */
	malformed: { httpStatus: 400, closeCode: 4400, retry: 'never' },
	/** No session, an expired or an ended one. */
	unauthenticated: { httpStatus: 401, closeCode: 4401, retry: 'after_login' },
	/**
	 * The proof is not fresh: the same request is good with the nonce that came with this. RFC 9449 §9.
	 * A socket is closed as for `unauthenticated`, the nonce in the reason: `staleProofReason`.
	 */
	use_dpop_nonce: { httpStatus: 401, closeCode: null, retry: 'at_once' },
	/** A proof of another request, token or key, one that was used, or none at all: alike. §7.1. */
	invalid_dpop_proof: { httpStatus: 401, closeCode: null, retry: 'never' },
	/** Wrong password, unknown handle, or a login that took too long: alike. */
	login_failed: { httpStatus: 401, closeCode: null, retry: 'never' },
	/** A second factor's answer that is wrong, used, too old, or of a kind that does not suffice: alike. */
	factor_wrong: { httpStatus: 401, closeCode: null, retry: 'never' },
	/** The session is good, and its person has to show who they are once more. */
	step_up_needed: { httpStatus: 403, closeCode: null, retry: 'after_step_up' },
	/** The role, or the rules of the log, do not allow it. */
	forbidden: { httpStatus: 403, closeCode: null, retry: 'never' },
	/** No such thing, or nothing that this session may know of: alike. */
	not_found: { httpStatus: 404, closeCode: 4404, retry: 'never' },
	method_not_allowed: { httpStatus: 405, closeCode: null, retry: 'never' },
	handle_taken: { httpStatus: 409, closeCode: null, retry: 'never' },
	/** Somebody else has claimed this invitation: one claim each. */
	already_claimed: { httpStatus: 409, closeCode: null, retry: 'never' },
	/** A share link that has expired, or was opened as often as it may be. */
	link_ended: { httpStatus: 410, closeCode: null, retry: 'never' },
	/** A share link whose passphrase was guessed wrong too often. */
	link_frozen: { httpStatus: 423, closeCode: null, retry: 'never' },
	sign_up_closed: { httpStatus: 403, closeCode: null, retry: 'never' },
	/** An account is made with an invite only. */
	invite_needed: { httpStatus: 403, closeCode: null, retry: 'never' },
	/** No such sign-up invite, or one that is used up, or has expired: alike. */
	invite_ended: { httpStatus: 410, closeCode: null, retry: 'never' },
	/** The commit's count is not the next one of its device. */
	stale_count: { httpStatus: 409, closeCode: null, retry: 'after_refetch' },
	/** The epoch of a page is not the open one. */
	stale_epoch: { httpStatus: 409, closeCode: null, retry: 'after_refetch' },
	/** `seen` is not on this chain. */
	unknown_head: { httpStatus: 409, closeCode: null, retry: 'after_refetch' },
	/** Another admin commit came between `seen` and this place. */
	admin_conflict: { httpStatus: 409, closeCode: null, retry: 'after_refetch' },
	too_large: { httpStatus: 413, closeCode: 4413, retry: 'never' },
	version_too_old: { httpStatus: 426, closeCode: 4426, retry: 'after_upgrade' },
	/** The connection is older than TLS 1.3. */
	tls_too_old: { httpStatus: 403, closeCode: null, retry: 'never' },
	rate_limited: { httpStatus: 429, closeCode: 4429, retry: 'backoff' },
	over_quota: { httpStatus: 507, closeCode: null, retry: 'never' },
	unavailable: { httpStatus: 503, closeCode: 4503, retry: 'backoff' },
	internal: { httpStatus: 500, closeCode: 4500, retry: 'backoff' }
} as const satisfies Record<string, WireError>;

export type WireErrorCode = keyof typeof wireErrors;

export interface Refusal {
	readonly code: WireErrorCode;
	/** With `rate_limited` and `unavailable`; else absent. */
	readonly retryAfterSeconds?: number;
}

export const isWireErrorCode = (code: unknown): code is WireErrorCode =>
	typeof code === 'string' && Object.hasOwn(wireErrors, code);

/** The code whose close code this is, or null for closes that say nothing of ours. */
export function codeOfClose(closeCode: number): WireErrorCode | null {
	for (const [code, row] of Object.entries(wireErrors)) {
		if (row.closeCode === closeCode && isWireErrorCode(code)) return code;
	}
	return null;
}
