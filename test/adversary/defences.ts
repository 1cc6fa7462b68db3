// Attacks that each stand against one defence: they end well, or throw. Run against the client as it
// is, and against copies of it that lack the defence (mutants.test.ts).
import assert from 'node:assert/strict';
import { sealRequest } from '../../crypto/client/request.ts';
import { generateEpochKey } from '../../crypto/client/space-keys.ts';
import { openIdentity } from '../../crypto/identity.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { encodeHeartbeat, parseHeartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { routes, type RouteName } from '../../protocol/http.ts';
import { idFromBytes, type InviteId } from '../../protocol/ids.ts';
import {
	copyStore,
	isDistrusted,
	neverRepairs,
	settled,
	startDevice,
	storeWithProfile,
	when,
	type Device
} from './device.ts';
import type { Lie, Sent } from './liar.ts';
import { adding, Insider, newSigner, ownerOf } from './insider.ts';
import { headsOf, tell, type LieName } from './lies.ts';
import { materialOf } from './property.ts';
import { chanceOf } from './random.ts';
import { endsWithin, readUnder, type Outcome } from './reading.ts';
import type { World } from './world.ts';

export interface Arena extends World {
	/** A shared space: as its owner has it, and as somebody has it who only reads. */
	readonly owner: World;
	readonly viewer: World;
	/** Where somebody else has an account of the same name and password. */
	readonly twinUrl: string;
	/** How long to wait for what an attack comes to: less for a client that is expected to fall. */
	readonly patienceMs: number;
}

async function told(world: Arena, name: LieName, from: number, pick?: number): Promise<Outcome> {
	const material = await materialOf(world, 'space', 3);
	const chance = chanceOf(3);
	const picking = {
		...chance,
		pick: <Value>(values: readonly Value[]) => values[pick ?? 0] as Value
	};
	const about = pick === undefined ? material : { ...material, chance: picking };
	const lie = tell(name, { space: world.space, material: about, times: 1, after: 0 });
	const { patienceMs } = world;
	const outcome = await readUnder(world, lie, { from, patienceMs });
	assert.equal(lie.told, 1);
	return outcome;
}

async function stops(world: Arena, name: LieName, from: number, pick?: number): Promise<void> {
	assert.equal((await told(world, name, from, pick)).under, 'distrusted');
}

/** How a device that is online takes what an insider adds. */
async function faultOf(world: World, insider: Insider): Promise<string> {
	const device = await memberDevice(world, olderSeq(world), insider.lie);
	await settled(device.space);
	const { trust } = device.space.sync;
	const fault = isDistrusted(device.space) && trust.state === 'not_trusted' ? trust.fault : 'none';
	await device.close();
	return fault;
}

/** A device of a member of the shared space, as of an entry. */
async function memberDevice(world: World, from: number, lie: Lie): Promise<Device> {
	const known = world.stores.get(from);
	assert(known);
	const device = await startDevice(world.edge.url, {
		...{ keys: world.keys, at: world.at, repairWaitMs: neverRepairs },
		store: await copyStore(known, [world.keyring, world.space])
	});
	device.liar.lie = lie;
	await device.tacet.start();
	return device;
}

/** An older entry at which the member had caught up. */
function olderSeq({ stores, head }: World): number {
	const older = [...stores.keys()].find((seq) => seq > 0 && seq < head.seq);
	assert(older !== undefined);
	return older;
}

/** What a device of the owner gave at the end of the log. */
function ownersBeat({ beats, space, head }: World, { keys }: World): SignedHeartbeat {
	const beat = beats.findLast(({ body }) => {
		const said = parseHeartbeat(body);
		const isOwners = said.ok && said.value.account === keys.account;
		return isOwners && said.value.space === space && said.value.head.seq === head.seq;
	});
	assert(beat);
	return beat;
}

