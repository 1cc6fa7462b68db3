// What may happen in a world (space-world.ts): people write and administer, in one tab or another;
// networks, tabs and objects fail; time passes.
import type { AdminIntent } from '../../client/admin-draft.ts';
import { roles } from '../../protocol/commit.ts';
import type { ItemId } from '../../protocol/ids.ts';
import type { Change } from '../../protocol/page.ts';
import { linkActs } from './link-acts.ts';
import type { SimulatedTab } from './simulated-tab.ts';
import { ownersAt, placeOf, seatsAt, type Act, type Seat } from './space-seats.ts';
import type { SpaceWorld } from './space-world.ts';

const dayMs = 86_400_000;
const betweenActionsMs = 1_500;

const acts: readonly Act[] = [
	[34, write],
	[12, putAway],
	[16, administer],
	[3, move],
	[2, destroy],
	[2, replaceIdentity],
	[7, meetNetwork],
	[5, crashTab],
	[6, startAgain],
	[5, openTab],
	[2, closeTab],
	[6, troubleEdge],
	[3, shareHead],
	[2, endSession],
	[2, sleep],
	[4, lookAgain],
	...linkActs
];
const sum = acts.reduce((total, [weight]) => total + weight, 0);

/** Anything may happen, `actions` times. */
export async function live(world: SpaceWorld, actions: number): Promise<void> {
	world.isCalm = false;
	for (let action = 0; action < actions; action++) {
		await world.time.run(world.time.nowMs + world.time.upTo(betweenActionsMs));
		world.noteRenewals();
		let left = world.time.chance.below(sum);
		for (const [weight, act] of acts) {
			left -= weight;
			if (left >= 0) continue;
			act(world);
			break;
		}
	}
}

function writerAt(world: SpaceWorld): Seat | undefined {
	const place = placeOf(world);
	if (place === undefined) return undefined;
	const able = seatsAt(world, place).filter(
		({ tab }) => tab.mayEdit(place.space) && !tab.isWriting
	);
	return world.time.chance.of(able);
}

function write(world: SpaceWorld): void {
	const seat = writerAt(world);
	if (seat === undefined) return;
	const item = world.time.chance.of(seat.items.list.map(({ id }) => id));
	if (item === undefined || world.time.happens(0.35)) create(world, seat);
	else edit(world, seat, item);
}

function create(world: SpaceWorld, { tab, place }: Seat): void {
	const { time } = world;
	const item = world.newId<ItemId>();
	const mark = world.newMark({ space: place.space, item, kind: 'create', carries: [] });
	// Some notes are long, so that pages differ in size.
	const body = time.happens(0.1) ? 'x'.repeat(time.upTo(40_000)) : '';
	const seed = { createdAtMs: time.nowMs, title: mark.name, body, path: null };
	void tab.write(mark, [{ type: 'seed', item, seed }]);
}

function edit(world: SpaceWorld, { tab, place, items }: Seat, item: ItemId): void {
	const mark = world.newMark({ space: place.space, item, kind: 'edit', carries: [] });
	const open = items.open(item, {
		save: async (changes) => {
			await tab.write(mark, changes);
			return { ok: true, value: undefined };
		}
	});
	open?.body.insert(0, mark.name);
	void open?.close();
}

function putAway(world: SpaceWorld): void {
	const seat = writerAt(world);
	if (seat === undefined) return;
	const { items, place, tab } = seat;
	const { list, trashed } = items;
	const kind = world.time.chance.of(['trash', 'restore', 'delete'] as const) ?? 'trash';
	const from = kind === 'trash' || (kind === 'delete' && trashed.length === 0) ? list : trashed;
	const item = world.time.chance.of(from.map(({ id }) => id));
	if (item === undefined) return;
	const change: Change | null =
		kind === 'delete'
			? { type: 'tombstone', item }
			: items.trashChange(item, kind === 'trash' ? world.time.nowMs : null);
	const mark = world.newMark({ space: place.space, item, kind, carries: [] });
	if (change !== null) void tab.write(mark, [change]);
}

/** To the other space, where the account has both. */
function move(world: SpaceWorld): void {
	const seat = writerAt(world);
	const to = world.places.find((place) => place !== seat?.place);
	if (seat === undefined || to === undefined || !seat.tab.mayEdit(to.space)) return;
	const item = world.time.chance.of(seat.items.list.map(({ id }) => id));
	if (item === undefined) return;
	void seat.tab.call('moveItem', { from: seat.place.space, item, to: to.space }).then((answer) => {
		world.tell(`move: ${answer.ok ? 'done' : answer.error.code}`);
	});
}

function ask(world: SpaceWorld, { tab, place, account }: Seat, intent: AdminIntent): void {
	void tab.call('administer', { space: place.space, intent }).then((answer) => {
		world.tell(`${intent.type}: ${answer.ok ? 'done' : answer.error.code}`);
		if (answer.ok) place.done.push({ account, intent });
	});
	if (intent.type === 'add') world.invite(intent.account, place);
}

const ownerAt = (world: SpaceWorld): Seat | undefined => world.time.chance.of(ownersAt(world));

function administer(world: SpaceWorld): void {
	if (!world.time.happens(0.08)) {
		const seat = ownerAt(world);
		const intent = seat === undefined ? null : intentOf(world, seat);
		if (seat !== undefined && intent !== null) ask(world, seat, intent);
		return;
	}
	const place = placeOf(world);
	if (place === undefined) return;
	const member = world.time.chance.of(
		seatsAt(world, place).filter(({ sync }) => sync.role !== null)
	);
	if (member !== undefined) ask(world, member, { type: 'leave' });
}

