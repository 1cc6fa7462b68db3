// A lying edge: stands before an honest one, passes on what it is given, and changes what a test
// tells it to, in either direction. Speaks real HTTP and real WebSockets, so that the client behind
// it is the one that is shipped. Keeps everything that leaves the client.
import { once } from 'node:events';
import {
	createServer,
	request as httpRequest,
	type IncomingMessage,
	type OutgoingHttpHeaders,
	type Server
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import {
	encodeClientFrame,
	encodeSpaceFrame,
	parseClientFrame,
	parseSpaceFrame,
	type ClientFrame,
	type SpaceFrame
} from '../../protocol/frames.ts';
import type { SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { nonceOfReason, routes, type RouteName } from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { acceptSocket, HostedSocket, type ServerSocket } from './socket-frames.ts';

/** A socket of one space, with both of its ends. */
export interface Line {
	readonly space: SpaceId;
	/** Of this liar, from 1. */
	readonly number: number;
	tell(frame: SpaceFrame | Uint8Array): void;
	pass(frame: ClientFrame | Uint8Array): void;
	close(code: number): void;
	cut(): void;
}

export interface HttpAnswer {
	readonly status: number;
	/** As JSON; what is no JSON is given as text. */
	readonly body: unknown;
}

/** An answer as it goes over the wire. */
export interface RawAnswer {
	readonly status: number;
	readonly headers: OutgoingHttpHeaders;
	readonly body: Buffer;
	/** The connection ends in the middle of it. */
	readonly cut?: boolean;
}

export interface Asked {
	readonly route: RouteName;
	/** Passes the same request on once more. */
	readonly again: () => Promise<RawAnswer>;
}

/** What is done to traffic. What is left out is passed on unchanged. */
export interface Lie {
	/** Frames to the client; answers what it gets instead. */
	readonly toClient?: (
		frame: SpaceFrame,
		line: Line
	) => readonly (SpaceFrame | Uint8Array)[] | undefined;
	/** Frames from the client; answers what the edge gets instead. */
	readonly toEdge?: (
		frame: ClientFrame,
		line: Line
	) => readonly (ClientFrame | Uint8Array)[] | undefined;
	/** JSON answers of routes; undefined leaves one as it is. */
	readonly answer?: (route: RouteName, answer: HttpAnswer) => HttpAnswer | undefined;
	/** Before a request is passed on. */
	readonly asking?: (route: RouteName) => Promise<void>;
	/** Answers of routes, to the byte. */
	readonly raw?: (asked: Asked, answer: RawAnswer) => Promise<RawAnswer>;
	/** Stands in for the edge: whoever asks for a socket gets this instead. */
	readonly opened?: (line: Line) => void;
}

export type Sent =
	| {
			readonly kind: 'http';
			readonly method: string;
			readonly url: string;
			readonly headers: readonly string[];
			readonly body: Buffer;
	  }
	| {
			readonly kind: 'socket';
			readonly line: number;
			readonly url: string;
			readonly headers: readonly string[];
	  }
	| {
			readonly kind: 'frame';
			readonly space: SpaceId;
			readonly line: number;
			readonly message: Uint8Array | string;
	  }
	| {
			readonly kind: 'end';
			readonly space: SpaceId;
			readonly line: number;
			readonly code: number | null;
			/** The edge asked for no more than the nonce that it gave. */
			readonly forNonce: boolean;
	  };

/** What the client got to hear on a socket. */
export interface Told {
	readonly space: SpaceId;
	readonly line: number;
	readonly message: Uint8Array | string;
}

export const honest: Lie = {};

/** Says to the edge where a device is, as the platform does. */
export const networkHeader = 'test-network';
let networks = 0;
function newNetwork(): string {
	networks += 1;
	return `10.${String(networks >> 16)}.${String((networks >> 8) & 255)}.${String(networks & 255)}`;
}

export class Liar {
	/** May be changed at any time: what follows goes elsewhere. */
	edgeUrl: string;
	lie: Lie = honest;
	/** What the edge is told that it is called; null: what the client calls it. */
	host: string | null = null;
	/** Where the edge sees it: devices are apart, so that none uses up what another may ask. */
	network = newNetwork();
	/** Everything that the client has sent, in order. */
	readonly sent: Sent[] = [];
	/** Every message of a socket that the client was given, in order. */
	readonly told: Told[] = [];
	/** Everything that the edge has answered, before it was changed. */
	readonly answers: { readonly kind: 'http' | 'frame'; readonly bytes: Uint8Array }[] = [];
	readonly url: string;
	/** What passed on sockets and which routes were asked, in words: what a failing run did. */
	readonly journal: string[] = [];
	readonly #startedMs = performance.now();
	readonly #server: Server;
	readonly #lines = new Set<Line>();
	readonly #listeners = new Set<() => void>();
	#lineCount = 0;

	constructor(server: Server, edgeUrl: string) {
		this.#server = server;
		this.edgeUrl = edgeUrl;
		this.url = `http://localhost:${String((server.address() as AddressInfo).port)}`;
	}

	static async start(edgeUrl: string): Promise<Liar> {
		const server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const liar = new Liar(server, edgeUrl);
		server.on('request', (request, response) => {
			liar.#exchange(request).then(
				({ status, headers, body, cut = false }) => {
					response.writeHead(status, headers);
					if (!cut) response.end(body);
					else response.write(body.subarray(0, body.length / 2), () => response.destroy());
				},
				() => response.destroy()
			);
		});
		server.on('upgrade', (request, stream: Duplex, head: Buffer) => {
			liar.#open({ request, stream, head });
		});
		return liar;
	}

	get lines(): readonly Line[] {
		return [...this.#lines];
	}

	/** Called after each thing that the client sent. */
	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	#write(what: string): void {
		const afterMs = (performance.now() - this.#startedMs).toFixed(0);
		this.journal.push(`${afterMs} ms ${what}`);
	}

	#note(sent: Sent): void {
		this.sent.push(sent);
		this.#write(`client ${wordsFor(sent)}`);
		for (const listener of [...this.#listeners]) listener();
	}

	/** Ends every socket, as a lost network does. */
	cut(): void {
		for (const line of this.lines) line.cut();
	}

	async stop(): Promise<void> {
		this.cut();
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, 'close');
	}

	async #exchange(request: IncomingMessage): Promise<RawAnswer> {
		const body = await bytesOf(request);
		const { method = '', url = '', rawHeaders } = request;
		this.#note({ kind: 'http', method, url, headers: rawHeaders, body });
		const route = routeOf(method, url);
		if (route) await this.lie.asking?.(route);
		const answer = await this.#ask(request, body);
		this.answers.push({ kind: 'http', bytes: answer.body });
		if (route && this.lie.raw) {
			return this.lie.raw({ route, again: () => this.#ask(request, body) }, answer);
		}
		const changed =
			route && this.lie.answer?.(route, { status: answer.status, body: jsonOf(answer.body) });
		if (!changed) return answer;
		const text =
			typeof changed.body === 'string' ? changed.body : JSON.stringify(changed.body ?? null);
		const headers = { 'content-type': 'application/json' };
		return { status: changed.status, headers, body: Buffer.from(text) };
	}

	async #ask({ method, url, headers }: IncomingMessage, body: Buffer): Promise<RawAnswer> {
		const { hostname, port } = new URL(this.edgeUrl);
		// The client's own Host goes along: its login is bound to the origin that it sees.
		const named = {
			...{ ...headers, [networkHeader]: this.network },
			...(this.host !== null && { host: this.host })
		};
		const asked = httpRequest({ hostname, port, method, path: url, headers: named, agent: false });
		asked.end(body);
		const [answer] = (await once(asked, 'response')) as [IncomingMessage];
		const own = { ...answer.headers };
		// Said of one connection, which is not the client's.
		delete own['transfer-encoding'];
		delete own.connection;
		return { status: answer.statusCode ?? 500, headers: own, body: await bytesOf(answer) };
	}

	#open(upgrade: { request: IncomingMessage; stream: Duplex; head: Buffer }): void {
		const { url = '', headers, rawHeaders } = upgrade.request;
		const number = ++this.#lineCount;
		this.#note({ kind: 'socket', line: number, url, headers: rawHeaders });
		const space = (/^\/v1\/spaces\/([0-9a-f]{32})\/socket(?:\?|$)/.exec(url)?.[1] ?? '') as SpaceId;
		const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
		let forNonce = false;
		// The client's own Host goes along: its proof is of the address that it sees.
		const edge = new HostedSocket(`${this.edgeUrl.replace(/^http/, 'ws')}${url}`, {
			protocols,
			headers: { host: this.host ?? headers.host ?? '', [networkHeader]: this.network }
		});
		const waiting: (Uint8Array | string)[] = [];
		const pass = (message: Uint8Array | string): void => {
			if (edge.readyState === WebSocket.CONNECTING) waiting.push(message);
			else if (edge.readyState === WebSocket.OPEN) edge.send(message);
		};
		const client: ServerSocket = acceptSocket(upgrade, protocols[0] ?? '', {
			onMessage: (message) => {
				this.#note({ kind: 'frame', space, line: number, message });
				for (const out of this.#fromClient(message, line)) pass(out);
			},
			onEnd: (code) => {
				this.#note({ kind: 'end', space, line: number, code, forNonce });
				this.#lines.delete(line);
				edge.close();
			}
		});
		const give = (message: Uint8Array | string): void => {
			this.told.push({ space, line: number, message });
			this.#write(`edge ${String(number)} ${wordsOfTold(message)}`);
			client.send(message);
		};
		const line: Line = {
			space,
			number,
			tell: (frame) => {
				give(frame instanceof Uint8Array ? frame : encodeSpaceFrame(frame));
			},
			pass: (frame) => {
				pass(frame instanceof Uint8Array ? frame : encodeClientFrame(frame));
			},
			close: (code) => {
				client.close(code);
			},
			cut: () => {
				client.cut();
			}
		};
		this.#lines.add(line);
		edge.addEventListener('open', () => {
			for (const message of waiting.splice(0)) edge.send(message);
		});
		edge.addEventListener('message', (event) => {
			const { data } = event as MessageEvent<unknown>;
			const message = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
			for (const out of this.#fromEdge(message, line)) give(out);
		});
		edge.addEventListener('close', (event) => {
			const { code, reason } = event as CloseEvent;
			forNonce = nonceOfReason(reason) !== null;
			if (code >= 3000 || code === 1000) client.close(code, reason);
			else client.cut();
		});
		edge.addEventListener('error', () => {
			client.cut();
		});
		this.lie.opened?.(line);
	}

	#fromClient(message: Uint8Array | string, line: Line): readonly (Uint8Array | string)[] {
		const frame = typeof message === 'string' ? null : parseClientFrame(message);
		const changed = frame?.ok ? this.lie.toEdge?.(frame.value, line) : undefined;
		return (
			changed?.map((out) => (out instanceof Uint8Array ? out : encodeClientFrame(out))) ?? [message]
		);
	}

	#fromEdge(message: Uint8Array | string, line: Line): readonly (Uint8Array | string)[] {
		if (typeof message === 'string') return [message];
		this.answers.push({ kind: 'frame', bytes: message });
		const frame = parseSpaceFrame(message);
		const changed = frame.ok ? this.lie.toClient?.(frame.value, line) : undefined;
		return (
			changed?.map((out) => (out instanceof Uint8Array ? out : encodeSpaceFrame(out))) ?? [message]
		);
	}
}

function wordsFor(sent: Sent): string {
	if (sent.kind === 'http') return `${sent.method} ${sent.url}`;
	if (sent.kind === 'socket') return `opens ${sent.url}`;
	if (sent.kind === 'end') return `${String(sent.line)} ends ${String(sent.code)}`;
	if (typeof sent.message === 'string') return `${String(sent.line)} ${sent.message}`;
	const frame = parseClientFrame(sent.message);
	return `${String(sent.line)} ${frame.ok ? frame.value.type : 'unreadable'}`;
}

function wordsOfTold(message: Uint8Array | string): string {
	if (typeof message === 'string') return message;
	const frame = parseSpaceFrame(message);
	if (!frame.ok) return `unreadable, ${String(message.length)} bytes`;
	const { value } = frame;
	if (value.type === 'entries') {
		const seqs = value.entries.map(({ seq }) => seq).join(' ');
		return `entries ${seqs} of ${String(value.offered.seq)}`;
	}
	return value.type === 'hello' ? `hello ${String(value.offered.seq)}` : value.type;
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of stream) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

function jsonOf(bytes: Buffer): unknown {
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch {
		return bytes.toString('utf8');
	}
}

function routeOf(method: string, url: string): RouteName | undefined {
	const names = Object.keys(routes) as RouteName[];
	return names.find((name) => routes[name].path === url && routes[name].method === method);
}

/** Every heartbeat that left these devices, in order. */
export const beatsSent = (liars: readonly Liar[]): readonly SignedHeartbeat[] =>
	liars.flatMap(({ sent }) =>
		sent.flatMap((one) => {
			if (one.kind !== 'frame' || typeof one.message === 'string') return [];
			const frame = parseClientFrame(one.message);
			return frame.ok && frame.value.type === 'beat' ? [frame.value.heartbeat] : [];
		})
	);
