/* global Response, URL, WebSocketPair */
// The limit, not a design: an object that keeps opaque records and passes them on. No accounts, no
// signatures, no rules. A frame is any number of [u32 length][record].
import { DurableObject } from 'cloudflare:workers';

const targetAnswerBytes = 1 << 20;
const rowsPerInsert = 90;

export class Floor extends DurableObject {
	constructor(ctx, env) {
		super(ctx, env);
		this.sql = ctx.storage.sql;
		this.sql.exec(
			'CREATE TABLE IF NOT EXISTS r(seq INTEGER PRIMARY KEY AUTOINCREMENT, v BLOB NOT NULL)'
		);
	}

	async fetch(request) {
		const { pathname, searchParams } = new URL(request.url);
		if (pathname === '/pull') return this.pull(Number(searchParams.get('after')));
		const { 0: client, 1: server } = new WebSocketPair();
		this.ctx.acceptWebSocket(server);
		return new Response(null, { status: 101, webSocket: client });
	}

	webSocketMessage(from, message) {
		const records = recordsOf(message);
		for (let first = 0; first < records.length; first += rowsPerInsert) {
			const some = records.slice(first, first + rowsPerInsert);
			this.sql.exec(`INSERT INTO r(v) VALUES ${some.map(() => '(?)').join(',')}`, ...some);
		}
		for (const socket of this.ctx.getWebSockets()) if (socket !== from) socket.send(message);
		from.send(String(records.length));
	}

	webSocketClose() {}

	pull(after) {
		const rows = [];
		let bytes = 0;
		let last = after;
		for (const row of this.sql.exec('SELECT seq, v FROM r WHERE seq > ? ORDER BY seq', after)) {
			rows.push(row.v);
			bytes += 4 + row.v.byteLength;
			last = row.seq;
			if (bytes >= targetAnswerBytes) break;
		}
		const answer = new Uint8Array(bytes);
		const view = new DataView(answer.buffer);
		let offset = 0;
		for (const row of rows) {
			view.setUint32(offset, row.byteLength);
			answer.set(new Uint8Array(row), offset + 4);
			offset += 4 + row.byteLength;
		}
		return new Response(answer, { headers: { 'x-last': String(last) } });
	}
}

function recordsOf(frame) {
	const view = new DataView(frame);
	const records = [];
	for (let offset = 0; offset < frame.byteLength; ) {
		const length = view.getUint32(offset);
		records.push(frame.slice(offset + 4, offset + 4 + length));
		offset += 4 + length;
	}
	return records;
}

export default {
	fetch: (request, env) => env.FLOOR.getByName('floor').fetch(request)
};
