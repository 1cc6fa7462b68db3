// What must be true of a world that has come to rest, whatever happened in it before.
import type { SpaceSync } from '../../client/sync.ts';
import type { SpaceSettings } from '../../protocol/commit.ts';
import type { Seq } from '../../protocol/ids.ts';
import { historyRetentionDays } from '../../protocol/limits.ts';
import { linkFaults } from './link-oracle.ts';
import type { SimulatedDevice } from './simulated-device.ts';
import type { Mark } from './simulated-profile.ts';
import { keyFaults, reads, trespasses } from './space-log.ts';
import { notesOf, notToBeRead, textOf, type Judged, type Note } from './space-notes.ts';
import type { Place } from './space-place.ts';
import { seatsAt } from './space-seats.ts';
import type { SpaceWorld } from './space-world.ts';

export async function judgeWorld(world: SpaceWorld): Promise<readonly string[]> {
	const faults: string[] = [];
	const judged: Judged[] = [];
	for (const place of world.places) {
		const places = placesOfMarks(world, place);
		countWhatStands(world, place, places);
		const witness = await world.witness(place);
		const items = witness.tab?.spaces.get(place.space)?.items;
		judged.push({ world, place, places, shown: items === undefined ? [] : notesOf(items) });
		faults.push(...trustFaults([witness], place));
	}
	for (const each of judged) {
		faults.push(...spaceFaults(each), ...lossFaults(each, judged), ...(await linkFaults(each)));
	}
	return [...faults, ...world.problems];
}

const spaceFaults = (judged: Judged): readonly string[] => [
	...trespasses(judged.place.log),
	...keyFaults(judged.place.log),
	...trustFaults(judged.world.devices, judged.place),
	...readingFaults(judged),
	...sightFaults(judged),
	...adminFaults(judged.place),
	...purgeFaults(judged.place)
];

/** So that whoever runs many worlds can tell whether they came to anything. */
function countWhatStands(world: SpaceWorld, { log }: Place, places: ReadonlyMap<Mark, Seq>): void {
	for (const { kind } of places.keys()) world.tell(`${kind} on the log`);
	for (const { settled } of world.devices) world.tell('settled', settled.size);
	const newPlaces = new Set(places.values());
	for (const [position, { commit, seq }] of log.entries()) {
		const { admin, pages, supersedes, author } = commit;
		world.tell('entries');
		if (admin?.epoch != null) world.tell('epochs opened');
		const isOwed = admin?.epoch != null && admin.members.length === 0 && pages.length > 0;
		const role = log[position - 1]?.roles.get(author);
		if (isOwed && role !== undefined) world.tell(`owed epochs opened by an ${role}`);
		if (pages.length > 0 && supersedes.length > 0 && !newPlaces.has(seq)) {
			world.tell('pages sealed again');
		}
	}
}

function placesOfMarks(world: SpaceWorld, { log, space }: Place): ReadonlyMap<Mark, Seq> {
	const places = new Map<Mark, Seq>();
	for (const { seq, commit } of log) {
		const device = world.devices.find(
			({ account, id }) => account === commit.author && id === commit.device
		);
		for (const mark of device?.marksAt(space, commit.count) ?? []) {
			if (places.has(mark)) world.problem(`${mark.name} stands on the log twice`);
			places.set(mark, seq);
		}
	}
	return places;
}

/** An honest edge is trusted, an honest device is nobody's copy, and nobody left anything out. */
function trustFaults(devices: readonly SimulatedDevice[], { space }: Place): readonly string[] {
	return devices.flatMap(({ tabs }) =>
		tabs.flatMap((tab) => {
			const sync = tab.spaces.get(space)?.sync;
			return sync === undefined ? [] : trustFaultsOf(tab.name, sync);
		})
	);
}

function trustFaultsOf(name: string, sync: SpaceSync): readonly string[] {
	const { trust, problem, losses, setAside, ownerFaults } = sync.status;
	const faults: string[] = [];
	if (trust.state === 'not_trusted') faults.push(`${name} trusts nobody: ${trust.fault}`);
	if (problem === 'device_copied') faults.push(`${name} believes that it was copied`);
	if (losses.length > 0) faults.push(`${name} misses ${JSON.stringify(losses)}`);
	for (const { fault } of ownerFaults) {
		// Who is let out before they hear that their new identity stands is not told any more that it does.
		const isOut = sync.role === null && fault === 'identity_replaced';
		if (!isOut) faults.push(`${name} blames an owner: ${fault}`);
	}
	if (setAside > 0 && reads(sync.role ?? undefined)) {
		faults.push(`${name} can’t read ${String(setAside)} pages`);
	}
	return faults;
}

/** The last place up to which everything was taken away for good. */
const lastPurge = ({ log }: Place): Seq =>
	log.findLast(({ commit }) => commit.purge.length > 0)?.seq ?? 0;

