// A Space object: orders the commits of one space, keeps their ciphertext, and passes them on.
// Whatever the Worker says, it checks token, membership and role itself, and appends nothing that
// breaks rules 1 to 9 of the log. Sockets hibernate: nothing here may hold a timer.
import { DurableObject } from 'cloudflare:workers';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import type { AccessClaims, TokenKey } from '../crypto/edge/session-token.ts';
import { sha256Async } from '../crypto/hash.ts';
import {
	judge,
	keysMatch,
	pagesMatch,
	parseEntry,
	wireCodeOf,
	type Judged,
	type ParsedEntry
} from '../crypto/log-rules.ts';
import {
	countKey,
	emptyLog,
	parseLogState,
	readsContent,
	type LogState
} from '../crypto/log-state.ts';
import { verifyProof } from '../crypto/signature.ts';
import { wireErrors, type Refusal, type WireErrorCode } from '../protocol/errors.ts';
import {
	encodeSpaceFrame,
	parseClientFrame,
	type Append,
	type ClientFrame,
	type Entry,
	type FetchedPage,
	type SpaceFrame
} from '../protocol/frames.ts';
import {
	parseId,
	type AccountId,
	type DeviceId,
	type Seq,
	type SessionId,
	type SpaceId
} from '../protocol/ids.ts';
import { historyRetentionDays, maxFrameBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { socketProtocol } from '../protocol/version.ts';
import type { Env } from './env.ts';
import { FetchedKeys } from './fetched-keys.ts';
import { FrameBudget } from './frame-budget.ts';
import {
	framesPerMebibyteSent,
	maxDropsPerAlarm,
	maxPullBytes,
	maxSocketsPerSession,
	maxSocketsPerSpace,
	targetEntriesFrameBytes
} from './limits.ts';
import { logBug } from './log.ts';
import { resendPlaces, SpaceStore, type Arrival, type Reader } from './space-store.ts';

/** What a socket remembers through hibernation. */
interface Attachment {
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly session: SessionId;
	/** When the token that it was opened with expires, in milliseconds since 1970. */
	readonly expiresAtMs: number;
	/** It has pulled up to the head, and gets entries as they come. */
	readonly isLive: boolean;
}

const dayMs = 86_400_000;
const noop = (): void => undefined;
const mebibyte = 1_048_576;
/** RFC 6455 §7.4.1: never sent, only reported. */
const brokenConnection = 1006;

export class Space extends DurableObject<Env> {
	readonly #store: SpaceStore;
	readonly #keys: FetchedKeys<{ readonly tokenKeys: readonly TokenKey[] }>;
	/** Null for a name that no space can have. */
	#state: LogState | null;
	/** The end of the last frame's work: frames are answered one after another. */
	#turn: Promise<unknown> = Promise.resolve();
	readonly #budgetBySocket = new WeakMap<WebSocket, FrameBudget>();
	/** Ended while awake; those that outlive it are in the store. */
	readonly #deadSessions = new Set<SessionId>();

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#store = new SpaceStore(ctx.storage);
		this.#state = loadState(this.#store, ctx.id.name);
		this.#keys = new FetchedKeys(async () => {
			const tokenKeys = await env.DEPLOYMENT.getByName(deploymentObjectName).tokenKeys();
			return tokenKeys.ok ? ok({ tokenKeys: tokenKeys.value }) : tokenKeys;
		});
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
	}

	/** The upgrade to a socket; a refusal is an ordinary answer whose body is its code. */
	override async fetch(request: Request): Promise<Response> {
		const [, token] = (request.headers.get('Sec-WebSocket-Protocol') ?? '').split(',');
		const opened = await this.#open(token?.trim() ?? '');
		if (!opened.ok) {
			const { httpStatus } = wireErrors[opened.error.code];
			return Response.json({ error: opened.error }, { status: httpStatus });
		}
		const headers = { 'Sec-WebSocket-Protocol': socketProtocol };
		return new Response(null, { status: 101, webSocket: opened.value, headers });
	}

	/** For Account objects only: closes a session's sockets, and refuses its tokens from now on. */
	async endSession(session: SessionId, untilMs: number): Promise<void> {
		this.#deadSessions.add(session);
		this.#store.addDeadSession(session, untilMs);
		for (const socket of this.ctx.getWebSockets(session)) close(socket, 'unauthenticated');
		await this.#scheduleAlarm();
	}

	override async webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): Promise<void> {
		try {
			const turn = this.#turn.then(() => this.#receive(socket, message));
			// The next frame takes its turn whether this one went well or not.
			this.#turn = turn.then(noop, noop);
			await turn;
		} catch (error) {
			logBug('space.webSocketMessage', error);
			close(socket, 'internal');
		}
	}

	override webSocketClose(socket: WebSocket, code: number): void {
		// The client waits for an answer to its close frame; a connection that broke has nobody waiting.
		if (code !== brokenConnection) socket.close(1000);
	}

	/** Drops what is superseded for long enough, what has expired, and dead sessions. */
	override async alarm(): Promise<void> {
		try {
			const nowMs = Date.now();
			const supersededBeforeMs = nowMs - this.#retentionMs();
			const times = { supersededBeforeMs, nowMs, maxDrops: maxDropsPerAlarm };
			const isMore = this.#store.dropPages(times);
			this.#store.removeDeadSessions(nowMs);
			if (isMore) await this.ctx.storage.setAlarm(nowMs);
			else await this.#scheduleAlarm();
		} catch (error) {
			logBug('space.alarm', error);
			// Thrown on, the platform would try again six times and then never.
			await this.ctx.storage.setAlarm(Date.now() + dayMs);
		}
	}

	async #open(token: string): Promise<Result<WebSocket, Refusal>> {
		const claims = await this.#keys.verify(token);
		if (!claims.ok) return claims;
		if (!this.#admits(claims.value.account)) return err({ code: 'not_found' });
		const space = this.#state?.space;
		if (space === undefined) return err({ code: 'not_found' });
		const { accountObject, session } = claims.value;
		const account = this.env.ACCOUNT.getByName(accountObject);
		const noted = await account.noteSpace({ session, space });
		// From here on nothing awaits: what ended meanwhile is seen, what ends later finds the socket.
		if (!noted.ok) return noted;
		if (this.#isDead(session)) return err({ code: 'unauthenticated' });
		if (!this.#admits(claims.value.account)) return err({ code: 'not_found' });
		const isFull =
			this.ctx.getWebSockets().length >= maxSocketsPerSpace ||
			this.ctx.getWebSockets(session).length >= maxSocketsPerSession;
		return isFull ? err({ code: 'rate_limited' }) : ok(this.#accept(claims.value));
	}

	#accept({ account, device, session, expiresAtMs }: AccessClaims): WebSocket {
		const { 0: client, 1: server } = new WebSocketPair();
		this.ctx.acceptWebSocket(server, [session]);
		attach(server, { account, device, session, expiresAtMs, isLive: false });
		send(server, { type: 'hello', offered: this.#log().head });
		return client;
	}

	/** Members; and anybody, as long as nobody has made the space. */
	#admits(account: AccountId): boolean {
		const state = this.#state;
		return state !== null && (state.head.seq === 0 || state.members.has(account));
	}

	#isDead(session: SessionId): boolean {
		return this.#deadSessions.has(session) || this.#store.isDeadSession(session);
	}

	#log(): LogState {
		if (this.#state === null) throw new Error('a space without a name has no sockets');
		return this.#state;
	}

	async #receive(socket: WebSocket, message: ArrayBuffer | string): Promise<void> {
		if (!isOpen(socket)) return;
		if (!this.#budgetOf(socket).take(Date.now())) return close(socket, 'rate_limited');
		if (typeof message === 'string') return close(socket, 'malformed');
		if (message.byteLength > maxFrameBytes) return close(socket, 'too_large');
		const frame = parseClientFrame(new Uint8Array(message));
		if (!frame.ok) return close(socket, frame.error);
		const attachment = attachmentOf(socket);
		if (hasExpired(attachment)) return close(socket, 'unauthenticated');
		if (!this.#admits(attachment.account)) return close(socket, 'not_found');
		await this.#answer(socket, attachment, frame.value);
	}

	async #answer(socket: WebSocket, attachment: Attachment, frame: ClientFrame): Promise<void> {
		switch (frame.type) {
			case 'append':
				return this.#append(socket, attachment, frame);
			case 'pull':
				return this.#pull(socket, attachment, frame.after);
			case 'fetch':
				return this.#fetchPages(socket, attachment, frame.pages);
		}
	}

	async #append(socket: WebSocket, attachment: Attachment, append: Append): Promise<void> {
		const entry = parseEntry(append);
		if (!entry.ok) return refuse(socket, null, entry.error);
		const { count } = entry.value.parsed;
		const appended = await this.#judgeAndStore(attachment, entry.value, append);
		if (!appended.ok) return refuse(socket, count, appended.error);
		send(socket, { type: 'appended', count, seq: appended.value.seq });
		const { arrival } = appended.value;
		if (arrival === null) return;
		this.#passOn(arrival, socket);
		const { admin, pages, supersedes } = arrival.entry.parsed;
		if (admin !== null) this.#closeStrangers();
		const isDated = pages.some((page) => page.expiresAtMs !== null) || supersedes.length > 0;
		if (isDated) await this.#scheduleAlarm();
	}

	/**
	 * Async work first (signatures, hashes of pages), then one synchronous block that appends. The
	 * state can't change in between: frames are answered one after another, and nothing but an append
	 * changes it.
	 */
	async #judgeAndStore(
		{ account, device, session }: Attachment,
		entry: ParsedEntry,
		append: Append
	): Promise<Result<{ readonly seq: Seq; readonly arrival: Arrival | null }, WireErrorCode>> {
		const { parsed } = entry;
		if (parsed.author !== account || parsed.device !== device) return err('forbidden');
		const state = this.#log();
		const later = (state.counts.get(countKey(account, device)) ?? 0) - parsed.count;
		if (later >= 0) {
			const places = { seen: parsed.seen.seq, head: state.head.seq, later };
			const seq = this.#store.findCommit(append, resendPlaces(places));
			if (seq !== undefined) return ok({ seq, arrival: null });
		}
		const judged = judge(state, this.#store, entry);
		if (!judged.ok) return err(wireCodeOf(judged.error));
		if (!(await bytesAreSigned(entry, append))) return err('malformed');
		if (!(await proofsAreGood(judged.value))) return err('forbidden');
		// The one thing that may have happened meanwhile.
		if (this.#deadSessions.has(session)) return err('unauthenticated');
		const arrival = { entry, append, state: judged.value.state, receivedAtMs: Date.now() };
		const stored = this.#store.append(arrival);
		if (!stored.ok) return stored;
		this.#state = arrival.state;
		return ok({ seq: arrival.state.head.seq, arrival });
	}

	/** To every socket that pulled up to the head, but the author's own. */
	#passOn(arrival: Arrival, from: WebSocket): void {
		const framesByReader = new Map<string, Uint8Array>();
		for (const socket of this.ctx.getWebSockets()) {
			const attachment = attachmentOf(socket);
			const { account, isLive } = attachment;
			if (socket === from || !isLive || !isOpen(socket) || !this.#admits(account)) continue;
			if (hasExpired(attachment)) {
				close(socket, 'unauthenticated');
				continue;
			}
			const reader = this.#readerFor(account);
			// Nobody but a wrap's recipient is given it; without wraps, all of a kind get the same.
			const own = arrival.append.wraps.length > 0 ? reader.account : '';
			const key = `${String(reader.readsContent)} ${own}`;
			const frame = framesByReader.get(key) ?? encodeLive(arrival, reader);
			framesByReader.set(key, frame);
			socket.send(frame);
		}
	}

	/** Who is no member any more, or was let in before there were any, hears nothing further. */
	#closeStrangers(): void {
		for (const socket of this.ctx.getWebSockets()) {
			if (!this.#admits(attachmentOf(socket).account)) close(socket, 'not_found');
		}
	}

	#readerFor(account: AccountId): Reader {
		const role = this.#log().members.get(account)?.role;
		return { account, readsContent: role !== undefined && readsContent(role) };
	}

	/**
	 * Sends what stands after `after`, in frames of about a mebibyte. After `maxPullBytes` it stops
	 * with an empty frame: the client pulls again from where it is.
	 */
	#pull(socket: WebSocket, attachment: Attachment, after: Seq): void {
		const offered = this.#log().head;
		const reader = this.#readerFor(attachment.account);
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
		for (const entry of this.#store.entriesAfter(after, reader, Date.now())) {
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
		this.#charge(socket, sentBytes);
	}

	#fetchPages(socket: WebSocket, { account }: Attachment, ids: Fetch['pages']): void {
		const { readsContent: mayRead } = this.#readerFor(account);
		const nowMs = Date.now();
		let sentBytes = 0;
		let pages: FetchedPage[] = [];
		let pagesBytes = 0;
		for (const id of ids) {
			const page = mayRead ? this.#store.loadPage(id, nowMs) : null;
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
		this.#charge(socket, sentBytes);
	}

	#budgetOf(socket: WebSocket): FrameBudget {
		const budget = this.#budgetBySocket.get(socket) ?? new FrameBudget(Date.now());
		this.#budgetBySocket.set(socket, budget);
		return budget;
	}

	#charge(socket: WebSocket, sentBytes: number): void {
		this.#budgetOf(socket).charge((sentBytes / mebibyte) * framesPerMebibyteSent);
	}

	#retentionMs(): number {
		return (this.#state?.settings?.retentionDays ?? historyRetentionDays) * dayMs;
	}

	/** There is one alarm; it is moved only to ring earlier. */
	async #scheduleAlarm(): Promise<void> {
		const { expiresAtMs, supersededSinceMs } = this.#store.nextDrops();
		const times = [
			expiresAtMs,
			supersededSinceMs === null ? null : supersededSinceMs + this.#retentionMs(),
			this.#store.nextDeadSessionMs()
		].filter((time) => time !== null);
		if (times.length === 0) return;
		const nextMs = Math.min(...times);
		const alarmMs = await this.ctx.storage.getAlarm();
		if (alarmMs === null || nextMs < alarmMs) await this.ctx.storage.setAlarm(nextMs);
	}
}

