// Invitations, by link and by handle, through an edge that swaps, forges and redirects.
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Space } from '../../client/index.ts';
import type { Invitation } from '../../client/api-sharing.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import { sealRequest } from '../../crypto/client/request.ts';
import { openIdentity } from '../../crypto/identity.ts';
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import { parseCommit } from '../../protocol/commit.ts';
import { parseClientFrame } from '../../protocol/frames.ts';
import type { RouteName } from '../../protocol/http.ts';
import { letIn, joined, newPerson, type Person } from './company.ts';
import { isOnline, seqOf, when } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { newSigner } from './insider.ts';
import type { HttpAnswer, Lie } from './liar.ts';
import { flipped } from './lies.ts';
import { chanceOf } from './random.ts';

// Each account stretches a password.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 });

type Made = Invitation & { readonly url: string };

let edge: Edge;
let ann: Person;
let ben: Person;
let mallory: Person;
let space: Space;
beforeAll(async () => {
	edge = await startEdge();
	ann = await newPerson(edge, 'ann');
	ben = await newPerson(edge, 'ben');
	mallory = await newPerson(edge, 'mallory');
	space = await newSpace();
});
afterAll(async () => {
	for (const { device } of [ann, ben, mallory]) await device.close();
	await edge.remove();
});

let spaces = 0;
async function newSpace(): Promise<Space> {
	const made = await ann.device.tacet.createSpace({ name: `Garden ${String(++spaces)}` });
	assert(made.ok, JSON.stringify(made));
	await when(made.value, () => isOnline(made.value));
	return made.value;
}

async function invited(at: Space = space): Promise<Made> {
	const made = await at.invite({ role: 'viewer', expiresInDays: 7 });
	assert(made.ok && made.value.url !== null, JSON.stringify(made));
	return { ...made.value, url: made.value.url };
}

const about = (wanted: RouteName, change: (body: never) => unknown): Lie => ({
	answer: (route, { status, body }): HttpAnswer | undefined =>
		route === wanted && status === 200 ? { status, body: change(body as never) } : undefined
});

const flippedText = (text: string, seed = 5): string => {
	const bytes = fromBase64Url(text);
	assert(bytes.ok);
	return toBase64Url(flipped(bytes.value, chanceOf(seed)));
};

const cutText = (text: string): string => {
	const bytes = fromBase64Url(text);
	assert(bytes.ok);
	return toBase64Url(bytes.value.subarray(0, -1));
};

async function lyingTo<Value>({ device }: Person, lie: Lie, work: () => Promise<Value>) {
	device.liar.lie = lie;
	try {
		return await work();
	} finally {
		device.liar.lie = {};
	}
}

const wordsOf = async (person: Person, handle: string): Promise<string> => {
	const found = await person.device.tacet.findPerson(handle);
	assert(found.ok, JSON.stringify(found));
	return found.value.safetyWords.join(' ');
};

interface Record {
	readonly record: string;
}
interface Listed {
	readonly invites: readonly {
		readonly invite: string;
		readonly claim: null | {
			readonly identity: string;
			readonly mac: string;
			readonly name: string;
		};
	}[];
}

describe('an invitation’s record', () => {
	test('INT-01, INT-02 changed, or that of another invitation, is shown to nobody', async () => {
		const [one, two] = [await invited(), await invited(await newSpace())];
		let other = '';
		const keep = about('inviteRead', (body: Record) => {
			other = body.record;
			return body;
		});
		const honest = await lyingTo(ben, keep, () => ben.device.tacet.readInvitation(two.url));
		assert(honest.ok);
		for (const record of [() => other, flippedText, cutText]) {
			const lie = about('inviteRead', (body: Record) => ({ ...body, record: record(body.record) }));
			const read = await lyingTo(ben, lie, () => ben.device.tacet.readInvitation(one.url));
			expect(read).toMatchObject({ ok: false, error: { code: 'link_invalid' } });
			const accepted = await lyingTo(ben, lie, () => ben.device.tacet.acceptInvitation(one.url));
			expect(accepted).toMatchObject({ ok: false, error: { code: 'link_invalid' } });
		}
		const claims = ben.device.liar.sent.filter(
			(sent) => sent.kind === 'http' && sent.url === '/v1/invites/claim'
		);
		expect(claims).toEqual([]);
	});

	test('KEY-17 is sealed under a secret that no request carries', async () => {
		const { url } = await invited();
		assert((await ben.device.tacet.readInvitation(url)).ok);
		const secret = url.split('.').at(-1) ?? '';
		expect(secret.length).toBeGreaterThan(40);
		for (const { device } of [ann, ben]) {
			for (const sent of device.liar.sent) {
				if (sent.kind === 'frame' || sent.kind === 'end') continue;
				const body = sent.kind === 'http' ? sent.body.toString() : '';
				expect(`${sent.url} ${sent.headers.join(' ')} ${body}`).not.toContain(secret);
			}
		}
	});
});

