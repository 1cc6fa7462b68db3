// Whether this device may believe what it is shown. A device without memory can be shown an old
// state of everything; it is confirmed once a device with memory has seen it on the same log of the
// keyring, or a person says so. Pure judgement here; what follows from it is the vault's.
import { parseCommit } from '../protocol/commit.ts';
import type { DeviceId, Seq, SpaceId } from '../protocol/ids.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { Store } from './store.ts';

/** One entry of the keyring, as far as standing asks. */
export interface KeyringEntryFacts {
	readonly seq: Seq;
	readonly device: DeviceId;
	/** Its author had verified the log up to here. */
	readonly seen: Seq;
	/** By its author's clock. */
	readonly timeMs: number;
}

export interface KeyringBeat {
	readonly device: DeviceId;
	readonly seq: Seq;
}

/**
 * Whether a device is vouched for. The one that created the keyring vouches; so does each other
 * from where a vouching device had covered its first entry, by a later entry of its own that has
 * seen it or by a heartbeat at or beyond it.
 *
 * @param isRenewed the keyring goes on from another: that a device began it says nothing of what it knew.
 */
export function isVouchedFor(
	device: DeviceId,
	entries: readonly KeyringEntryFacts[],
	beats: readonly KeyringBeat[],
	isRenewed = false
): boolean {
	const creator = entries[0];
	if (creator === undefined || (isRenewed && creator.device === device)) return false;
	/** Since which place each vouches. */
	const since = new Map<DeviceId, Seq>([[creator.device, creator.seq]]);
	const firsts = new Map<DeviceId, Seq>();
	for (const entry of entries) {
		if (!firsts.has(entry.device)) firsts.set(entry.device, entry.seq);
	}
	let grew = true;
	while (grew && !since.has(device)) {
		grew = false;
		for (const [candidate, first] of firsts) {
			if (since.has(candidate)) continue;
			const covered = coveredAt(first, since, entries, beats);
			if (covered === null) continue;
			since.set(candidate, covered);
			grew = true;
		}
	}
	return since.has(device);
}

/** The first place at which a device that vouched before had seen `first`. */
function coveredAt(
	first: Seq,
	since: ReadonlyMap<DeviceId, Seq>,
	entries: readonly KeyringEntryFacts[],
	beats: readonly KeyringBeat[]
): Seq | null {
	const byEntry = entries.find(({ device, seq, seen }) => {
		const vouches = since.get(device);
		return vouches !== undefined && vouches < seq && seen >= first;
	});
	const byBeat = beats.find(({ device, seq }) => {
		const vouches = since.get(device);
		return vouches !== undefined && vouches <= seq && seq >= first;
	});
	if (byEntry === undefined) return byBeat?.seq ?? null;
	return byBeat === undefined ? byEntry.seq : Math.min(byEntry.seq, byBeat.seq);
}

const entriesAtOnce = 512;

/** Reads the facts of a verified log from this device's store, each entry once. */
export class KeyringLog {
	readonly #space: SpaceId;
	readonly #store: Store;
	readonly #entries: KeyringEntryFacts[] = [];

	constructor(space: SpaceId, store: Store) {
		this.#space = space;
		this.#store = store;
	}

	get entries(): readonly KeyringEntryFacts[] {
		return this.#entries;
	}

	async read(until: Seq): Promise<void> {
		while (this.#entries.length < until) {
			const after = this.#entries.length;
			const limit = Math.min(entriesAtOnce, until - after);
			const stored = await this.#store.loadEntries(this.#space, after, limit);
			if (!stored.ok || stored.value.length === 0) return;
			// Somebody else may have read on meanwhile.
			for (const { seq, commit } of stored.value) {
				if (seq !== this.#entries.length + 1) continue;
				const parsed = parseCommit(commit);
				if (!parsed.ok) return;
				const { device, seen, timeMs } = parsed.value;
				this.#entries.push({ seq, device, seen: seen.seq, timeMs });
			}
		}
	}
}

const record = 'standing';
const place = { table: 'standing', row: 'keyring' } as const;

/** Whether this profile was confirmed before: by another device, or by hand. */
export async function loadConfirmed(store: Store, crypto: CryptoPort): Promise<boolean> {
	const sealed = await store.loadRecord(record);
	if (!sealed.ok || sealed.value === null) return false;
	const [opened] = await crypto.openLocal([{ ...place, sealed: sealed.value }]);
	return opened != null && opened[0] === 1;
}

export async function saveConfirmed(store: Store, crypto: CryptoPort): Promise<void> {
	const [sealed] = await crypto.sealLocal([{ ...place, plaintext: Uint8Array.of(1) }]);
	if (sealed !== undefined) await store.saveRecord(record, sealed);
}

/** Whether a space was made on this device; known once its first entry is here. */
export async function wasMadeBy(device: DeviceId, space: SpaceId, store: Store): Promise<boolean> {
	const stored = await store.loadEntries(space, 0, 1);
	const first = stored.ok ? stored.value[0] : undefined;
	const parsed = first === undefined ? null : parseCommit(first.commit);
	return parsed?.ok === true && parsed.value.device === device;
}