type Fetch = Extract<ClientFrame, { type: 'fetch' }>;

/** The snapshot, and the commits after it judged again; their signatures were verified once. */
function loadState(store: SpaceStore, name: string | undefined): LogState | null {
	const stored = store.loadLog();
	if (stored === null) {
		const space = parseId<SpaceId>(name);
		return space.ok ? emptyLog(space.value) : null;
	}
	const snapshot = parseLogState(stored.state);
	if (!snapshot.ok) throw new Error('the stored state of the log is not readable');
	let state = snapshot.value;
	for (const signed of stored.tail) {
		const entry = parseEntry(signed);
		const judged = entry.ok ? judge(state, store, entry.value) : entry;
		if (!judged.ok) throw new Error('a stored commit does not follow from the state before it');
		state = judged.value.state;
	}
	return state;
}

/** Whether pages, wraps and previous-key record are the ones that the commit signs. */
async function bytesAreSigned({ parsed }: ParsedEntry, append: Append): Promise<boolean> {
	if (!keysMatch(parsed, append.wraps, append.previousKey)) return false;
	const pages = await Promise.all(
		append.pages.map(async (page) => ({ lengthBytes: page.length, hash: await sha256Async(page) }))
	);
	return pagesMatch(parsed, pages);
}

async function proofsAreGood({ proofs }: Judged): Promise<boolean> {
	const verified = await Promise.all(proofs.map(verifyProof));
	return verified.every((isGood) => isGood);
}

