// The shipped bundle on workerd, in a folder of its own, spoken to over HTTP and sockets only.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { init } from '../../crypto/opaque-ke/opaque-ke.js';
import {
	encodeClientFrame,
	parseSpaceFrame,
	type ClientFrame,
	type SpaceFrame
} from '../../protocol/frames.ts';
import { nonceOfReason, spaceSocketPath } from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { socketProtocol } from '../../protocol/version.ts';
import { serve, type Serving } from '../../scripts/serve.mjs';
import type { Edge } from '../durable-objects/person.ts';
import { keyOf, proofBy } from '../durable-objects/proving.ts';

export class Harness {
	readonly dataDir = mkdtempSync(path.join(tmpdir(), 'tacet-conformance-'));
	readonly #sockets: Socket[] = [];
	#serving: Serving | null = null;

	get url(): string {
		if (this.#serving === null) throw new Error('nothing is served');
		return this.#serving.url;
	}

	async start(): Promise<void> {
		this.#serving = await serve({ signUp: 'open', dataDir: this.dataDir });
	}

	/** Ends the server as a crash would, and starts it again on the same folder and port. */
	async crash(): Promise<void> {
		const port = Number(new URL(this.url).port);
		await this.#serving?.kill();
		this.#serving = await serve({ signUp: 'open', dataDir: this.dataDir, port });
	}

	async stop(): Promise<void> {
		// workerd waits for whoever is connected.
		await Promise.all(this.#sockets.map((socket) => socket.close()));
		await this.#serving?.stop();
		rmSync(this.dataDir, { recursive: true });
	}

	async edge(): Promise<Edge> {
		const wasm = new URL('../../crypto/opaque-ke/opaque-ke.wasm', import.meta.url);
		const { client } = await init(new WebAssembly.Module(readFileSync(wasm)));
		return {
			origin: this.url,
			opaque: client,
			send: (route, request) => fetch(this.url + route, request)
		};
	}

	/** Settled once the server has said something; asked once more with the nonce that it gave. */
	async connect(space: SpaceId, token: string, protocol: string = socketProtocol): Promise<Socket> {
		const url = this.url + spaceSocketPath(space);
		const key = keyOf(token);
		const open = async (): Promise<Socket> => {
			const proof = await proofBy(key, { method: 'GET', url, body: '' }, token);
			const protocols = [protocol, token, proof];
			const socket = new Socket(new WebSocket(url.replace(/^http/, 'ws'), protocols));
			this.#sockets.push(socket);
			return socket;
		};
		const first = await open();
		const nonce = await first.nonce;
		if (nonce === null) return first;
		key.nonce = nonce;
		return open();
	}
}

/** A socket whose frames are waited for, one after another. */
export class Socket {
	readonly socket: WebSocket;
	/** The code that it was closed with. */
	readonly closed: Promise<number>;
	/** That it was refused for want of; null once it was answered otherwise. */
	readonly nonce: Promise<string | null>;
	readonly #frames: SpaceFrame[] = [];
	#code: number | null = null;
	#wake: () => void = () => undefined;

	constructor(socket: WebSocket) {
		this.socket = socket;
		socket.binaryType = 'arraybuffer';
		this.nonce = new Promise((resolve) => {
			socket.addEventListener('message', () => {
				resolve(null);
			});
			socket.addEventListener('close', ({ reason }) => {
				resolve(nonceOfReason(reason));
			});
		});
		socket.addEventListener('message', ({ data }) => {
			if (typeof data === 'string') return;
			const frame = parseSpaceFrame(new Uint8Array(data as ArrayBuffer));
			if (!frame.ok) throw new Error('the space sent a frame that is none');
			this.#frames.push(frame.value);
			this.#wake();
		});
		this.closed = new Promise((resolve) => {
			socket.addEventListener('close', ({ code }) => {
				this.#code = code;
				this.#wake();
				resolve(code);
			});
		});
	}

	async next(): Promise<SpaceFrame> {
		for (;;) {
			const frame = this.#frames.shift();
			if (frame !== undefined) return frame;
			if (this.#code !== null) throw new Error(`closed with ${String(this.#code)}`);
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	async nextOf<Type extends SpaceFrame['type']>(
		type: Type
	): Promise<Extract<SpaceFrame, { type: Type }>> {
		const frame = await this.next();
		if (frame.type !== type) throw new Error(`expected ${type}, got ${frame.type}`);
		return frame as Extract<SpaceFrame, { type: Type }>;
	}

	ask(frame: ClientFrame): Promise<SpaceFrame> {
		this.socket.send(encodeClientFrame(frame) as Uint8Array<ArrayBuffer>);
		return this.next();
	}

	async close(): Promise<void> {
		this.socket.close(1000);
		await this.closed;
	}
}
