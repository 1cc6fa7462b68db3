// The verified log of one space in this device's store: read back when the engine starts or another
// tab has gone on, and written in one transaction when entries were verified.
import { parseLogState, type LogState, encodeLogState } from '../crypto/log-state.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import type { Head, PageId } from '../protocol/commit.ts';
import type { SignedCommit } from '../protocol/frames.ts';
import type { Seq, SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, isUint, parseEach } from '../protocol/shape.ts';
import type { Chain } from './chain.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { PlacedPage } from './items.ts';
import type { Pages, ReceivedEntry } from './pages.ts';
import type { ChainFault, ChainFaultCode, EarlierFault } from './status.ts';
import type { Store, StoredEntry, StoreFault } from './store.ts';

const entriesAtOnce = 512;
/** Pages read in one go: about ten milliseconds of the page's thread. */
const openedAtOnceBytes = 1_048_576;

/** The evidence against an edge: of the fault that stops the space, and of those before it. */
export interface Faults {
	readonly open: ChainFault | null;
	/** Oldest first. */
	readonly earlier: readonly EarlierFault[];
}

/** What is about to become true: verified entries with their pages, in order. */
export interface VerifiedEntries {
	readonly entries: readonly {
		readonly seq: Seq;
		readonly entry: SignedCommit;
		readonly after: LogState;
		readonly pages: readonly (Uint8Array | null)[];
		readonly wraps: ReceivedEntry['wraps'];
		readonly previousKey: Uint8Array | null;
	}[];
	/** The state after the last of them: {@link LocalLog.sealState}. */
	readonly sealedState: Uint8Array;
	readonly superseded: readonly PageId[];
	readonly settledCounts: readonly number[];
}

export class LocalLog {
	readonly #space: SpaceId;
	readonly #store: Store;
	readonly #crypto: CryptoPort;

	constructor(space: SpaceId, store: Store, crypto: CryptoPort) {
		this.#space = space;
		this.#store = store;
		this.#crypto = crypto;
	}

	/** Brings the chain up to what is stored, and shows the pages in between. */
	async load(
		chain: Chain,
		pages: Pages,
		show: (placed: readonly PlacedPage[]) => void
	): Promise<Result<null, StoreFault>> {
		const state = await this.#loadState();
		if (!state.ok) return state;
		if (state.value === null || state.value.head.seq <= chain.head.seq) return ok(null);
		while (chain.remembered < state.value.head.seq) {
			const loaded = await this.#loadSome(chain, pages, state.value);
			if (!loaded.ok) {
				chain.forget();
				return loaded;
			}
			await showInParts(loaded.value, pages, show);
		}
		// A store that contradicts its own sealed state is damaged, or was tampered with.
		if (chain.restored(state.value).ok) return ok(null);
		chain.forget();
		return err('store_unavailable');
	}

