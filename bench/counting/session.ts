// The parts of a client one by one, for what a whole client does only together: a login, a refresh, a
// socket that pulls and listens.
import { readFileSync } from 'node:fs';
import { logIn, type AccountParts } from '../../client/account.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http, type Pass } from '../../client/http.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { OpenItem } from '../../client/open-item.ts';
import type { SessionFacts } from '../../client/profile.ts';
import type { Proofs } from '../../client/proofs.ts';
import { createTacet } from '../../client/tacet.ts';
import type { Space, Tacet } from '../../client/index.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Head } from '../../protocol/commit.ts';
import { encodeClientFrame, parseSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { nonceOfReason, spaceSocketPath } from '../../protocol/http.ts';
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
	valueOf(await client.signUp({ handle, password, withAccountKey: false }));
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

/** A session, and what shows the key that it is bound to. */
export interface LoggedIn {
	readonly session: SessionFacts;
	readonly proofs: Proofs;
}

/** Both messages of a login, and nothing that follows. A device that is known ends its session. */
export async function logInOnly(
	origin: string,
	handle: string,
	device: DeviceId
): Promise<LoggedIn> {
	const { port } = startCryptoInProcess(loadOpaque);
	const parts: AccountParts = {
		...{ http: new Http({ origin }), crypto: port },
		...{ origin, store: createMemoryStore(), nowMs: Date.now }
	};
	const { session, proofs } = valueOf(await logIn(parts, { handle, password, device }));
	if (session === null) throw new Error('a login without a session');
	return { session, proofs };
}

export async function refresh(origin: string, { session, proofs }: LoggedIn): Promise<LoggedIn> {
	const { refreshToken } = session;
	const pass = { proofs, token: null };
	const answer = valueOf(await new Http({ origin }).call('sessionRefresh', { refreshToken }, pass));
	const { device } = session;
	return { session: { ...answer.session, device, receivedAtMs: Date.now() }, proofs };
}

export const passOf = ({ session, proofs }: LoggedIn): Pass => ({
	proofs,
	token: session.accessToken
});

/** What a socket at this address (http or https) offers: a proof is good for one. */
export async function protocolsFor(address: string, { proofs, token }: Pass): Promise<string[]> {
	const request = { method: 'GET', url: address, body: new Uint8Array() };
	return [socketProtocol, token ?? '', await proofs.prove(request, token)];
}

interface Greeted {
	readonly socket: WebSocket;
	readonly offered: Head;
}

/** A socket that took its hello; asked for once more with the nonce that the edge gave. */
export async function greeted(address: string, pass: Pass): Promise<Greeted> {
	for (let tries = 0; tries < 2; tries++) {
		const protocols = await protocolsFor(address, pass);
		const socket = new WebSocket(address.replace(/^http/, 'ws'), protocols);
		socket.binaryType = 'arraybuffer';
		const said = await new Promise<Head | string>((resolve) => {
			const hear = ({ data }: MessageEvent<unknown>): void => {
				const frame = parseSpaceFrame(new Uint8Array(data as ArrayBuffer));
				if (!frame.ok || frame.value.type !== 'hello') resolve('no hello');
				else resolve(frame.value.offered);
			};
			socket.addEventListener('message', hear, { once: true });
			socket.addEventListener('close', ({ code, reason }) =>
				resolve(reason === '' ? String(code) : reason)
			);
		});
		if (typeof said !== 'string') return { socket, offered: said };
		const nonce = nonceOfReason(said);
		if (nonce === null) throw new Error(`the edge closed the socket: ${said}`);
		pass.proofs.learn(nonce);
	}
	throw new Error('the edge took no proof');
}

export interface RawSocket {
	/** What it was offered when it was opened. */
	readonly offered: Seq;
	/** Sends a pull; resolves when all that follows `after` has arrived. Answers with the bytes. */
	pull(after: Seq): Promise<number>;
	close(): Promise<void>;
}

export async function openSocket(origin: string, space: SpaceId, pass: Pass): Promise<RawSocket> {
	const { socket, offered } = await greeted(origin + spaceSocketPath(space), pass);
	let onFrame: (frame: SpaceFrame, bytes: number) => void = () => undefined;
	socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
		const bytes = new Uint8Array(data as ArrayBuffer);
		const parsed = parseSpaceFrame(bytes);
		if (parsed.ok) onFrame(parsed.value, bytes.length);
	});
	return {
		offered: offered.seq,
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
