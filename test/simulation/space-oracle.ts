// What must be true of a world that has come to rest, whatever happened in it before.
import type { Items } from '../../client/items.ts';
import type { Seq } from '../../protocol/ids.ts';
import type { Mark, SimulatedDevice } from './simulated-device.ts';
import { mayRead, reads, trespasses, type Standing } from './space-log.ts';
import type { SpaceWorld } from './space-world.ts';

export async function judgeWorld(world: SpaceWorld): Promise<readonly string[]> {
	const log = world.log;
	const places = placesOfMarks(world, log);
	countWhatStands(world, log, places);
	const witness = await world.witness(world.owner);
	return [
		...trespasses(log),
		...trustFaults([...world.devices, witness]),
		...lossFaults(world, { places, witness }),
		...world.devices.flatMap((device) => readingFaults(device, { world, log, places })),
		...sightFaults(world, witness),
		...adminFaults(world, log),
		...world.problems
	];
}

/** So that whoever runs many worlds can tell whether they came to anything. */
function countWhatStands(
	world: SpaceWorld,
	log: readonly Standing[],
	places: ReadonlyMap<Mark, Seq>
): void {
	for (const { kind } of places.keys()) world.tell(`${kind} on the log`);
	for (const { settled } of world.devices) world.tell('settled', settled.size);
	for (const [position, { commit }] of log.entries()) {
		const { admin, pages, supersedes, author } = commit;
		world.tell('entries');
		if (admin?.epoch != null) world.tell('epochs opened');
		const isOwed = admin?.epoch != null && admin.members.length === 0 && pages.length > 0;
		const role = log[position - 1]?.roles.get(author);
		if (isOwed && role !== undefined) world.tell(`owed epochs opened by an ${role}`);
		const isNew = [...places].some(([, seq]) => seq === position + 1);
		if (pages.length > 0 && supersedes.length > 0 && !isNew) world.tell('pages sealed again');
	}
}

/** Where each thing that somebody did stands on the log. */
function placesOfMarks(world: SpaceWorld, log: readonly Standing[]): ReadonlyMap<Mark, Seq> {
	const places = new Map<Mark, Seq>();
	for (const { seq, commit } of log) {
		const device = world.devices.find(
			({ account, id }) => account === commit.author && id === commit.device
		);
		for (const mark of device?.marksAt(commit.count) ?? []) {
			if (places.has(mark)) world.problem(`${mark.name} stands on the log twice`);
			places.set(mark, seq);
		}
	}
	return places;
}

/** An honest edge is trusted, an honest device is nobody's copy, and nobody left anything out. */
function trustFaults(devices: readonly SimulatedDevice[]): readonly string[] {
	return devices.flatMap(({ name, sync }) => {
		if (sync === null) return [];
		const { trust, problem, losses, setAside } = sync.status;
		const faults: string[] = [];
		if (trust.state === 'not_trusted') faults.push(`${name} trusts nobody: ${trust.fault}`);
		if (problem === 'device_copied') faults.push(`${name} believes that it was copied`);
		if (losses.length > 0) faults.push(`${name} misses ${JSON.stringify(losses)}`);
		if (setAside > 0 && reads(sync.role ?? undefined)) {
			faults.push(`${name} can’t read ${String(setAside)} pages`);
		}
		return faults;
	});
}

/** What was settled, or was saved by who may write, is there; unless somebody deleted it. */
function lossFaults(
	world: SpaceWorld,
	{ places, witness }: { places: ReadonlyMap<Mark, Seq>; witness: SimulatedDevice }
): readonly string[] {
	const owed = new Set<Mark>();
	for (const device of world.devices) {
		for (const mark of device.settled) owed.add(mark);
		if (device.mayEdit) for (const mark of device.saved) owed.add(mark);
	}
	const deleted = new Set(
		[...places.keys()].flatMap(({ kind, item }) => (kind === 'delete' ? [item] : []))
	);
	const notes = new Map(notesOf(witness.items).map((note) => [note.id, note]));
	return [...owed].flatMap((mark) => {
		const { name, kind, item } = mark;
		const note = notes.get(item);
		if (!places.has(mark)) return [`${kind} ${name} never came to the log`];
		if (deleted.has(item)) return note === undefined ? [] : [`deleted ${item} is back`];
		if (note === undefined) return [`${kind} ${name}: its note is gone`];
		if (kind === 'create' && note.title !== name) return [`${name} lost its title`];
		if (kind === 'edit' && !note.body.includes(name)) return [`${name} was lost from its note`];
		return [];
	});
}

/** Nobody sees what was written when it was not theirs to read, and has not become so since. */
function readingFaults(
	device: SimulatedDevice,
	seen: {
		readonly world: SpaceWorld;
		readonly log: readonly Standing[];
		readonly places: ReadonlyMap<Mark, Seq>;
	}
): readonly string[] {
	const text = notesOf(device.items).map(({ title, body }) => title + body);
	const names = new Set(text.flatMap((each) => each.match(/«\d+»/g) ?? []));
	return seen.world.marks.flatMap((mark) => {
		if (!names.has(mark.name) || device.saved.has(mark)) return [];
		const seq = seen.places.get(mark);
		if (seq !== undefined && mayRead(seen.log, device.account, seq)) return [];
		return [`${device.name} reads ${mark.name}, which stands at ${String(seq)}`];
	});
}

/** Whoever reads, reads the same. */
function sightFaults(world: SpaceWorld, witness: SimulatedDevice): readonly string[] {
	const expected = JSON.stringify(notesOf(witness.items));
	return world.devices.flatMap((device) => {
		// Whoever lost the right to write still sees what only this device holds.
		if (!reads(device.sync?.role ?? undefined) || device.waitingRows.size > 0) return [];
		const shown = JSON.stringify(notesOf(device.items));
		return shown === expected ? [] : [`${device.name} shows ${shown} instead of ${expected}`];
	});
}

/** What was answered with success was done. */
function adminFaults(world: SpaceWorld, log: readonly Standing[]): readonly string[] {
	return world.done.flatMap(({ account, intent }) => {
		const by = log.flatMap(({ commit }) =>
			commit.author === account && commit.admin !== null ? [commit.admin] : []
		);
		const isThere =
			(intent.type === 'add' &&
				by.some(({ members }) =>
					members.some((member) => member.account === intent.account && member.role === intent.role)
				)) ||
			(intent.type === 'rotate' && by.some(({ epoch }) => epoch !== null)) ||
			(intent.type === 'settings' && by.some(({ settings }) => settings !== null)) ||
			(intent.type === 'leave' &&
				by.some(({ members }) =>
					members.some((member) => member.account === account && member.role === null)
				)) ||
			intent.type === 'change_role' ||
			intent.type === 'remove';
		return isThere ? [] : [`${intent.type} was answered, and stands nowhere`];
	});
}

interface Note {
	readonly id: string;
	readonly title: string;
	readonly body: string;
	readonly trashedAtMs: number | null;
	readonly updatedAtMs: number;
}

function notesOf(items: Items | null): readonly Note[] {
	if (items === null) return [];
	return [...items.list, ...items.trashed]
		.flatMap(({ id }): readonly Note[] => {
			const text = items.read(id);
			if (text === null) return [];
			const { title, body, trashedAtMs, updatedAtMs } = text;
			return [{ id, title, body, trashedAtMs, updatedAtMs }];
		})
		.sort((a, b) => (a.id < b.id ? -1 : 1));
}
