// Attacks that each stand against one defence: they end well, or throw. Run against the client as it
// is, and against copies of it that lack the defence (mutants.test.ts).
import assert from 'node:assert/strict';
import { randomBytes } from '../../crypto/random.ts';
import { copyStore, isDistrusted, settled, startDevice, storeWithProfile } from './device.ts';
import { adding, Insider, newSigner, ownerOf } from './insider.ts';
import { headsOf, tell, type LieName } from './lies.ts';
import { materialOf } from './property.ts';
import { chanceOf } from './random.ts';
import { readUnder, type Outcome } from './reading.ts';
import type { World } from './world.ts';

export interface Arena extends World {
	/** Where somebody else has an account of the same name and password. */
	readonly twinUrl: string;
}

async function told(world: World, name: LieName, from: number, pick?: number): Promise<Outcome> {
	const material = await materialOf(world, 'space', 3);
	const chance = chanceOf(3);
	const picking = {
		...chance,
		pick: <Value>(values: readonly Value[]) => values[pick ?? 0] as Value
	};
	const about = pick === undefined ? material : { ...material, chance: picking };
	const lie = tell(name, { space: world.space, material: about, times: 1, after: 0 });
	const outcome = await readUnder(world, lie, { from, patienceMs: 2_000 });
	assert.equal(lie.told, 1);
	return outcome;
}

async function stops(world: World, name: LieName, from: number, pick?: number): Promise<void> {
	assert.equal((await told(world, name, from, pick)).under, 'distrusted');
}

/** How a device that is online takes what an insider adds. */
async function faultOf(world: World, insider: Insider): Promise<string> {
	const known = world.stores.get(2);
	assert(known);
	const store = await copyStore(known, [world.keyring, world.space]);
	const device = await startDevice(world.edge.url, { keys: world.keys, store });
	device.liar.lie = insider.lie;
	await device.tacet.start();
	await settled(device.space);
	const { trust } = device.space.sync;
	const fault = isDistrusted(device.space) && trust.state === 'not_trusted' ? trust.fault : 'none';
	await device.close();
	return fault;
}

export const attacks = {
	'forge the author’s name': (world) => stops(world, 'add an entry that a stranger signed', 3, 0),

	'serve an old entry again': (world) =>
		stops(world, 'serve an old entry once more at the end', 3, 2),

	async 'write as a viewer'(world) {
		const bob = await newSigner();
		const insider = new Insider(world);
		await insider.commit(await ownerOf(world), { admin: adding(bob, 'viewer') });
		await insider.commit(bob, { supersedes: [{ seq: 2, index: 0 }] });
		assert.equal(await faultOf(world, insider), 'role_forbids');
	},

	async 'raise a member as an editor'(world) {
		const [bob, carl] = [await newSigner(), await newSigner()];
		const insider = new Insider(world);
		await insider.commit(await ownerOf(world), { admin: adding(bob, 'editor') });
		await insider.commit(bob, { admin: adding(carl, 'owner') });
		assert.equal(await faultOf(world, insider), 'role_forbids');
	},

	async 'sign what was seen on another log'(world) {
		const insider = new Insider(world);
		const seen = { seq: 2, hash: randomBytes(32) };
		await insider.commit(await ownerOf(world), { supersedes: [{ seq: 2, index: 0 }], seen });
		assert.equal(await faultOf(world, insider), 'seen_unknown');
	},

	'withhold the key of the space': (world) => stops(world, 'leave out the wraps', 0),

	async 'withhold a page, and not answer for it'(world) {
		const outcome = await readUnder(
			world,
			{
				toClient(frame, { space }) {
					if (space !== world.space) return undefined;
					if (frame.type === 'pages') return [];
					if (frame.type !== 'entries') return undefined;
					const entries = frame.entries.map((e) => ({ ...e, pages: e.pages.map(() => null) }));
					return [{ ...frame, entries }];
				}
			},
			{ from: 3, patienceMs: 300 }
		);
		assert.equal(outcome.under, 'waiting');
	},

	async 'withhold a page, and say that it is gone'(world) {
		const outcome = await readUnder(
			world,
			{
				toClient(frame, { space }) {
					if (space !== world.space) return undefined;
					if (frame.type === 'pages') {
						return [{ ...frame, pages: frame.pages.map((place) => ({ ...place, page: null })) }];
					}
					if (frame.type !== 'entries') return undefined;
					const entries = frame.entries.map((e) => ({ ...e, pages: e.pages.map(() => null) }));
					return [{ ...frame, entries }];
				}
			},
			{ from: 3, patienceMs: 2_000 }
		);
		assert.equal(outcome.fault, 'page_missing');
	},

	async 'change a page'(world) {
		assert.equal((await told(world, 'flip a bit of a page', 3)).under, 'online');
	},

	async 'greet with the log as it was'(world) {
		const outcome = await readUnder(
			world,
			{
				toClient(frame, { space }) {
					const [, offered] = headsOf(world.entries);
					assert(offered);
					if (space !== world.space) return undefined;
					if (frame.type === 'hello') return [{ type: 'hello', offered }];
					return frame.type === 'entries' ? [{ ...frame, entries: [], offered }] : undefined;
				}
			},
			{ from: 3, patienceMs: 1_000 }
		);
		assert.equal(outcome.fault, 'rollback');
	},

	'offer a head that the entries do not lead to': (world) => stops(world, 'offer another hash', 3),

	async 'serve another entry at a place that was seen'(world) {
		const outcome = await readUnder(
			world,
			{
				toClient(frame, { space }) {
					const [first] = world.keyringEntries;
					if (space !== world.space || frame.type !== 'entries' || !first) return undefined;
					return [{ ...frame, entries: [{ ...first, seq: 1 }, ...frame.entries] }];
				}
			},
			{ from: 3, patienceMs: 2_000 }
		);
		assert.equal(outcome.fault, 'fork');
	},

	async 'stand in for the server'(world) {
		const store = await storeWithProfile(world.reader.store);
		const device = await startDevice(world.twinUrl, { store });
		await device.tacet.start();
		const answered = await device.tacet.unlock({ password: world.password });
		await device.close();
		assert.equal(answered.ok ? 'ok' : answered.error.code, 'server_key_changed');
	},

	async 'name cheaper stretching'(world) {
		const device = await startDevice(world.edge.url);
		device.liar.lie = {
			answer: (route, { status, body }) =>
				route === 'loginStart'
					? { status, body: { ...(body as object), argon2: { memory: 8, passes: 1 } } }
					: undefined
		};
		await device.tacet.start();
		const answered = await device.tacet.logIn({ handle: 'nobody', password: world.password });
		await device.close();
		assert.equal(answered.ok ? 'ok' : answered.error.code, 'server_misbehaved');
	}
} satisfies Record<string, (world: Arena) => Promise<void>>;

export type AttackName = keyof typeof attacks;
