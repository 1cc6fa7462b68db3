// What a space answers to the frames on its sockets, one after another over all of them.
import { parseEntry } from '../crypto/log-rules.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import {
	encodeSpaceFrame,
	parseClientFrame,
	type Append,
	type ClientFrame,
	type Entry,
	type FetchedPage,
	type PutBackRun
} from '../protocol/frames.ts';
import type { SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { AccountId, Seq, SessionId } from '../protocol/ids.ts';
import { maxFrameBytes } from '../protocol/limits.ts';
import {
	entriesPerFrameCharged,
	framesPerHeartbeat,
	maxPullBytes,
	targetEntriesFrameBytes
} from './limits.ts';
import { logBug } from './log.ts';
import { judgeHeartbeat, type SpaceHeartbeats } from './space-heartbeats.ts';
import type { SpaceEvents } from './space-events.ts';
import type { SpaceLog } from './space-log.ts';
import {
	attach,
	attachmentOf,
	close,
	hasExpired,
	isOpen,
	refuse,
	send,
	SocketBudgets,
	type Attachment
} from './space-sockets.ts';
import type { Arrival, Reader, SpaceStore } from './space-store.ts';

/** What the frames of a space work with. */
export interface SpaceParts {
	readonly store: SpaceStore;
	readonly log: SpaceLog;
	readonly heartbeats: SpaceHeartbeats;
	readonly events: SpaceEvents;
	/** All of the space, open or closing. */
	readonly sockets: () => WebSocket[];
	/** Whether a session ended while this object was awake. */
	readonly hasEnded: (session: SessionId) => boolean;
	/** What follows from a commit for everything beside the log; called in the same turn. */
	readonly appended: (arrival: Arrival) => Promise<void>;
}

const noop = (): void => undefined;

export class SpaceFrames {
	readonly #parts: SpaceParts;
	/** The end of the last frame's work: frames are answered one after another. */
	#turn: Promise<unknown> = Promise.resolve();
	readonly #budgets = new SocketBudgets();

	constructor(parts: SpaceParts) {
		this.#parts = parts;
	}

	receive(socket: WebSocket, message: ArrayBuffer | string): Promise<void> {
		return this.#inTurn(socket, () => this.#receive(socket, message));
	}

	/** The pull that a new socket's address asks for: before any frame of it. */
	begin(socket: WebSocket, after: Seq): Promise<void> {
		return this.#inTurn(socket, () => this.#take(socket, { type: 'pull', after }));
	}

	async #inTurn(socket: WebSocket, work: () => Promise<void>): Promise<void> {
		try {
			const turn = this.#turn.then(work);
			// The next frame takes its turn whether this one went well or not.
			this.#turn = turn.then(noop, noop);
			await turn;
		} catch (error) {
			logBug('space.webSocketMessage', error);
			close(socket, 'internal');
		}
	}

	async #receive(socket: WebSocket, message: ArrayBuffer | string): Promise<void> {
		if (!isOpen(socket)) return;
		if (!this.#budgets.take(socket)) return close(socket, 'rate_limited');
		if (typeof message === 'string') return close(socket, 'malformed');
		if (message.byteLength > maxFrameBytes) return close(socket, 'too_large');
		const frame = parseClientFrame(new Uint8Array(message));
		if (!frame.ok) return close(socket, frame.error);
		await this.#take(socket, frame.value);
	}

	async #take(socket: WebSocket, frame: ClientFrame): Promise<void> {
		if (!isOpen(socket)) return;
		const attachment = attachmentOf(socket);
		if (hasExpired(attachment)) return close(socket, 'unauthenticated');
		if (!this.#parts.log.admits(attachment.account)) return close(socket, 'not_found');
		await this.#answer(socket, attachment, frame);
	}

	async #answer(socket: WebSocket, attachment: Attachment, frame: ClientFrame): Promise<void> {
		switch (frame.type) {
			case 'append':
				return this.#append(socket, attachment, frame);
			case 'pull':
				this.#pull(socket, attachment, frame.after);
				return this.#noteOpening(attachment);
			case 'fetch':
				return this.#fetchPages(socket, attachment, frame.pages);
			case 'beat':
				return this.#beat(socket, attachment, frame.heartbeat);
			case 'put_back':
				return this.#putBack(socket, attachment, frame);
		}
	}

	async #append(socket: WebSocket, attachment: Attachment, append: Append): Promise<void> {
		const { log, hasEnded } = this.#parts;
		const entry = parseEntry(append);
		if (!entry.ok) return refuse(socket, null, entry.error);
		const { count } = entry.value.parsed;
		const mayGoOn = () => !hasEnded(attachment.session);
		const appended = await log.append(attachment, entry.value, append, mayGoOn);
		if (!appended.ok) {
			refuse(socket, count, appended.error);
			return this.#noteRefusal(attachment, appended.error);
		}
		const { arrival, seq } = appended.value;
		// Readers first: they wait to see it, and who wrote it saw it long ago.
		if (arrival !== null) this.#passOn([arrival], socket);
		send(socket, { type: 'appended', count, seq });
		if (arrival === null) return;
		await this.#parts.appended(arrival);
	}

	/** What the rules forbid; losing a race with others is nothing to tell. */
	#noteRefusal({ account, device }: Attachment, code: WireErrorCode): Promise<void> {
		const { events } = this.#parts;
		const isForbidden = code === 'forbidden' || code === 'malformed';
		if (isForbidden) events.note({ kind: 'append_refused', account, device });
		return events.idle;
	}

	/** Of those who open a link each has a device of its own: the link counts as one. */
	#noteOpening({ account, device, link }: Attachment): Promise<void> {
		const { events } = this.#parts;
		if (link === null) events.note({ kind: 'opened', account, device });
		else events.note({ kind: 'link_opened', account, subject: link });
		return events.idle;
	}

	/** Entries that stood here before, carried by any member: answered by the head on offer then. */
	async #putBack(socket: WebSocket, attachment: Attachment, run: PutBackRun): Promise<void> {
		const { log, hasEnded, appended } = this.#parts;
		this.#budgets.charge(socket, run.entries.length / entriesPerFrameCharged);
		const { session } = attachment;
		const arrivals = await log.putBack(attachment, run, () => !hasEnded(session));
		if (!arrivals.ok) return refuse(socket, null, arrivals.error);
		this.#passOn(arrivals.value, socket);
		send(socket, { type: 'stands', offered: log.known.head });
		for (const arrival of arrivals.value) await appended(arrival);
	}

	/** To every socket that pulled up to the head, but the one that they came from. */
	#passOn(arrivals: readonly Arrival[], from: WebSocket): void {
		const framesByReader = new Map<string, readonly Uint8Array[]>();
		const hasWraps = arrivals.some(({ append }) => append.wraps.length > 0);
		for (const { socket, account } of this.#listeners(from)) {
			const reader = this.#parts.log.readerFor(account);
			// Nobody but a wrap's recipient is given it; without wraps, all of a kind get the same.
			const own = hasWraps ? reader.account : '';
			const key = `${String(reader.readsContent)} ${own}`;
			const frames = framesByReader.get(key) ?? encodeLive(arrivals, reader);
			framesByReader.set(key, frames);
			for (const frame of frames) socket.send(frame);
		}
	}

	async #beat(socket: WebSocket, from: Attachment, signed: SignedHeartbeat): Promise<void> {
		const { store, log, heartbeats, events, hasEnded } = this.#parts;
		this.#budgets.charge(socket, framesPerHeartbeat);
		const against = { state: log.known, history: store, events };
		const judged = await judgeHeartbeat(signed, { from, ...against });
		if (!judged.ok) return refuse(socket, null, judged.error);
		if (hasEnded(from.session)) return refuse(socket, null, 'unauthenticated');
		if (!heartbeats.take(signed, judged.value, Date.now())) return;
		const frame = encodeSpaceFrame({ type: 'heartbeats', heartbeats: [signed] });
		for (const listener of this.#listeners(socket)) listener.socket.send(frame);
	}

	/** Sockets that hear of what happens, but the one that it comes from. */
	*#listeners(from: WebSocket): Generator<{ socket: WebSocket; account: AccountId }> {
		for (const socket of this.#parts.sockets()) {
			if (socket === from || !isOpen(socket)) continue;
			const attachment = attachmentOf(socket);
			if (!attachment.isLive) continue;
			if (!this.#parts.log.admits(attachment.account)) continue;
			if (hasExpired(attachment)) close(socket, 'unauthenticated');
			else yield { socket, account: attachment.account };
		}
	}

	/**
	 * Sends what stands after `after`, in frames of about a mebibyte. After `maxPullBytes` it stops
	 * with an empty frame: the client pulls again from where it is.
	 */
	#pull(socket: WebSocket, attachment: Attachment, after: Seq): void {
		const { store, log } = this.#parts;
		const offered = log.known.head;
		const reader = log.readerFor(attachment.account);
		let sentBytes = 0;
		let entries: Entry[] = [];
		let entriesBytes = 0;
		let isLive = true;
		const flush = () => {
			send(socket, { type: 'entries', entries, offered });
			sentBytes += entriesBytes;
			entries = [];
			entriesBytes = 0;
		};
		for (const entry of store.entriesAfter(after, reader, Date.now())) {
			const bytes = sizeOfEntry(entry);
			if (entries.length > 0 && entriesBytes + bytes > targetEntriesFrameBytes) flush();
			if (sentBytes >= maxPullBytes) {
				isLive = false;
				break;
			}
			entries.push(entry);
			entriesBytes += bytes;
		}
		// Also if there is nothing to send: a pull is always answered.
		if (entries.length > 0 || sentBytes === 0 || !isLive) flush();
		attach(socket, { ...attachment, isLive });
		this.#budgets.chargeSent(socket, sentBytes);
		if (isLive && !attachment.isLive) this.#sendHeartbeats(socket, attachment);
	}

	/** Once a socket has caught up: what is ahead of it then, it was not given. */
	#sendHeartbeats(socket: WebSocket, attachment: Attachment): void {
		const { log, heartbeats } = this.#parts;
		if (!log.hasBegun) return;
		const others = heartbeats.othersOf(attachment, log.known);
		if (others.length > 0) send(socket, { type: 'heartbeats', heartbeats: others });
	}

	#fetchPages(socket: WebSocket, { account }: Attachment, ids: Fetch['pages']): void {
		const { store, log } = this.#parts;
		const { readsContent: mayRead } = log.readerFor(account);
		const nowMs = Date.now();
		let sentBytes = 0;
		let pages: FetchedPage[] = [];
		let pagesBytes = 0;
		for (const id of ids) {
			const page = mayRead ? store.loadPage(id, nowMs) : null;
			const bytes = page?.length ?? 0;
			if (pages.length > 0 && pagesBytes + bytes > targetEntriesFrameBytes) {
				send(socket, { type: 'pages', pages });
				pages = [];
				pagesBytes = 0;
			}
			pages.push({ ...id, page });
			pagesBytes += bytes;
			sentBytes += bytes;
		}
		send(socket, { type: 'pages', pages });
		this.#budgets.chargeSent(socket, sentBytes);
	}
}

