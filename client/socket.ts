// The socket of one space: connects, comes back after it was lost, and carries frames. It knows
// nothing of what is in them. Reconnection backs off with jitter, so that a thousand clients of an
// edge that restarts do not come back at once.
import { codeOfClose, type WireErrorCode } from '../protocol/errors.ts';
import { nonceOfReason, spaceSocketPath } from '../protocol/http.ts';
import type { Seq, SpaceId } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import { socketProtocol } from '../protocol/version.ts';
import { waitMs, type TacetError } from './errors.ts';
import type { Proofs } from './proofs.ts';

export interface SocketOptions {
	readonly origin: string;
	readonly space: SpaceId;
	readonly WebSocket: typeof WebSocket;
	/** A fresh access token; `refused` after the edge did not take the one before. */
	readonly token: (refused: boolean) => Promise<Result<string, TacetError>>;
	/** By the key that the token is bound to. */
	readonly proofs: Proofs;
	/** A connection is asked for: the seq after which it begins with entries; null: with none. */
	readonly begin: () => Seq | null;
	readonly onOpen: () => void;
	readonly onFrame: (frame: Uint8Array) => void;
	/** The connection is gone, or could not be made. */
	readonly onLost: (error: TacetError) => void;
}

/** What any socket of a device is opened with. */
export type SocketMeans = Pick<SocketOptions, 'origin' | 'WebSocket' | 'token' | 'proofs'>;

const firstDelayMs = 250;
const longestDelayMs = 60_000;
const openTimeoutMs = 15_000;
const pingIntervalMs = 30_000;
const pongTimeoutMs = 10_000;

/** Codes after which coming back by oneself would only be refused again. */
const finalCodes: readonly WireErrorCode[] = ['version_too_old', 'not_found', 'malformed'];