/** What was settled, or was saved by who may write, is there; unless somebody deleted it. */
function lossFaults(judged: Judged, all: readonly Judged[]): readonly string[] {
	const { world, place, places, shown } = judged;
	const owed = new Set<Mark>();
	for (const device of world.devices) {
		for (const mark of device.settled) owed.add(mark);
		const mayEdit = device.tab?.mayEdit(place.space) === true;
		if (mayEdit) for (const mark of device.saved) owed.add(mark);
	}
	const ended = [...places.keys()].filter(({ kind }) => kind === 'delete' || kind === 'move');
	const endedItems = new Set(ended.map(({ item }) => item));
	const purgedUpTo = lastPurge(place);
	const isPurged = (mark: Mark): boolean => (places.get(mark) ?? Infinity) <= purgedUpTo;
	const purgedItems = new Set([...places.keys()].filter(isPurged).map(({ item }) => item));
	const notes = new Map<string, Note>(shown.map((note) => [note.id, note]));
	const faults = [...owed].flatMap((mark) => {
		if (mark.space !== place.space) return [];
		const { name, kind, item } = mark;
		if (!places.has(mark)) return [`${kind} ${name} never came to the log`];
		const note = notes.get(item);
		if (endedItems.has(item)) return note === undefined ? [] : [`deleted ${item} is back`];
		if (purgedItems.has(item)) return [];
		return note === undefined ? [`${kind} ${name}: its note is gone`] : textFaults(mark, note);
	});
	return [...faults, ...moveFaults(judged, all)];
}

function textFaults({ kind, name, carries }: Mark, { title, body }: Note): readonly string[] {
	const lost = carries.filter((carried) => !(title + body).includes(carried));
	if (kind === 'copy' && lost.length > 0) return [`a copy lost ${lost.join()}`];
	if (kind === 'create' && title !== name) return [`${name} lost its title`];
	if (kind === 'edit' && !body.includes(name)) return [`${name} was lost from its note`];
	return [];
}

/** What was moved away from here came to the other space before. */
function moveFaults({ places }: Judged, all: readonly Judged[]): readonly string[] {
	const copies = all.flatMap((judged) =>
		[...judged.places.keys()].filter(({ kind }) => kind === 'copy')
	);
	return [...places.keys()].flatMap((mark) => {
		if (mark.kind !== 'move') return [];
		const isThere = copies.some((copy) =>
			mark.carries.every((carried) => copy.carries.includes(carried))
		);
		return isThere ? [] : [`${mark.carries.join()} was moved and is nowhere`];
	});
}

/** Nobody sees what was written when it was not theirs to read, and has not become so since. */
function readingFaults(judged: Judged): readonly string[] {
	const { world, place } = judged;
	return world.devices.flatMap(({ tabs, account, saved }) =>
		tabs.flatMap((tab) => {
			const items = tab.spaces.get(place.space)?.items;
			const text = items === undefined ? '' : textOf(notesOf(items));
			return notToBeRead(text, { account, saved }, judged).map(
				(name) => `${tab.name} reads ${name}`
			);
		})
	);
}

/** Whoever reads, reads the same, in every tab. */
function sightFaults({ world, place, shown }: Judged): readonly string[] {
	const expected = JSON.stringify(shown);
	return seatsAt(world, place).flatMap(({ tab, sync, items, account }) => {
		// Whoever lost the right to write still sees what only this device holds.
		const waits = world.devices.some(
			(device) => device.account === account && device.waitsIn(place.space)
		);
		if (!reads(sync.role ?? undefined) || waits) return [];
		const own = JSON.stringify(notesOf(items));
		return own === expected ? [] : [`${tab.name} shows ${own} instead of ${expected}`];
	});
}

/** What was answered with success was done. */
function adminFaults({ log, done }: Place): readonly string[] {
	return done.flatMap(({ account, intent }) => {
		const by = log.flatMap(({ commit }) =>
			commit.author === account && commit.admin !== null ? [commit] : []
		);
		const changes = by.flatMap(({ admin }) => admin?.members ?? []);
		const isThere = (): boolean => {
			switch (intent.type) {
				case 'add':
					return changes.some(
						(member) => member.account === intent.account && member.role === intent.role
					);
				case 'replace_identity':
					return changes.some(
						(member) => member.account === intent.account && member.identityEntry !== null
					);
				case 'renew_identity':
					return changes.some(({ identityEntry }) => identityEntry !== null);
				case 'rotate':
					return by.some(({ admin }) => admin?.epoch != null);
				case 'settings':
					// What stood already was not said again.
					return (
						log.some(({ commit }) => commit.admin?.settings != null) || isDefault(intent.settings)
					);
				case 'leave':
					// Whoever was removed before that is out all the same.
					return log.some(({ commit }) =>
						commit.admin?.members.some(
							(member) => member.account === account && member.role === null
						)
					);
				case 'destroy':
					return log.some(({ commit, roles }) => commit.author === account && roles.size === 1);
				case 'change_role':
				case 'remove':
				case 'remove_links':
					return true;
			}
		};
		return isThere() ? [] : [`${intent.type} was answered, and stands nowhere`];
	});
}

/** What holds where nobody has said otherwise stands nowhere. */
const isDefault = ({ retentionDays, linksAllowed }: Partial<SpaceSettings>): boolean =>
	(retentionDays ?? historyRetentionDays) === historyRetentionDays && linksAllowed !== false;

/** What an owner took away for good, the edge does not have. */
function purgeFaults({ log, host }: Place): readonly string[] {
	const purged = log.flatMap(({ commit }) => commit.purge);
	if (purged.length === 0) return [];
	const places = host.rows('SELECT place FROM pages').map(({ place }) => Number(place));
	const single = host.rows('SELECT seq FROM commits WHERE page IS NOT NULL');
	const kept = new Set([...places, ...single.map(({ seq }) => Number(seq) * placesPerSeq)]);
	return purged.flatMap(({ seq, index }) =>
		kept.has(seq * placesPerSeq + index) ? [`purged page ${String(seq)} is still there`] : []
	);
}

/** docs/storage-schema.md: a page's place is a number. */
const placesPerSeq = 4_096;
