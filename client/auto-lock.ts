// When an unlocked account that nobody uses locks by itself. One clock over all tabs of a profile: use
// of any of them counts for all, and the first to find that nobody did locks all. Nothing runs until a
// page watches: an engine without one has nobody in front of it.
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { Result } from '../protocol/result.ts';
import { isArray } from '../protocol/shape.ts';
import type { TacetError } from './errors.ts';
import { SealedRecord, type SealedRecordParts } from './sealed-record.ts';

/** Null: never. */
export const idleMinutesChoices = [1, 5, 15, 60, null] as const;

/** Of this device: others may stand elsewhere. */
export interface AutoLockChoice {
	readonly idleMinutes: (typeof idleMinutesChoices)[number];
	/** Closing or reloading one tab locks the others. The last one to close always does. */
	readonly whenTabCloses: boolean;
}

export interface AutoLockParts extends SealedRecordParts {
	readonly channel: ((name: string) => BroadcastChannel) | undefined;
	readonly nowMs: () => number;
	/** Locks all tabs. */
	readonly lock: () => Promise<void>;
}

type Told = { readonly type: 'used'; readonly atMs: number } | { readonly type: 'chosen' };

const byDefault: AutoLockChoice = { idleMinutes: 15, whenTabCloses: false };
/** How often other tabs hear that this one is used. */
const betweenTellingMs = 5_000;
/** For messages that wait behind a timer. */
const graceMs = 50;

export class AutoLock {
	readonly #parts: AutoLockParts;
	readonly #record: SealedRecord;
	readonly #channel: BroadcastChannel | null;
	readonly #listeners = new Set<() => void>();
	#choice = byDefault;
	#usedAtMs: number;
	#toldAtMs = 0;
	#watching = false;
	#closed = false;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** The choice as it is stored, or as good as it can be known. */
	readonly whenLoaded: Promise<void>;

	constructor(parts: AutoLockParts) {
		this.#parts = parts;
		this.#record = new SealedRecord('auto-lock', parts);
		this.#usedAtMs = parts.nowMs();
		this.#channel = parts.channel?.('tacet-idle') ?? null;
		this.#channel?.addEventListener('message', ({ data }: MessageEvent<Told>) => {
			this.#hear(data);
		});
		// Keys that end meanwhile leave the default, which nobody needs any more.
		this.whenLoaded = this.#load().catch(() => undefined);
	}

	get choice(): AutoLockChoice {
		return this.#choice;
	}

	/** Called after the choice changed, here or in another tab. */
	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	async choose(choice: AutoLockChoice): Promise<Result<void, TacetError>> {
		const saved = await this.#record.save(encodeChoice(choice));
		if (!saved.ok) return saved;
		this.#take(choice);
		this.#tell({ type: 'chosen' });
		return saved;
	}

	/** Begins to count; ends with the answer. */
	watch(): () => void {
		this.#watching = true;
		this.#usedAtMs = this.#parts.nowMs();
		this.#toldAtMs = 0;
		this.used();
		this.#arm();
		return () => {
			this.#watching = false;
			clearTimeout(this.#timer);
		};
	}

	/** Somebody did something here. */
	used(): void {
		// What comes after the time was up, and before the timer, is not by whoever was there before.
		if (this.#lockIfDue()) return;
		const now = this.#parts.nowMs();
		this.#usedAtMs = now;
		if (Math.abs(now - this.#toldAtMs) < betweenTellingMs) return;
		this.#toldAtMs = now;
		this.#tell({ type: 'used', atMs: now });
	}

	/** The page is seen again, or its timers ran late: the time may be up long since. */
	look(): void {
		clearTimeout(this.#timer);
		if (!this.#isDue) return this.#arm();
		// A tab that was frozen has yet to hear what others told it meanwhile.
		this.#timer = setTimeout(() => {
			if (!this.#lockIfDue()) this.#arm();
		}, graceMs);
	}

	/** The device slept, or somebody locked its screen: whoever wakes it may be anybody. */
	slept(): void {
		if (this.#choice.idleMinutes !== null) void this.#parts.lock();
	}

	tabCloses(): void {
		if (this.#choice.whenTabCloses) void this.#parts.lock();
	}

	close(): void {
		this.#closed = true;
		this.#watching = false;
		clearTimeout(this.#timer);
		this.#channel?.close();
		this.#listeners.clear();
	}

	get #idleMs(): number {
		const { idleMinutes } = this.#choice;
		return idleMinutes === null ? Infinity : idleMinutes * 60_000;
	}

	get #isDue(): boolean {
		return this.#watching && this.#parts.nowMs() - this.#usedAtMs >= this.#idleMs;
	}

	#lockIfDue(): boolean {
		const due = this.#isDue;
		if (due) void this.#parts.lock();
		return due;
	}

	#arm(): void {
		clearTimeout(this.#timer);
		if (!this.#watching || this.#idleMs === Infinity) return;
		const leftMs = this.#usedAtMs + this.#idleMs - this.#parts.nowMs();
		this.#timer = setTimeout(
			() => {
				this.look();
			},
			Math.max(0, Math.min(leftMs, this.#idleMs))
		);
	}

	#hear(told: Told): void {
		if (told.type === 'chosen') void this.#load().catch(() => undefined);
		// No tab can have been used later than now.
		else this.#usedAtMs = Math.max(this.#usedAtMs, Math.min(told.atMs, this.#parts.nowMs()));
	}

	async #load(): Promise<void> {
		const bytes = await this.#record.load();
		const choice = bytes === null ? null : parseChoice(bytes);
		if (choice !== null) this.#take(choice);
	}

	#take(choice: AutoLockChoice): void {
		this.#choice = choice;
		if (this.#watching) this.look();
		for (const listener of [...this.#listeners]) listener();
	}

	#tell(told: Told): void {
		if (!this.#closed) this.#channel?.postMessage(told);
	}
}

const encodeChoice = ({ idleMinutes, whenTabCloses }: AutoLockChoice): Uint8Array =>
	encodeCbor([1, idleMinutes, whenTabCloses ? 1 : 0]);

function parseChoice(bytes: Uint8Array): AutoLockChoice | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 3)) return null;
	const [version, minutes, closes] = decoded.value;
	const idleMinutes = idleMinutesChoices.find((choice) => choice === minutes);
	if (version !== 1 || idleMinutes === undefined || (closes !== 0 && closes !== 1)) return null;
	return { idleMinutes, whenTabCloses: closes === 1 };
}
