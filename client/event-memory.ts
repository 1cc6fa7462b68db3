// What a device knows of the access log of a space: the keys to it, and how far it has verified it,
// which it compares the next answer with and says in its heartbeats. Sealed in its store.
import type { AuditHead } from '../protocol/audit-event.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { hashBytes } from '../protocol/limits.ts';
import { isArray, isBytes, isCount, isUint } from '../protocol/shape.ts';
import type { AuditGrant, AuditKeys } from './audit-keys.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { Store } from './store.ts';

export interface SeenEvents extends AuditHead {
	/** When the log went just so far, by this device's clock. */
	readonly seenAtMs: number;
}

const table = 'events';

interface EventMemoryParts {
	readonly space: SpaceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly keys: AuditKeys;
}

export class EventMemory {
	readonly #parts: EventMemoryParts;
	/** Reads the log, before it is said how far it goes; null where nobody does. */
	look: (() => Promise<void>) | null = null;

	constructor(parts: EventMemoryParts) {
		this.#parts = parts;
	}

	/** The audit keys that were given to this account. */
	get grants(): readonly AuditGrant[] {
		return this.#parts.keys.grants;
	}

	/** Null for a device that has not read any, or whose store can't be read. */
	async load(): Promise<SeenEvents | null> {
		const { space, store, crypto } = this.#parts;
		const sealed = await store.loadRecord(`${table}/${space}`);
		if (!sealed.ok || sealed.value === null) return null;
		const [opened] = await crypto.openLocal([{ table, row: space, sealed: sealed.value }]);
		const decoded = opened ? decodeCbor(opened) : null;
		if (!decoded?.ok || !isArray(decoded.value, 3)) return null;
		const [n, hash, seenAtMs] = decoded.value;
		if (!isCount(n) || !isBytes(hash, hashBytes) || !isUint(seenAtMs)) return null;
		return { n, hash, seenAtMs };
	}

	/** Unless another tab has seen more meanwhile. */
	async save({ n, hash, seenAtMs }: SeenEvents): Promise<void> {
		const { space, store, crypto } = this.#parts;
		const known = await this.load();
		if (n === 0 || (known !== null && known.n > n)) return;
		const plaintext = encodeCbor([n, hash, seenAtMs]);
		const [sealed] = await crypto.sealLocal([{ table, row: space, plaintext }]);
		if (sealed !== undefined) await store.saveRecord(`${table}/${space}`, sealed);
	}
}
