// What happens next: a binary heap of events by time. An event is a kind and two numbers.
export interface Event {
	readonly atMs: number;
	readonly kind: number;
	readonly who: number;
	readonly what: number;
}

const whatBits = 2 ** 22;
const whoBits = 2 ** 22;

export class Events {
	/** Time, the order in which it was added, and what it is: of equal times the first comes first. */
	readonly #times: number[] = [];
	readonly #orders: number[] = [];
	readonly #codes: number[] = [];
	#added = 0;

	get count(): number {
		return this.#times.length;
	}

	add({ atMs, kind, who, what }: Event): void {
		if (who >= whoBits || what >= whatBits) throw new Error('more than an event can name');
		let place = this.#times.length;
		this.#set(place, atMs, this.#added++, (kind * whoBits + who) * whatBits + what);
		while (place > 0) {
			const parent = (place - 1) >> 1;
			if (!this.#isBefore(place, parent)) break;
			this.#swap(place, parent);
			place = parent;
		}
	}

	next(): Event | null {
		if (this.#times.length === 0) return null;
		const last = this.#times.length - 1;
		this.#swap(0, last);
		const [atMs, code] = [this.#times.pop()!, this.#codes.pop()!];
		this.#orders.pop();
		this.#sink();
		const named = Math.floor(code / whatBits);
		return {
			...{ atMs, kind: Math.floor(named / whoBits) },
			...{ who: named % whoBits, what: code % whatBits }
		};
	}

	#sink(): void {
		const count = this.#times.length;
		for (let place = 0; ; ) {
			const left = 2 * place + 1;
			if (left >= count) return;
			const right = left + 1;
			const child = right < count && this.#isBefore(right, left) ? right : left;
			if (!this.#isBefore(child, place)) return;
			this.#swap(child, place);
			place = child;
		}
	}

	#isBefore(a: number, b: number): boolean {
		const [first, second] = [this.#times[a]!, this.#times[b]!];
		return first < second || (first === second && this.#orders[a]! < this.#orders[b]!);
	}

	#set(place: number, atMs: number, order: number, code: number): void {
		this.#times[place] = atMs;
		this.#orders[place] = order;
		this.#codes[place] = code;
	}

	#swap(a: number, b: number): void {
		const [atMs, order, code] = [this.#times[a]!, this.#orders[a]!, this.#codes[a]!];
		this.#set(a, this.#times[b]!, this.#orders[b]!, this.#codes[b]!);
		this.#set(b, atMs, order, code);
	}
}
