// A wire between browsers and the server: bytes pass as they are, until it is cut.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Wire {
	/** The same for as long as the wire is there, whatever becomes of the server behind it. */
	readonly url: string;
	/** Every connection ends at once, and no new one gets through. */
	cut(): void;
	mend(): void;
	leadTo(port: number): void;
	/** From now on hears every byte that passes, of each connection and direction in order. */
	listen(listener: (bytes: Buffer, direction: string) => void): void;
	/** Resolves when that many more bytes have gone up to the server. */
	carries(bytes: number): Promise<void>;
	close(): Promise<void>;
}

export async function openWire(port: number): Promise<Wire> {
	let target = port;
	let isCut = false;
	let carriedBytes = 0;
	let connections = 0;
	let listener: ((bytes: Buffer, direction: string) => void) | null = null;
	const waiting = new Set<() => void>();
	const sockets = new Set<Socket>();
	const keep = (socket: Socket): void => {
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
		// A reset is an end like any other here.
		socket.on('error', () => socket.destroy());
	};
	const server = createServer((near) => {
		if (isCut) {
			near.resetAndDestroy();
			return;
		}
		const far = connect(target, '127.0.0.1');
		for (const socket of [near, far]) keep(socket);
		connections += 1;
		const name = String(connections);
		far.on('data', (bytes: Buffer) => listener?.(bytes, `${name} down`));
		near.on('data', (bytes: Buffer) => {
			listener?.(bytes, `${name} up`);
			carriedBytes += bytes.length;
			for (const look of waiting) look();
		});
		near.pipe(far);
		far.pipe(near);
		near.on('close', () => far.destroy());
		far.on('close', () => near.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const dropAll = (): void => {
		for (const socket of sockets) socket.resetAndDestroy();
	};
	return {
		url: `http://localhost:${String((server.address() as AddressInfo).port)}`,
		cut() {
			isCut = true;
			dropAll();
		},
		mend() {
			isCut = false;
		},
		leadTo(next) {
			target = next;
		},
		listen(next) {
			listener = next;
		},
		carries(bytes) {
			const goal = carriedBytes + bytes;
			return new Promise((resolve) => {
				const look = (): void => {
					if (carriedBytes < goal) return;
					waiting.delete(look);
					resolve();
				};
				waiting.add(look);
			});
		},
		async close() {
			server.close();
			dropAll();
			await once(server, 'close');
		}
	};
}
