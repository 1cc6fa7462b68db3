// Chance with a seed: the same seed gives the same run, on every machine that has IEEE numbers.
export class Chance {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** From 0 to below 1. Mulberry32 (T. Ettinger, 2017, public domain). */
	unit(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let mixed = this.#state;
		mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	}

	below(count: number): number {
		return Math.floor(this.unit() * count);
	}

	exponential(mean: number): number {
		return -mean * Math.log(1 - this.unit());
	}

	normal(): number {
		const radius = Math.sqrt(-2 * Math.log(1 - this.unit()));
		return radius * Math.cos(2 * Math.PI * this.unit());
	}

	lognormal(median: number, sigma: number): number {
		return median * Math.exp(sigma * this.normal());
	}

	/** Heavy-tailed, cut off at both ends. */
	pareto(alpha: number, least: number, most: number): number {
		const [low, high] = [least ** -alpha, most ** -alpha];
		return (low - this.unit() * (low - high)) ** (-1 / alpha);
	}

	poisson(mean: number): number {
		if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
		const limit = Math.exp(-mean);
		let [count, product] = [0, this.unit()];
		while (product > limit) {
			count += 1;
			product *= this.unit();
		}
		return count;
	}
}
