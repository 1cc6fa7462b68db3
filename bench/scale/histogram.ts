// Shares of very many values, in steps of one percent: quantiles without keeping the values.
const base = 1.01;
const logBase = Math.log(base);
const least = 1e-6;
/** Up to 10^11 times the least; whatever is beyond counts as that. */
const steps = 4_096;

export class Histogram {
	/** The first place is for what is less than `least`. */
	readonly #counts = new Uint32Array(steps);
	#count = 0;
	#sum = 0;
	#most = 0;

	add(value: number): void {
		const step = value < least ? 0 : 1 + Math.round(Math.log(value / least) / logBase);
		this.#counts[Math.min(step, steps - 1)]! += 1;
		this.#count += 1;
		this.#sum += value;
		this.#most = Math.max(this.#most, value);
	}

	get count(): number {
		return this.#count;
	}

	get mean(): number {
		return this.#count === 0 ? 0 : this.#sum / this.#count;
	}

	get most(): number {
		return this.#most;
	}

	/** Within one percent of the value below which `part` of all values are. */
	quantile(part: number): number {
		let left = part * this.#count;
		for (const [step, count] of this.#counts.entries()) {
			left -= count;
			if (left <= 0) return step === 0 ? 0 : Math.min(this.#most, least * base ** (step - 1));
		}
		return this.#most;
	}

	summary(): Summary {
		const { mean, most } = this;
		const [median, p99] = [this.quantile(0.5), this.quantile(0.99)];
		return { mean: short(mean), p50: short(median), p99: short(p99), max: short(most) };
	}
}

export interface Summary {
	readonly mean: number;
	readonly p50: number;
	readonly p99: number;
	readonly max: number;
}

/** Four digits say more than is known. */
export const short = (value: number): number => Number(value.toPrecision(4));
