// A TCP proxy on loopback that counts the bytes of one client, and may add a round trip to them.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CountingProxy {
	readonly port: number;
	/** Bytes of TCP payload so far: TLS, TCP and IP would come on top, for every system alike. */
	readonly upBytes: number;
	readonly downBytes: number;
	close(): Promise<void>;
}

export async function startProxy(options: {
	readonly toPort: number;
	readonly rttMs: number;
}): Promise<CountingProxy> {
	const { toPort, rttMs } = options;
	const counts = { upBytes: 0, downBytes: 0 };
	const sockets = new Set<Socket>();
	const carry = (from: Socket, to: Socket, count: (bytes: number) => void): void => {
		sockets.add(from);
		from.setNoDelay(true);
		from.on('data', (chunk) => {
			count(chunk.length);
			later(rttMs / 2, () => to.write(chunk));
		});
		from.on('end', () => {
			later(rttMs / 2, () => to.end());
		});
		from.on('error', () => to.destroy());
		from.on('close', () => sockets.delete(from));
	};
	const server = createServer((client) => {
		const upstream = connect(toPort, '127.0.0.1');
		carry(client, upstream, (bytes) => (counts.upBytes += bytes));
		carry(upstream, client, (bytes) => (counts.downBytes += bytes));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		port: (server.address() as AddressInfo).port,
		get upBytes() {
			return counts.upBytes;
		},
		get downBytes() {
			return counts.downBytes;
		},
		async close() {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		}
	};
}

function later(delayMs: number, work: () => void): void {
	if (delayMs === 0) work();
	else setTimeout(work, delayMs);
}
