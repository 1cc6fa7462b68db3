// Eight devices of three people in one space, each with a way to the edge, a clock and a disk of its
// own. What a device was told is saved must be there for everybody in the end.
import type { Space } from '../../client/api.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import type { ItemId } from '../../protocol/ids.ts';
import { err } from '../../protocol/result.ts';
import type { Chance } from '../simulation/chance.ts';
import {
	newDevice,
	password,
	spaceNamed,
	until,
	valueOf,
	type Device,
	type Edge
} from '../client/edge.ts';
import { openWeather, type Weather } from './weather.ts';

export const spaceName = 'Watch';

export interface Hand {
	readonly name: string;
	readonly handle: string;
	readonly weather: Weather;
	/** Added to what its clock says. */
	clockAheadMs: number;
	/** Whether its disk takes nothing more. */
	isFull: boolean;
	device: Device;
	space: Space;
	marks: number;
	/** What it does now. */
	at: string;
}

export interface Ship {
	readonly edge: Edge;
	readonly chance: Chance;
	/** What was saved, and where: the mark stands in the note for good. */
	readonly saved: Map<string, ItemId>;
	/** Notes that somebody put into the trash. */
	readonly trashed: Set<ItemId>;
}

/** A disk that refuses to keep anything while it is full. */
function diskOf(hand: { readonly isFull: boolean }): Store {
	const disk = createMemoryStore();
	const writes = new Set<keyof Store>(['applyLog', 'addToOutbox', 'savePending', 'saveRecord']);
	return new Proxy(disk, {
		get(target, name: keyof Store) {
			const method = Reflect.get(target, name) as () => unknown;
			const refuses = () => Promise.resolve(err('store_full' as const));
			return writes.has(name) && hand.isFull ? refuses : method.bind(target);
		}
	});
}

/** A device without memory, with the way and the clock that a hand has. */
async function board(
	ship: Ship,
	hand: Pick<Hand, 'weather' | 'clockAheadMs' | 'isFull'>
): Promise<Device> {
	return newDevice(ship.edge, {
		origin: hand.weather.url,
		store: diskOf(hand),
		nowMs: () => Date.now() + hand.clockAheadMs
	});
}

/** Signs up, and makes the space that everybody is to write in. */
export async function firstHand(ship: Ship, handle: string): Promise<Hand> {
	const hand = await bare(ship, handle, `${handle} 1`);
	valueOf(await hand.device.tacet.signUp({ handle, password }));
	const space = valueOf(await hand.device.tacet.createSpace({ name: spaceName }));
	return Object.assign(hand, { space });
}

/** Another person, let in as an editor. */
export async function joinedHand(ship: Ship, owner: Hand, handle: string): Promise<Hand> {
	const hand = await bare(ship, handle, `${handle} 1`);
	const { tacet } = hand.device;
	valueOf(await tacet.signUp({ handle, password }));
	const { invite, url } = valueOf(await owner.space.invite({ role: 'editor', expiresInDays: 7 }));
	valueOf(await tacet.acceptInvitation(url ?? ''));
	valueOf(await owner.space.admit(invite));
	await tacet.checkJoining();
	return Object.assign(hand, { space: await spaceNamed(hand.device, spaceName) });
}

/** One more device of somebody who is in. */
export async function furtherHand(ship: Ship, handle: string, name: string): Promise<Hand> {
	const hand = await bare(ship, handle, name);
	return Object.assign(hand, { space: await logIn(hand.device, handle) });
}

async function logIn(device: Device, handle: string): Promise<Space> {
	const { tacet } = device;
	for (;;) {
		// Whoever got a session, and no socket, is locked, and unlocks.
		const isIn = tacet.state.phase === 'locked';
		const entered = isIn
			? await tacet.unlock({ password })
			: await tacet.logIn({ handle, password });
		if (entered.ok) break;
		// In such a weather eight devices ask for more sockets than one network may have.
		const { code, retryAfterSeconds = 1 } = entered.error;
		if (code !== 'rate_limited') throw new Error(`login of ${handle}: ${code}`);
		await new Promise((resolve) => setTimeout(resolve, retryAfterSeconds * 1_000));
	}
	await device.tacet.confirmDevice();
	return spaceNamed(device, spaceName);
}

