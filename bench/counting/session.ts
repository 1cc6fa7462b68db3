// The parts of a client one by one, for what a whole client does only together: a login, a refresh, a
// socket that pulls and listens.
import { readFileSync } from 'node:fs';
import { logIn, type AccountParts } from '../../client/account.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http } from '../../client/http.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { OpenItem } from '../../client/open-item.ts';
import type { SessionFacts } from '../../client/profile.ts';
import { createTacet } from '../../client/tacet.ts';
import type { Space, Tacet } from '../../client/index.ts';
import { randomBytes } from '../../crypto/random.ts';
import { encodeClientFrame, parseSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { spaceSocketPath } from '../../protocol/http.ts';
import { idFromBytes, type DeviceId, type Seq, type SpaceId } from '../../protocol/ids.ts';
import type { Result } from '../../protocol/result.ts';
import { socketProtocol } from '../../protocol/version.ts';
import { inProject } from '../../scripts/project.mjs';

export const password = 'correct horse battery';
const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

export const newDevice = (): DeviceId => idFromBytes<DeviceId>(randomBytes(16));

export function clientOf(origin: string, store = createMemoryStore()): Tacet {
	return createTacet({ origin, store, startCrypto: () => startCryptoInProcess(loadOpaque) });
}

export function valueOf<Value>(answer: Result<Value, { readonly code: string }>): Value {
	if (!answer.ok) throw new Error(answer.error.code);
	return answer.value;
}

export function firstSpaceOf({ state }: Tacet): Space {
	if (state.phase !== 'unlocked') throw new Error(`still ${state.phase}`);
	return state.space;
}

/** All is written and acknowledged, and the log is known to its end. */
export function settled(space: Space): Promise<void> {
	return until(
		space,
		() =>
			space.sync.waiting === 0 && space.sync.connection === 'online' && space.sync.verified !== null
	);
}

export async function until(space: Space, test: () => boolean): Promise<void> {
	if (test()) return;
	await new Promise<void>((resolve) => {
		const stop = space.subscribe(() => {
			if (!test()) return;
			stop();
			resolve();
		});
	});
}

/** A client of a new account, whose first space is written and known to its end. */
export async function signedUp(origin: string, handle: string): Promise<Tacet> {
	const client = clientOf(origin);
	await client.start();
	valueOf(await client.signUp({ handle, password }));
	await settled(firstSpaceOf(client));
	return client;
}

/** An item of the space, open. */
export async function openedItem(space: Space): Promise<OpenItem> {
	const [summary] = space.items;
	const id = summary?.id ?? valueOf(await space.create({ title: 'Measured' }));
	return valueOf(await space.open(id));
}

/** One character, acknowledged. */
export async function editOnce(space: Space, item: OpenItem): Promise<void> {
	item.body.insert(0, 'x');
	await item.flush();
	await until(space, () => space.sync.waiting === 0);
}

/** Both messages of a login, and nothing that follows. A device that is known ends its session. */
export async function logInOnly(
	origin: string,
	handle: string,
	device: DeviceId
): Promise<SessionFacts> {
	const { port } = startCryptoInProcess(loadOpaque);
	const parts: AccountParts = {
		...{ http: new Http({ origin }), crypto: port },
		...{ origin, store: createMemoryStore() }
	};
	const { session } = valueOf(await logIn(parts, { handle, password, device }));
	if (session === null) throw new Error('a login without a session');
	return session;
}

export async function refresh(origin: string, session: SessionFacts): Promise<SessionFacts> {
	const { refreshToken } = session;
	const answer = valueOf(await new Http({ origin }).call('sessionRefresh', { refreshToken }));
	return { ...answer.session, device: session.device };
}

export interface RawSocket {
	/** What it was offered when it was opened. */
	readonly offered: Seq;
	/** Sends a pull; resolves when all that follows `after` has arrived. Answers with the bytes. */
	pull(after: Seq): Promise<number>;
	close(): Promise<void>;
}

export async function openSocket(
	origin: string,
	space: SpaceId,
	token: string
): Promise<RawSocket> {
	const url = `${origin.replace(/^http/, 'ws')}${spaceSocketPath(space)}`;
	const socket = new WebSocket(url, [socketProtocol, token]);
	socket.binaryType = 'arraybuffer';
	let onFrame: (frame: SpaceFrame, bytes: number) => void = () => undefined;
	socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
		const bytes = new Uint8Array(data as ArrayBuffer);
		const parsed = parseSpaceFrame(bytes);
		if (parsed.ok) onFrame(parsed.value, bytes.length);
	});
	const offered = await new Promise<Seq>((resolve, reject) => {
		onFrame = (frame) => {
			if (frame.type === 'hello') resolve(frame.offered.seq);
		};
		socket.addEventListener('close', ({ code }) => {
			reject(new Error(`the edge closed the socket: ${code}`));
		});
	});
	return {
		offered,
		pull: (after) =>
			new Promise((resolve) => {
				let received = 0;
				let reached = after;
				onFrame = (frame, bytes) => {
					if (frame.type !== 'entries') return;
					received += bytes;
					reached = frame.entries.at(-1)?.seq ?? reached;
					if (reached >= frame.offered.seq) resolve(received);
				};
				socket.send(encodeClientFrame({ type: 'pull', after }) as Uint8Array<ArrayBuffer>);
			}),
		close: () =>
			new Promise((resolve) => {
				socket.addEventListener('close', () => {
					resolve();
				});
				socket.close(1000);
			})
	};
}