describe('a claim', () => {
	test('KEY-01, KEY-12 redirected, forged or of another invitation lets nobody in', async () => {
		const place = await newSpace();
		const [one, two] = [await invited(place), await invited(place)];
		assert((await ben.device.tacet.acceptInvitation(one.url)).ok);
		assert((await mallory.device.tacet.acceptInvitation(two.url)).ok);
		const before = seqOf(place);
		const thief = await newSigner();
		const changes: ((claim: NonNullable<Listed['invites'][number]['claim']>) => object)[] = [
			(claim) => ({ ...claim, identity: toBase64Url(mallory.keys.identity) }),
			(claim) => ({ ...claim, identity: toBase64Url(thief.identity.bytes) }),
			(claim) => ({ ...claim, mac: flippedText(claim.mac) }),
			(claim) => ({ ...claim, identity: flippedText(claim.identity, 9) })
		];
		for (const change of changes) {
			const lie = about('inviteList', (body: Listed) => ({
				invites: body.invites.map((listed) =>
					listed.invite === one.invite && listed.claim
						? { ...listed, claim: change(listed.claim) }
						: listed
				)
			}));
			const listed = await lyingTo(ann, lie, () => place.invitations());
			assert(listed.ok);
			const shown = listed.value.find(({ invite }) => invite === one.invite);
			expect(shown?.claim).toEqual({ state: 'forged' });
			const admitted = await lyingTo(ann, lie, () => place.admit(one.invite));
			expect(admitted).toMatchObject({ ok: false, error: { code: 'claim_forged' } });
		}
		const swapped = about('inviteList', (body: Listed) => {
			const [first, second] = body.invites;
			assert(first && second);
			const rest = [
				{ ...first, claim: second.claim },
				{ ...second, claim: first.claim }
			];
			return { invites: rest };
		});
		for (const { invite } of [one, two]) {
			const admitted = await lyingTo(ann, swapped, () => place.admit(invite));
			expect(admitted).toMatchObject({ ok: false, error: { code: 'claim_forged' } });
		}
		expect(seqOf(place)).toBe(before);
		expect(place.members.length).toBe(1);
		// Told the truth, it goes on where it stood.
		assert((await place.admit(one.invite)).ok);
		expect(place.members.map(({ account }) => account)).toContain(ben.keys.account);
	});

	test('KEY-12 of a second person is refused, and the owner hears of it', async () => {
		const place = await newSpace();
		const { invite, url } = await invited(place);
		assert((await ben.device.tacet.acceptInvitation(url)).ok);
		const second = await mallory.device.tacet.acceptInvitation(url);
		expect(second).toMatchObject({ ok: false, error: { code: 'already_claimed' } });
		const listed = await place.invitations();
		assert(listed.ok);
		expect(listed.value).toMatchObject([{ invite, contested: true }]);
	});

	test('COM-03, KEY-02 gives the role that the owner chose, whatever else the edge says of it', async () => {
		const place = await newSpace();
		const { invite, url } = await invited(place);
		assert((await ben.device.tacet.acceptInvitation(url)).ok);
		for (const extra of [{ role: 'owner' }, { autoEnroll: true }, { recoveryKey: 'AAAA' }]) {
			const lie = about('inviteList', (body: Listed) => ({
				invites: body.invites.map((listed) => ({ ...listed, ...extra }))
			}));
			const admitted = await lyingTo(ann, lie, () => place.admit(invite));
			expect(admitted).toMatchObject({ ok: false, error: { code: 'server_misbehaved' } });
		}
		assert((await place.admit(invite)).ok);
		const member = place.members.find(({ account }) => account === ben.keys.account);
		expect(member?.role).toBe('viewer');
		expect(place.members.length).toBe(2);
	});
});

