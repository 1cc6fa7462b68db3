// A small record of this device, sealed under its local key: readable while the account is unlocked,
// and by nobody else.
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { Store } from './store.ts';

export interface SealedRecordParts {
	readonly store: Store;
	readonly crypto: CryptoPort;
}

export class SealedRecord {
	readonly #name: string;
	readonly #parts: SealedRecordParts;

	constructor(name: string, parts: SealedRecordParts) {
		this.#name = name;
		this.#parts = parts;
	}

	/** Null if there is none, or none that this device has sealed. */
	async load(): Promise<Uint8Array | null> {
		const kept = await this.#parts.store.loadRecord(this.#name);
		if (!kept.ok || kept.value === null) return null;
		const record = { ...this.#place, sealed: kept.value };
		const [opened] = await this.#parts.crypto.openLocal([record]);
		return opened ?? null;
	}

	/** Null removes it. */
	async save(plaintext: Uint8Array | null): Promise<Result<void, TacetError>> {
		const { store, crypto } = this.#parts;
		const [sealed = null] =
			plaintext === null ? [] : await crypto.sealLocal([{ ...this.#place, plaintext }]);
		const saved = await store.saveRecord(this.#name, sealed);
		return saved.ok ? ok(undefined) : fail(saved.error);
	}

	get #place() {
		return { table: 'record', row: this.#name } as const;
	}
}
