// Both halves of a WebSocket on a bare TCP stream, RFC 6455: what a lying edge needs to stand between a
// client and an honest one. No extensions are ever accepted, so that frames are plain.
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ServerSocket {
	send(message: Uint8Array | string): void;
	close(code?: number, reason?: string): void;
	/** Cuts the stream, without a word. */
	cut(): void;
}

export interface SocketEvents {
	readonly onMessage: (message: Uint8Array | string) => void;
	/** Once, however the stream ended. */
	readonly onEnd: (code: number | null) => void;
}

/** Answers an upgrade; `protocol` is echoed as the one chosen. */
export function acceptSocket(
	{ request, stream, head }: { request: IncomingMessage; stream: Duplex; head: Buffer },
	protocol: string,
	events: SocketEvents
): ServerSocket {
	const key = request.headers['sec-websocket-key'] ?? '';
	const accept = createHash('sha1').update(`${key}${magic}`).digest('base64');
	stream.write(
		[
			'HTTP/1.1 101 Switching Protocols',
			'Upgrade: websocket',
			'Connection: Upgrade',
			`Sec-WebSocket-Accept: ${accept}`,
			`Sec-WebSocket-Protocol: ${protocol}`,
			'\r\n'
		].join('\r\n')
	);
	return serveSocket(stream, head, events);
}

function serveSocket(stream: Duplex, head: Buffer, events: SocketEvents): ServerSocket {
	let ended = false;
	const end = (code: number | null): void => {
		if (ended) return;
		ended = true;
		events.onEnd(code);
	};
	const write = (opcode: number, payload: Uint8Array): void => {
		if (!ended && stream.writable) stream.write(encodeFrame(opcode, payload));
	};
	const reader = new FrameReader((opcode, payload) => {
		if (opcode === opcodes.text) events.onMessage(payload.toString('utf8'));
		else if (opcode === opcodes.binary) events.onMessage(new Uint8Array(payload));
		else if (opcode === opcodes.ping) write(opcodes.pong, payload);
		else if (opcode === opcodes.close) {
			write(opcodes.close, payload.subarray(0, 2));
			end(payload.length >= 2 ? payload.readUInt16BE(0) : null);
			stream.end();
		}
	});
	stream.on('data', (bytes: Buffer) => {
		if (!ended) reader.take(bytes);
	});
	stream.on('error', () => {
		end(null);
	});
	stream.on('close', () => {
		end(null);
	});
	if (head.length > 0) reader.take(head);
	return {
		send(message) {
			if (typeof message === 'string') write(opcodes.text, Buffer.from(message));
			else write(opcodes.binary, message);
		},
		close(code = 1000, reason = '') {
			const status = Buffer.alloc(2);
			status.writeUInt16BE(code);
			write(opcodes.close, Buffer.concat([status, Buffer.from(reason)]));
		},
		cut() {
			stream.destroy();
		}
	};
}

/** A frame from server to client: whole, and never masked (RFC 6455 §5.1). */
function encodeFrame(opcode: number, payload: Uint8Array): Buffer {
	const { length } = payload;
	const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
	head[0] = 0x80 | opcode;
	if (length < 126) head[1] = length;
	else if (length < 65_536) {
		head[1] = 126;
		head.writeUInt16BE(length, 2);
	} else {
		head[1] = 127;
		head.writeBigUInt64BE(BigInt(length), 2);
	}
	return Buffer.concat([head, payload]);
}

/** A frame from client to server: whole, and masked (RFC 6455 §5.3). */
function encodeMaskedFrame(opcode: number, payload: Uint8Array): Buffer {
	const plain = encodeFrame(opcode, payload);
	const head = Buffer.from(plain.subarray(0, plain.length - payload.length));
	head[1] = (head[1] ?? 0) | 0x80;
	const mask = randomBytes(4);
	const masked = Buffer.from(payload);
	for (let index = 0; index < masked.length; index++) {
		masked[index] = (masked[index] ?? 0) ^ (mask[index % 4] ?? 0);
	}
	return Buffer.concat([head, mask, masked]);
}

/** The client's half, as far as it is used, with headers of one's own: Node's has the address's Host. */
export class HostedSocket extends EventTarget {
	readyState: number = WebSocket.CONNECTING;
	#stream: Duplex | null = null;
	readonly #asked: ReturnType<typeof httpRequest>;

