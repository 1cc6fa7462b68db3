// What the engine's tests share: the real edge under workerd with a fresh data folder, devices with
// stores of their own, and a wire on which frames can be watched, dropped and changed.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Paper } from '../../client/account.ts';
import type { RecoveryOpen, TacetRecovery } from '../../client/api-recovery.ts';
import type { TacetSecurity } from '../../client/security-face.ts';
import type { Space, Tacet, TacetOptions, TacetState } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { TacetError } from '../../client/errors.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { createTacet } from '../../client/tacet.ts';
import {
	parseClientFrame,
	parseSpaceFrame,
	type ClientFrame,
	type SpaceFrame
} from '../../protocol/frames.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import type { Result } from '../../protocol/result.ts';
import { serve } from '../../scripts/serve.mjs';

export const password = 'a tortoise on the old pier';

export const loadOpaque = async (): Promise<WebAssembly.Module> =>
	WebAssembly.compile(
		await readFile(new URL('../../crypto/opaque-ke/opaque-ke.wasm', import.meta.url))
	);

export interface Edge {
	readonly url: string;
	readonly dataDir: string;
	/** Of workerd. */
	readonly pid: number;
	/** Ends it as a crash would. */
	kill(): Promise<void>;
	/** Serves the same data at the same address again. */
	restart(): Promise<void>;
	/** Ends it, and removes its data. */
	remove(): Promise<void>;
}

/** @param options `gateway` for messages to telephones; without one there are none. */
export async function startEdge(
	options: { readonly gateway?: { readonly url: string; readonly token: string } } = {}
): Promise<Edge> {
	const gateway = options.gateway ?? null;
	const dataDir = await mkdtemp(path.join(tmpdir(), 'tacet-client-'));
	let serving = await serve({ signUp: 'open', dataDir, gateway });
	const { url } = serving;
	const port = Number(new URL(url).port);
	return {
		url,
		dataDir,
		get pid() {
			return serving.pid;
		},
		kill: () => serving.kill(),
		restart: async () => {
			serving = await serve({ signUp: 'open', dataDir, port, gateway });
		},
		remove: async () => {
			// In order it would wait for every socket that a failed test left open.
			await serving.kill();
			await rm(dataDir, { recursive: true });
		}
	};
}

let people = 0;
/** A handle that no other test uses. */
export const newHandle = (): string => `person-${String(++people)}`;

export interface Device {
	readonly tacet: Tacet;
	readonly store: Store;
	/** Crypto cores that were started and not ended. */
	readonly cores: { running: number };
}

export async function newDevice(edge: Edge, options: Partial<TacetOptions> = {}): Promise<Device> {
	const device = unstarted(edge, options);
	await device.tacet.start();
	return device;
}

/** A device that has read nothing yet. */
export function unstarted(edge: Edge, options: Partial<TacetOptions> = {}): Device {
	const store = options.store ?? createMemoryStore();
	const cores = { running: 0 };
	const startCrypto = () => {
		const core = startCryptoInProcess(loadOpaque);
		cores.running += 1;
		return {
			port: core.port,
			end() {
				cores.running -= 1;
				core.end();
			}
		};
	};
	const tacet = createTacet({ origin: edge.url, startCrypto, ...options, store });
	keepPaper(tacet);
	return { tacet, store, cores };
}

/** Account keys as they stand on paper, by handle: what a person has at hand wherever they log in. */
export const accountKeys = new Map<string, string>();

/** People here have their paper with them, unless a test says what they type, or that they have nothing. */
function keepPaper(tacet: Tacet): void {
	const signUp = tacet.signUp.bind(tacet);
	const logIn = tacet.logIn.bind(tacet);
	const { recovery } = tacet;
	const note = (handle: string, { accountKey = null }: Partial<Paper>): void => {
		if (accountKey !== null) accountKeys.set(handle, accountKey);
	};
	tacet.signUp = async (input) => {
		const made = await signUp(input);
		note(input.handle, made.ok ? made.value : made.error);
		return made;
	};
	tacet.logIn = (input) => logIn({ accountKey: accountKeys.get(input.handle), ...input });
	const goOn: TacetRecovery['goOn'] = async (input) => {
		const went = await recovery.goOn(input);
		if (!went.ok || went.value.next === 'wait') return went;
		const open = went.value;
		let paper: Partial<Paper> = {};
		const setPassword: RecoveryOpen['setPassword'] = async (secret) => {
			const set = await open.setPassword(secret);
			if (set.ok) paper = set.value;
			return set;
		};
		// From here on it may be in force, whatever the answer is.
		const finish: RecoveryOpen['finish'] = (options) => {
			note(input.handle, paper);
			return open.finish(options);
		};
		return { ok: true, value: { ...open, setPassword, finish } };
	};
	const { security } = tacet;
	let renewed: Partial<Paper> = {};
	const startRenewal: TacetSecurity['startRenewal'] = async (secret) => {
		const made = await security.startRenewal(secret);
		if (made.ok) renewed = made.value;
		return made;
	};
	const finishRenewal: TacetSecurity['finishRenewal'] = (words) => {
		const { state } = tacet;
		const isIt = words === renewed.recoveryCode?.join(' ');
		if (isIt && state.phase === 'unlocked') note(state.handle, renewed);
		return security.finishRenewal(words);
	};
	Object.defineProperties(tacet, {
		recovery: { value: faceWith(recovery, { goOn }) },
		security: { value: faceWith(security, { startRenewal, finishRenewal }) }
	});
}

