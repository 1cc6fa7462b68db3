// How many frames a socket may send: a token bucket in memory. It starts full after the object
// slept, which a socket that floods does not let it do.
import { frameBudget } from './limits.ts';

export class FrameBudget {
	#frames: number = frameBudget.burst;
	#countedAtMs: number;

	constructor(nowMs: number) {
		this.#countedAtMs = nowMs;
	}

	/** Whether the socket may send one more. What an answer costs besides is taken off afterwards. */
	take(nowMs: number): boolean {
		const gained = ((nowMs - this.#countedAtMs) / 1_000) * frameBudget.perSecond;
		this.#frames = Math.min(frameBudget.burst, this.#frames + gained);
		this.#countedAtMs = nowMs;
		if (this.#frames < 1) return false;
		this.#frames -= 1;
		return true;
	}

	charge(frames: number): void {
		this.#frames -= frames;
	}
}