/** Shows the log as it was, and these heartbeats with it. */
function oldLog(world: World, until: number, heartbeats: readonly SignedHeartbeat[]): Lie {
	const offered = headsOf(world.entries)[until];
	assert(offered);
	let pulls = 0;
	return {
		toEdge(frame, { space }) {
			if (space !== world.space || frame.type !== 'pull') return undefined;
			pulls += 1;
			return undefined;
		},
		toClient(frame, { space }) {
			// Other devices of this member say there how far they came.
			if (space === world.keyring) return [];
			if (space !== world.space) return undefined;
			if (frame.type === 'hello') return [{ type: 'hello', offered }];
			if (frame.type === 'heartbeats') return [];
			if (frame.type !== 'entries') return undefined;
			const entries = frame.entries.filter(({ seq }) => seq <= until);
			const answer = { ...frame, entries, offered } as const;
			// Again with each answer: a device asks once more when it has heard of something newer.
			return pulls < 2 ? [answer, { type: 'heartbeats', heartbeats }] : [answer];
		}
	};
}

/** Spoils the first page of what comes, for good; and says then that the log is another one. */
const spoiling = (world: World, forks: boolean): Lie => ({
	toClient(frame, { space }) {
		if (space !== world.space) return undefined;
		if (frame.type === 'pages') {
			return [{ ...frame, pages: frame.pages.map((place) => ({ ...place, page: null })) }];
		}
		if (frame.type !== 'entries') return undefined;
		const spoilt = frame.entries.findIndex(({ pages }) => pages.some((page) => page));
		const entries = frame.entries.map((entry, index) =>
			index === spoilt ? { ...entry, pages: entry.pages.map(() => randomBytes(168)) } : entry
		);
		const { seq, hash } = frame.offered;
		return [{ ...frame, entries, offered: { seq, hash: forks ? randomBytes(32) : hash } }];
	}
});

