// What the simulation has to know and bench/run.ts does not measure: processor time of the edge for
// each thing that it is asked, and what each costs in requests and rows. Writes measured.json; run by
// `node bench/scale/run.ts --measure`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Space } from '../../client/index.ts';
import { Http } from '../../client/http.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import { deviceJwk, generateDeviceKeyPair } from '../../client/profile.ts';
import { Proofs } from '../../client/proofs.ts';
import { linkDoorKey } from '../../crypto/client/link-secret.ts';
import { jwkThumbprint } from '../../crypto/jwk.ts';
import { snapshotEveryCommits } from '../../durable-objects/limits.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { startCountingEdge } from '../counting/edge.ts';
import { countOperations, hibernatesAfterMs, type Operations } from '../counting/operations.ts';
import {
	editOnce,
	firstSpaceOf,
	logInOnly,
	newDevice,
	openedItem,
	openSocket,
	passOf,
	refresh,
	signedUp,
	valueOf,
	type RawSocket
} from '../counting/session.ts';
import { cpuMs, untilQuiet } from '../processes.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import { tacet } from '../systems.ts';

/** Processor time of the whole edge (Worker, objects, sockets, storage), each in ms. */
export interface EdgeCpu {
	readonly loginMs: Spread;
	readonly refreshMs: Spread;
	readonly connectMs: Spread;
	/** One live edit without anybody who listens, and what each socket that listens adds. */
	readonly editMs: Spread;
	readonly listenerMs: Spread;
	/** What is added by a space that has to be made anew in memory first, with a tail of commits. */
	readonly wakeMs: Spread;
	readonly wakeTail: number;
	/** A thousand edits read by a fresh device, over an open socket. */
	readonly pullThousandMs: Spread;
	/** One call of an object that does nothing; and what these two add to it. */
	readonly callMs: Spread;
	readonly namesMs: Spread;
	readonly takeMs: Spread;
}

export interface Measured {
	readonly operations: Operations;
	readonly cpu: EdgeCpu;
	/** Frames of entries for one edit of one character: what a fresh device pulls for it. */
	readonly bytesPerEdit: number;
}

const repeats = 5;
const logins = 10;
const refreshes = 40;
const connects = 40;
const edits = 100;
const thousand = 1_000;
const rounds = 500;
const openings = 40;
/** A session may have eight. */
const socketsEach = 8;

export async function measure(): Promise<Measured> {
	const operations = await countOperations();
	const { bytesPerEdit, cpu } = await measureEdge();
	return { operations, bytesPerEdit, cpu: { ...cpu, ...(await measureCalls()) } };
}

type CallCpu = Pick<EdgeCpu, 'callMs' | 'namesMs' | 'takeMs'>;

interface EdgeFigures {
	readonly cpu: Omit<EdgeCpu, keyof CallCpu>;
	readonly bytesPerEdit: number;
}