type Fetch = Extract<ClientFrame, { type: 'fetch' }>;

/** The frames in which a reader is given what was just appended. */
function encodeLive(arrivals: readonly Arrival[], reader: Reader): readonly Uint8Array[] {
	const offered = arrivals.at(-1)?.state.head;
	if (offered === undefined) return [];
	const frames: Uint8Array[] = [];
	let entries: Entry[] = [];
	let entriesBytes = 0;
	const flush = (): void => {
		frames.push(encodeSpaceFrame({ type: 'entries', entries, offered }));
		entries = [];
		entriesBytes = 0;
	};
	for (const entry of arrivals.map((arrival) => liveEntry(arrival, reader))) {
		const bytes = sizeOfEntry(entry);
		if (entries.length > 0 && entriesBytes + bytes > targetEntriesFrameBytes) flush();
		entries.push(entry);
		entriesBytes += bytes;
	}
	flush();
	return frames;
}

function liveEntry({ entry, append, state }: Arrival, reader: Reader): Entry {
	const headers = entry.parsed.admin?.wraps ?? [];
	const wraps = append.wraps
		.map((wrap, index) => ({ index, wrap }))
		.filter(({ index }) => headers[index]?.recipient === reader.account);
	return {
		seq: state.head.seq,
		commit: entry.commit,
		signature: entry.signature,
		pages: reader.readsContent ? append.pages : append.pages.map(() => null),
		wraps,
		previousKey: reader.readsContent ? append.previousKey : null
	};
}

/** Bytes of an entry, but for the few that frame it. */
function sizeOfEntry({ commit, signature, pages, wraps }: Entry): number {
	const pageBytes = pages.reduce((sum, page) => sum + (page?.length ?? 0), 0);
	const wrapsBytes = wraps.reduce((sum, { wrap }) => sum + wrap.length, 0);
	return commit.length + signature.length + pageBytes + wrapsBytes;
}
