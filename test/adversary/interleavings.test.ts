// What two people do at once, with one of them held at each message in turn: whatever the order,
// both end on one log, nobody is in who should not be, and whoever lost hears of it.
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { Space } from '../../client/index.ts';
import { openLinkView } from '../../client/link-view.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { letIn, newLink, newPerson, type Person } from './company.ts';
import { isDistrusted, isOnline, seqOf, startDevice, viewOf, when } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { inEveryOrder } from './holding.ts';
import { Liar, type Lie } from './liar.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let edge: Edge;
let ann: Person;
let olga: Person;
let ben: Person;
let carl: Person;
/** One space, as each of its owners has it. */
let anns: Space;
let olgas: Space;
beforeAll(async () => {
	edge = await startEdge();
	ann = await newPerson(edge, 'ann');
	olga = await newPerson(edge, 'olga');
	ben = await newPerson(edge, 'ben');
	carl = await newPerson(edge, 'carl');
	const made = await ann.device.tacet.createSpace({ name: 'Garden' });
	assert(made.ok);
	anns = made.value;
	assert((await anns.create({ title: 'Only in the garden', body: 'word1' })).ok);
	await when(anns, () => isOnline(anns));
	olgas = await letIn(anns, olga, 'owner');
});
afterAll(async () => {
	for (const { device } of [ann, olga, ben, carl]) await device.close();
	await edge.remove();
});

const holdsAt =
	({ device }: Person) =>
	(lie: Lie): void => {
		device.liar.lie = lie;
	};

type Answered = { readonly ok: true } | { readonly ok: false; readonly error: { code: string } };
const codeOf = (answer: Answered): string => (answer.ok ? 'ok' : answer.error.code);

async function invited(space: Space) {
	const made = await space.invite({ role: 'viewer', expiresInDays: 7 });
	assert(made.ok && made.value.url !== null, JSON.stringify(made));
	return { invite: made.value.invite, url: made.value.url };
}

/** Both owners on one log, all of it, trusted. */
async function agreed(): Promise<void> {
	const isThere = (): boolean => isOnline(anns) && isOnline(olgas) && seqOf(anns) === seqOf(olgas);
	await Promise.race([when(anns, isThere), when(olgas, isThere)]);
	expect([isDistrusted(anns), isDistrusted(olgas)]).toEqual([false, false]);
	expect(membersOf(olgas)).toEqual(membersOf(anns));
	expect(await viewOf(olgas)).toBe(await viewOf(anns));
	expect(olgas.epoch.number).toBe(anns.epoch.number);
}

const membersOf = (space: Space): readonly string[] =>
	space.members.map(({ account, role }) => `${account} ${role}`).sort();

const isMember = (space: Space, { keys }: Person): boolean =>
	space.members.some(({ account }) => account === keys.account);