	async #loadState(): Promise<Result<LogState | null, StoreFault>> {
		const sealed = await this.#store.loadState(this.#space);
		if (!sealed.ok) return sealed;
		if (sealed.value === null) return ok(null);
		const bytes = await this.#open('log', sealed.value);
		const state = bytes === null ? null : parseLogState(bytes);
		return state?.ok ? state : err('store_unavailable');
	}

	async #loadSome(
		chain: Chain,
		pages: Pages,
		state: LogState
	): Promise<Result<readonly ReceivedEntry[], StoreFault>> {
		const after = chain.remembered;
		const limit = Math.min(entriesAtOnce, state.head.seq - after);
		const stored = await this.#store.loadEntries(this.#space, after, limit);
		if (!stored.ok) return stored;
		const restored = chain.restore(stored.value, state);
		if (!restored.ok || stored.value.length === 0) return err('store_unavailable');
		const received: ReceivedEntry[] = [];
		for (const [index, entry] of stored.value.entries()) {
			const parsed = restored.value[index];
			const keys = parseKeys(entry.keys);
			if (parsed === undefined || keys === null) return err('store_unavailable');
			received.push({ seq: entry.seq, commit: parsed.parsed, pages: entry.pages, ...keys });
		}
		await pages.learnKeys(received, state);
		return ok(received);
	}

	sealState(state: LogState): Promise<Uint8Array> {
		return this.#seal('log', encodeLogState(state));
	}

	save(batch: VerifiedEntries): Promise<Result<void, StoreFault>> {
		const entries = batch.entries.map(({ seq, entry, after, pages, wraps, previousKey }) => {
			const { commit, signature } = entry;
			const keys = encodeKeys({ wraps, previousKey });
			return { seq, commit, signature, head: after.head.hash, pages, keys } satisfies StoredEntry;
		});
		return this.#store.applyLog({
			space: this.#space,
			entries,
			sealedState: batch.sealedState,
			superseded: batch.superseded,
			settledCounts: batch.settledCounts
		});
	}

	/** Adds the key before an epoch to the entry that signed its hash, as it came later. */
	async saveLink(seq: Seq, previousKey: Uint8Array): Promise<Result<void, StoreFault>> {
		const stored = await this.#store.loadEntries(this.#space, seq - 1, 1);
		const state = await this.#store.loadState(this.#space);
		if (!stored.ok) return stored;
		if (!state.ok) return state;
		const [entry] = stored.value;
		const keys = entry && parseKeys(entry.keys);
		if (!entry || !keys || state.value === null) return ok(undefined);
		return this.#store.applyLog({
			space: this.#space,
			entries: [{ ...entry, keys: encodeKeys({ ...keys, previousKey }) }],
			sealedState: state.value,
			superseded: [],
			settledCounts: []
		});
	}

	/** The key before the epoch that an entry opened; null while no tab of this device was given it. */
	async loadLink(seq: Seq): Promise<Uint8Array | null> {
		const stored = await this.#store.loadEntries(this.#space, seq - 1, 1);
		const [entry] = stored.ok ? stored.value : [];
		return (entry && parseKeys(entry.keys))?.previousKey ?? null;
	}

	/** The evidence against an edge outlives a restart, and its mending: one record says all of it. */
	async saveFaults(faults: Faults): Promise<Result<void, StoreFault>> {
		const sealed = await this.#seal('fault', encodeFaults(faults));
		return this.#store.saveRecord(this.#faultName, sealed);
	}

	async loadFaults(): Promise<Result<Faults, StoreFault>> {
		const sealed = await this.#store.loadRecord(this.#faultName);
		if (!sealed.ok) return sealed;
		if (sealed.value === null) return ok({ open: null, earlier: [] });
		const bytes = await this.#open('fault', sealed.value);
		const faults = bytes === null ? null : parseFaults(bytes);
		return faults === null ? err('store_unavailable') : ok(faults);
	}

	/** When the edge said last that this account is no member; null: it is one. */
	async saveRemoved(atMs: number | null): Promise<void> {
		const sealed = atMs === null ? null : await this.#seal('removed', encodeCbor([atMs]));
		await this.#store.saveRecord(`removed/${this.#space}`, sealed);
	}

	async loadRemoved(): Promise<Result<number | null, StoreFault>> {
		const sealed = await this.#store.loadRecord(`removed/${this.#space}`);
		if (!sealed.ok || sealed.value === null) return sealed.ok ? ok(null) : sealed;
		const bytes = await this.#open('removed', sealed.value);
		const decoded = bytes === null ? null : decodeCbor(bytes);
		if (!decoded?.ok || !isArray(decoded.value, 1)) return ok(null);
		const [atMs] = decoded.value;
		return ok(isUint(atMs) ? atMs : null);
	}

	get #faultName(): string {
		return `fault/${this.#space}`;
	}

	async #seal(table: string, plaintext: Uint8Array): Promise<Uint8Array> {
		const [sealed] = await this.#crypto.sealLocal([{ table, row: this.#space, plaintext }]);
		if (sealed === undefined) throw new Error('a record was not sealed');
		return sealed;
	}

	async #open(table: string, sealed: Uint8Array): Promise<Uint8Array | null> {
		const [opened] = await this.#crypto.openLocal([{ table, row: this.#space, sealed }]);
		return opened ?? null;
	}
}

/**
 * Opens what was loaded part by part, the next one in the crypto worker while this one is read here:
 * a page's thread is never kept for as long as all of it takes.
 */
