// The generic cell rate algorithm: a rate limit whose whole state is one time. Pure.
// Source: ATM Forum Traffic Management 4.1 §4.4.2 (virtual scheduling).

/** `burst` at once, then one each `intervalMs`. */
export interface Rate {
	readonly burst: number;
	readonly intervalMs: number;
}

export type Arrival =
	| { readonly allowed: true; /** To be kept. */ readonly arrivalMs: number }
	| { readonly allowed: false; readonly retryAfterSeconds: number };

/**
 * Judges one arrival.
 *
 * @param arrivalMs what the last allowed arrival gave; undefined if there was none.
 * @param costMs for how long this one counts. More than `rate` says makes those after it rarer, and
 * lets no more of them through at once.
 */
export function arrive(
	rate: Rate,
	arrivalMs: number | undefined,
	nowMs: number,
	costMs = rate.intervalMs
): Arrival {
	const expectedMs = Math.max(arrivalMs ?? nowMs, nowMs);
	const earliestMs = expectedMs - (rate.burst - 1) * rate.intervalMs;
	if (nowMs < earliestMs) {
		return { allowed: false, retryAfterSeconds: Math.ceil((earliestMs - nowMs) / 1_000) };
	}
	return { allowed: true, arrivalMs: expectedMs + costMs };
}