function encodeLive({ entry, append, state }: Arrival, reader: Reader): Uint8Array {
	const headers = entry.parsed.admin?.wraps ?? [];
	const wraps = append.wraps
		.map((wrap, index) => ({ index, wrap }))
		.filter(({ index }) => headers[index]?.recipient === reader.account);
	const live: Entry = {
		seq: state.head.seq,
		commit: entry.commit,
		signature: entry.signature,
		pages: reader.readsContent ? append.pages : append.pages.map(() => null),
		wraps,
		previousKey: reader.readsContent ? append.previousKey : null
	};
	return encodeSpaceFrame({ type: 'entries', entries: [live], offered: state.head });
}

/** Bytes of an entry, but for the few that frame it. */
function sizeOfEntry({ commit, signature, pages, wraps }: Entry): number {
	const pageBytes = pages.reduce((sum, page) => sum + (page?.length ?? 0), 0);
	const wrapsBytes = wraps.reduce((sum, { wrap }) => sum + wrap.length, 0);
	return commit.length + signature.length + pageBytes + wrapsBytes;
}

const hasExpired = ({ expiresAtMs }: Attachment): boolean => expiresAtMs <= Date.now();

const isOpen = (socket: WebSocket): boolean => socket.readyState === WebSocket.OPEN;

function send(socket: WebSocket, frame: SpaceFrame): void {
	if (isOpen(socket)) socket.send(encodeSpaceFrame(frame));
}

/** Says why, and ends the socket if that is what the code asks for. */
function refuse(socket: WebSocket, count: number | null, code: WireErrorCode): void {
	send(socket, { type: 'refused', count, refusal: { code } });
	if (wireErrors[code].closeCode !== null) close(socket, code);
}

function close(socket: WebSocket, code: WireErrorCode): void {
	const { closeCode } = wireErrors[code];
	if (closeCode !== null && isOpen(socket)) socket.close(closeCode, code);
}

const attach = (socket: WebSocket, attachment: Attachment): void =>
	socket.serializeAttachment(attachment);

/** Every socket here was attached when it was accepted. */
const attachmentOf = (socket: WebSocket): Attachment =>
	socket.deserializeAttachment() as Attachment;
