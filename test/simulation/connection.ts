// A connection between a device and an object of the edge, as a simulation has it: frames keep their
// order and take their time; the connection can break at any of them, and then each side hears of it
// when it does.
import type { SimulatedTime } from './simulated-time.ts';

type Data = Uint8Array | ArrayBuffer | string;

export const opened = 1;
const closing = 2;
const closed = 3;
/** RFC 6455 §7.4.1: never sent, only reported. */
const broken = 1006;

/** Who accepted a socket at the edge. */
export interface Holder {
	message(socket: ServerSocket, data: ArrayBuffer | string): void;
	closed(socket: ServerSocket, code: number): void;
	forget(socket: ServerSocket): void;
	sent(socket: ServerSocket, data: ArrayBuffer | string): void;
}

/** What the side of the device is told. */
export interface Caller {
	opened(): void;
	message(data: ArrayBuffer | string): void;
	/** `reason` as the edge gave it. */
	closed(code: number, reason?: string): void;
}

export interface Weather {
	readonly time: SimulatedTime;
	/** How probable it is that a frame breaks the connection. */
	breaks(): number;
	latencyMs(): number;
	tell(what: string): void;
}

/** The end of a socket that the edge holds. */
export class ServerSocket {
	readyState = opened;
	holder: Holder | null = null;
	connection: Connection | null = null;
	#attachment: unknown = null;
	/** Said before the other end was told that it is open. */
	readonly #early: (() => void)[] = [];

	connect(connection: Connection): void {
		this.connection = connection;
		for (const say of this.#early.splice(0)) say();
	}

	accept(): void {
		this.readyState = opened;
	}

	serializeAttachment(value: unknown): void {
		this.#attachment = structuredClone(value);
	}

	deserializeAttachment(): unknown {
		return structuredClone(this.#attachment);
	}

	send(data: Data): void {
		if (this.readyState !== opened) return;
		const copy = copyOf(data);
		this.holder?.sent(this, copy);
		this.#say((connection) => {
			connection.down(copy);
		});
	}

	close(code: number): void {
		if (this.readyState === closed) return;
		const isAnswer = this.readyState === closing;
		this.readyState = closing;
		this.#say((connection) => {
			connection.closeDown(code);
		});
		if (isAnswer) this.end();
	}

	end(): void {
		this.readyState = closed;
		this.holder?.forget(this);
	}

	#say(say: (connection: Connection) => void): void {
		const { connection } = this;
		if (connection !== null) say(connection);
		else {
			this.#early.push(() => {
				if (this.connection !== null) say(this.connection);
			});
		}
	}
}

/** What the platform calls WebSocketPair: its first end goes into the answer to an upgrade. */
export class SimulatedPair {
	readonly 0: { readonly server: ServerSocket };
	readonly 1: ServerSocket;

	constructor() {
		this[1] = new ServerSocket();
		this[0] = { server: this[1] };
	}
}

export class Connection {
	readonly #weather: Weather;
	readonly #caller: Caller;
	readonly #server: ServerSocket;
	#isCut = false;
	#lastDownMs = 0;
	#lastUpMs = 0;
	#callerKnows = false;

	constructor(weather: Weather, caller: Caller, server: ServerSocket) {
		this.#weather = weather;
		this.#caller = caller;
		this.#server = server;
		this.#down(() => {
			caller.opened();
		});
		server.connect(this);
	}

	down(data: ArrayBuffer | string): void {
		this.#down(() => {
			this.#caller.message(data);
		});
	}

	closeDown(code: number): void {
		this.#down(() => {
			this.#tellCaller(code);
			this.#up(() => {
				this.#server.end();
			});
		});
	}

	/** The device says something. */
	up(data: Data): void {
		const copy = copyOf(data);
		this.#up(() => {
			if (copy === 'ping') this.down('pong');
			else this.#server.holder?.message(this.#server, copy);
		});
	}

	closeUp(code: number): void {
		this.#up(() => {
			if (this.#server.readyState === closed) return;
			this.#server.readyState = closing;
			this.#server.holder?.closed(this.#server, code);
		});
	}

	/** Whatever is under way is lost; each side notices in its own time. */
	cut(callerMs: number, serverMs: number): void {
		if (this.#isCut) return;
		this.#isCut = true;
		const { time } = this.#weather;
		time.after(callerMs, () => {
			this.#tellCaller(broken);
		});
		time.after(serverMs, () => {
			if (this.#server.readyState === closed) return;
			this.#server.readyState = closed;
			this.#server.holder?.closed(this.#server, broken);
			this.#server.end();
		});
	}

	#tellCaller(code: number): void {
		if (this.#callerKnows) return;
		this.#callerKnows = true;
		this.#caller.closed(code);
	}

	#down(arrive: () => void): void {
		this.#lastDownMs = this.#deliver(this.#lastDownMs, arrive);
	}

	#up(arrive: () => void): void {
		this.#lastUpMs = this.#deliver(this.#lastUpMs, arrive);
	}

	/** In order, and after a while. */
	#deliver(lastMs: number, arrive: () => void): number {
		const { time } = this.#weather;
		const atMs = Math.max(lastMs, time.nowMs + this.#weather.latencyMs());
		time.after(atMs - time.nowMs, () => {
			if (this.#isCut) return;
			if (time.happens(this.#weather.breaks())) {
				this.#weather.tell('connections broken');
				this.cut(time.upTo(20_000), time.upTo(90_000));
			} else arrive();
		});
		return atMs;
	}
}

function copyOf(data: Data): ArrayBuffer | string {
	return typeof data === 'string' ? data : new Uint8Array(data).slice().buffer;
}