export class SpaceSocket {
	readonly #options: SocketOptions;
	#socket: WebSocket | null = null;
	#wanted = false;
	#open = false;
	#attempts = 0;
	#tokenRefused = false;
	/** The attempt before was made with a nonce that the edge no longer takes. */
	#nonceRefused = false;
	#retryTimer: ReturnType<typeof setTimeout> | undefined;
	#watchTimer: ReturnType<typeof setTimeout> | undefined;
	readonly #onOnline = () => {
		this.retryNow();
	};

	constructor(options: SocketOptions) {
		this.#options = options;
	}

	get isOpen(): boolean {
		return this.#open;
	}

	/** Connects, and stays connected until {@link SpaceSocket.stop}. */
	start(): void {
		if (this.#wanted) return;
		this.#wanted = true;
		if (typeof addEventListener === 'function') addEventListener('online', this.#onOnline);
		void this.#connect();
	}

	stop(): void {
		this.#wanted = false;
		this.#attempts = 0;
		if (typeof removeEventListener === 'function') {
			removeEventListener('online', this.#onOnline);
		}
		clearTimeout(this.#retryTimer);
		this.#drop();
	}

	/** Cuts a wait short: the network is back, or the person asks. */
	retryNow(): void {
		if (!this.#wanted || this.#socket !== null) return;
		clearTimeout(this.#retryTimer);
		this.#attempts = 0;
		void this.#connect();
	}

	/** Whether the frame was handed to the platform; it may still be lost. */
	send(frame: Uint8Array): boolean {
		// Whoever is being closed is told so by the event that follows, not here.
		if (!this.#open || this.#socket?.readyState !== WebSocket.OPEN) return false;
		this.#socket.send(frame as Uint8Array<ArrayBuffer>);
		return true;
	}

	/** Frames are flowing: the next loss starts with a short wait again. */
	confirm(): void {
		this.#attempts = 0;
	}

	/** Ends this connection, and comes back later: what it carried made no sense. */
	hangUp(error: TacetError): void {
		if (this.#socket === null) return;
		this.#drop();
		this.#lost(error, true);
	}

	async #connect(): Promise<void> {
		const attempt = ++this.#attempts;
		const token = await this.#options.token(this.#tokenRefused);
		if (!this.#isStill(attempt)) return;
		if (!token.ok) {
			// Without a session there is nothing to come back with.
			this.#lost(token.error, token.error.code !== 'unauthenticated');
			return;
		}
		this.#tokenRefused = false;
		const { origin, space, begin, proofs } = this.#options;
		const url = `${origin}${spaceSocketPath(space, begin())}`;
		const opening = { method: 'GET', url, body: new Uint8Array() };
		const proof = await proofs.prove(opening, token.value);
		if (!this.#isStill(attempt)) return;
		const protocols = [socketProtocol, token.value, proof];
		const socket = new this.#options.WebSocket(url.replace(/^http/, 'ws'), protocols);
		socket.binaryType = 'arraybuffer';
		this.#socket = socket;
		this.#watchTimer = setTimeout(() => {
			socket.close();
		}, openTimeoutMs);
		socket.addEventListener('open', () => {
			if (this.#socket === socket) this.#watch(socket);
		});
		socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
			if (this.#socket !== socket) return;
			this.#watch(socket);
			if (data instanceof ArrayBuffer) this.#take(new Uint8Array(data));
		});
		socket.addEventListener('close', (event) => {
			if (this.#socket !== socket) return;
			this.#drop();
			const code = codeOfClose(event.code);
			const nonce = code === 'unauthenticated' ? nonceOfReason(event.reason) : null;
			if (nonce !== null) {
				this.#staleProof(nonce);
				return;
			}
			this.#nonceRefused = false;
			this.#tokenRefused = code === 'unauthenticated';
			// A token that ran out is no lost session: that shows when it is refreshed.
			const error = this.#tokenRefused ? 'offline' : (code ?? 'offline');
			this.#lost({ code: error }, code === null || !finalCodes.includes(code));
		});
	}

	/** An edge that refuses opens, too, to say why: it has let us in once it greets. */
	#take(frame: Uint8Array): void {
		if (!this.#open) {
			this.#open = true;
			this.#nonceRefused = false;
			this.#options.onOpen();
		}
		this.#options.onFrame(frame);
	}

	/** This attempt is the newest, and a connection is wanted still. */
	#isStill(attempt: number): boolean {
		return this.#wanted && this.#socket === null && attempt === this.#attempts;
	}

	/** Token and session are good, and the edge gave what a proof needs: asked again at once, but once. */
	#staleProof(nonce: string): void {
		this.#options.proofs.learn(nonce);
		const isFirst = !this.#nonceRefused;
		this.#nonceRefused = isFirst;
		if (isFirst) void this.#connect();
		else this.#lost({ code: 'offline' }, true);
	}

	/** Any message proves that the connection lives; silence is answered with a ping, then an end. */
	#watch(socket: WebSocket): void {
		clearTimeout(this.#watchTimer);
		this.#watchTimer = setTimeout(() => {
			socket.send('ping');
			this.#watchTimer = setTimeout(() => {
				this.#drop();
				this.#lost({ code: 'offline' }, true);
			}, pongTimeoutMs);
		}, pingIntervalMs);
	}

	#drop(): void {
		clearTimeout(this.#watchTimer);
		const socket = this.#socket;
		this.#socket = null;
		this.#open = false;
		socket?.close(1000);
	}

	#lost(error: TacetError, comesBack: boolean): void {
		if (this.#wanted && comesBack) {
			clearTimeout(this.#retryTimer);
			this.#retryTimer = setTimeout(() => void this.#connect(), this.#delayMs(error));
		}
		this.#options.onLost(error);
	}

	/** Doubles from a quarter of a second, halved at random: between half of it and all of it. */
	#delayMs(error: TacetError): number {
		const step = Math.min(longestDelayMs, firstDelayMs * 2 ** (this.#attempts - 1));
		const jittered = step * (0.5 + Math.random() / 2);
		return Math.max(jittered, waitMs(error, 0));
	}
}
