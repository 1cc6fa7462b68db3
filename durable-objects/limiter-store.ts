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

	loadArrivals(): Map<NetworkRate, number> {
		if (!this.#hasSchema) return new Map();
		const rows = this.#storage.sql
			.exec<{ rate: NetworkRate; arrival_ms: number }>('SELECT rate, arrival_ms FROM arrivals')
			.toArray();
		return new Map(rows.map(({ rate, arrival_ms }) => [rate, arrival_ms]));
	}

	saveArrival(rate: NetworkRate, arrivalMs: number): void {
		if (!this.#hasSchema) migrate(this.#storage, limiterMigrations);
		this.#hasSchema = true;
		this.#storage.sql.exec(
			'INSERT INTO arrivals VALUES (?, ?) ON CONFLICT (rate) DO UPDATE SET arrival_ms = excluded.arrival_ms',
			...[rate, arrivalMs]
		);
	}

	async clear(): Promise<void> {
		await this.#storage.deleteAll();
		this.#hasSchema = false;
	}
}
