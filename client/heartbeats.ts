// Heartbeats: every device's signed word on how far it has verified. This device gives one a day; the
// others' are held against its own log, so that two who are shown different logs find out, also when
// one of them never writes. What is badly formed or signed, or not a member's, says nothing.
import { heartbeatProof } from '../crypto/heartbeat.ts';
import { readsAudit } from '../crypto/log-state.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { Head } from '../protocol/commit.ts';
import { encodeClientFrame } from '../protocol/frames.ts';
import { parseHeartbeat, type Heartbeat, type SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { AccountId, DeviceId, SpaceId } from '../protocol/ids.ts';
import { heartbeatIntervalSeconds } from '../protocol/limits.ts';
import { isArray, isUint } from '../protocol/shape.ts';
import type { OtherHeartbeat } from './api-sharing.ts';
import type { Chain } from './chain.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { EventMemory } from './event-memory.ts';
import type { Store } from './store.ts';

export interface HeartbeatsParts {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly chain: Chain;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly nowMs: () => number;
	/** Whether this is a device of a person: an opened link gives none. */
	readonly gives: boolean;
	/** Whether the member entry holds this account's identity: else nobody could verify it. */
	readonly isOneself: () => boolean;
	/** Whether all on offer is verified, over an open socket, by the tab that sends. */
	readonly isReady: () => boolean;
	readonly events: EventMemory;
	readonly send: (frame: Uint8Array) => boolean;
	readonly onChange: () => void;
}

/** Of one account; an edge keeps no more either. */
const maxHeartbeatDevices = 8;

/** Names a device of an account. */
type DeviceName = `${AccountId}/${DeviceId}`;

export class Heartbeats {
	readonly #parts: HeartbeatsParts;
	readonly #newest = new Map<DeviceName, Heartbeat>();
	#lastMs: number | null = null;
	#loaded = false;
	/** Asked for out of turn, and not given yet. */
	#asked = false;
	#giving: Promise<void> = Promise.resolve();

	constructor(parts: HeartbeatsParts) {
		this.#parts = parts;
	}

	/**
	 * The newest of each other device that a member has, newest first. One that is ahead of this
	 * device's log says nothing until the log leads there: it may be of another one.
	 */
	get others(): readonly OtherHeartbeat[] {
		const { chain } = this.#parts;
		return [...this.#newest.values()]
			.filter(({ account, head }) => chain.state.members.has(account) && chain.holds(head))
			.map(({ head: { seq }, account, device, timeMs, audit }) => {
				return { account, device, seq, timeMs, audit };
			})
			.sort((a, b) => b.timeMs - a.timeMs);
	}

	/** Settles when none is being given. */
	get idle(): Promise<void> {
		return this.#giving;
	}

	reset(): void {
		this.#lastMs = null;
		this.#loaded = false;
	}

	/** Gives one as soon as everything on offer is verified, whatever the time of the last one. */
	beatNow(): void {
		this.#asked = true;
		if (this.#parts.isReady()) void this.caughtUp();
	}

	/** All on offer is verified: one is due a day after the last. */
	caughtUp(): Promise<void> {
		this.#giving = this.#giving.then(() => this.#giveIfDue());
		return this.#giving;
	}

	async #giveIfDue(): Promise<void> {
		const { gives, isOneself, chain, account, nowMs, isReady } = this.#parts;
		if (!gives || !isOneself() || chain.head.seq === 0 || !chain.state.members.has(account)) return;
		await this.#load();
		const now = nowMs();
		// A clock that was set back must not silence this device.
		const isFresh =
			this.#lastMs !== null && Math.abs(now - this.#lastMs) < heartbeatIntervalSeconds * 1_000;
		if ((isFresh && !this.#asked) || !isReady()) return;
		if (this.#saysEvents) await this.#parts.events.look?.();
		if (!isReady()) return;
		this.#asked = false;
		await this.#give(now);
	}

	/** Of a space that is shared, owners and auditors say how far they have seen its access log. */
	get #saysEvents(): boolean {
		const { chain, account } = this.#parts;
		const role = chain.state.members.get(account)?.role;
		return chain.state.audit !== null && role !== undefined && readsAudit(role);
	}

	async #give(timeMs: number): Promise<void> {
		const { space, chain, crypto, send, isReady, events } = this.#parts;
		const seen = this.#saysEvents ? await events.load() : null;
		const audit = seen && { n: seen.n, hash: seen.hash };
		const { seq, hash } = chain.head;
		const head = { seq, hash: hash.slice() };
		const heartbeat = await crypto.signHeartbeat({ space, head, audit, timeMs });
		if (!isReady() || !send(encodeClientFrame({ type: 'beat', heartbeat }))) {
			this.#asked = true;
			return;
		}
		this.#lastMs = timeMs;
		await this.#save(timeMs);
	}

	/** @returns the heads that others have verified, as far as their word is good. */
	async take(signed: readonly SignedHeartbeat[]): Promise<readonly Head[]> {
		const { chain, crypto, onChange } = this.#parts;
		const readable = signed.flatMap((one) => {
			const parsed = parseHeartbeat(one.body);
			const member = parsed.ok ? chain.state.members.get(parsed.value.account) : undefined;
			if (!parsed.ok || member === undefined || !this.#concerns(parsed.value)) return [];
			return [{ heartbeat: parsed.value, proof: heartbeatProof(member.identity, one) }];
		});
		const verdicts = await crypto.verifyProofs(readable.map(({ proof }) => proof));
		const good = readable.filter((_, index) => verdicts[index] === true);
		for (const { heartbeat } of good) this.#keep(heartbeat);
		if (good.length > 0) onChange();
		return good.map(({ heartbeat }) => heartbeat.head);
	}

	/** Of this space, and by another device. */
	#concerns({ space, account, device }: Heartbeat): boolean {
		const own = this.#parts;
		return space === own.space && !(account === own.account && device === own.device);
	}

	#keep(heartbeat: Heartbeat): void {
		const name: DeviceName = `${heartbeat.account}/${heartbeat.device}`;
		const known = this.#newest.get(name);
		const isNewer =
			known === undefined ||
			heartbeat.head.seq > known.head.seq ||
			(heartbeat.head.seq === known.head.seq && heartbeat.timeMs > known.timeMs);
		if (!isNewer) return;
		this.#newest.set(name, heartbeat);
		this.#forgetOldest(heartbeat.account);
	}

	/** As an edge keeps them: nobody fills this device's memory with devices that they make up. */
	#forgetOldest(account: AccountId): void {
		const own = [...this.#newest].filter(([, beat]) => beat.account === account);
		if (own.length <= maxHeartbeatDevices) return;
		const [oldest] = own.toSorted(([, a], [, b]) => a.head.seq - b.head.seq || a.timeMs - b.timeMs);
		if (oldest !== undefined) this.#newest.delete(oldest[0]);
	}

	get #record(): { readonly table: string; readonly row: string } {
		return { table: 'beat', row: this.#parts.space };
	}

	async #load(): Promise<void> {
		if (this.#loaded) return;
		this.#loaded = true;
		const { store, crypto, space } = this.#parts;
		const sealed = await store.loadRecord(`beat/${space}`);
		if (!sealed.ok || sealed.value === null) return;
		const [opened] = await crypto.openLocal([{ ...this.#record, sealed: sealed.value }]);
		const decoded = opened ? decodeCbor(opened) : null;
		if (!decoded?.ok || !isArray(decoded.value, 1)) return;
		const [timeMs] = decoded.value;
		if (isUint(timeMs)) this.#lastMs = timeMs;
	}

	/** Without the record a restart gives one more, which harms nobody. */
	async #save(timeMs: number): Promise<void> {
		const { store, crypto, space } = this.#parts;
		const plaintext = encodeCbor([timeMs]);
		const [sealed] = await crypto.sealLocal([{ ...this.#record, plaintext }]);
		if (sealed !== undefined) await store.saveRecord(`beat/${space}`, sealed);
	}
}