async function bare(ship: Ship, handle: string, name: string): Promise<Omit<Hand, 'space'>> {
	const weather = await openWeather(Number(new URL(ship.edge.url).port), ship.chance);
	const hand = { name, handle, weather, clockAheadMs: 0, isFull: false, marks: 0, at: '' };
	return Object.assign(hand, { device: await board(ship, hand) });
}

/** Its browser cleared everything, when nothing waited: the person logs in once more. */
export async function purge(ship: Ship, hand: Hand): Promise<void> {
	hand.at = 'logging out';
	for (;;) {
		await until(hand.space, () => hand.space.sync.waiting === 0);
		const out = await hand.device.tacet.logOut();
		if (out.ok) break;
		// Pages are packed, and what somebody left out is written again, whenever that is due.
		if (out.error.code !== 'unsent_changes') throw new Error(out.error.code);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	hand.at = 'closing';
	await hand.device.tacet.close();
	hand.at = 'logging in';
	hand.device = await board(ship, hand);
	hand.space = await logIn(hand.device, hand.handle);
}

const notesAtMost = 40;

/** Does one thing that people do; what is saved is remembered. */
export async function act(ship: Ship, hand: Hand): Promise<void> {
	const { chance } = ship;
	const { items } = hand.space;
	if (items.length === 0 || (items.length < notesAtMost && chance.next() < 0.1)) {
		hand.at = 'creating';
		await create(ship, hand);
		return;
	}
	const item = chance.of(items);
	if (item === undefined) return;
	if (items.length >= notesAtMost / 2 && chance.next() < 0.02) {
		ship.trashed.add(item.id);
		hand.at = 'trashing';
		await hand.space.trash(item.id);
	} else await edit(ship, hand, item.id);
}

const markOf = (hand: Hand): string => `⟨${hand.name}.${String(++hand.marks)}⟩`;

async function create(ship: Ship, hand: Hand): Promise<void> {
	const mark = markOf(hand);
	const made = await hand.space.create({ title: `By ${hand.name}`, body: mark });
	if (made.ok) ship.saved.set(mark, made.value);
}

async function edit(ship: Ship, hand: Hand, item: ItemId): Promise<void> {
	hand.at = 'opening';
	const opened = await hand.space.open(item);
	if (!opened.ok) return;
	const mark = markOf(hand);
	const { body } = opened.value;
	// Between marks, never inside one: an insertion there would split it for everybody.
	const at = ship.chance.next() < 0.5 ? 0 : body.length;
	body.insert(at, mark);
	hand.at = 'flushing';
	const flushed = await opened.value.flush();
	if (flushed.ok) ship.saved.set(mark, item);
	hand.at = 'closing a note';
	await opened.value.close();
	hand.at = 'pausing';
}

/** What a hand shows: text by note. */
export async function shown({ space }: Hand): Promise<ReadonlyMap<ItemId, string>> {
	const all = [...space.items, ...space.trashed];
	const texts = new Map<ItemId, string>();
	for (const { id } of all) {
		const text = await space.read(id);
		texts.set(id, text.ok ? `${text.value.title}\n${text.value.body}` : text.error.code);
	}
	return texts;
}

/** What a hand is at. */
export const standing = ({ name, space, device, at }: Hand): unknown => {
	const { waiting, connection, problem, verified, trust } = space.sync;
	const { state } = device.tacet;
	const { phase } = state;
	const spaces = state.phase === 'unlocked' ? state.spaces : [];
	const elsewhere = spaces.filter((other) => other !== space).map(({ sync }) => sync.waiting);
	const seq = verified?.seq;
	return { name, at, phase, waiting, elsewhere, connection, problem, seq, trust: trust.state };
};

/** What a hand is told of that no honest edge and member give reason for. */
export const troubles = ({ name, space, device }: Hand): readonly unknown[] => {
	const { trust, losses, ownerFaults, setAside } = space.sync;
	const { phase } = device.tacet.state;
	const contentFaults = losses.length + ownerFaults.length + setAside;
	if (phase === 'unlocked' && trust.state === 'verified' && contentFaults === 0) return [];
	return [{ name, phase, trust, losses, ownerFaults, setAside }];
};
