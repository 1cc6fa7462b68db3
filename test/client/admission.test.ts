// Who is let in, and by whom, where somebody in between lies about identities: an owner's side, an
// invitee's, and what a share link is shown. All through the real edge, whose answers are changed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Space, TacetOptions } from '../../client/api.ts';
import { roles, type Role } from '../../protocol/commit.ts';
import { importIdentityKeys } from '../../crypto/client/account-keys.ts';
import {
	claimMac,
	openInviteRecord,
	sealClaimName,
	sealInviteRecord
} from '../../crypto/client/link-secret.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import { openShareLink } from '../../client/open-share-link.ts';
import {
	createIdentity,
	openIdentity,
	renewIdentity,
	type Identity
} from '../../crypto/identity.ts';
import { randomBytes } from '../../crypto/random.ts';
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { InviteRecord } from '../../protocol/invite.ts';
import {
	close,
	loadOpaque,
	newHandle,
	signedUp,
	spaceNamed,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const refusedWith = (code: string) => ({ ok: false, error: { code } });
const newKeys = () => importIdentityKeys(randomBytes(32), randomBytes(32));

type Answers = Record<string, (body: never, request: never) => unknown>;

/** A way to the edge on which the answers of some routes are changed. */
function lyingFetch(lies: Answers): Partial<TacetOptions> {
	return {
		fetch: async (url, init) => {
			const response = await fetch(url, init);
			const lie = typeof url === 'string' ? lies[url.slice(edge.url.length)] : undefined;
			if (lie === undefined) return response;
			const body = (await response.json()) as never;
			const changed = await lie(body, JSON.parse(init?.body as string) as never);
			return Response.json(changed ?? body, {
				status: changed === undefined ? response.status : 200
			});
		}
	};
}

/** Somebody whose identity was renewed once, and what answers for them. */
async function renewed() {
	const [first, second, stranger] = [await newKeys(), await newKeys(), await newKeys()];
	const before = await createIdentity({ signing: first.signing, kemKey: first.kem.publicKey });
	const next = { signing: second.signing, kemKey: second.kem.publicKey };
	const after = await renewIdentity(before, { ...next, previousKey: first.signing.privateKey });
	// By keys of somebody who has none of the entry before.
	const forged = await renewIdentity(before, {
		...{ signing: stranger.signing, kemKey: stranger.kem.publicKey },
		previousKey: stranger.signing.privateKey
	});
	return { handle: newHandle(), before, after, forged };
}

const logOf = (...log: readonly Identity[]) => ({
	account: log[0]?.account,
	identities: log.map(({ bytes }) => toBase64Url(bytes))
});

let spaces = 0;
const newSpace = async ({ tacet }: Device): Promise<Space> => {
	const space = valueOf(await tacet.createSpace({ name: `Quay ${String(++spaces)}` }));
	await synced(space);
	return space;
};

async function invited(space: Space, role: Role) {
	const made = valueOf(await space.invite({ role, expiresInDays: 7 }));
	const link = parseLinkUrl(made.url ?? '');
	if (made.url === null || link?.type !== 'join') throw new Error('an own invitation has a link');
	return { ...made, role, url: made.url, link };
}
type Made = Awaited<ReturnType<typeof invited>>;

/** A claim as the edge would list it, by whoever holds the link. */
async function claimBy(made: Made, invitee: Identity, inviter: Uint8Array, name: string) {
	const { link, role, invite, expiresAtMs } = made;
	const roleCode = roles.indexOf(role) + 1;
	const place = { space: link.space, invite, role: roleCode, expiresAtMs };
	const mac = claimMac(link.secret, {
		...place,
		inviterIdentity: inviter,
		invitee: invitee.account,
		inviteeIdentity: invitee.hash
	});
	const sealed = await sealClaimName(link.secret, { invite, invitee: invitee.account }, name);
	return {
		identity: toBase64Url(invitee.bytes),
		mac: toBase64Url(mac),
		name: toBase64Url(sealed),
		claimedAtMs: Date.now()
	};
}

const bytesOf = (text: string): Uint8Array => {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('not base64url');
	return bytes.value;
};

/** The identity that an edge shows of a handle. */
async function identityOf(handle: string): Promise<Identity> {
	let entry = '';
	const asker = await signedUp(
		edge,
		newHandle(),
		lyingFetch({
			'/v1/identities/read': ({ identities }: { identities: string[] }) => {
				entry = identities.at(-1) ?? '';
			}
		})
	);
	valueOf(await asker.tacet.findPerson(handle));
	await close(asker);
	const opened = await openIdentity(bytesOf(entry));
	if (!opened.ok) throw new Error(opened.error);
	return opened.value;
}

test('a renewed identity is told from another one, and neither is invited until it is confirmed', async () => {
	const carol = await renewed();
	let shown = logOf(carol.before);
	const ann = await signedUp(edge, newHandle(), lyingFetch({ '/v1/identities/read': () => shown }));
	const space = await newSpace(ann);
	const { account } = valueOf(await ann.tacet.findPerson(carol.handle));
	valueOf(await ann.tacet.confirmContact(account));
	expect(valueOf(await ann.tacet.findPerson(carol.handle)).identity).toBe('compared');

	shown = logOf(carol.before, carol.forged);
	expect(await ann.tacet.findPerson(carol.handle)).toMatchObject(refusedWith('server_misbehaved'));
	shown = logOf(carol.after);
	expect(await ann.tacet.findPerson(carol.handle)).toMatchObject(refusedWith('server_misbehaved'));
	shown = logOf(carol.before, carol.after);
	expect(valueOf(await ann.tacet.findPerson(carol.handle)).identity).toBe('renewed');
	const invitation = { handle: carol.handle, role: 'viewer' } as const;
	expect(await space.inviteHandle(invitation)).toMatchObject(refusedWith('identity_changed'));
	expect(valueOf(await space.invitations())).toEqual([]);
	valueOf(await ann.tacet.confirmContact(account));
	expect(valueOf(await ann.tacet.findPerson(carol.handle)).identity).toBe('compared');
	await close(ann);
});

test('a claim by a renewed identity is let in only where a log leads to it from the first', async () => {
	const carol = await renewed();
	let shown = logOf(carol.before);
	let claim: unknown = null;
	const ann = await signedUp(
		edge,
		newHandle(),
		lyingFetch({
			'/v1/identities/read': (_, { handle }: { handle: string }) =>
				handle === carol.handle ? shown : undefined,
			'/v1/invites/list': ({ invites }: { invites: object[] }) => ({
				invites: invites.map((invite) => ({ ...invite, claim }))
			})
		})
	);
	const own = await identityOf(stateOf(ann).handle);
	const space = await newSpace(ann);
	const made = await invited(space, 'viewer');

	// Whoever holds the link names an account that is not theirs, with keys that are.
	claim = await claimBy(made, carol.forged, own.hash, carol.handle);
	const [forged] = valueOf(await space.invitations());
	expect(forged?.claim).toMatchObject({ state: 'good', person: { identity: 'changed' } });
	expect(await space.admit(made.invite)).toMatchObject(refusedWith('identity_changed'));
	shown = logOf(carol.before, carol.after);
	expect(await space.admit(made.invite)).toMatchObject(refusedWith('identity_changed'));
	expect(space.members).toHaveLength(1);

	claim = await claimBy(made, carol.after, own.hash, carol.handle);
	const [listed] = valueOf(await space.invitations());
	expect(listed?.claim).toMatchObject({ state: 'good', person: { identity: 'unknown' } });
	valueOf(await space.admit(made.invite));
	await until(space, () => space.members.length === 2);
	expect(space.members[1]).toMatchObject({ account: carol.after.account, identity: 'pinned' });
	await close(ann);
});

test('a member whose identity was renewed since it was pinned is shown as that', async () => {
	const carol = await renewed();
	const shownToAnn = logOf(carol.before, carol.after);
	let shownToBen = logOf(carol.before);
	let claim: unknown = null;
	const ann = await signedUp(
		edge,
		newHandle(),
		lyingFetch({
			'/v1/identities/read': () => shownToAnn,
			'/v1/invites/list': ({ invites }: { invites: object[] }) =>
				claim === null ? undefined : { invites: invites.map((invite) => ({ ...invite, claim })) }
		})
	);
	const ben = await signedUp(
		edge,
		newHandle(),
		lyingFetch({ '/v1/identities/read': () => shownToBen })
	);
	const own = await identityOf(stateOf(ann).handle);
	const { account } = valueOf(await ben.tacet.findPerson(carol.handle));
	valueOf(await ben.tacet.confirmContact(account));
	const space = await newSpace(ann);
	const { invite, url } = await invited(space, 'viewer');
	valueOf(await ben.tacet.acceptInvitation(url));
	valueOf(await space.admit(invite));
	await ben.tacet.checkJoining();
	const joined = await spaceNamed(ben, space.name);
	await synced(joined);

	shownToBen = logOf(carol.before, carol.after);
	const made = await invited(space, 'viewer');
	claim = await claimBy(made, carol.after, own.hash, carol.handle);
	valueOf(await space.admit(made.invite));
	const carolAt = () => joined.members.find((member) => member.account === account);
	await until(joined, () => carolAt()?.identity === 'renewed');
	await close(ann, ben);
});

test('whoever is let in with another role than the invitation said is told', async () => {
	const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
	const space = await newSpace(ann);
	const { invite, url } = await invited(space, 'editor');
	valueOf(await ben.tacet.acceptInvitation(url));
	valueOf(await space.admit(invite));
	valueOf(await space.changeRole(stateOf(ben).account, 'viewer'));
	await ben.tacet.checkJoining();
	const joined = await spaceNamed(ben, space.name);
	// Entries may come one by one.
	await until(joined, () => joined.role === 'viewer');
	await until(ben.tacet, () => stateOf(ben).joining[0]?.state === 'other_role');
	expect(stateOf(ben).joining).toMatchObject([{ invite, role: 'editor', state: 'other_role' }]);
	valueOf(await ben.tacet.forgetJoining(invite));
	expect(stateOf(ben).joining).toEqual([]);
	await close(ann, ben);
});

test('an invitation in the name of somebody who never owned the space opens nothing', async () => {
	const carol = await newKeys();
	const posing = await createIdentity({ signing: carol.signing, kemKey: carol.kem.publicKey });
	const handles = { ann: newHandle(), ben: newHandle() };
	let made: Made | null = null;
	let claim: unknown = null;
	const ann = await signedUp(
		edge,
		handles.ann,
		lyingFetch({
			'/v1/invites/list': ({ invites }: { invites: object[] }) => ({
				invites: invites.map((invite) => ({ ...invite, claim }))
			})
		})
	);
	const ben = await signedUp(
		edge,
		handles.ben,
		lyingFetch({
			'/v1/invites/read': async (body: { record: string }) => {
				if (made === null) return undefined;
				const { secret, space, invite } = made.link;
				const place = { type: 'invite', space, invite } as const;
				const record = await openInviteRecord(secret, place, bytesOf(body.record));
				if (!record.ok) return undefined;
				const lying: InviteRecord = {
					...record.value,
					inviter: posing.account,
					inviterIdentity: posing.hash
				};
				return { ...body, record: toBase64Url(await sealInviteRecord(secret, place, lying)) };
			}
		})
	);
	const space = await newSpace(ann);
	made = await invited(space, 'editor');
	valueOf(await ben.tacet.acceptInvitation(made.url));
	const own = await identityOf(handles.ann);
	claim = await claimBy(made, await identityOf(handles.ben), own.hash, handles.ben);
	valueOf(await space.admit(made.invite));
	await ben.tacet.checkJoining();
	expect(stateOf(ben).joining).toMatchObject([{ state: 'contradicted' }]);
	expect(stateOf(ben).spaces.map(({ name }) => name)).not.toContain(space.name);
	await close(ann, ben);
});

test('a share link in the name of somebody who never owned the space opens nothing', async () => {
	const keys = await newKeys();
	const posing = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	const ann = await signedUp(edge, newHandle());
	const space = await newSpace(ann);
	const plain = { label: '', expiresAtMs: null, openings: null, passphrase: null };
	const { url } = valueOf(await space.createLink(plain));
	const parsed = parseLinkUrl(url ?? '');
	if (url === null || parsed?.type !== 'share') throw new Error('an own link has an address');
	const { secret, link } = parsed;
	const place = { type: 'link', space: parsed.space, link, exportKey: null } as const;
	const lies = lyingFetch({
		'/v1/links/start': async (body: { opening: { record: string } }) => {
			const record = await openInviteRecord(secret, place, bytesOf(body.opening.record));
			if (!record.ok) throw new Error(record.error);
			const lying = { ...record.value, inviter: posing.account, inviterIdentity: posing.hash };
			const sealed = toBase64Url(await sealInviteRecord(secret, place, lying));
			return { ...body, opening: { ...body.opening, record: sealed } };
		}
	});
	const options = { origin: edge.url, startCrypto: () => startCryptoInProcess(loadOpaque) };
	expect(await openShareLink({ ...options, ...lies }, url)).toMatchObject(
		refusedWith('link_invalid')
	);
	await valueOf(await openShareLink(options, url)).close();
	await close(ann);
});

test('letting the same person in twice at once lets them in once, and both hear that it is done', async () => {
	const handle = newHandle();
	const [ann, ben] = [await signedUp(edge, handle), await signedUp(edge, newHandle())];
	const space = await newSpace(ann);
	const { invite, url } = await invited(space, 'editor');
	valueOf(await ben.tacet.acceptInvitation(url));
	const answers = await Promise.all([space.admit(invite), space.admit(invite)]);
	expect(answers).toMatchObject([{ ok: true }, { ok: true }]);
	expect(space.members).toHaveLength(2);
	await close(ann, ben);
});
