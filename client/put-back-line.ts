// The connection over which a lost part of a log is put back: its frames one after another, for
// whoever waits for an answer. It comes back by itself when it was lost; what was asked for then is
// asked for anew.
import { parseSpaceFrame, type SpaceFrame } from '../protocol/frames.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { TacetError } from './errors.ts';
import { SpaceSocket, type SocketOptions } from './socket.ts';

export type LineOptions = Omit<SocketOptions, 'begin' | 'onOpen' | 'onFrame' | 'onLost'>;

type FrameOf<Type extends SpaceFrame['type']> = Extract<SpaceFrame, { type: Type }>;

/** An edge that keeps a run to itself for longer answers nothing. */
const answerTimeoutMs = 60_000;

export class PutBackLine {
	readonly #socket: SpaceSocket;
	#frames: SpaceFrame[] = [];
	#lost: TacetError | null = null;
	#ended: TacetError | null = null;
	#wake: () => void = () => undefined;

	constructor(options: LineOptions) {
		const { origin, space, WebSocket, token, proofs } = options;
		this.#socket = new SpaceSocket({
			...{ origin, space, WebSocket, token, proofs },
			begin: () => null,
			onOpen: () => {
				this.#frames = [];
			},
			onFrame: (bytes) => {
				this.#arrived(bytes);
			},
			onLost: (error) => {
				this.#lost = error;
				this.#wake();
			}
		});
		this.#socket.start();
	}

	/** Whether another connection may go better than the one that was lost. */
	get isComingBack(): boolean {
		const passing = this.#lost?.code === 'offline' || this.#lost?.code === 'rate_limited';
		return passing && this.#ended === null;
	}

	#arrived(bytes: Uint8Array): void {
		const frame = parseSpaceFrame(bytes);
		if (frame.ok) this.#frames.push(frame.value);
		else this.#socket.hangUp({ code: 'server_misbehaved' });
		this.#wake();
	}

	send(frame: Uint8Array): void {
		this.#socket.send(frame);
	}

	/** The next frame of one of these types; others are passed over. Or how the connection was lost. */
	async next<Type extends SpaceFrame['type']>(
		...types: readonly Type[]
	): Promise<Result<FrameOf<Type>, TacetError>> {
		// A greeting is the first word of a new connection.
		if ((types as readonly string[]).includes('hello')) this.#lost = null;
		const timer = setTimeout(() => {
			this.#socket.hangUp({ code: 'offline' });
		}, answerTimeoutMs);
		try {
			for (;;) {
				const lost = this.#ended ?? this.#lost;
				if (lost !== null) return err(lost);
				const frame = this.#frames.shift();
				if (frame === undefined) await this.#more();
				else if (isOf(frame, types)) return ok(frame);
			}
		} finally {
			clearTimeout(timer);
		}
	}

	#more(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}

	/** Whoever waits is told why. */
	end(why: TacetError): void {
		this.#ended ??= why;
		this.#socket.stop();
		this.#wake();
	}
}

const isOf = <Type extends SpaceFrame['type']>(
	frame: SpaceFrame,
	types: readonly Type[]
): frame is FrameOf<Type> => (types as readonly string[]).includes(frame.type);