describe('a person looked up by handle', () => {
	test('KEY-01, KEY-11 with another identity has other safety words, and is another account', async () => {
		const asked = await newPerson(edge, 'asks');
		const right = await wordsOf(asked, 'ben');
		const seenByBen = await wordsOf(ben, 'asks');
		expect(right).toBe(seenByBen);
		const lie = about('identityRead', () => ({
			account: mallory.keys.account,
			identities: [toBase64Url(mallory.keys.identity)]
		}));
		const found = await lyingTo(asked, lie, () => asked.device.tacet.findPerson('ben'));
		assert(found.ok);
		expect(found.value.account).not.toBe(ben.keys.account);
		expect(found.value.identity).toBe('unknown');
		expect(found.value.safetyWords.join(' ')).not.toBe(seenByBen);
		await asked.device.close();
	});

	test('KEY-01, KEY-11 is not who the edge says when the entry is another account’s, or does not verify', async () => {
		const bodies = [
			{ account: ben.keys.account, identities: [toBase64Url(mallory.keys.identity)] },
			{
				account: ben.keys.account,
				identities: [toBase64Url(ben.keys.identity), toBase64Url(mallory.keys.identity)]
			},
			{ account: ben.keys.account, identities: [flippedText(toBase64Url(ben.keys.identity))] }
		];
		for (const body of bodies) {
			const lie = about('identityRead', () => body);
			const found = await lyingTo(ann, lie, () => ann.device.tacet.findPerson('ben'));
			expect(found).toMatchObject({ ok: false, error: { code: 'server_misbehaved' } });
		}
	});

	test('KEY-01 whom the edge exchanges after they were pinned gets no request and no key', async () => {
		const place = await newSpace();
		const carl = await newPerson(edge, 'carl');
		await letIn(place, carl, 'viewer');
		const other = await newSpace();
		const before = seqOf(other);
		const thief = await newSigner();
		// The right account under a key of the edge's making can't be signed; another account is another.
		const lie = about('identityRead', () => ({
			account: carl.keys.account,
			identities: [toBase64Url(thief.identity.bytes)]
		}));
		const sent = await lyingTo(ann, lie, () =>
			other.inviteHandle({ handle: 'carl', role: 'editor' })
		);
		expect(sent.ok).toBe(false);
		expect(seqOf(other)).toBe(before);
		// Somebody else's whole account, in the place of one that was met under that name.
		const swap = about('identityRead', () => ({
			account: mallory.keys.account,
			identities: [toBase64Url(mallory.keys.identity)]
		}));
		const found = await lyingTo(ann, swap, () => ann.device.tacet.findPerson('carl'));
		expect(found).toMatchObject({ ok: true, value: { identity: 'changed' } });
		const resent = await lyingTo(ann, swap, () =>
			other.inviteHandle({ handle: 'carl', role: 'editor' })
		);
		expect(resent).toMatchObject({ ok: false, error: { code: 'identity_changed' } });
		const requests = ann.device.liar.sent.filter(
			(one) => one.kind === 'http' && one.url === '/v1/requests/send'
		);
		expect(requests).toEqual([]);
		await carl.device.close();
	});
});

