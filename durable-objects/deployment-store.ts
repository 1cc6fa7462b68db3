// All SQL of the Deployment object. Synchronous; nothing here awaits.
import { deploymentMigrations } from './deployment-migrations.ts';
import { hasSchema, migrate } from './migrate.ts';

export class DeploymentStore {
	readonly #storage: DurableObjectStorage;
	#hasSchema: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#hasSchema = hasSchema(storage.sql);
		if (this.#hasSchema) migrate(storage, deploymentMigrations);
	}

	loadSealedKeys(): Uint8Array | null {
		if (!this.#hasSchema) return null;
		const [row] = this.#storage.sql
			.exec<{ sealed: ArrayBuffer }>('SELECT sealed FROM server_keys')
			.toArray();
		return row === undefined ? null : new Uint8Array(row.sealed);
	}

	saveSealedKeys(sealed: Uint8Array): void {
		if (!this.#hasSchema) migrate(this.#storage, deploymentMigrations);
		this.#hasSchema = true;
		this.#storage.sql.exec(
			'INSERT INTO server_keys VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET sealed = excluded.sealed',
			sealed
		);
	}
}