function intentOf(world: SpaceWorld, { sync, account: me }: Seat): AdminIntent | null {
	const { chance } = world.time;
	const { members } = sync;
	const account = chance.of([...members.keys()]) ?? me;
	const role = chance.of(roles) ?? 'viewer';
	const newcomer = chance.of(world.people.filter((person) => !members.has(person.account)));
	if (newcomer !== undefined && chance.next() < 0.6) {
		const identity = world.identityOf(newcomer);
		return { type: 'add', account: newcomer.account, role, kind: 'person', ...identity };
	}
	const which = chance.below(10);
	if (which < 5) return { type: 'change_role', account, role };
	if (which < 7) return { type: 'remove', account };
	if (which < 9) return { type: 'rotate' };
	const retentionDays = 1 + chance.below(60);
	const settings = {
		retentionDays,
		defaultExpiryDays: null,
		linksAllowed: chance.below(4) > 0
	};
	return { type: 'settings', settings };
}

function destroy(world: SpaceWorld): void {
	const seat = world.mayDestroy ? ownerAt(world) : undefined;
	if (seat !== undefined) ask(world, seat, { type: 'destroy' });
}

/** Somebody else goes by a new identity, which each space pins by itself. */
function replaceIdentity(world: SpaceWorld): void {
	const seat = world.places.length === 1 ? ownerAt(world) : undefined;
	if (seat === undefined) return;
	const others = world.people.filter(
		({ account }) =>
			account !== seat.account && !world.isRenewed(account) && seat.sync.members.has(account)
	);
	const person = world.time.chance.of(others);
	if (person === undefined) return;
	const { account, renewed } = person;
	const { identityEntry } = renewed;
	ask(world, seat, { type: 'replace_identity', account, identityEntry });
}

function meetNetwork(world: SpaceWorld): void {
	const { time, devices, readers } = world;
	const one = time.chance.of([...devices, ...readers]);
	if (one === undefined) return;
	if (!one.isOnline) one.goOnline();
	else if (time.happens(0.5)) {
		world.tell('spells offline');
		one.goOffline();
	} else {
		world.tell('connections cut');
		one.cut();
	}
}

const tabsOf = ({ devices }: SpaceWorld): readonly SimulatedTab[] =>
	devices.flatMap(({ tabs }) => tabs);

function crashTab(world: SpaceWorld): void {
	const tab = world.time.chance.of(tabsOf(world));
	if (tab === undefined) return;
	if (tab.isLeading) world.tell('tabs that sync to crash');
	tab.crashWithin(1 + world.time.chance.below(12));
}

function startAgain(world: SpaceWorld): void {
	for (const device of world.devices) {
		if (!device.isRunning && world.isInvited(device)) world.openTab(device);
	}
}

/** One beside those that are there. */
function openTab(world: SpaceWorld): void {
	const { chance } = world.time;
	const device = chance.of(
		world.devices.filter(({ tabs }) => tabs.length === 1 || tabs.length === 2)
	);
	if (device === undefined) return;
	world.tell('tabs opened beside others');
	world.openTab(device);
}

function closeTab(world: SpaceWorld): void {
	const tab = world.time.chance.of(tabsOf(world));
	if (tab === undefined) return;
	world.tell('tabs closed');
	void tab.close();
}

function troubleEdge(world: SpaceWorld): void {
	const host = placeOf(world)?.host;
	if (host === undefined) return;
	if (world.time.happens(0.6)) {
		world.tell(host.isIdle ? 'spaces crashed at rest' : 'spaces crashed at work');
		host.crash();
	} else if (host.isIdle) {
		world.tell('spaces put to sleep');
		host.sleep();
	}
}

/** One device tells another of the same account how far it has verified, as the keyring does. */
function shareHead(world: SpaceWorld): void {
	const place = placeOf(world);
	if (place === undefined) return;
	const { chance } = world.time;
	const leading = seatsAt(world, place).filter(({ tab }) => tab.isLeading);
	const from = chance.of(leading);
	const to = chance.of(leading.filter((seat) => seat !== from && seat.account === from?.account));
	if (from === undefined || from.sync.head.seq === 0 || to === undefined) return;
	world.tell('heads told to another device');
	to.sync.expect(from.sync.head);
}

function endSession(world: SpaceWorld): void {
	const device = world.time.chance.of(world.devices.filter(({ isRunning }) => isRunning));
	if (device === undefined) return;
	world.tell('sessions ended');
	device.logOut();
	world.time.after(world.time.upTo(20_000), () => {
		device.logInAgain();
	});
}

function sleep(world: SpaceWorld): void {
	const spells = [0.02, 0.5, 2, 20, 100] as const;
	const days = world.time.chance.of(spells) ?? 1;
	world.tell(days > 90 ? 'months slept' : 'spells slept');
	world.time.sleep(Math.ceil(days * dayMs));
	if (world.time.happens(0.5)) shareHead(world);
}

function lookAgain(world: SpaceWorld): void {
	const device = world.time.chance.of(world.devices);
	device?.retryNow();
	for (const { sync } of world.time.chance.of(world.devices)?.tab?.spaces.values() ?? []) {
		sync.beatNow();
	}
}
