// What the browser and the edge's platform give to everybody, in simulated form: clock, timers,
// chance, WebCrypto, and the few classes that only the edge's platform has. Put in place for a file
// of tests; without a simulation under way clock and timers are the real ones.
import { chanceOf, type Chance } from './chance.ts';
import { simulatedSubtle } from './simulated-crypto.ts';
import type { Planned, SimulatedTime } from './simulated-time.ts';
import { SimulatedPair } from './connection.ts';

interface Stage {
	time: SimulatedTime | null;
	/** Of what is random and decides nothing: keys, nonces, ids. */
	bytes: Chance;
}

/** The edge's answer to an upgrade; Node's class knows no status 101. */
class UpgradeAnswer {
	readonly status: number;
	readonly webSocket: unknown;
	readonly headers: Headers;
	readonly #body: unknown;

	constructor(
		body: unknown,
		init: {
			readonly status?: number;
			readonly webSocket?: unknown;
			readonly headers?: HeadersInit;
		} = {}
	) {
		this.#body = body;
		this.status = init.status ?? 200;
		this.webSocket = init.webSocket ?? null;
		this.headers = new Headers(init.headers);
	}

	static json(
		body: unknown,
		init: { readonly status: number; readonly headers?: HeadersInit }
	): UpgradeAnswer {
		return new UpgradeAnswer(body, init);
	}

	json(): Promise<unknown> {
		return Promise.resolve(this.#body);
	}
}

/** What a hibernating socket answers by itself. */
class AutoResponse {
	readonly request: string;
	readonly response: string;

	constructor(request: string, response: string) {
		this.request = request;
		this.response = response;
	}
}

/** @returns the stage, and how to put everything back. */
export function installPlatform(): { readonly stage: Stage; readonly restore: () => void } {
	const stage: Stage = { time: null, bytes: chanceOf(1) };
	const real = {
		setTimeout: globalThis.setTimeout,
		clearTimeout: globalThis.clearTimeout,
		now: Date.now,
		random: Math.random,
		crypto: Object.getOwnPropertyDescriptor(globalThis, 'crypto'),
		response: globalThis.Response
	};
	const getRandomValues = <Values extends ArrayBufferView>(values: Values): Values => {
		const { buffer, byteOffset, byteLength } = values;
		const bytes = new Uint8Array(buffer, byteOffset, byteLength);
		for (let index = 0; index < bytes.length; index++) bytes[index] = stage.bytes.below(256);
		return values;
	};
	const subtle = simulatedSubtle((value) => stage.time?.lagging(value) ?? Promise.resolve(value));
	const simulated = {
		crypto: { subtle, getRandomValues },
		Response: UpgradeAnswer,
		WebSocketPair: SimulatedPair,
		WebSocketRequestResponsePair: AutoResponse,
		setTimeout: (run: () => void, ms = 0) =>
			stage.time === null ? real.setTimeout(run, ms) : stage.time.after(ms, run),
		clearTimeout: (timer: Planned | undefined) => {
			if (timer !== undefined && 'cancelled' in timer) timer.cancelled = true;
			else real.clearTimeout(timer);
		}
	};
	for (const [name, value] of Object.entries(simulated)) {
		Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
	}
	Date.now = () => stage.time?.nowMs ?? real.now();
	Math.random = () => (stage.time === null ? real.random() : stage.bytes.next());
	const restore = (): void => {
		stage.time = null;
		Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
		Object.assign(globalThis, { Response: real.response });
		if (real.crypto) Object.defineProperty(globalThis, 'crypto', real.crypto);
		Date.now = real.now;
		Math.random = real.random;
	};
	return { stage, restore };
}
