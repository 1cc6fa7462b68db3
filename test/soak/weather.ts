// The way between one device and the edge, as bad as ways are: slow, losing packets, cut at any
// moment, answered by somebody else, or not there at all.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Chance } from '../simulation/chance.ts';

export interface Conditions {
	/** One way. */
	readonly delayMs: number;
	/** Part of the chunks that are lost and sent again, while all behind them wait: 0 to 1. */
	readonly loss: number;
	/** What becomes of a new connection. */
	readonly door: 'open' | 'shut' | 'unavailable';
}

export const fair: Conditions = { delayMs: 0, loss: 0, door: 'open' };
export const far: Conditions = { delayMs: 250, loss: 0.05, door: 'open' };
export const shut: Conditions = { ...fair, door: 'shut' };
export const unavailable: Conditions = { ...fair, door: 'unavailable' };

/** Shortest time after which TCP sends again what nobody acknowledged (Linux: TCP_RTO_MIN). */
const retransmissionMs = 200;

export interface Weather {
	readonly url: string;
	/** Connections that were asked for so far. */
	readonly attempts: number;
	become(conditions: Conditions): void;
	/** Cuts every connection that stands. */
	strike(): void;
	close(): Promise<void>;
}

export async function openWeather(toPort: number, chance: Chance): Promise<Weather> {
	let attempts = 0;
	let conditions = fair;
	const sockets = new Set<Socket>();
	const keep = (socket: Socket): void => {
		sockets.add(socket);
		socket.setNoDelay(true);
		socket.on('close', () => sockets.delete(socket));
		socket.on('error', () => socket.destroy());
	};
	const carry = (from: Socket, to: Socket): void => {
		const under: { readonly atMs: number; readonly work: () => void }[] = [];
		let isRunning = false;
		/** Timers may ring late; what came first goes first all the same. */
		const run = (): void => {
			const [next] = under;
			isRunning = next !== undefined;
			if (next === undefined) return;
			const waitMs = next.atMs - performance.now();
			if (waitMs > 0) setTimeout(run, waitMs);
			else {
				under.shift();
				next.work();
				run();
			}
		};
		/** In order: what comes after a chunk that was lost waits for it. */
		const later = (work: () => void): void => {
			const { delayMs, loss } = conditions;
			const lostMs = chance.next() < loss ? retransmissionMs + 2 * delayMs : 0;
			const atMs = performance.now() + delayMs + lostMs;
			under.push({ atMs: Math.max(atMs, under.at(-1)?.atMs ?? 0), work });
			if (!isRunning) run();
		};
		from.on('data', (chunk) => {
			later(() => to.write(chunk));
		});
		from.on('end', () => {
			later(() => to.end());
		});
		from.on('close', () => to.destroy());
	};
	const server = createServer((near) => {
		attempts += 1;
		keep(near);
		if (conditions.door === 'shut') near.resetAndDestroy();
		else if (conditions.door === 'unavailable') near.once('data', () => near.end(sorry));
		else {
			const behind = connect(toPort, '127.0.0.1');
			keep(behind);
			carry(near, behind);
			carry(behind, near);
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const strike = (): void => {
		for (const socket of sockets) socket.resetAndDestroy();
	};
	return {
		url: `http://localhost:${String((server.address() as AddressInfo).port)}`,
		get attempts() {
			return attempts;
		},
		become(next) {
			conditions = next;
			if (next.door !== 'open') strike();
		},
		strike,
		async close() {
			server.close();
			strike();
			await once(server, 'close');
		}
	};
}

const sorry = [
	'HTTP/1.1 503 Service Unavailable',
	'content-type: text/plain',
	'retry-after: 1',
	'content-length: 5',
	'connection: close',
	'',
	'later'
].join('\r\n');
