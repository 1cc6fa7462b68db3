// Fifty sockets in a process of their own, which count what reaches them and do nothing else with it.
// Orders: {open: [{url, protocols, pull}]} answers 'open' when each is live; {expect: n} answers
// with the time, on the machine's one clock, when each of them has had n more messages of live work.
import { nowMs } from './peer-process.ts';

export interface Listener {
	readonly url: string;
	readonly protocols: readonly string[];
	/** Sent once it is open: live messages follow its answers. Null: they follow by themselves. */
	readonly pull: Uint8Array | null;
	/** Messages with this second byte are live work (CBOR: the frame's number); null: all. */
	readonly kind: number | null;
}

export type ListenerOrder = { readonly open: readonly Listener[] } | { readonly expect: number };

export type ListenerReport =
	| { readonly done: 'open' }
	| { readonly done: 'heard'; readonly atMs: number }
	| { readonly done: 'failed'; readonly why: string };

const tell = (report: ListenerReport): void => void process.send?.(report);

let sockets = 0;
let heard = 0;
let expected = Infinity;

function look(): void {
	if (heard < expected) return;
	expected = Infinity;
	tell({ done: 'heard', atMs: nowMs() });
}

async function listen({ url, protocols, pull, kind }: Listener): Promise<void> {
	const socket = new WebSocket(url, [...protocols]);
	socket.binaryType = 'arraybuffer';
	await new Promise<void>((resolve, reject) => {
		socket.addEventListener('error', () => reject(new Error('a socket was refused')));
		socket.addEventListener('open', () => {
			if (pull === null) resolve();
			else socket.send(pull as Uint8Array<ArrayBuffer>);
		});
		socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
			const bytes = typeof data === 'string' ? new Uint8Array() : new Uint8Array(data);
			if (kind !== null && bytes[1] !== kind) return;
			// The first answer to a pull says that it is live from here on.
			if (pull !== null && !live.has(socket)) {
				live.add(socket);
				resolve();
				return;
			}
			heard += 1;
			look();
		});
		socket.addEventListener('close', ({ code, reason }) => {
			tell({ done: 'failed', why: `a socket was closed: ${code} ${reason}` });
		});
	});
	sockets += 1;
}

const live = new WeakSet<WebSocket>();

process.on('message', (order: ListenerOrder) => {
	if ('expect' in order) {
		heard = 0;
		expected = order.expect * sockets;
		return;
	}
	Promise.all(order.open.map(listen)).then(
		() => tell({ done: 'open' }),
		(error: unknown) => tell({ done: 'failed', why: String(error) })
	);
});
process.on('disconnect', () => process.exit());