async function showInParts(
	entries: readonly ReceivedEntry[],
	pages: Pages,
	show: (placed: readonly PlacedPage[]) => void
): Promise<void> {
	const parts = partsOf(entries);
	let next = parts[0] && pages.decrypt(parts[0]);
	for (const [index, part] of parts.entries()) {
		const decrypted = await next;
		const after = parts[index + 1];
		next = after && pages.decrypt(after);
		if (decrypted === undefined) throw new Error('a part was not decrypted');
		// An error here leaves the next part to itself.
		void next?.catch(() => undefined);
		const unlocked = await pages.openLocked();
		show([...unlocked, ...pages.read(part, decrypted)]);
	}
}

function partsOf(entries: readonly ReceivedEntry[]): readonly (readonly ReceivedEntry[])[] {
	const parts: ReceivedEntry[][] = [];
	let partBytes = Infinity;
	for (const entry of entries) {
		const bytes = entry.pages.reduce((sum, page) => sum + (page?.length ?? 0), 0);
		if (partBytes + bytes > openedAtOnceBytes) {
			parts.push([]);
			partBytes = 0;
		}
		parts.at(-1)?.push(entry);
		partBytes += bytes;
	}
	return parts;
}

type Keys = Pick<ReceivedEntry, 'wraps' | 'previousKey'>;

const encodeKeys = ({ wraps, previousKey }: Keys): Uint8Array =>
	wraps.length === 0 && previousKey === null
		? new Uint8Array()
		: encodeCbor([wraps.map(({ index, wrap }) => [index, wrap]), previousKey]);

/** What travelled beside an entry, as it is kept; null for bytes that this device never wrote. */
export function parseKeys(bytes: Uint8Array): Keys | null {
	if (bytes.length === 0) return { wraps: [], previousKey: null };
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 2)) return null;
	const [list, previousKey] = decoded.value;
	const wraps = parseEach(list, bytes.length, (pair) =>
		isArray(pair, 2) && isUint(pair[0]) && isBytes(pair[1])
			? { index: pair[0], wrap: pair[1] }
			: null
	);
	if (wraps === null) return null;
	return { wraps, previousKey: isBytes(previousKey) ? previousKey : null };
}

const encodeFaults = ({ open, earlier }: Faults): Uint8Array =>
	encodeCbor([
		open && encodeFault(open),
		earlier.map((fault) => [encodeFault(fault), fault.mendedAtMs])
	]);

const encodeFault = (fault: ChainFault): Cbor => [
	fault.fault,
	[fault.verified.seq, fault.verified.hash],
	[fault.offered.seq, fault.offered.hash],
	fault.entry === null ? null : [fault.entry.commit, fault.entry.signature],
	fault.foundAtMs
];

function parseFaults(bytes: Uint8Array): Faults | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 2)) return null;
	const [first, list] = decoded.value;
	const open = first === null ? null : parseFault(first);
	const earlier = parseEach(list, bytes.length, (pair): EarlierFault | null => {
		if (!isArray(pair, 2)) return null;
		const [fault, mendedAtMs = null] = [parseFault(pair[0]), pair[1]];
		if (fault === null || (mendedAtMs !== null && !isUint(mendedAtMs))) return null;
		return { ...fault, mendedAtMs };
	});
	return earlier === null || (open === null && first !== null) ? null : { open, earlier };
}

function parseFault(value: Cbor | undefined): ChainFault | null {
	if (!isArray(value, 5)) return null;
	const [fault, verified, offered, entry, foundAtMs] = value;
	if (typeof fault !== 'string' || !isArray(verified, 2) || !isArray(offered, 2)) return null;
	const heads = [verified, offered].map(([seq, hash]): Head | null =>
		isUint(seq) && isBytes(hash) ? { seq, hash } : null
	);
	const [own, other] = heads;
	if (!own || !other || !isUint(foundAtMs)) return null;
	const [commit, signature] = isArray(entry, 2) ? entry : [];
	return {
		// Sealed by this device: one of the codes that it wrote.
		fault: fault as ChainFaultCode,
		verified: own,
		offered: other,
		entry: isBytes(commit) && isBytes(signature) ? { commit, signature } : null,
		foundAtMs
	};
}
