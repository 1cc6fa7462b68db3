// The rule that every lie is held against: a device ends with what an honest edge would have shown,
// or stops, typed and for good, showing nothing but what it had verified. Node's own asserts, so
// that the same code also runs outside the test runner (mutants.ts).
import assert from 'node:assert/strict';
import type { ChainFaultCode } from '../../client/index.ts';
import { parseClientFrame } from '../../protocol/frames.ts';
import type { Seq, SpaceId } from '../../protocol/ids.ts';
import type { Store } from '../../client/store.ts';
import type { PageName } from '../../client/chain.ts';
import {
	copyStore,
	isDistrusted,
	isOnline,
	neverRepairs,
	seqOf,
	settled,
	startDevice,
	storeWithProfile,
	viewOf,
	when,
	type Device
} from './device.ts';
import { givenTo, liveAt, pagesOf, wordsOf, type Given } from './given.ts';
import { newGate } from './holding.ts';
import { honest, type Lie, type Sent } from './liar.ts';
import type { World } from './world.ts';

export interface Outcome {
	/** `waiting`: the edge gave it nothing to believe; `absent`: not even that the space is there. */
	readonly under: 'online' | 'distrusted' | 'waiting' | 'absent' | 'locked';
	/** What it did once the edge was honest again. */
	readonly after: 'online' | 'distrusted' | 'locked';
	readonly fault: ChainFaultCode | null;
	/** Verified while the edge lied. */
	readonly seq: Seq;
	/** What it sent about the space while the edge lied. */
	readonly trace: readonly string[];
}

export interface Reading {
	/** The entries that the device has verified before. */
	readonly from?: Seq;
	/** A lie that leads nowhere is ended by cutting the line after so long. */
	readonly patienceMs?: number;
	/** Patience begins when the lie is told, however slow the machine is until then. */
	readonly heard?: Promise<void>;
	/** Another edge to ask while it lies. */
	readonly edgeUrl?: string;
	/** The device that reads: to say what it did, should it fail. */
	readonly onDevice?: (device: Device) => void;
}

/** A device of `world` reads from an edge that tells `lie`, and then the truth. */
export async function readUnder(world: World, lie: Lie, reading: Reading = {}): Promise<Outcome> {
	const from = reading.from ?? 0;
	const known = world.stores.get(from);
	assert(known);
	const store =
		from === 0
			? await storeWithProfile(known)
			: await copyStore(known, [world.keyring, world.space]);
	const device = await restarted(world, store, reading.edgeUrl);
	reading.onDevice?.(device);
	device.liar.lie = lie;
	try {
		const under = await runUnderLie(device, reading);
		const isOpen = under !== 'locked' && under !== 'absent';
		const seq = isOpen ? seqOf(device.space) : 0;
		if (under === 'distrusted') await hungUp(world, device);
		const trace = traceOf(device.liar.sent, world.space);
		if (isOpen) await assertHonestView(world, device, from);
		if (under === 'distrusted') {
			const fault = await assertStopped(world, device);
			return { under, after: 'distrusted', fault, seq, trace };
		}
		device.liar.edgeUrl = world.edge.url;
		const after = await runHonestly(world, device);
		if (after === 'locked') {
			await assertLockedOut(world, device);
			return { under, after, fault: null, seq, trace };
		}
		await assertHonestView(world, device, from);
		if (after === 'online') {
			assert.equal(await viewOf(device.space), world.views.get(world.head.seq));
			assert.equal(seqOf(device.space), world.head.seq);
			return { under, after, fault: null, seq, trace };
		}
		return { under, after, fault: await assertStopped(world, device), seq, trace };
	} finally {
		await device.close();
	}
}

const restarted = (world: World, store: Store, edgeUrl = world.edge.url): Promise<Device> =>
	startDevice(edgeUrl, { keys: world.keys, at: world.at, repairWaitMs: neverRepairs, store });

/** The end of a socket reaches the liar a moment after the device has judged. */
const hungUp = ({ space }: World, { liar }: Device): Promise<void> =>
	when(liar, () => {
		const trace = traceOf(liar.sent, space);
		const countOf = (start: string): number =>
			trace.filter((line) => line.startsWith(start)).length;
		return countOf('end') >= countOf('socket');
	});