const isAsking = (sent: Sent, route: RouteName): boolean =>
	sent.kind === 'http' && sent.url === routes[route].path;

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

	async 'write under a closed epoch'({ owner }) {
		const insider = new Insider(owner);
		await insider.commit(await ownerOf(owner), { pages: [randomBytes(168)] }, 1);
		assert.equal(await faultOf(owner, insider), 'epoch_not_open');
	},

	async 'wrap another key than was committed to'(world) {
		const insider = new Insider(world);
		const keys = [generateEpochKey(), generateEpochKey()] as const;
		await insider.openEpoch(await ownerOf(world), ...keys);
		const device = await memberDevice(world, olderSeq(world), insider.lie);
		await settled(device.space);
		const { ownerFaults } = device.space.sync;
		await device.close();
		assert.deepEqual(ownerFaults, [
			{ fault: 'key_unusable', epoch: 2, author: world.keys.account }
		]);
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
			{ from: 3, patienceMs: world.patienceMs }
		);
		assert.equal(outcome.fault, 'page_missing');
	},

	async 'change a page'(world) {
		assert.equal((await told(world, 'flip a bit of a page', 3)).under, 'online');
	},

	// What did come is shown, all of it and nothing else: reading.ts looks.
	async 'spoil a page of several'(world) {
		for (const fault of ['fork', 'page_missing']) {
			const outcome = await readUnder(world, spoiling(world, fault === 'fork'), {
				from: olderSeq(world),
				patienceMs: world.patienceMs
			});
			assert.equal(outcome.fault, fault);
		}
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
					return frame.type === 'entries' ? [] : undefined;
				}
			},
			{ from: 3, patienceMs: world.patienceMs }
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
			{ from: 3, patienceMs: world.patienceMs }
		);
		assert.equal(outcome.fault, 'fork');
	},

	async 'withhold what another member has read'({ owner, viewer, patienceMs }) {
		const from = olderSeq(viewer);
		const lie = oldLog(viewer, from, [ownersBeat(viewer, owner)]);
		const device = await memberDevice(viewer, from, lie);
		const { space } = device;
		await endsWithin(
			when(space, () => isDistrusted(space)),
			patienceMs
		);
		const { trust } = space.sync;
		await device.close();
		assert.equal(trust.state === 'not_trusted' ? trust.fault : 'none', 'withheld');
	},

	async 'forge a heartbeat'({ owner, viewer }) {
		const { body, signature } = ownersBeat(viewer, owner);
		const said = parseHeartbeat(body);
		assert(said.ok);
		const head = { seq: viewer.head.seq, hash: randomBytes(32) };
		const forged = { body: encodeHeartbeat({ ...said.value, head }), signature };
		const device = await memberDevice(viewer, viewer.head.seq, {
			toClient: (frame, { space }) =>
				space === viewer.space && frame.type === 'heartbeats'
					? [{ type: 'heartbeats', heartbeats: [forged] }]
					: undefined
		});
		const { space } = device;
		await endsWithin(
			when(space, () => isDistrusted(space)),
			1_000
		);
		const isTrusted = !isDistrusted(space);
		await device.close();
		assert(isTrusted, 'a forged heartbeat frames nobody');
	},

	async 'vouch by a heartbeat from ahead'({ owner, viewer, patienceMs }) {
		const from = olderSeq(viewer);
		const beat = ownersBeat(viewer, owner);
		const base = oldLog(viewer, from, [beat]);
		let pulls = 0;
		const device = await memberDevice(viewer, from, {
			...base,
			// What it asks after it has heard the heartbeat is not answered.
			toEdge: (frame, line) =>
				line.space === viewer.space && frame.type === 'pull' && ++pulls > 0 ? [] : undefined
		});
		await endsWithin(
			when(device.liar, () => pulls > 0),
			patienceMs
		);
		const { heartbeats } = device.space;
		await device.close();
		assert(pulls > 0);
		assert.deepEqual(heartbeats, []);
	},

	async 'claim without the secret'({ owner }) {
		const stranger = await newSigner();
		const device = await memberDevice(owner, owner.head.seq, {});
		await settled(device.space);
		const made = await device.space.invite({ role: 'editor', expiresInDays: 1 });
		assert(made.ok);
		const claim = {
			identity: toBase64Url(stranger.identity.bytes),
			mac: toBase64Url(randomBytes(32)),
			name: toBase64Url(randomBytes(128)),
			claimedAtMs: 1
		};
		device.liar.lie = {
			answer(route, { status, body }) {
				if (route !== 'inviteList') return undefined;
				const { invites } = body as { invites: readonly { readonly invite: string }[] };
				const claimed = invites.map((listed) =>
					listed.invite === made.value.invite ? { ...listed, claim } : listed
				);
				return { status, body: { invites: claimed } };
			}
		};
		const listed = await device.space.invitations();
		const shown = listed.ok && listed.value.find(({ invite }) => invite === made.value.invite);
		device.liar.lie = {};
		await device.space.revokeInvitation(made.value.invite);
		await device.close();
		assert(shown);
		assert.equal(shown.claim?.state, 'forged');
	},

	async 'send an invitation in another name'({ owner, viewer }) {
		const recipient = await openIdentity(viewer.keys.identity);
		assert(recipient.ok);
		const stranger = await newSigner();
		const said = {
			space: owner.space,
			invite: idFromBytes<InviteId>(randomBytes(16)),
			secret: randomBytes(32),
			senderEntry: owner.keys.identity,
			senderName: owner.handle
		};
		const sealed = await sealRequest(recipient.value, said, stranger.privateKey);
		const device = await memberDevice(viewer, viewer.head.seq, {
			answer(route, { status }) {
				if (route !== 'requestList') return undefined;
				const request = { request: 'ab'.repeat(16), sealed: toBase64Url(sealed), receivedAtMs: 1 };
				return { status, body: { requests: [request] } };
			}
		});
		await settled(device.space);
		const { length } = device.liar.sent;
		const listed = await device.tacet.requests();
		const asked = device.liar.sent.slice(length).some((sent) => isAsking(sent, 'inviteRead'));
		await device.close();
		assert(listed.ok);
		// What it is an invitation to is asked of the edge: not for whoever may be anybody.
		assert(!asked, 'a forged request is not followed');
	},

	async 'put somebody in the place of a person who was met'({ owner, viewer }) {
		const stranger = await newSigner();
		const device = await memberDevice(owner, owner.head.seq, {
			answer: (route, { status }) =>
				route === 'identityRead'
					? {
							status,
							body: {
								account: stranger.identity.account,
								identities: [toBase64Url(stranger.identity.bytes)]
							}
						}
					: undefined
		});
		await settled(device.space);
		const found = await device.tacet.findPerson(viewer.handle);
		await device.close();
		assert(found.ok);
		assert.equal(found.value.identity, 'changed');
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
