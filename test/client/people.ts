// People with accounts at a real edge, and spaces that they share, without the rest of the engine:
// what one of them verifies, writes and changes goes through a SpaceSync of their own.
import { signUp } from '../../client/account.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CryptoPort, NewSpace, UnlockedAccount } from '../../client/crypto-port.ts';
import { Http } from '../../client/http.ts';
import { Items, makeSeed } from '../../client/items.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Proofs } from '../../client/proofs.ts';
import type { Store } from '../../client/store.ts';
import { SpaceSync, type SyncOptions } from '../../client/sync.ts';
import type { AdminIntent } from '../../client/admin-draft.ts';
import { randomBytes } from '../../crypto/random.ts';
import { idFromBytes, type DeviceId, type ItemId } from '../../protocol/ids.ts';
import { ok } from '../../protocol/result.ts';
import { loadOpaque, newHandle, password, type Edge } from './edge.ts';

export interface Person {
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	readonly crypto: CryptoPort;
	readonly token: string;
	readonly proofs: Proofs;
	readonly edge: Edge;
}

export async function newPerson(edge: Edge): Promise<Person> {
	const { port } = startCryptoInProcess(loadOpaque);
	const http = new Http({ origin: edge.url });
	const parts = {
		...{ http, store: createMemoryStore(), crypto: port, origin: edge.url },
		nowMs: () => Date.now()
	};
	const made = await signUp(parts, { handle: newHandle(), password });
	if (!made.ok || made.value.session === null) throw new Error('no account was made');
	const { me, session, proofs } = made.value;
	const { device, accessToken: token } = session;
	return { me, device, crypto: port, token, proofs, edge };
}

/** What one device of a person has of a space. */
export interface Desk {
	readonly person: Person;
	readonly space: NewSpace;
	readonly sync: SpaceSync;
	readonly items: Items;
	readonly store: Store;
	/** Waits until something is so. */
	until(test: () => boolean): Promise<void>;
	write(title: string, body?: string): Promise<ItemId>;
	readonly titles: readonly string[];
}

type Changes = Partial<SyncOptions>;

export function newDesk(person: Person, space: NewSpace, changes: Changes = {}): Desk {
	const listeners = new Set<() => void>();
	const look = (): void => {
		for (const listener of [...listeners]) listener();
	};
	const items = new Items({ onChange: look });
	const store = changes.store ?? createMemoryStore();
	const sync = new SpaceSync({
		origin: person.edge.url,
		WebSocket,
		token: () => Promise.resolve(ok(person.token)),
		proofs: person.proofs,
		space: space.space,
		genesisHash: space.genesisHash,
		me: person.me,
		device: person.device,
		crypto: person.crypto,
		content: items,
		nowMs: () => Date.now(),
		repairWaitMs: () => 0,
		onStored: () => undefined,
		...changes,
		store,
		onChange: () => {
			changes.onChange?.();
			look();
		}
	});
	const until = (test: () => boolean): Promise<void> =>
		new Promise((resolve) => {
			const listener = (): void => {
				if (!test()) return;
				listeners.delete(listener);
				resolve();
			};
			listeners.add(listener);
			listener();
		});
	const write = async (title: string, body = ''): Promise<ItemId> => {
		const seed = makeSeed({ title, body, createdAtMs: Date.now() });
		if (!seed.ok) throw new Error('no seed');
		const item = idFromBytes<ItemId>(randomBytes(16));
		const written = await sync.write([{ type: 'seed', item, seed: seed.value }]);
		if (!written.ok) throw new Error(`not written: ${written.error}`);
		return item;
	};
	return {
		...{ person, space, sync, items, store, until, write },
		get titles() {
			return items.list.map(({ title }) => title).sort();
		}
	};
}

/** A space of one's own, with its genesis at its place. */
export async function foundedBy(person: Person, changes: Changes = {}): Promise<Desk> {
	const space = await person.crypto.newSpace();
	const desk = newDesk(person, space, changes);
	const { device } = person;
	const genesis = { space, kind: 'items', device, timeMs: Date.now() } as const;
	await desk.sync.createGenesis(await person.crypto.formGenesis(genesis));
	await desk.sync.lead();
	await desk.until(() => desk.sync.head.seq === 1 && desk.sync.caughtUp);
	return desk;
}

export const adding = (
	{ me }: Person,
	role: 'owner' | 'editor' | 'viewer' | 'auditor'
): AdminIntent => ({
	type: 'add',
	account: me.account,
	role,
	kind: 'person',
	identityEntry: me.identity
});

/** A member of somebody's space, who has pulled all of it. */
export async function joined(
	owner: Desk,
	person: Person,
	role: 'owner' | 'editor' | 'viewer' | 'auditor',
	changes: Changes = {}
): Promise<Desk> {
	const added = await owner.sync.administer(adding(person, role));
	if (!added.ok) throw new Error(`not added: ${added.error.code}`);
	const desk = newDesk(person, owner.space, changes);
	await desk.sync.load();
	await desk.sync.lead();
	await desk.until(() => desk.sync.caughtUp);
	return desk;
}

export const synced = (desk: Desk): Promise<void> =>
	desk.until(() => desk.sync.caughtUp && desk.sync.status.waiting === 0);

/** This far: everything that stands on the log of `other`. */
export const caughtUpWith = (desk: Desk, other: Desk): Promise<void> =>
	desk.until(() => desk.sync.head.seq >= other.sync.head.seq);

export const close = (...desks: readonly Desk[]) =>
	Promise.all(desks.map(({ sync }) => sync.close()));

/** What administering answers. */
export const done = { ok: true, value: null };
export const failed = (code: string) => ({ ok: false, error: { code } });
