// The limit's client: one key, AES-GCM, JSON. NOTES_PER_RECORD notes go into one record in bulk.
import { webcrypto } from 'node:crypto';
import { runClient } from '../../peer-process.ts';
import type { BenchNote } from '../../notes.ts';

const { subtle } = webcrypto;
const notesPerRecord = Number(process.env['NOTES_PER_RECORD'] ?? 1);
const notesPerFrame = notesPerRecord === 1 ? 100 : 4 * notesPerRecord;
const ivBytes = 12;

type Stored = BenchNote & { readonly id: number };

let key: webcrypto.CryptoKey;
let rawKey: Uint8Array;
let socket: WebSocket;
let base = '';
const acknowledgements: (() => void)[] = [];
let onRecords: (records: readonly Uint8Array[]) => void = () => undefined;

const importKey = (raw: Uint8Array<ArrayBuffer>) =>
	subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);

async function seal(notes: readonly Stored[]): Promise<Uint8Array> {
	const iv = webcrypto.getRandomValues(new Uint8Array(ivBytes));
	const plaintext = Buffer.from(JSON.stringify(notes));
	const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, key, plaintext);
	const record = Buffer.alloc(4 + ivBytes + sealed.byteLength);
	record.writeUInt32BE(ivBytes + sealed.byteLength);
	record.set(iv, 4);
	record.set(new Uint8Array(sealed), 4 + ivBytes);
	return record;
}

async function open(record: Uint8Array<ArrayBuffer>): Promise<readonly Stored[]> {
	const iv = record.subarray(0, ivBytes);
	const opened = await subtle.decrypt({ name: 'AES-GCM', iv }, key, record.subarray(ivBytes));
	return JSON.parse(Buffer.from(opened).toString()) as readonly Stored[];
}

function recordsOf(frame: ArrayBuffer): Uint8Array<ArrayBuffer>[] {
	const view = new DataView(frame);
	const records: Uint8Array<ArrayBuffer>[] = [];
	for (let offset = 0; offset < frame.byteLength; ) {
		const length = view.getUint32(offset);
		records.push(new Uint8Array(frame, offset + 4, length));
		offset += 4 + length;
	}
	return records;
}

async function connect(url: string): Promise<void> {
	base = url;
	socket = new WebSocket(`${url.replace('http', 'ws')}/socket`);
	socket.binaryType = 'arraybuffer';
	socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
		if (typeof data === 'string') acknowledgements.shift()?.();
		else onRecords(recordsOf(data));
	});
	await new Promise((resolve, reject) => {
		socket.addEventListener('open', resolve);
		socket.addEventListener('error', reject);
	});
}

function send(frame: Uint8Array): Promise<void> {
	socket.send(frame as Uint8Array<ArrayBuffer>);
	return new Promise((resolve) => acknowledgements.push(resolve));
}

runClient({
	async signUp(url) {
		const raw = webcrypto.getRandomValues(new Uint8Array(32));
		key = await importKey(raw);
		rawKey = raw;
		await connect(url);
	},
	async push(notes) {
		const acknowledged: Promise<void>[] = [];
		for (let first = 0; first < notes.length; first += notesPerFrame) {
			const inFrame = notes.slice(first, first + notesPerFrame);
			const stored = inFrame.map(({ title, body }, index) => ({ id: first + index, title, body }));
			const records: Promise<Uint8Array>[] = [];
			for (let at = 0; at < stored.length; at += notesPerRecord) {
				records.push(seal(stored.slice(at, at + notesPerRecord)));
			}
			acknowledged.push(send(Buffer.concat(await Promise.all(records))));
		}
		await Promise.all(acknowledged);
		return rawKey;
	},
	async logIn(url, credentials) {
		key = await importKey(new Uint8Array(credentials as Uint8Array));
		base = url;
	},
	async pull(notes) {
		await connect(base);
		const ask = (after: string) => fetch(`${base}/pull?after=${after}`);
		let equal = 0;
		for (let next = ask('0'); ; ) {
			const answer = await next;
			const bytes = await answer.arrayBuffer();
			if (bytes.byteLength === 0) return equal;
			next = ask(answer.headers.get('x-last') ?? '');
			const opened = await Promise.all(recordsOf(bytes).map(open));
			for (const { id, body } of opened.flat()) if (notes[id]?.body === body) equal += 1;
		}
	},
	async watch(_notes, onBody) {
		onRecords = (records) => {
			for (const record of records) {
				void open(record as Uint8Array<ArrayBuffer>).then((stored) => {
					for (const { body } of stored) onBody(body);
				});
			}
		};
		await Promise.resolve();
	},
	async edit(index, body) {
		void send(await seal([{ id: index, title: 't', body }]));
	}
});