/** A lie that is not told within this time is about nothing that this device asks for. */
const untoldMs = 3_000;

async function runUnderLie(
	device: Device,
	{ patienceMs = 8_000, heard }: Reading
): Promise<Outcome['under']> {
	const ends = async (work: Promise<unknown>): Promise<boolean> => {
		if (heard !== undefined) await endsWithin(Promise.race([work, heard]), untoldMs);
		return endsWithin(work, patienceMs);
	};
	const started = device.tacet.start();
	// An account whose keyring can't be read does not open; the line is cut so that it says so.
	while (!(await ends(started))) device.liar.cut();
	if (device.tacet.state.phase !== 'unlocked') return 'locked';
	if (!(await ends(device.arrives())) || !device.isThere) return 'absent';
	const { space } = device;
	if (!(await ends(settled(space)))) return 'waiting';
	return isDistrusted(space) ? 'distrusted' : 'online';
}

export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<false>((resolve) => {
		timer = setTimeout(resolve, timeoutMs, false);
	});
	const ended = await Promise.race([work.then(() => true as const), late]);
	clearTimeout(timer);
	return ended;
}

async function runHonestly(world: World, device: Device): Promise<Outcome['after']> {
	device.liar.lie = honest;
	device.liar.cut();
	// A person tries again as long as it says no more than that it could not be opened.
	while (device.tacet.state.phase !== 'unlocked') {
		await device.tacet.start();
		if (await hasKeyringFault(world, device)) break;
	}
	if (device.tacet.state.phase !== 'unlocked') return 'locked';
	await device.arrives();
	if (!device.isThere) return 'locked';
	const { space } = device;
	await when(space, () => space.sync.connection !== 'online');
	space.syncNow();
	await settled(space);
	return isDistrusted(space) ? 'distrusted' : 'online';
}

/**
 * Nothing is shown but what an honest device showed at the same place; nothing goes back. Where
 * signed pages did not come, what they say is missing, and nothing else is.
 */
async function assertHonestView(world: World, device: Device, from: Seq): Promise<void> {
	const { space } = device;
	// What was given last may be on its way from the log to the lists: then it is looked at again.
	for (const isLast of [false, false, false, true]) {
		const isStill = isDistrusted(space) || isOnline(space);
		const { changed, stop } = changesOf(space);
		try {
			await assertHonest(world, device, from);
			return;
		} catch (error) {
			if (isStill || isLast || !(await endsWithin(changed, untoldMs))) throw error;
		} finally {
			stop();
		}
	}
}

function changesOf(space: Device['space']): { changed: Promise<void>; stop: () => void } {
	const gate = newGate();
	return { changed: gate.opened, stop: space.subscribe(gate.open) };
}

async function assertHonest(world: World, device: Device, from: Seq): Promise<void> {
	const { sync } = device.space;
	const seq = seqOf(device.space);
	assert(seq >= from, `verified ${String(seq)} after ${String(from)}`);
	// Whoever was let in later has no key for what came before, until the log has led them there.
	const since = [...world.stores.keys()].find((noted) => noted > 0) ?? 0;
	if (seq >= since) assert.equal(sync.setAside, 0);
	const expected = world.views.get(seq);
	assert(expected !== undefined, `nobody has seen the log at ${String(seq)}`);
	const shown = await viewOf(device.space);
	if (shown === expected) return;
	assert.notEqual(sync.connection, 'online', 'what is said to be complete is');
	const given = givenTo(world, device.liar.told, from);
	await assertVerified(world, { shown, expected, seq, given });
}

const itemsOf = (view: string): ReadonlyMap<string, string> => {
	const items = JSON.parse(view) as readonly { readonly id: string }[];
	return new Map(items.map((item) => [item.id, JSON.stringify(item)]));
};

/**
 * An item of which every page came is as an honest device showed it. One of which a page is missing
 * may be less: it holds what came of it, and no word of anything else.
 */