describe('at once, in every order', () => {
	test('KEY-12 an invitation claimed while it is taken back lets nobody in', async () => {
		const orders = await inEveryOrder(async () => {
			const { invite, url } = await invited(anns);
			return {
				hold: holdsAt(ben),
				one: () => ben.device.tacet.acceptInvitation(url),
				other: () => anns.revokeInvitation(invite),
				async afterwards(claimed, revoked) {
					expect(codeOf(revoked)).toBe('ok');
					expect(['ok', 'invitation_ended']).toContain(codeOf(claimed));
					const listed = await anns.invitations();
					assert(listed.ok);
					expect(listed.value.filter((each) => each.invite === invite)).toEqual([]);
					expect((await anns.admit(invite)).ok).toBe(false);
					expect(isMember(anns, ben)).toBe(false);
					await ben.device.tacet.forgetJoining(invite);
				}
			};
		});
		expect(orders).toBeGreaterThan(3);
	});

	test('KEY-12 an invitation taken back while it is claimed lets nobody in', async () => {
		const orders = await inEveryOrder(async () => {
			const { invite, url } = await invited(anns);
			return {
				hold: holdsAt(ann),
				one: () => anns.revokeInvitation(invite),
				other: () => ben.device.tacet.acceptInvitation(url),
				async afterwards(revoked) {
					expect(codeOf(revoked)).toBe('ok');
					expect((await anns.admit(invite)).ok).toBe(false);
					expect(isMember(anns, ben)).toBe(false);
					await ben.device.tacet.forgetJoining(invite);
				}
			};
		});
		expect(orders).toBeGreaterThan(1);
	});

	test('COM-03, KEY-03 two owners who let somebody in stand one after the other, or one asks again', async () => {
		await inEveryOrder(async () => {
			const [forBen, forCarl] = [await invited(anns), await invited(olgas)];
			assert((await ben.device.tacet.acceptInvitation(forBen.url)).ok);
			assert((await carl.device.tacet.acceptInvitation(forCarl.url)).ok);
			return {
				hold: holdsAt(ann),
				one: () => anns.admit(forBen.invite),
				other: () => olgas.admit(forCarl.invite),
				async afterwards(byAnn, byOlga) {
					for (const answer of [byAnn, byOlga]) {
						expect(['ok', 'admin_conflict']).toContain(codeOf(answer));
					}
					expect([byAnn.ok, byOlga.ok]).toContain(true);
					await agreed();
					expect([isMember(anns, ben), isMember(anns, carl)]).toEqual([byAnn.ok, byOlga.ok]);
					for (const [person, { invite }] of [
						[ben, forBen],
						[carl, forCarl]
					] as const) {
						if (isMember(anns, person)) {
							assert((await anns.remove(person.keys.account)).ok);
						}
						await person.device.tacet.forgetJoining(invite);
					}
					await agreed();
				}
			};
		});
	});

	test('KEY-03, KEY-18 two owners who change the key open one epoch after the other, or one asks again', async () => {
		const orders = await inEveryOrder(async () => {
			await agreed();
			const before = anns.epoch.number;
			return {
				hold: holdsAt(ann),
				one: () => anns.rotate(),
				other: () => olgas.rotate(),
				async afterwards(byAnn, byOlga) {
					for (const answer of [byAnn, byOlga]) {
						expect(['ok', 'admin_conflict']).toContain(codeOf(answer));
					}
					await agreed();
					const opened = [byAnn, byOlga].filter((answer) => answer.ok).length;
					expect(opened).toBeGreaterThan(0);
					expect(anns.epoch.number).toBe(before + opened);
				}
			};
		});
		expect(orders).toBeGreaterThan(1);
	});

	test('KEY-18 a share link that opens while it is taken back shows nothing of what comes after', async () => {
		const startCrypto = () => startCryptoInProcess(() => Promise.resolve(opaqueModule));
		let notes = 0;
		const orders = await inEveryOrder(async () => {
			const link = await newLink(anns, 'For guests');
			const liar = await Liar.start(edge.url);
			return {
				hold: (lie) => (liar.lie = lie),
				one: () => openLinkView({ origin: liar.url, startCrypto }, link.url),
				async other() {
					const revoked = await anns.revokeLink(link.link);
					const title = `Written after ${String(++notes)}`;
					assert((await anns.create({ title, body: '' })).ok);
					await when(anns, () => isOnline(anns));
					return { revoked, title };
				},
				async afterwards(view, { revoked, title }) {
					expect(codeOf(revoked)).toBe('ok');
					if (view.ok) {
						const { space } = view.value;
						await when(space, () => space.role === null);
						expect(space.items.some((item) => item.title === title)).toBe(false);
						await view.value.close();
					} else expect(view.error.code).toMatch(/^(link_invalid|link_ended|not_found|offline)$/);
					await liar.stop();
				}
			};
		});
		expect(orders).toBeGreaterThan(3);
	});

	test('KEY-18 what is sealed again while a member is removed ends under the newest key, and reads the same', async () => {
		const second = await startDevice(edge.url, {
			...{ keys: olga.keys, at: anns.id, store: olga.device.store },
			repairWaitMs: () => 0
		});
		await olga.device.liar.stop();
		await second.tacet.start();
		await second.arrives();
		const sealing = second.space;
		await when(sealing, () => isOnline(sealing));
		const isSealed = (): boolean =>
			isOnline(sealing) &&
			seqOf(sealing) === seqOf(anns) &&
			sealing.epoch.number === anns.epoch.number &&
			sealing.epoch.resealing === null;
		// Whichever of both hears last.
		const sealed = (): Promise<void> =>
			Promise.race([when(sealing, isSealed), when(anns, isSealed)]);
		const orders = await inEveryOrder(async () => {
			const link = await newLink(anns, 'For guests');
			await sealed();
			return {
				hold: (lie) => (second.liar.lie = lie),
				async one() {
					const rotated = await anns.rotate();
					assert(rotated.ok, JSON.stringify(rotated));
					await sealed();
				},
				other: () => anns.revokeLink(link.link),
				async afterwards(_, revoked) {
					expect(['ok', 'admin_conflict']).toContain(codeOf(revoked));
					if (!revoked.ok) assert((await anns.revokeLink(link.link)).ok);
					await sealed();
					expect([isDistrusted(anns), isDistrusted(sealing)]).toEqual([false, false]);
					expect(await viewOf(sealing)).toBe(await viewOf(anns));
				}
			};
		});
		expect(orders).toBeGreaterThan(1);
		await second.close();
	});

	test('KEY-14 an offer to link a device that two take up at once is one device’s, by its own code', async () => {
		const orders = await inEveryOrder(async () => {
			const offer = await ann.device.tacet.linkDevice();
			assert(offer.ok);
			const [phone, thief] = [await startDevice(edge.url), await startDevice(edge.url)];
			for (const { tacet } of [phone, thief]) await tacet.start();
			return {
				hold: (lie) => (phone.liar.lie = lie),
				one: () => phone.tacet.takeDeviceLink(offer.value.url),
				other: () => thief.tacet.takeDeviceLink(offer.value.url),
				async afterwards(byPhone, byThief) {
					expect([codeOf(byPhone), codeOf(byThief)].sort()).toEqual(['invitation_ended', 'ok']);
					assert((await offer.value.claimed()).ok);
					const taken = byPhone.ok ? byPhone : byThief;
					assert(taken.ok);
					assert((await offer.value.confirm(taken.value.code)).ok);
					expect(await taken.value.handedOver()).toMatchObject({ value: { handle: 'ann' } });
					for (const device of [phone, thief]) await device.close();
				}
			};
		});
		expect(orders).toBeGreaterThan(1);
	});
});