	constructor(
		url: string,
		own: {
			readonly protocols: readonly string[];
			readonly headers: Readonly<Record<string, string>>;
		}
	) {
		super();
		const { hostname, port, pathname, search } = new URL(url);
		this.#asked = httpRequest({
			...{ hostname, port, path: pathname + search, agent: false },
			headers: {
				...{ ...own.headers, connection: 'Upgrade', upgrade: 'websocket' },
				'sec-websocket-version': '13',
				'sec-websocket-key': randomBytes(16).toString('base64'),
				'sec-websocket-protocol': own.protocols.join(', ')
			}
		});
		this.#asked.on('upgrade', (_answer, stream: Duplex, head: Buffer) => {
			this.#serve(stream, head);
		});
		this.#asked.on('response', () => {
			this.#end(1006);
		});
		this.#asked.on('error', () => {
			this.#end(1006);
		});
		this.#asked.end();
	}

	#serve(stream: Duplex, head: Buffer): void {
		this.#stream = stream;
		this.readyState = WebSocket.OPEN;
		const reader = new FrameReader((opcode, payload) => {
			if (opcode === opcodes.text) this.#tell(payload.toString('utf8'));
			else if (opcode === opcodes.binary) this.#tell(new Uint8Array(payload).buffer);
			else if (opcode === opcodes.close) {
				stream.end(encodeMaskedFrame(opcodes.close, payload.subarray(0, 2)));
				const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
				this.#end(code, payload.subarray(2).toString('utf8'));
			}
		});
		stream.on('data', (bytes: Buffer) => {
			if (this.readyState === WebSocket.OPEN) reader.take(bytes);
		});
		for (const end of ['error', 'close']) {
			stream.on(end, () => {
				this.#end(1006);
			});
		}
		this.dispatchEvent(new Event('open'));
		if (head.length > 0) reader.take(head);
	}

	#tell(data: string | ArrayBuffer): void {
		this.dispatchEvent(new MessageEvent('message', { data }));
	}

	#end(code: number, reason = ''): void {
		if (this.readyState === WebSocket.CLOSED) return;
		this.readyState = WebSocket.CLOSED;
		this.dispatchEvent(new CloseEvent('close', { code, reason }));
	}

	send(message: Uint8Array | string): void {
		const isText = typeof message === 'string';
		const payload = isText ? Buffer.from(message) : message;
		this.#stream?.write(encodeMaskedFrame(isText ? opcodes.text : opcodes.binary, payload));
	}

	close(): void {
		if (this.#stream === null) this.#asked.destroy();
		else if (this.#stream.writable) {
			this.#stream.write(encodeMaskedFrame(opcodes.close, Buffer.of(0x03, 0xe8)));
		}
	}
}

/** Puts frames and fragments, masked or not, together again. */
export class FrameReader {
	readonly #onMessage: (opcode: number, payload: Buffer) => void;
	#buffered = Buffer.alloc(0);
	#fragments: Buffer[] = [];
	#opcode = 0;

	constructor(onMessage: (opcode: number, payload: Buffer) => void) {
		this.#onMessage = onMessage;
	}

	take(bytes: Buffer): void {
		this.#buffered = Buffer.concat([this.#buffered, bytes]);
		while (this.#next());
	}

	#next(): boolean {
		const bytes = this.#buffered;
		if (bytes.length < 2) return false;
		const [first = 0, second = 0] = bytes;
		const short = second & 0x7f;
		const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
		const maskBytes = (second & 0x80) === 0 ? 0 : 4;
		const start = 2 + lengthBytes + maskBytes;
		if (bytes.length < start) return false;
		const length = lengthOf(bytes, short);
		if (bytes.length < start + length) return false;
		const mask = bytes.subarray(start - maskBytes, start);
		const payload = Buffer.from(bytes.subarray(start, start + length));
		if (maskBytes > 0) {
			for (let index = 0; index < length; index++) {
				payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
			}
		}
		this.#buffered = bytes.subarray(start + length);
		this.#frame((first & 0x80) !== 0, first & 0x0f, payload);
		return true;
	}

	#frame(isLast: boolean, opcode: number, payload: Buffer): void {
		if (opcode >= opcodes.close) {
			this.#onMessage(opcode, payload);
			return;
		}
		if (opcode !== opcodes.continuation) this.#opcode = opcode;
		this.#fragments.push(payload);
		if (!isLast) return;
		const whole = Buffer.concat(this.#fragments);
		this.#fragments = [];
		this.#onMessage(this.#opcode, whole);
	}
}

function lengthOf(bytes: Buffer, short: number): number {
	if (short === 126) return bytes.readUInt16BE(2);
	if (short === 127) return Number(bytes.readBigUInt64BE(2));
	return short;
}
