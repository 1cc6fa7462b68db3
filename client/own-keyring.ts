// The keyring of an unlocked account at work: its log stays connected while this tab syncs, names
// this device to the others, and tells from theirs whether this one may believe what it is shown.
import type { DeviceStanding, OwnDevice, RenewalState } from './api-sharing.ts';
import type { CryptoPort, NewSpace } from './crypto-port.ts';
import { beginLog } from './begin-log.ts';
import { fail, type TacetError } from './errors.ts';
import { Keyring, keyringChange } from './keyring.ts';
import type { Content } from './receive.ts';
import { isVouchedFor, KeyringLog, loadConfirmed, saveConfirmed } from './standing.ts';
import type { Store } from './store.ts';
import type { SpaceSync } from './sync.ts';
import type { Head } from '../protocol/commit.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import type { KeyringEntry } from '../protocol/keyring-entry.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface OwnKeyringParts {
	readonly space: NewSpace;
	readonly crypto: CryptoPort;
	readonly store: Store;
	readonly device: DeviceId;
	readonly deviceName: string;
	/** The identity in force, if a renewal has put it there: this keyring goes on from one before it. */
	readonly renewedTo: Uint8Array | null;
	readonly nowMs: () => number;
	readonly syncOf: (content: Content, onChange: () => void) => SpaceSync;
	readonly onHead: (space: SpaceId, head: Head) => void;
	/** What it says changed. */
	readonly onChange: () => void;
	/** Its syncing changed. */
	readonly onStatus: () => void;
	/** This device may write from now on. */
	readonly onConfirmed: () => void;
}

export class OwnKeyring {
	readonly #parts: OwnKeyringParts;
	readonly known: Keyring;
	readonly sync: SpaceSync;
	readonly #log: KeyringLog;
	#confirmed = false;
	/** Handed over when this device was linked: reached, another device has vouched for this one. */
	#handedOver: Head | null = null;
	#leading = false;
	#announced = false;
	/** Devices whose first entry this one has answered with a heartbeat. */
	readonly #met = new Set<DeviceId>();
	#judging: Promise<void> = Promise.resolve();

	constructor(parts: OwnKeyringParts) {
		this.#parts = parts;
		this.known = new Keyring({ onHead: parts.onHead, onChange: parts.onChange });
		this.#log = new KeyringLog(parts.space.space, parts.store);
		this.sync = parts.syncOf(this.known, () => {
			this.#judge();
			parts.onStatus();
		});
	}

	get space(): SpaceId {
		return this.#parts.space.space;
	}

	async load(): Promise<Result<null, TacetError>> {
		const { store, crypto } = this.#parts;
		this.#confirmed = await loadConfirmed(store, crypto);
		const loaded = await this.sync.load();
		if (!loaded.ok) return fail(loaded.error);
		await this.#read();
		return ok(null);
	}

	/** Connects, and stays connected. */
	async lead(): Promise<void> {
		this.#leading = true;
		await this.sync.lead();
	}

	/** Whether what the keyring before this one said is still to be said here. */
	get isToBeCarried(): boolean {
		const { renewedTo } = this.#parts;
		return renewedTo !== null && !this.known.hasCarried(renewedTo);
	}

	/** Null for an account that was never renewed. */
	get renewal(): RenewalState | null {
		return this.#parts.renewedTo === null ? null : { isCarried: !this.isToBeCarried };
	}

