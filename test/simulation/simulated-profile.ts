// What the tabs of one browser profile share in a simulation: a lock that one of them holds, a
// channel on which they talk, and one store, of which it is noted what became true in it.
import type { LogBatch, PendingCommit, Store } from '../../client/store.ts';
import type { TabMessage, TabsOptions } from '../../client/tabs.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** Something that a person did, and that must not be lost. */
export interface Mark {
	readonly name: string;
	readonly space: SpaceId;
	readonly item: string;
	/** `copy` and `move`: what moving an item brings there, and takes away here. */
	readonly kind: 'create' | 'edit' | 'trash' | 'restore' | 'delete' | 'copy' | 'move';
	/** Of a copy: names that its text held. */
	readonly carries: readonly string[];
}

/** A tab, as its profile knows it. */
export interface ProfileTab {
	readonly isOver: boolean;
	/** What the row says that it writes now. */
	readonly writing: Mark | null;
}

interface Waiting {
	readonly tab: ProfileTab;
	readonly begin: () => Promise<unknown>;
}

const longestLagMs = 30;

/** One name is enough: the engine asks for the lock of the tab that syncs. */
export class ProfileLock {
	readonly #time: SimulatedTime;
	#holder: ProfileTab | null = null;
	#waiting: Waiting[] = [];

	constructor(time: SimulatedTime) {
		this.#time = time;
	}

	of(tab: ProfileTab): NonNullable<TabsOptions['locks']> {
		const request = (
			_: string,
			{ signal }: { readonly signal: AbortSignal },
			held: () => Promise<void>
		) =>
			new Promise((resolve, reject) => {
				const waiting: Waiting = { tab, begin: () => held().then(resolve, reject) };
				this.#waiting.push(waiting);
				signal.addEventListener('abort', () => {
					if (!this.#waiting.includes(waiting)) return;
					this.#waiting = this.#waiting.filter((other) => other !== waiting);
					reject(new Error('aborted'));
				});
				this.#grant();
			});
		return { request } as unknown as NonNullable<TabsOptions['locks']>;
	}

	/** The browser takes the lock from a tab that is gone. */
	leave(tab: ProfileTab): void {
		this.#waiting = this.#waiting.filter((other) => other.tab !== tab);
		if (this.#holder === tab) this.#release();
	}

	#release(): void {
		this.#holder = null;
		this.#grant();
	}

	#grant(): void {
		this.#time.after(this.#time.upTo(longestLagMs), () => {
			const next = this.#holder === null ? this.#waiting.shift() : undefined;
			if (next === undefined) return;
			this.#holder = next.tab;
			void next.begin().finally(() => {
				if (this.#holder === next.tab) this.#release();
			});
		});
	}
}

type Hear = (event: { readonly data: TabMessage }) => void;

/** Messages of one tab keep their order, and reach the others a little later. */
export class ProfileChannel {
	readonly #time: SimulatedTime;
	readonly #hear = new Map<ProfileTab, Hear[]>();
	#lastMs = 0;

	constructor(time: SimulatedTime) {
		this.#time = time;
	}

	of(tab: ProfileTab): BroadcastChannel {
		const channel = {
			addEventListener: (_: string, hear: Hear) => {
				this.#hear.set(tab, [...(this.#hear.get(tab) ?? []), hear]);
			},
			postMessage: (data: TabMessage) => {
				if (!tab.isOver) this.#post(tab, structuredClone(data));
			},
			close: () => this.#hear.delete(tab)
		};
		return channel as unknown as BroadcastChannel;
	}

	leave(tab: ProfileTab): void {
		this.#hear.delete(tab);
	}

	#post(from: ProfileTab, data: TabMessage): void {
		const { nowMs } = this.#time;
		this.#lastMs = Math.max(this.#lastMs, nowMs + this.#time.upTo(longestLagMs));
		const listening = [...this.#hear.keys()].filter((tab) => tab !== from);
		this.#time.after(this.#lastMs - nowMs, () => {
			for (const tab of listening) {
				for (const hear of this.#hear.get(tab) ?? []) hear({ data });
			}
		});
	}
}

/** What became true in a store, whoever asked for it. */
export class StoreWitness {
	readonly #markOfRow = new Map<number, Mark>();
	readonly #rowsOfCount = new Map<string, readonly number[]>();
	readonly #spaceOfRow = new Map<number, SpaceId>();
	/** Kept by the store. */
	readonly saved = new Set<Mark>();
	/** Seen at their places on the verified log. */
	readonly settled = new Set<Mark>();

	/** What the commit of that count says. */
	marksAt(space: SpaceId, count: number): readonly Mark[] {
		const rows = this.#rowsOfCount.get(nameOf(space, count)) ?? [];
		return rows.flatMap((row) => this.#markOfRow.get(row) ?? []);
	}

	/** Whether the store holds rows that are not on the log. */
	waitsIn(space: SpaceId): boolean {
		return [...this.#spaceOfRow.values()].includes(space);
	}

	/** After a call of the store that was answered. */
	note(call: keyof Store, inputs: readonly unknown[], answer: unknown, mark: Mark | null): void {
		const { ok: isDone, value } = answer as { readonly ok: boolean; readonly value?: unknown };
		if (!isDone) return;
		if (call === 'addToOutbox') {
			const [rows, formed] = inputs as Partial<Parameters<Store['addToOutbox']>>;
			const ids = value as readonly number[];
			this.#noteRows(ids, rows?.[0]?.space, mark);
			if (formed !== undefined) this.#rowsOfCount.set(nameOf(formed.space, formed.count), ids);
		}
		if (call === 'dropFromOutbox') this.#forgetRows(inputs[0] as readonly number[]);
		if (call === 'savePending') {
			for (const { space, count, outboxIds } of inputs[0] as readonly PendingCommit[]) {
				this.#rowsOfCount.set(nameOf(space, count), outboxIds);
			}
		}
		if (call === 'applyLog') this.#noteSettled(inputs[0] as LogBatch);
	}

	#noteRows(rows: readonly number[], space: SpaceId | undefined, mark: Mark | null): void {
		for (const row of rows) {
			if (space !== undefined) this.#spaceOfRow.set(row, space);
			if (mark === null || mark.space !== space) continue;
			this.#markOfRow.set(row, mark);
			this.saved.add(mark);
		}
	}

	#noteSettled({ space, settledCounts }: LogBatch): void {
		for (const count of settledCounts) {
			const rows = this.#rowsOfCount.get(nameOf(space, count)) ?? [];
			for (const row of rows) {
				const mark = this.#markOfRow.get(row);
				if (mark !== undefined) this.settled.add(mark);
			}
			this.#forgetRows(rows);
		}
	}

	#forgetRows(rows: readonly number[]): void {
		for (const row of rows) this.#spaceOfRow.delete(row);
	}
}

const nameOf = (space: SpaceId, count: number): string => `${space} ${String(count)}`;