describe('a request', () => {
	/** An invitation of Ann's, sent on to Ben by whoever signs. */
	async function sealed(as: Person, signedBy: Person, url: string): Promise<string> {
		const link = parseLinkUrl(url);
		assert(link?.type === 'join');
		const recipient = await openIdentity(ben.keys.identity);
		assert(recipient.ok);
		const { space: id, invite, secret } = link;
		const body = {
			space: id,
			invite,
			secret,
			senderEntry: as.keys.identity,
			senderName: as.handle
		};
		return toBase64Url(await sealRequest(recipient.value, body, signedBy.keys.signingKey));
	}

	const shown = async (text: string) => {
		const lie = about('requestList', () => ({
			requests: [{ request: 'ab'.repeat(16), sealed: text, receivedAtMs: 1 }]
		}));
		const listed = await lyingTo(ben, lie, () => ben.device.tacet.requests());
		assert(listed.ok, JSON.stringify(listed));
		return listed.value;
	};

	test('KEY-15 with a forged sender, or from somebody else’s invitation, is shown to nobody', async () => {
		const { url } = await invited();
		expect(await shown(await sealed(ann, ann, url))).toMatchObject([{ from: { handle: 'ann' } }]);
		// Signed by Mallory in Ann's name; signed by Mallory about what Ann has made.
		expect(await shown(await sealed(ann, mallory, url))).toEqual([]);
		expect(await shown(await sealed(mallory, mallory, url))).toEqual([]);
		expect(await shown(flippedText(await sealed(ann, ann, url)))).toEqual([]);
	});

	test('KEY-15, INT-02 that was sealed for somebody else opens to nobody else', async () => {
		const { url } = await invited();
		const text = await sealed(ann, ann, url);
		const lie = about('requestList', () => ({
			requests: [{ request: 'cd'.repeat(16), sealed: text, receivedAtMs: 1 }]
		}));
		const listed = await lyingTo(mallory, lie, () => mallory.device.tacet.requests());
		expect(listed).toEqual({ ok: true, value: [] });
	});

	test('KEY-17, EDG-01 tells the edge neither who sends, nor to which space, nor by which invitation', async () => {
		const place = await newSpace();
		const sent = await place.inviteHandle({ handle: 'ben', role: 'editor' });
		assert(sent.ok, JSON.stringify(sent));
		const bodies = ann.device.liar.sent.flatMap((one) =>
			one.kind === 'http' && one.url === '/v1/requests/send' ? [one.body.toString()] : []
		);
		expect(bodies.length).toBe(1);
		expect(Object.keys(JSON.parse(bodies[0] ?? '') as object).sort()).toEqual(['handle', 'sealed']);
		expect(bodies[0]).not.toContain(place.id);
		const requests = await ben.device.tacet.requests();
		assert(requests.ok);
		expect(requests.value).toMatchObject([
			{ from: { handle: 'ann' }, invitation: { space: place.id } }
		]);
	});
});

describe('whoever was let in', () => {
	test('INT-05, KEY-06 reads the log that the invitation named, and no beginning of it', async () => {
		const place = await newSpace();
		assert((await place.create({ title: 'Before the invitation' })).ok);
		await when(place, () => isOnline(place));
		const { invite, url } = await invited(place);
		const dora = await newPerson(edge, 'dora');
		assert((await dora.device.tacet.acceptInvitation(url)).ok);
		assert((await place.admit(invite)).ok);
		const shared = await joined(dora, place.id);
		expect(shared.items.map(({ title }) => title)).toEqual(['Before the invitation']);
		await dora.device.close();
	});

	test('KEY-03, KEY-05 and nobody besides gets the key of a new epoch', async () => {
		const place = await newSpace();
		const eva = await newPerson(edge, 'eva');
		await letIn(place, eva, 'viewer');
		const before = ann.device.liar.sent.length;
		assert((await place.rotate()).ok);
		const { admin } = newestAdmin(place, before);
		const recipients = admin.wraps.map(({ recipient }) => recipient).sort();
		expect(recipients).toEqual([ann.keys.account, eva.keys.account].sort());
		expect(recipients).not.toContain(mallory.keys.account);
		await eva.device.close();
	});

	function newestAdmin(place: Space, since: number) {
		for (const sent of ann.device.liar.sent.slice(since).reverse()) {
			if (sent.kind !== 'frame' || sent.space !== place.id) continue;
			const frame = parseClientFrame(sent.message as Uint8Array);
			if (!frame.ok || frame.value.type !== 'append') continue;
			const commit = parseCommit(frame.value.commit);
			if (commit.ok && commit.value.admin !== null) return { admin: commit.value.admin };
		}
		throw new Error('nothing was changed');
	}
});
