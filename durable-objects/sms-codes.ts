// Codes that were sent to telephones and not yet typed in: each for one telephone and one holder,
// good once, for ten minutes and five tries. In memory only: whoever forgets them forgets them all.
import { equalConstantTime } from '../crypto/mac.ts';
import { randomBytes, type RandomSource } from '../crypto/random.ts';
import { utf8Encode } from '../protocol/bytes.ts';
import { smsCodeDigits, smsCodeTtlSeconds } from '../protocol/limits.ts';
import { maxSmsCodes, maxSmsTries } from './limits.ts';

interface Sent {
	readonly code: string;
	readonly about: string;
	readonly untilMs: number;
	triesLeft: number;
}

const codes = 10 ** smsCodeDigits;
/** The most of 32 bits that every code has an equal share of. */
const fairBelow = Math.floor(2 ** 32 / codes) * codes;

export class SmsCodes {
	readonly #sentByHolder = new Map<string, Sent>();
	readonly #random: RandomSource;

	constructor(random: RandomSource = randomBytes) {
		this.#random = random;
	}

	/** A new code, six digits, in place of the one that this holder had; `about` is what it will show. */
	give(holder: string, about: string, nowMs: number): string {
		this.#sentByHolder.delete(holder);
		for (const [other, { untilMs }] of this.#sentByHolder) {
			const isFull = this.#sentByHolder.size >= maxSmsCodes;
			if (untilMs <= nowMs || isFull) this.#sentByHolder.delete(other);
		}
		const code = String(this.#fair() % codes).padStart(smsCodeDigits, '0');
		const untilMs = nowMs + smsCodeTtlSeconds * 1_000;
		this.#sentByHolder.set(holder, { code, about, untilMs, triesLeft: maxSmsTries });
		return code;
	}

	/** What this code was about, once, to the holder that it was given for; null for any other code. */
	take(holder: string, code: string, nowMs: number): string | null {
		const sent = this.#sentByHolder.get(holder);
		if (sent === undefined) return null;
		sent.triesLeft--;
		const isRight = equalConstantTime(utf8Encode(sent.code), utf8Encode(code));
		const isOver = sent.untilMs <= nowMs;
		if (isRight || isOver || sent.triesLeft === 0) this.#sentByHolder.delete(holder);
		return isRight && !isOver ? sent.about : null;
	}

	#fair(): number {
		for (;;) {
			const number = new DataView(this.#random(4).buffer).getUint32(0);
			if (number < fairBelow) return number;
		}
	}
}