const faceWith = <Face extends object>(face: Face, own: Partial<Face>): Face =>
	new Proxy(face, {
		get: (target, name): unknown => Reflect.get(name in own ? own : target, name)
	});

/** The space of an unlocked device. */
export function spaceOf({ tacet }: Device): Space {
	if (tacet.state.phase !== 'unlocked') throw new Error(`it is ${tacet.state.phase}`);
	return tacet.state.space;
}

export const close = (...devices: readonly Device[]) =>
	Promise.all(devices.map(({ tacet }) => tacet.close()));

export async function signedUp(
	edge: Edge,
	handle: string,
	options: Partial<TacetOptions> = {}
): Promise<Device> {
	const device = await newDevice(edge, options);
	const made = await device.tacet.signUp({ handle, password });
	if (!made.ok) throw new Error(`sign-up failed: ${made.error.code}`);
	return device;
}

export async function loggedIn(
	edge: Edge,
	handle: string,
	options: Partial<TacetOptions> = {}
): Promise<Device> {
	const device = await newDevice(edge, options);
	const opened = await device.tacet.logIn({ handle, password });
	if (!opened.ok) throw new Error(`login failed: ${opened.error.code}`);
	// By hand, as a person would whose other device is gone: what a new device may do before that is
	// the question of the tests of standing alone.
	await device.tacet.confirmDevice();
	return device;
}

/** What an unlocked device shows of its account. */
export function stateOf({ tacet }: Device): TacetState & { readonly phase: 'unlocked' } {
	if (tacet.state.phase !== 'unlocked') throw new Error(`it is ${tacet.state.phase}`);
	return tacet.state;
}

/** The value of an answer that has one. */
export function valueOf<Value>(answer: Result<Value, TacetError>): Value {
	if (!answer.ok) throw new Error(`refused: ${answer.error.code}`);
	return answer.value;
}

/** The space of that name, once the device has it and knows what it is called. */
export async function spaceNamed(device: Device, name: string): Promise<Space> {
	const find = () => stateOf(device).spaces.find((space) => space.name === name);
	await until(device.tacet, () => device.tacet.state.phase === 'unlocked' && find() !== undefined);
	const space = find();
	if (space === undefined) throw new Error('it went away');
	return space;
}

/** Waits until something of a space, or an engine, is so. */
export function until(
	subject: { subscribe(listener: () => void): () => void },
	test: () => boolean
): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (!test()) return;
			stop();
			resolve();
		};
		const stop = subject.subscribe(look);
		look();
	});
}

export const synced = (space: Space): Promise<void> =>
	until(space, () => space.sync.waiting === 0 && space.sync.connection === 'online');

/** Text of the only note whose title is this; undefined until it is there. */
export async function bodyOf(space: Space, title: string): Promise<string | undefined> {
	const item = space.items.find((summary) => summary.title === title);
	const text = item && (await space.read(item.id));
	return text?.ok ? text.value.body : undefined;
}

export interface Wire {
	/** What this side sent, in order. */
	readonly sent: {
		readonly bytes: Uint8Array;
		readonly frame: ClientFrame;
		readonly url: string;
	}[];
	/** Changes a frame on its way down; null loses it. */
	down: (frame: SpaceFrame, socket: WebSocket) => SpaceFrame | null;
	/** Whether a frame reaches the edge. */
	up: (frame: ClientFrame, socket: WebSocket) => boolean;
	/** Whether sockets can be opened. */
	isUp: boolean;
	/** The one space that is looked at, as a keyring is written to whenever its devices like; null is all. */
	only: SpaceId | null;
	readonly WebSocket: typeof WebSocket;
}

/** A wire between one engine and the edge. */
export function newWire(encode: (frame: SpaceFrame) => Uint8Array): Wire {
	const isLookedAt = ({ url }: WebSocket): boolean => wire.only === null || url.includes(wire.only);
	class TappedSocket extends WebSocket {
		constructor(url: string | URL, protocols?: string | string[]) {
			super(wire.isUp ? url : 'ws://127.0.0.1:9/', protocols);
		}
		override send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
			if (data instanceof Uint8Array && isLookedAt(this)) {
				const frame = parseClientFrame(data);
				if (frame.ok) wire.sent.push({ bytes: data.slice(), frame: frame.value, url: this.url });
				if (frame.ok && !wire.up(frame.value, this)) return;
			}
			super.send(data as Uint8Array<ArrayBuffer>);
		}
		override addEventListener(type: string, listener: unknown): void {
			const listen = listener as (event: unknown) => void;
			if (type !== 'message') {
				super.addEventListener(type, listen);
				return;
			}
			super.addEventListener(type, (event: Event) => {
				const { data } = event as MessageEvent<unknown>;
				if (!(data instanceof ArrayBuffer)) return;
				if (!isLookedAt(this)) {
					listen(event);
					return;
				}
				const frame = parseSpaceFrame(new Uint8Array(data));
				const changed = frame.ok ? wire.down(frame.value, this) : null;
				if (changed === null) return;
				listen({ data: encode(changed).slice().buffer });
			});
		}
	}
	const wire: Wire = {
		sent: [],
		down: (frame) => frame,
		up: () => true,
		isUp: true,
		only: null,
		WebSocket: TappedSocket
	};
	return wire;
}
