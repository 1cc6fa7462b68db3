// All SQL of a Limiter object. Synchronous; nothing here awaits.
import { limiterMigrations } from './limiter-migrations.ts';
import type { NetworkRate } from './limits.ts';
import { hasSchema, migrate } from './migrate.ts';

export class LimiterStore {
	readonly #storage: DurableObjectStorage;
	#hasSchema: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#hasSchema = hasSchema(storage.sql);
		if (this.#hasSchema) migrate(storage, limiterMigrations);
	}

	loadArrival(rate: NetworkRate): number | undefined {
		if (!this.#hasSchema) return undefined;
		const [row] = this.#storage.sql
			.exec<{ arrival_ms: number }>('SELECT arrival_ms FROM arrivals WHERE rate = ?', rate)
			.toArray();
		return row?.arrival_ms;
	}

	saveArrival(rate: NetworkRate, arrivalMs: number): void {
		if (!this.#hasSchema) migrate(this.#storage, limiterMigrations);
		this.#hasSchema = true;
		this.#storage.sql.exec(
			'INSERT INTO arrivals VALUES (?, ?) ON CONFLICT (rate) DO UPDATE SET arrival_ms = excluded.arrival_ms',
			...[rate, arrivalMs]
		);
	}

	/** The latest time that is kept: after it, what is kept says nothing any more. */
	latestArrival(): number {
		if (!this.#hasSchema) return 0;
		return this.#storage.sql
			.exec<{ latest: number }>('SELECT coalesce(max(arrival_ms), 0) AS latest FROM arrivals')
			.one().latest;
	}

	async clear(): Promise<void> {
		await this.#storage.deleteAll();
		this.#hasSchema = false;
	}
}