	/** Where it ends, when all that was said here stands there; read to the end where this tab syncs. */
	async end(): Promise<Result<Head, TacetError>> {
		if (!this.#confirmed) return fail('unconfirmed');
		const isRead = (): boolean => this.sync.caughtUp && this.sync.status.waiting === 0;
		const read = this.#leading ? await this.sync.until(isRead) : ok(null);
		if (!read.ok) return read;
		return this.isToBeCarried ? fail('unavailable') : ok(this.sync.head);
	}

	get isDistrusted(): boolean {
		return this.sync.status.trust.state === 'not_trusted';
	}

	/** Its first entry, if nothing was ever written; then this device made it. */
	async begin(): Promise<Result<null, TacetError>> {
		const ready = await this.sync.until(() => this.sync.caughtUp);
		return ready.ok ? beginLog({ ...this.#parts, sync: this.sync, kind: 'keyring' }) : ready;
	}

	async write(entries: readonly KeyringEntry[]): Promise<Result<void, TacetError>> {
		const written = await this.sync.write(entries.map(keyringChange));
		return written.ok ? ok(undefined) : fail(written.error);
	}

	get isConfirmed(): boolean {
		return this.#confirmed;
	}

	get standing(): DeviceStanding {
		if (this.#confirmed) return { state: 'confirmed' };
		const { device } = this.#parts;
		const last = this.#log.entries.findLast((entry) => entry.device !== device);
		const by = last && this.devices.find(({ device: other }) => other === last.device);
		return { state: 'unconfirmed', asOfMs: last?.timeMs ?? 0, lastChangeBy: by?.name ?? null };
	}

	get devices(): readonly OwnDevice[] {
		return this.known.devices.map(({ device, name, addedAtMs }) => {
			const isThis = device === this.#parts.device;
			return { device, name: this.known.nameGiven(device) ?? name, addedAtMs, isThis };
		});
	}

	/**
	 * The device that handed this head over had verified it. Until the log leads there nobody has
	 * vouched for what this one is shown.
	 */
	expect(head: Head): void {
		this.#handedOver = head;
		this.sync.expect(head);
	}

	/** By hand, by another device, or because this one was there when the keyring was made. */
	async confirm(): Promise<void> {
		if (this.#confirmed) return;
		this.#confirmed = true;
		await saveConfirmed(this.#parts.store, this.#parts.crypto);
		this.#parts.onConfirmed();
		this.#parts.onChange();
	}

	/** Entries and heartbeats are read one after another, whenever some came. */
	#judge(): void {
		this.#judging = this.#judging.then(async () => {
			await this.#read();
			if (!this.#leading || !this.sync.caughtUp) return;
			await this.#announce();
			this.#vouch();
		});
	}

	async #read(): Promise<void> {
		const before = this.#log.entries.length;
		await this.#log.read(this.sync.head.seq);
		if (!this.#confirmed && this.#isVouchedFor) await this.confirm();
		else if (!this.#confirmed && this.#log.entries.length > before) this.#parts.onChange();
	}

	get #isVouchedFor(): boolean {
		const { device } = this.#parts;
		// Nothing is reached while an expected head is absent.
		if (this.#handedOver !== null && this.sync.caughtUp) return true;
		return isVouchedFor(
			device,
			this.#log.entries,
			this.sync.heartbeats,
			this.#parts.renewedTo !== null
		);
	}

	/** Its first entry: what another device must have seen before this one is believed. */
	async #announce(): Promise<void> {
		const { device, deviceName, nowMs } = this.#parts;
		if (this.#announced || this.sync.head.seq === 0) return;
		this.#announced = true;
		if (this.known.deviceOf(device) !== null) return;
		await this.write([{ type: 'device', device, name: deviceName, addedAtMs: nowMs() }]);
	}

	/** A heartbeat at once, so that a new device need not wait a day for this one's word. */
	#vouch(): void {
		if (!this.#confirmed) return;
		const { device } = this.#parts;
		const seen = this.#log.entries.findLast((entry) => entry.device === device)?.seen ?? 0;
		const others = this.#log.entries.filter(
			(entry) => entry.device !== device && entry.seq > seen && !this.#met.has(entry.device)
		);
		const isNew = others.some(({ device: other, seq }) => this.#firstOf(other) === seq);
		for (const other of others) this.#met.add(other.device);
		if (isNew) this.sync.beatNow();
	}

	#firstOf(device: DeviceId): number | undefined {
		return this.#log.entries.find((entry) => entry.device === device)?.seq;
	}

	async close(): Promise<void> {
		await this.sync.close();
		await this.#judging;
	}
}
