// The Worker of this project as an edge for tests, called without a network; and its sockets.
import { env, exports } from 'cloudflare:workers';
import { init } from '../../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../../crypto/random.ts';
import { toHex } from '../../protocol/bytes.ts';
import {
	encodeClientFrame,
	parseSpaceFrame,
	type ClientFrame,
	type SpaceFrame
} from '../../protocol/frames.ts';
import { nonceOfReason, spaceSocketPath } from '../../protocol/http.ts';
import { idFromBytes, type Seq, type SpaceId } from '../../protocol/ids.ts';
import { socketProtocol } from '../../protocol/version.ts';
import type { Env } from '../../durable-objects/env.ts';
import { bytesOf, type Edge } from './person.ts';
import { keyOf, proofBy } from './proving.ts';

export const origin = 'https://tacet.test';
export const bindings = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;

export const fetchWorker = (path: string, init: RequestInit = {}): Promise<Response> =>
	worker.fetch(new Request(origin + path, init));

/** Each edge is a network of its own, so that no test uses up another's limits. */
let networks = 0;
export async function openEdge(): Promise<Edge> {
	const { client } = await init(opaqueModule);
	networks += 1;
	const address = `10.0.${String(networks >> 8)}.${String(networks & 255)}`;
	return {
		origin,
		opaque: client,
		send: (path, { headers, ...rest }) =>
			fetchWorker(path, { ...rest, headers: { 'CF-Connecting-IP': address, ...headers } })
	};
}

/** A socket whose frames are waited for, one after another. */
export class TestSocket {
	readonly socket: WebSocket;
	readonly #frames: SpaceFrame[] = [];
	#wake: () => void = () => undefined;
	/** The code it was closed with. */
	readonly closed: Promise<number>;
	#closedWith: number | null = null;
	reason = '';

	constructor(socket: WebSocket) {
		this.socket = socket;
		socket.binaryType = 'arraybuffer';
		socket.addEventListener('message', (event) => {
			const frame = parseSpaceFrame(new Uint8Array(event.data as ArrayBuffer));
			if (!frame.ok) throw new Error('the space sent a frame that is none');
			this.#frames.push(frame.value);
			this.#wake();
		});
		this.closed = new Promise((resolve) => {
			socket.addEventListener('close', (event) => {
				this.#closedWith = event.code;
				this.reason = event.reason;
				this.#wake();
				resolve(event.code);
			});
		});
		socket.accept();
	}

	send(frame: ClientFrame): void {
		this.socket.send(encodeClientFrame(frame));
	}

	async next(): Promise<SpaceFrame> {
		for (;;) {
			const frame = this.#frames.shift();
			if (frame !== undefined) return frame;
			if (this.#closedWith !== null) throw new Error(`closed with ${String(this.#closedWith)}`);
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	async nextOf<Type extends SpaceFrame['type']>(
		type: Type
	): Promise<Extract<SpaceFrame, { type: Type }>> {
		const frame = await this.next();
		if (frame.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(frame)}`);
		return frame as Extract<SpaceFrame, { type: Type }>;
	}

	/** Sends and waits for the answer. */
	async ask(frame: ClientFrame): Promise<SpaceFrame> {
		this.send(frame);
		return this.next();
	}
}

/** The object that an account lives in. @param handleHash as a login says it */
export const accountObject = (handleHash: string) =>
	bindings.ACCOUNT.getByName(toHex(bytesOf(handleHash)));

export const randomSpace = (): SpaceId => idFromBytes<SpaceId>(randomBytes(16));

/** The protocols to offer for a socket: a token, and a proof by the key that it is bound to. */
export async function protocolsFor(
	token: string,
	path: string,
	protocol: string = socketProtocol
): Promise<string> {
	const request = { method: 'GET', url: origin + path, body: '' };
	return [protocol, token, await proofBy(keyOf(token), request, token)].join(', ');
}

/** Asks once more, with the nonce that it was given, where that is what it lacked. */
export async function upgrade(
	space: SpaceId | string,
	token: string,
	headers: Record<string, string> = {},
	after: Seq | null = null
): Promise<Response> {
	const path = spaceSocketPath(space as SpaceId, after);
	const ask = async (): Promise<Response> => {
		const protocols = await protocolsFor(token, path);
		const own = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols };
		return fetchWorker(path, { headers: { ...own, ...headers } });
	};
	const first = await ask();
	if (first.headers.get('Tacet-Code') !== 'use_dpop_nonce' || first.webSocket === null)
		return first;
	const closed = new TestSocket(first.webSocket);
	await closed.closed;
	keyOf(token).nonce = nonceOfReason(closed.reason);
	return ask();
}

/** Asks a space itself, as the Worker does: the Worker's rates are not in question. */
export async function upgradeAt(
	space: Pick<Fetcher, 'fetch'>,
	path: string,
	token: string
): Promise<Response> {
	const ask = async (): Promise<Response> => {
		const protocols = await protocolsFor(token, path);
		const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols };
		return space.fetch(origin + path, { headers });
	};
	const first = await ask();
	const nonce = first.headers.get('DPoP-Nonce');
	if (first.status !== 401 || nonce === null) return first;
	keyOf(token).nonce = nonce;
	return ask();
}

/** Opens a socket, and takes its hello. */
export async function connect(
	space: SpaceId,
	token: string,
	after: Seq | null = null
): Promise<TestSocket> {
	const response = await upgrade(space, token, {}, after);
	if (response.webSocket === null) throw new Error(`no socket: ${String(response.status)}`);
	const socket = new TestSocket(response.webSocket);
	await socket.nextOf('hello');
	return socket;
}

/** The code that an upgrade is refused with. */
export async function refusalOf(response: Response): Promise<number> {
	if (response.webSocket === null) throw new Error(`no socket: ${String(response.status)}`);
	return new TestSocket(response.webSocket).closed;
}