async function measureEdge(): Promise<EdgeFigures> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-scale-'));
	const server = await tacet.serve(folder);
	try {
		const origin = `http://localhost:${server.port}`;
		const batch = (times: number, work: () => Promise<unknown>) => batches(server.pid, times, work);
		const writer = await signedUp(origin, 'writer');
		const space = firstSpaceOf(writer);
		const edit = await editorOf(space);
		for (let warm = 0; warm < edits; warm++) await edit();
		const editMs = await batch(edits, edit);
		const sockets = await listeners(origin, space);
		const heardMs = await batch(edits, edit);
		for (const socket of sockets) await socket.close();
		while (seqOf(space) <= thousand) await edit();
		const wakeTail = seqOf(space) % snapshotEveryCommits;
		const wokenMs = await batches(server.pid, 1, edit, hibernatesAfterMs);
		const pulls = await measurePulls({ origin, pid: server.pid, space: space.id });
		await writer.close();
		const listenerMs = spreadOf(
			heardMs.map((ms, repeat) => (ms - (editMs[repeat] ?? NaN)) / sockets.length)
		);
		const logged = await measureSessions(origin, server.pid);
		return {
			bytesPerEdit: pulls.bytesPerEdit,
			cpu: {
				...{ editMs: spreadOf(editMs), listenerMs, ...pulls.cpu, ...logged },
				wakeMs: spreadOf(wokenMs.map((ms) => ms - spreadOf(editMs).median)),
				wakeTail
			}
		};
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

const seqOf = (space: Space): number => space.sync.verified?.seq ?? 0;

async function editorOf(space: Space): Promise<() => Promise<void>> {
	const item = await openedItem(space);
	return () => editOnce(space, item);
}

/**
 * Sockets of a share link, as one account may not open so many: each opening of the link has a session
 * of its own.
 */
async function listeners(origin: string, space: Space): Promise<RawSocket[]> {
	const { url } = valueOf(
		await space.createLink({ label: '', expiresAtMs: null, openings: null, passphrase: null })
	);
	const link = parseLinkUrl(url ?? '');
	if (link?.type !== 'share') throw new Error('an own share link has an address');
	const door = toBase64Url(linkDoorKey(link.secret));
	const http = new Http({ origin });
	const key = await generateDeviceKeyPair();
	const jkt = toBase64Url(jwkThumbprint(await deviceJwk(key)));
	const proofs = new Proofs(key, Date.now);
	const sockets: RawSocket[] = [];
	for (let opening = 0; opening < openings; opening++) {
		const asked = { space: space.id, link: link.link, door, ke1: null, jkt };
		const pass = { proofs, token: null };
		const { opening: opened } = valueOf(await http.call('linkStart', asked, pass));
		if (opened === null) throw new Error('the link asks for a passphrase');
		for (let count = 0; count < socketsEach; count++) {
			const token = opened.accessToken;
			const socket = await openSocket(origin, space.id, { proofs, token });
			await socket.pull(socket.offered);
			sockets.push(socket);
		}
	}
	return sockets;
}

async function measurePulls(at: {
	readonly origin: string;
	readonly pid: number;
	readonly space: SpaceId;
}) {
	const pass = passOf(await logInOnly(at.origin, 'writer', newDevice()));
	const connect = () => openSocket(at.origin, at.space, pass);
	const connectMs = await batches(at.pid, connects, async () => {
		const socket = await connect();
		await socket.pull(socket.offered);
		await socket.close();
	});
	const socket = await connect();
	const bytesPerEdit = (await socket.pull(socket.offered - thousand)) / thousand;
	const pullMs = await batches(at.pid, repeats, () => socket.pull(socket.offered - thousand));
	await socket.close();
	return {
		bytesPerEdit: Number(bytesPerEdit.toFixed(1)),
		cpu: { connectMs: spreadOf(connectMs), pullThousandMs: spreadOf(pullMs) }
	};
}

async function measureSessions(origin: string, pid: number) {
	const other = await signedUp(origin, 'other');
	await other.close();
	const device = newDevice();
	let session = await logInOnly(origin, 'other', device);
	const loginMs = await batches(pid, logins, async () => {
		session = await logInOnly(origin, 'other', device);
	});
	const refreshMs = await batches(pid, refreshes, async () => {
		session = await refresh(origin, session);
	});
	return { loginMs: spreadOf(loginMs), refreshMs: spreadOf(refreshMs) };
}

/** Calls of one object's method, from one request, less those of a method that does nothing. */
async function measureCalls(): Promise<CallCpu> {
	const edge = await startCountingEdge();
	try {
		await (await signedUp(edge.origin, 'measured')).close();
		let asked = 0;
		const call = (method: string) =>
			batches(edge.pid, 1, async () => {
				const query = `method=${method}&name=${(asked++).toString(16).padStart(64, '0')}`;
				await fetch(`${edge.origin}/rounds?${query}&rounds=${rounds}`);
			});
		await call('nothing');
		const callMs = await call('nothing');
		const less = (ms: readonly number[]) =>
			spreadOf(ms.map((all, repeat) => Math.max(0, (all - (callMs[repeat] ?? NaN)) / rounds)));
		const [names, take] = [await call('names'), await call('take')];
		return {
			callMs: spreadOf(callMs.map((ms) => ms / rounds)),
			namesMs: less(names),
			takeMs: less(take)
		};
	} finally {
		await edge.stop();
	}
}

/** Processor time of the edge for one, in each of some batches. */
async function batches(
	pid: number,
	times: number,
	work: () => Promise<unknown>,
	restMs = 0
): Promise<readonly number[]> {
	const ms: number[] = [];
	for (let batch = 0; batch < repeats; batch++) {
		await wait(restMs);
		await untilQuiet([pid]);
		const beforeMs = cpuMs(pid);
		for (let done = 0; done < times; done++) await work();
		await wait(100);
		ms.push((cpuMs(pid) - beforeMs) / times);
	}
	return ms;
}
