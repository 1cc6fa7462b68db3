// Where an object of the edge lives in a simulation: SQLite in memory, sockets with attachments and
// tags, one alarm. An object can sleep (its memory goes, sockets and rows stay) and crash (only rows
// stay, and whatever it was doing ends there).
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { ServerSocket } from './connection.ts';
import type { Planned, SimulatedTime } from './simulated-time.ts';

/** What the platform calls of an object. */
export interface EdgeObject {
	fetch?(request: unknown): Promise<{
		status: number;
		headers: Headers;
		webSocket: unknown;
		json(): Promise<unknown>;
	}>;
	webSocketMessage?(socket: ServerSocket, data: ArrayBuffer | string): Promise<void>;
	webSocketClose?(socket: ServerSocket, code: number): void | Promise<void>;
	alarm?(): Promise<void>;
}

/** Ends what a crashed object was about to do. */
class Crashed extends Error {
	override readonly name = 'Crashed';
}

/** One stay in memory, from waking to sleeping or crashing. */
interface Life {
	isOver: boolean;
}

type Row = Record<string, unknown>;

export interface HostOptions<Object> {
	readonly time: SimulatedTime;
	readonly name: string;
	readonly make: (ctx: unknown) => Object;
	readonly onError: (where: string, error: unknown) => void;
	/** Everything that it says on a socket, as it says it. */
	readonly onSent?: (socket: ServerSocket, data: ArrayBuffer | string) => void;
}

export class ObjectHost<Object extends EdgeObject> {
	readonly #options: HostOptions<Object>;
	readonly #database = new DatabaseSync(':memory:');
	readonly #statements = new Map<string, StatementSync>();
	readonly #sockets = new Map<ServerSocket, readonly string[]>();
	#life: Life = { isOver: false };
	#object: Object | null = null;
	#working = 0;
	#depth = 0;
	#alarm: Planned | null = null;

	constructor(options: HostOptions<Object>) {
		this.#options = options;
	}

	/** The object, awake. */
	get object(): Object {
		this.#object ??= this.#options.make(this.#contextOf(this.#life));
		return this.#object;
	}

	get isIdle(): boolean {
		return this.#working === 0;
	}

	rows(statement: string, ...values: readonly SQLInputValue[]): readonly Row[] {
		return this.#prepare(statement).all(...values);
	}

	/** Its memory goes. Whatever it has begun must be done. */
	sleep(): void {
		if (!this.isIdle) throw new Error('an object that works does not sleep');
		this.#object = null;
		this.#life = { isOver: false };
	}

	crash(): void {
		this.#life.isOver = true;
		this.#life = { isOver: false };
		this.#object = null;
		this.#working = 0;
		const { time } = this.#options;
		for (const socket of [...this.#sockets.keys()]) {
			socket.connection?.cut(time.upTo(2_000), 0);
			socket.end();
		}
	}

	/** Lets the object do something, unless it crashes meanwhile: then nothing ever comes of it. */
	async call<Value>(
		where: string,
		work: (object: Object) => Promise<Value> | Value
	): Promise<Value> {
		const life = this.#life;
		this.#working += 1;
		try {
			const value = await work(this.object);
			if (life.isOver) throw new Crashed();
			return value;
		} catch (error) {
			if (!life.isOver) this.#options.onError(where, error);
			throw error;
		} finally {
			if (!life.isOver) this.#working -= 1;
		}
	}

	/** The same where nobody waits for an answer. */
	#start(where: string, work: (object: Object) => Promise<void> | void): void {
		this.call(where, work).catch(() => undefined);
	}

	message(socket: ServerSocket, data: ArrayBuffer | string): void {
		this.#start('message', (object) => object.webSocketMessage?.(socket, data));
	}

	closed(socket: ServerSocket, code: number): void {
		this.#start('close', (object) => object.webSocketClose?.(socket, code));
	}

	forget(socket: ServerSocket): void {
		this.#sockets.delete(socket);
	}

	sent(socket: ServerSocket, data: ArrayBuffer | string): void {
		this.#options.onSent?.(socket, data);
	}

	#contextOf(life: Life): unknown {
		const alive = <Inputs extends readonly unknown[], Output>(
			work: (...inputs: Inputs) => Output
		) => {
			return (...inputs: Inputs): Output => {
				if (life.isOver) throw new Crashed();
				return work(...inputs);
			};
		};
		return {
			id: { name: this.#options.name },
			storage: {
				sql: {
					exec: alive((statement: string, ...values: unknown[]) => this.#exec(statement, values))
				},
				transactionSync: alive((work: () => unknown) => this.#transaction(work)),
				getAlarm: alive(() => Promise.resolve(this.#alarm?.atMs ?? null)),
				setAlarm: alive((atMs: number) => Promise.resolve(this.#setAlarm(atMs)))
			},
			acceptWebSocket: alive((socket: ServerSocket, tags: readonly string[] = []) => {
				socket.holder = this;
				this.#sockets.set(socket, tags);
			}),
			getWebSockets: alive((tag?: string) =>
				[...this.#sockets].flatMap(([socket, tags]) =>
					tag === undefined || tags.includes(tag) ? [socket] : []
				)
			),
			setWebSocketAutoResponse: () => undefined
		};
	}

	#setAlarm(atMs: number): void {
		if (this.#alarm !== null) this.#alarm.cancelled = true;
		const { time } = this.#options;
		this.#alarm = time.after(atMs - time.nowMs, () => {
			this.#alarm = null;
			this.#start('alarm', (object) => object.alarm?.());
		});
	}

	#exec(statement: string, values: readonly unknown[]) {
		const bound = values.map((value) =>
			value instanceof ArrayBuffer ? new Uint8Array(value) : value
		);
		const rows = this.#prepare(statement)
			.all(...(bound as SQLInputValue[]))
			.map(withBuffers);
		const changes = () => this.#changes();
		return {
			toArray: () => rows,
			one: () => {
				if (rows.length !== 1) throw new Error('not exactly one row');
				return rows[0];
			},
			get rowsWritten() {
				return changes();
			},
			[Symbol.iterator]: () => rows[Symbol.iterator]()
		};
	}

	/** Of the statement before, if it was one that writes. */
	#changes(): number {
		return Number(this.#prepare('SELECT changes() AS changes').get()?.['changes'] ?? 0);
	}

	#prepare(statement: string): StatementSync {
		const known = this.#statements.get(statement) ?? this.#database.prepare(statement);
		this.#statements.set(statement, known);
		return known;
	}

	/** One inside another is a savepoint, as at the platform. */
	#transaction(work: () => unknown): unknown {
		const name = `depth_${String(this.#depth)}`;
		this.#depth += 1;
		this.#database.exec(`SAVEPOINT ${name}`);
		try {
			const value = work();
			this.#database.exec(`RELEASE ${name}`);
			return value;
		} catch (error) {
			this.#database.exec(`ROLLBACK TO ${name}`);
			this.#database.exec(`RELEASE ${name}`);
			throw error;
		} finally {
			this.#depth -= 1;
		}
	}
}

/** Blobs come as ArrayBuffer, as at the platform. */
const withBuffers = (row: Row): Row =>
	Object.fromEntries(
		Object.entries(row).map(([column, value]) => [
			column,
			value instanceof Uint8Array ? value.slice().buffer : value
		])
	);
