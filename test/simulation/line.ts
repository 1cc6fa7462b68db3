// The way from one tab of a browser to the edge, in a simulation: sockets and calls that take their
// time and break, for as long as the tab lives.
import type { Connection } from './connection.ts';
import type { SimulatedEdge } from './simulated-edge.ts';
import type { SimulatedTime } from './simulated-time.ts';

export interface LineParts {
	readonly time: SimulatedTime;
	readonly edge: SimulatedEdge;
	readonly latencyMs: () => number;
	/** How probable it is that a call gets lost, there or back. */
	readonly losesCalls: () => number;
	readonly isOnline: () => boolean;
}

const broken = 1006;

export class Line {
	readonly #parts: LineParts;
	readonly #connections = new Set<Connection>();
	/** Nothing comes of anything any more. */
	isOver = false;

	constructor(parts: LineParts) {
		this.#parts = parts;
	}

	/** Whatever is under way is lost; each side notices within these times. */
	cut(callerMs: number, serverMs: number): void {
		const { time } = this.#parts;
		for (const connection of this.#connections) {
			connection.cut(callerMs === 0 ? 0 : time.upTo(callerMs), time.upTo(serverMs));
		}
		this.#connections.clear();
	}

	end(): void {
		this.isOver = true;
		this.cut(0, 60_000);
	}

	get socketClass(): typeof WebSocket {
		const connect = (...input: Parameters<Line['connect']>) => this.connect(...input);
		const hasEnded = (): boolean => this.isOver;
		class Bound extends LineSocket {
			constructor(url: string | URL, protocols: readonly string[] = []) {
				super(hasEnded);
				void connect(this, String(url), protocols);
			}
		}
		return Bound as unknown as typeof WebSocket;
	}

	async connect(socket: LineSocket, url: string, protocols: readonly string[]): Promise<void> {
		const { time, edge, latencyMs, isOnline } = this.#parts;
		await time.wait(latencyMs());
		if (this.isOver) return;
		if (!isOnline()) {
			socket.caller.closed(broken);
			return;
		}
		const connection = await edge.upgrade(url, protocols, socket.caller).catch(() => {
			socket.caller.closed(broken);
			return null;
		});
		socket.attach(connection);
		if (connection === null) return;
		this.#connections.add(connection);
		if (this.#isOff()) connection.cut(0, time.upTo(60_000));
	}

	#isOff(): boolean {
		return this.isOver || !this.#parts.isOnline();
	}

	/** As the engine uses it: a request of a route, answered in JSON. */
	get fetch(): typeof fetch {
		return ((url: string, init: { readonly body?: string; readonly headers: HeadersInit }) =>
			this.#call(url, init)) as unknown as typeof fetch;
	}

	async #call(
		url: string,
		init: { readonly body?: string; readonly headers: HeadersInit }
	): Promise<unknown> {
		const { time, edge, latencyMs, losesCalls } = this.#parts;
		await time.wait(latencyMs());
		if (this.#isOff() || time.happens(losesCalls())) throw new TypeError('it gets lost on the way');
		const answer = await edge.call(url, init.body ?? '', new Headers(init.headers));
		await time.wait(latencyMs());
		if (this.#isOff() || time.happens(losesCalls())) throw new TypeError('no answer comes back');
		const { status, nonce, text } = answer;
		const headers = new Headers(nonce === null ? {} : { 'dpop-nonce': nonce });
		return { status, headers, text: () => Promise.resolve(text) };
	}
}

type Listener = (event: unknown) => void;

/** The browser's WebSocket, as far as the engine uses it. */
class LineSocket {
	binaryType = 'blob';
	readonly #hasEnded: () => boolean;
	readonly #listeners = new Map<string, Listener[]>();
	#connection: Connection | null = null;
	#isClosed = false;

	constructor(hasEnded: () => boolean) {
		this.#hasEnded = hasEnded;
	}

	get readyState(): number {
		return this.#isClosed ? WebSocket.CLOSED : WebSocket.OPEN;
	}

	addEventListener(type: string, listener: Listener): void {
		this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
	}

	attach(connection: Connection | null): void {
		this.#connection = connection;
		if (this.#isClosed) connection?.closeUp(1000);
	}

	send(data: Uint8Array | string): void {
		if (!this.#isClosed) this.#connection?.up(data);
	}

	close(code = 1000): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#connection?.closeUp(code);
	}

	readonly caller = {
		opened: () => {
			if (!this.#isClosed) this.#tell('open', {});
		},
		message: (data: ArrayBuffer | string) => {
			if (!this.#isClosed) this.#tell('message', { data });
		},
		closed: (code: number, reason = '') => {
			this.#isClosed = true;
			this.#tell('close', { code, reason });
		}
	};

	#tell(type: string, event: unknown): void {
		if (this.#hasEnded()) return;
		for (const listener of this.#listeners.get(type) ?? []) listener(event);
	}
}