async function assertVerified(
	world: World,
	at: {
		readonly shown: string;
		readonly expected: string;
		readonly seq: Seq;
		readonly given: Given;
	}
): Promise<void> {
	const said = await pagesOf(world);
	const wanted = itemsOf(at.expected);
	const shown = itemsOf(at.shown);
	const last = itemsOf(world.views.get(world.head.seq) ?? '[]');
	const missing = [...liveAt(world, at.seq)].filter((page) => !at.given.surely.has(page));
	// A page that was superseded before anybody kept it: of an item that is gone at the end.
	const hasUnread = missing.some((page) => !said.has(page));
	for (const id of new Set([...wanted.keys(), ...shown.keys()])) {
		if (shown.get(id) === wanted.get(id)) continue;
		const mayBeLess =
			missing.some((page) => said.get(page)?.items.has(id)) || (hasUnread && !last.has(id));
		const why = { seq: at.seq, wanted: wanted.get(id), shown: shown.get(id), missing };
		assert(mayBeLess, `${id} is not what was verified: ${JSON.stringify(why)}`);
		const came = [...at.given.possibly].flatMap((page) => {
			const says = said.get(page);
			return says?.items.has(id) && seqOfPage(page) <= at.seq ? says.words : [];
		});
		// Typing in the middle of a word leaves the beginning of one.
		for (const word of wordsOf(shown.get(id) ?? '')) {
			assert(
				came.some((written) => written.startsWith(word)),
				`${word} did not come`
			);
		}
	}
}

const seqOfPage = (name: PageName): Seq => Number.parseInt(name, 10);

/** Distrust is for good: nothing leaves any more, now or after a restart. */
async function assertStopped(world: World, device: Device): Promise<ChainFaultCode> {
	const { space, liar, store } = device;
	const { trust } = space.sync;
	assert(trust.state === 'not_trusted');
	liar.lie = honest;
	const before = traceOf(liar.sent, world.space);
	const mayWrite = space.role === 'owner' || space.role === 'editor';
	const written = await space.create({ title: 'written after', body: 'the fault' });
	space.syncNow();
	if (mayWrite) {
		assert(written.ok);
		assert.equal(space.sync.waiting, 1, 'what is written stays on the device');
	}
	const copied = await copyStore(store, [world.keyring, world.space]);
	const again = await restarted(world, copied);
	await again.tacet.start();
	again.space.syncNow();
	// Whatever it opens by itself it has opened before this is answered.
	await again.tacet.account();
	const after = again.space.sync.trust;
	assert(after.state === 'not_trusted');
	assert.equal(after.fault, trust.fault);
	assert.deepEqual(traceOf(again.liar.sent, world.space), []);
	await again.close();
	const since = traceOf(liar.sent, world.space).slice(before.length);
	assert.deepEqual(
		since.filter((line) => line !== 'end 1000'),
		[]
	);
	return trust.fault;
}

/** The keyring itself is not trusted: the account does not open here, and nobody is told why. */
async function assertLockedOut(world: World, device: Device): Promise<void> {
	const isFaulty = await hasKeyringFault(world, device);
	assert(isFaulty, 'an account that stays closed has a fault on record');
	if (device.tacet.state.phase === 'unlocked') return;
	const { length } = device.liar.sent;
	await device.tacet.start();
	assert.equal(device.tacet.state.phase, 'locked');
	const since = device.liar.sent.slice(length).filter(({ kind }) => kind !== 'end');
	assert.deepEqual(since, []);
}

async function hasKeyringFault(world: World, device: Device): Promise<boolean> {
	const fault = await device.store.loadRecord(`fault/${world.keyring}`);
	return fault.ok && fault.value !== null;
}

/**
 * Everything that left the client about one space, in words that can be compared. Left out are sockets
 * that were opened once more with the nonce that the edge had given: any edge that slept asks for that.
 */
export function traceOf(sent: readonly Sent[], space: SpaceId): readonly string[] {
	const again = new Set(
		sent.flatMap((message) => (message.kind === 'end' && message.forNonce ? [message.line] : []))
	);
	return sent.flatMap((message) => {
		if (message.kind !== 'http' && again.has(message.line)) return [];
		if (message.kind === 'socket') return message.url.includes(space) ? ['socket'] : [];
		if (message.kind === 'http' || message.space !== space) return [];
		if (message.kind === 'end') return [`end ${String(message.code)}`];
		if (typeof message.message === 'string') return [message.message];
		const frame = parseClientFrame(message.message);
		const bytes = String(message.message.length);
		return [frame.ok ? `${frame.value.type} ${bytes}` : `unreadable ${bytes}`];
	});
}
