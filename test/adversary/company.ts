// People who share a space, before the edge begins to lie: an owner, an editor, a viewer and an
// auditor, each on a device of their own behind a liar of its own, so that the edge may show
// different things to different people; and a share link.
import assert from 'node:assert/strict';
import type { Space } from '../../client/index.ts';
import type { HandedKeys } from '../../client/crypto-port.ts';
import type { Store } from '../../client/store.ts';
import type { Role } from '../../protocol/commit.ts';
import { parseHeartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import type { Seq, SpaceId } from '../../protocol/ids.ts';
import type { ShareLink } from '../../client/api-sharing.ts';
import {
	copyStore,
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
import { startEdge, type Edge } from './edge.ts';
import { beatsSent } from './liar.ts';
import { writesNothing } from './lies.ts';
import { chanceOf, type Chance } from './random.ts';
import { addViews, changeSomething, password, readLogs, type World } from './world.ts';

export const staff = ['owner', 'editor', 'viewer', 'auditor'] as const satisfies readonly Role[];

export interface Person {
	readonly handle: string;
	readonly role: Role;
	readonly device: Device;
	readonly keys: HandedKeys;
	readonly keyring: SpaceId;
	/** What this device holds after each entry, and with nothing but its profile at 0. */
	readonly stores: Map<Seq, Store>;
	readonly views: Map<Seq, string>;
}

export interface Company {
	readonly edge: Edge;
	readonly space: SpaceId;
	readonly people: Readonly<Record<Role, Person>>;
	/** Still good; others came and went. */
	readonly link: ShareLink & { readonly url: string };
	/** The space as that member reads it. */
	worldOf(role: Role): Promise<World>;
	end(): Promise<void>;
}

export interface CompanyOptions {
	readonly seed?: number;
	readonly steps?: number;
	/** What handles begin with. */
	readonly name?: string;
	readonly edge?: Edge;
	readonly spaceName?: string;
}

export const spaceOf = ({ device }: Person, space: SpaceId): Space => device.spaceAt(space);

/** Somebody with an account and an unlocked device. */
export async function newPerson(edge: Edge, handle: string, role: Role = 'owner'): Promise<Person> {
	const device = await startDevice(edge.url, { repairWaitMs: neverRepairs });
	await device.tacet.start();
	// Who lacks an account key is a question of its own (login.test.ts).
	const made = await device.tacet.signUp({ handle, password, withAccountKey: false });
	assert(made.ok, JSON.stringify(made));
	const keys = await device.keys();
	const keyring = await device.keyring();
	const stores = new Map([[0, await storeWithProfile(device.store)]]);
	return { handle, role, device, keys, keyring, stores, views: new Map([[0, '[]']]) };
}

/** From a link to a member, in order. */
export async function letIn(space: Space, person: Person, role: Role): Promise<Space> {
	const invited = await space.invite({ role, expiresInDays: 7 });
	assert(invited.ok && invited.value.url !== null, JSON.stringify(invited));
	const accepted = await person.device.tacet.acceptInvitation(invited.value.url);
	assert(accepted.ok, JSON.stringify(accepted));
	const admitted = await space.admit(invited.value.invite);
	assert(admitted.ok, JSON.stringify(admitted));
	return joined(person, space.id);
}

/** Let in meanwhile: looks for it, and reads all of it. */
export async function joined({ device }: Person, id: SpaceId): Promise<Space> {
	const { tacet } = device;
	await tacet.checkJoining();
	const isOpen = (): boolean =>
		tacet.state.phase === 'unlocked' && tacet.state.spaces.some((space) => space.id === id);
	await when(tacet, isOpen);
	const space = device.spaceAt(id);
	await when(space, () => isOnline(space));
	return space;
}

export async function newLink(space: Space, label: string): Promise<Company['link']> {
	const made = await space.createLink({
		label,
		expiresAtMs: null,
		openings: null,
		passphrase: null
	});
	assert(made.ok, JSON.stringify(made));
	const { url } = made.value;
	assert(url !== null);
	return { ...made.value, url };
}

export async function makeCompany(options: CompanyOptions = {}): Promise<Company> {
	const chance = chanceOf(options.seed ?? 1);
	const { name = 'firm', spaceName = 'Shared work' } = options;
	const edge = options.edge ?? (await startEdge());
	const people = {
		owner: await newPerson(edge, `${name}-owner`, 'owner'),
		editor: await newPerson(edge, `${name}-editor`, 'editor'),
		viewer: await newPerson(edge, `${name}-viewer`, 'viewer'),
		auditor: await newPerson(edge, `${name}-auditor`, 'auditor')
	};
	const made = await people.owner.device.tacet.createSpace({ name: spaceName });
	assert(made.ok, JSON.stringify(made));
	const space = made.value;
	await changeSomething(space, chance, 0);
	await when(space, () => isOnline(space));
	for (const role of staff.slice(1)) await letIn(space, people[role], role);
	let link = await newLink(space, 'For guests');
	const note = (): Promise<void> => noteAll(people, space.id);
	await note();
	for (let step = 1; step <= (options.steps ?? 8); step++) {
		link = await workSomehow({ people, chance, step, link, space: space.id });
		await note();
	}
	const beats = [
		...beatsSent(Object.values(people).map(({ device }) => device.liar)),
		...(await beatAll(edge, people, space.id))
	];
	return {
		...{ edge, people, link },
		space: space.id,
		worldOf: (role) => worldFor({ edge, person: people[role], space: space.id, beats }),
		async end() {
			for (const { device } of Object.values(people)) await device.close();
			if (options.edge === undefined) await edge.remove();
		}
	};
}

type People = Company['people'];

/** One change, of the content or of who may read it. */
async function workSomehow(at: {
	people: People;
	chance: Chance;
	step: number;
	link: Company['link'];
	space: SpaceId;
}): Promise<Company['link']> {
	const { people, chance, step, link } = at;
	const space = spaceOf(people.owner, at.space);
	const kind = step === 1 ? 0 : step === 2 ? 1 : chance.below(6);
	if (kind === 0) {
		const rotated = await space.rotate();
		assert(rotated.ok, JSON.stringify(rotated));
	} else if (kind === 1) {
		const revoked = await space.revokeLink(link.link);
		assert(revoked.ok, JSON.stringify(revoked));
		return newLink(space, `For guests of day ${String(step)}`);
	} else if (kind === 2) assert((await space.rename(`Shared work ${String(step)}`)).ok);
	else {
		const author = chance.pick([people.owner, people.editor]);
		await changeSomething(spaceOf(author, at.space), chance, step);
	}
	return link;
}

/** Waits until all are at the same place, and keeps what each has and shows there. */
async function noteAll(people: People, id: SpaceId): Promise<void> {
	const spaces = Object.values(people).map((person) => spaceOf(person, id));
	const isAtRest = (): boolean => {
		const seq = Math.max(...spaces.map(seqOf));
		return spaces.every((space) => isOnline(space) && seqOf(space) === seq);
	};
	await Promise.race(spaces.map((space) => when(space, isAtRest)));
	for (const { device, stores, views, keyring } of Object.values(people)) {
		const space = device.spaceAt(id);
		stores.set(seqOf(space), await copyStore(device.store, [keyring, id]));
		views.set(seqOf(space), await viewOf(space));
	}
}

const spaceOfBeat = (beat: SignedHeartbeat): SpaceId | null => {
	const parsed = parseHeartbeat(beat.body);
	return parsed.ok ? parsed.value.space : null;
};

/** Everybody's word on the newest entry, as if a day had passed. */
async function beatAll(edge: Edge, people: People, at: SpaceId): Promise<World['beats']> {
	const beats = [];
	for (const { keys, stores } of Object.values(people)) {
		const store = [...stores.values()].at(-1);
		assert(store);
		const device = await startDevice(edge.url, { keys, at, repairWaitMs: neverRepairs, store });
		device.liar.lie = writesNothing;
		await device.tacet.start();
		await settled(device.space);
		const { liar } = device;
		await when(liar, () => beatsSent([liar]).some((beat) => spaceOfBeat(beat) === at));
		beats.push(...beatsSent([liar]));
		await device.close();
	}
	return beats;
}

async function worldFor(at: {
	edge: Edge;
	person: Person;
	space: SpaceId;
	beats: World['beats'];
}): Promise<World> {
	const { edge, person, space, beats } = at;
	const { handle, role, keys, keyring, stores, views, device } = person;
	const logs = await readLogs(edge, stores, keys, space);
	const log = logs.get(space);
	assert(log);
	const world: World = {
		...{ edge, password, handle, role, keyring, space, keys, stores, views },
		at: space,
		entries: log.entries,
		keyringEntries: logs.get(keyring)?.entries ?? [],
		head: log.head,
		beats,
		writer: device,
		reader: device,
		end: () => Promise.resolve()
	};
	await addViews(world, views);
	return world;
}
