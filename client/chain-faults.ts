// The evidence against the edge of one space: the chain fault that ended its log here, and those before
// it, kept for whoever wants to see them.
import { ok, type Result } from '../protocol/result.ts';
import type { LocalLog } from './local-log.ts';
import type { ChainFault, EarlierFault } from './status.ts';
import type { StoreFault } from './store.ts';

/** Kept with their evidence: the newest ones. */
const maxEarlierFaults = 16;

export interface ChainFaultsParts {
	readonly log: LocalLog;
	readonly nowMs: () => number;
}

export class ChainFaults {
	readonly #parts: ChainFaultsParts;
	#open: ChainFault | null = null;
	/** It was found by this tab, whatever the store says. */
	#foundHere = false;
	/** Is being saved; nothing is sent any more. */
	#keeping = false;
	#earlier: readonly EarlierFault[] = [];

	constructor(parts: ChainFaultsParts) {
		this.#parts = parts;
	}

	get open(): ChainFault | null {
		return this.#open;
	}

	/** As far as it is on record: what is shown must be there still after a restart. */
	get shown(): ChainFault | null {
		return this.#keeping ? null : this.#open;
	}

	/** Faults that were mended, or that a worse one took the place of; oldest first. */
	get earlier(): readonly EarlierFault[] {
		return this.#earlier;
	}

	/** Another tab may have found one meanwhile. */
	async load(): Promise<Result<null, StoreFault>> {
		const faults = await this.#parts.log.loadFaults();
		if (!faults.ok) return faults;
		this.#earlier = faults.value.earlier;
		if (!this.#foundHere) this.#open = faults.value.open;
		return ok(null);
	}

	/** Until the store says so, nothing is mended. */
	async mend(): Promise<Result<null, StoreFault>> {
		const { log, nowMs } = this.#parts;
		if (this.#open === null) return ok(null);
		const earlier = this.#earlierWith(this.#open, nowMs());
		const saved = await log.saveFaults({ open: null, earlier });
		if (!saved.ok) return saved;
		this.#earlier = earlier;
		this.#open = null;
		this.#foundHere = false;
		return ok(null);
	}

	/** What is found while another one is mended takes its place. */
	found(fault: Omit<ChainFault, 'foundAtMs'>): void {
		if (this.#open !== null) this.#earlier = this.#earlierWith(this.#open, null);
		this.#open = { ...fault, foundAtMs: this.#parts.nowMs() };
		this.#foundHere = true;
	}

	async keep(): Promise<void> {
		this.#keeping = true;
		await this.#parts.log.saveFaults({ open: this.#open, earlier: this.#earlier });
		this.#keeping = false;
	}

	#earlierWith(fault: ChainFault, mendedAtMs: number | null): readonly EarlierFault[] {
		return [...this.#earlier, { ...fault, mendedAtMs }].slice(-maxEarlierFaults);
	}
}
