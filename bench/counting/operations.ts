// What people do, as the platform counts it: requests, frames and rows of every object concerned. By
// whole clients where people use whole clients, part by part where a simulation has to put them
// together itself.
import { setTimeout as wait } from 'node:timers/promises';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Space, Tacet } from '../../client/index.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { makeNotes } from '../notes.ts';
import { between, each, startCountingEdge, type CountingEdge, type Counts } from './edge.ts';
import {
	clientOf,
	editOnce,
	firstSpaceOf,
	logInOnly,
	newDevice,
	openedItem,
	openSocket,
	passOf,
	password,
	refresh,
	settled,
	signedUp,
	valueOf
} from './session.ts';

/** Each by class of object; of what is done often, the mean. */
export interface Operations {
	/** An account, its first login, its keyring and its first space. */
	readonly signUp: Counts;
	/** A person unlocks the page on a known device: login, both sockets, pulls, the old session's end. */
	readonly open: Counts;
	/** The same with more spaces than the first, and how many more. */
	readonly openMore: Counts;
	readonly moreSpaces: number;
	/**
	 * The same as `open` by somebody alone on their network, for the first time in a while: objects have
	 * hibernated, the Limiter had forgotten the network and forgets it again afterwards.
	 */
	readonly openAlone: Counts;
	readonly edit: Counts;
	readonly edits: number;
	readonly importNotes: Counts;
	readonly imported: number;
	/** Both messages of a login by a device that has no session. */
	readonly login: Counts;
	readonly refresh: Counts;
	/** A socket that pulls nothing new, on a space that is awake; and on one that is not. */
	readonly connect: Counts;
	readonly connectAsleep: Counts;
	/** A socket that pulls all that the edits wrote. */
	readonly pullEdits: Counts;
	readonly pullImport: Counts;
	/** One edit on a space that had hibernated. */
	readonly wake: Counts;
}

const editCount = 1_000;
const importCount = 10_000;
const times = 10;
const timesAlone = 2;
const moreSpaces = 4;
/** The platform, and workerd, let an object hibernate after ten seconds. */
export const hibernatesAfterMs = 14_000;

export async function countOperations(): Promise<Operations> {
	const edge = await startCountingEdge();
	try {
		return { ...(await people(edge)), ...(await parts(edge)) };
	} finally {
		await edge.stop();
	}
}

async function counted(edge: CountingEdge, work: () => Promise<unknown>): Promise<Counts> {
	const before = await edge.counts();
	await work();
	// What an answer leaves behind to be done (a session's end is told to spaces) is counted, too.
	await wait(300);
	return between(before, await edge.counts());
}

type Parts = Pick<
	Operations,
	'login' | 'refresh' | 'connect' | 'connectAsleep' | 'pullEdits' | 'pullImport'
>;

async function people(edge: CountingEdge): Promise<Omit<Operations, keyof Parts>> {
	const store = createMemoryStore();
	const first = clientOf(edge.origin, store);
	await first.start();
	const signUp = await counted(edge, async () => {
		valueOf(await first.signUp({ handle: 'opens', password, withAccountKey: false }));
		await settled(firstSpaceOf(first));
	});
	const wake = await counted(edge, async () => {
		await wait(hibernatesAfterMs);
		await edit(firstSpaceOf(first), 1);
	});
	await first.close();
	const openAlone = await openedAlone(edge, store);
	const open = await opened(edge, store, times);
	const client = await unlocked(edge, store);
	for (let made = 0; made < moreSpaces; made++) {
		valueOf(await client.createSpace({ name: `Space ${made}` }));
	}
	await client.close();
	await opened(edge, store, 1);
	const openMore = await opened(edge, store, times);
	return { signUp, wake, open, openAlone, openMore, moreSpaces, ...(await writers(edge)) };
}

async function openedAlone(
	edge: CountingEdge,
	store: ReturnType<typeof createMemoryStore>
): Promise<Counts> {
	// Nor is anything left then of what signing up counted.
	await wait(hibernatesAfterMs);
	const counts = await counted(edge, async () => {
		for (let opening = 0; opening < timesAlone; opening++) {
			const client = await unlocked(edge, store);
			await client.close();
			await wait(hibernatesAfterMs);
		}
	});
	return each(counts, timesAlone);
}

async function unlocked(
	edge: CountingEdge,
	store: ReturnType<typeof createMemoryStore>
): Promise<Tacet> {
	const client = clientOf(edge.origin, store);
	await client.start();
	valueOf(await client.unlock({ password }));
	if (client.state.phase !== 'unlocked') throw new Error('still locked');
	for (const space of client.state.spaces) await settled(space);
	return client;
}

async function opened(
	edge: CountingEdge,
	store: ReturnType<typeof createMemoryStore>,
	openings: number
): Promise<Counts> {
	const counts = await counted(edge, async () => {
		for (let opening = 0; opening < openings; opening++) {
			const client = await unlocked(edge, store);
			await client.close();
		}
	});
	return each(counts, openings);
}

async function writers(edge: CountingEdge) {
	const editor = await signedUp(edge.origin, 'edits');
	const edits = await counted(edge, () => edit(firstSpaceOf(editor), editCount));
	await editor.close();
	const importer = await signedUp(edge.origin, 'imports');
	const importNotes = await counted(edge, async () => {
		const space = firstSpaceOf(importer);
		const files = makeNotes(importCount).map(({ title, body }) => ({
			path: `${title}.md`,
			sizeBytes: body.length,
			bytes: () => Promise.resolve(utf8Encode(body))
		}));
		await space.importFiles(files);
		await settled(space);
	});
	await importer.close();
	return { edit: each(edits, editCount), edits: editCount, importNotes, imported: importCount };
}

/** Each acknowledged before the next. */
async function edit(space: Space, edits: number): Promise<void> {
	const item = await openedItem(space);
	for (let done = 0; done < edits; done++) await editOnce(space, item);
	await item.close();
}

async function parts(edge: CountingEdge): Promise<Parts> {
	const edited = await spaceOf(edge, 'edits');
	const imported = await spaceOf(edge, 'imports');
	let session = await logInOnly(edge.origin, 'edits', newDevice());
	const login = await counted(edge, async () => {
		for (let done = 0; done < times; done++) await logInOnly(edge.origin, 'imports', newDevice());
	});
	const refreshed = await counted(edge, async () => {
		for (let done = 0; done < times; done++) session = await refresh(edge.origin, session);
	});
	const connect = async (after: number | null): Promise<void> => {
		const socket = await openSocket(edge.origin, edited, passOf(session));
		await socket.pull(after ?? socket.offered);
		await socket.close();
	};
	await connect(null);
	const connects = await counted(edge, async () => {
		for (let done = 0; done < times; done++) await connect(null);
	});
	const pullEdits = await counted(edge, () => connect(0));
	const other = await logInOnly(edge.origin, 'imports', newDevice());
	const pullImport = await counted(edge, async () => {
		const socket = await openSocket(edge.origin, imported, passOf(other));
		await socket.pull(0);
		await socket.close();
	});
	await edge.restart();
	const connectAsleep = await counted(edge, () => connect(null));
	return {
		...{ login: each(login, times), refresh: each(refreshed, times) },
		...{ connect: each(connects, times), connectAsleep, pullEdits, pullImport }
	};
}

/** The id of an account's first space, as a device of it knows it. */
async function spaceOf(edge: CountingEdge, handle: string) {
	const client = clientOf(edge.origin);
	await client.start();
	valueOf(await client.logIn({ handle, password }));
	const space = firstSpaceOf(client);
	await settled(space);
	const { id } = space;
	await client.close();
	return id;
}
