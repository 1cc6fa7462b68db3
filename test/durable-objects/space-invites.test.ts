import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from '../../crypto/random.ts';
import type { Space } from '../../durable-objects/space.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { Refusal } from '../../protocol/errors.ts';
import type { RequestOf } from '../../protocol/http.ts';
import { idFromBytes, type InviteId } from '../../protocol/ids.ts';
import { maxInvitesPerSpace, maxInviteTtlSeconds } from '../../protocol/limits.ts';
import type { Result } from '../../protocol/result.ts';
import { bindings, connect, openEdge, type TestSocket } from './edge.ts';
import { bytesOf, Person, type Session } from './person.ts';
import { shownTo } from './proving.ts';
import { pull, Stage } from './space-stage.ts';
import { dump, rowsWrittenBy } from './storage.ts';

const hourMs = 3_600_000;

let ada: Person;
let session: Session;
/** Hers on another device. */
let second: Session;
let bob: Person;
let bobsSession: Session;
let eve: Person;
let evesSession: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	second = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
	eve = await Person.signUp(edge);
	evesSession = await eve.logIn();
});

const openStage = () => Stage.open(ada, session);
const newInvite = (): InviteId => idFromBytes<InviteId>(randomBytes(16));
const text = (bytes: number): string => toBase64Url(randomBytes(bytes));

const codeOf = (answer: Result<unknown, Refusal>): string => (answer.ok ? 'ok' : answer.error.code);

function invitation(stage: Stage, expiresAtMs = Date.now() + hourMs): RequestOf<'inviteCreate'> {
	return { space: stage.log.space, invite: newInvite(), record: text(200), expiresAtMs };
}

/** An invitation that stands. */
async function invited(stage: Stage): Promise<RequestOf<'inviteCreate'>> {
	const request = invitation(stage);
	expect(await stage.shown.inviteCreate(session.token, request)).toEqual({ ok: true, value: {} });
	return request;
}

const claimOf = (
	{ space, invite }: { space: RequestOf<'inviteRead'>['space']; invite: InviteId },
	{ identity }: Person
): RequestOf<'inviteClaim'> => ({
	...{ space, invite, identity: toBase64Url(identity.bytes) },
	mac: text(32),
	name: text(100)
});

const list = async (stage: Stage) => {
	const answer = await stage.shown.inviteList(session.token);
	if (!answer.ok) throw new Error(answer.error.code);
	return answer.value.invites;
};

/** Lets an invitation's time be over. */
const expire = (stage: Stage, invite: InviteId) =>
	runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
		state.storage.sql.exec('UPDATE invites SET expires_at_ms = 1 WHERE invite = ?', invite);
	});

async function listening(stage: Stage, { token }: Session): Promise<TestSocket> {
	const socket = await connect(stage.log.space, token);
	await pull(socket);
	return socket;
}

describe('an invitation', () => {
	it('is made, read by whoever has its id, claimed, listed with the claim, and revoked', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const { space, invite, record, expiresAtMs } = request;
		expect(await stage.shown.inviteRead({ space, invite })).toEqual({
			ok: true,
			value: { record, expiresAtMs, claimed: false }
		});
		const claim = claimOf(request, bob);
		expect(codeOf(await stage.shown.inviteClaim(bobsSession.token, claim))).toBe('ok');
		const { identity, mac, name } = claim;
		expect(await list(stage)).toEqual([
			{
				...{ invite, expiresAtMs, contested: false },
				claim: { identity, mac, name, claimedAtMs: expect.any(Number) as number }
			}
		]);
		expect(await stage.shown.inviteRead({ space, invite })).toMatchObject({
			value: { claimed: true }
		});
		expect(codeOf(await stage.shown.inviteRevoke(session.token, { space, invite }))).toBe('ok');
		expect(await list(stage)).toEqual([]);
		expect(codeOf(await stage.shown.inviteRead({ space, invite }))).toBe('not_found');
		const late = await stage.shown.inviteClaim(bobsSession.token, claim);
		expect(codeOf(late)).toBe('not_found');
	});

	it('is taken again as the same, also after the object slept, and not as another', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const before = await dump(stage.stub);
		await evictDurableObject(stage.stub);
		expect(codeOf(await stage.shown.inviteCreate(session.token, request))).toBe('ok');
		const other = { ...request, record: text(200) };
		expect(codeOf(await stage.shown.inviteCreate(session.token, other))).toBe('forbidden');
		const later = { ...request, expiresAtMs: request.expiresAtMs + 1 };
		expect(codeOf(await stage.shown.inviteCreate(session.token, later))).toBe('forbidden');
		expect(await dump(stage.stub)).toEqual(before);
		const { space, invite } = request;
		for (let time = 0; time < 2; time++) {
			expect(codeOf(await stage.shown.inviteRevoke(session.token, { space, invite }))).toBe('ok');
		}
	});

	it('costs a row, and so does its claim', async () => {
		const stage = await openStage();
		// The alarm for its end is set by the first, and the account notes the space with its claim.
		const first = await invited(stage);
		await stage.shown.inviteClaim(bobsSession.token, claimOf(first, bob));
		const request = invitation(stage);
		const made = await rowsWrittenBy(stage.stub, async () => {
			await stage.shown.inviteCreate(session.token, request);
		});
		expect(made).toBe(1);
		const claimed = await rowsWrittenBy(stage.stub, async () => {
			await stage.shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		});
		expect(claimed).toBe(1);
	});

	it('is an owner’s to make, see and revoke', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const ask = async ({ token }: Pick<Session, 'token'>) => [
			codeOf(await stage.shown.inviteCreate(token, invitation(stage))),
			codeOf(await stage.shown.inviteList(token)),
			codeOf(await stage.shown.inviteRevoke(token, request))
		];
		expect(await ask(evesSession)).toEqual(['not_found', 'not_found', 'not_found']);
		await stage.admit(bob, 'editor');
		expect(await ask(bobsSession)).toEqual(['forbidden', 'forbidden', 'forbidden']);
		const none = ['unauthenticated', 'unauthenticated', 'unauthenticated'];
		expect(await ask({ token: '' })).toEqual(none);
		expect(await ask({ token: 'tacet_at_AAAA.AAAA' })).toEqual(none);
		expect((await list(stage)).map(({ invite }) => invite)).toEqual([request.invite]);
	});

	it('is not made with a session that has ended, also where that one opened no socket', async () => {
		const stage = await openStage();
		const ended = await ada.logIn();
		await ada.logIn(ended.device);
		const answer = await stage.shown.inviteCreate(ended.token, invitation(stage));
		expect(codeOf(answer)).toBe('unauthenticated');
	});

	it('is not made for longer than it may be, nor for what is over', async () => {
		const stage = await openStage();
		const make = async (expiresAtMs: number) =>
			codeOf(await stage.shown.inviteCreate(session.token, invitation(stage, expiresAtMs)));
		expect(await make(Date.now())).toBe('malformed');
		expect(await make(Date.now() + maxInviteTtlSeconds * 1_000 + hourMs)).toBe('malformed');
		expect(await make(Date.now() + maxInviteTtlSeconds * 1_000)).toBe('ok');
	});

	it('finds no room beside as many as there may be, until one is over', async () => {
		const stage = await openStage();
		const first = await invited(stage);
		for (let made = 1; made < maxInvitesPerSpace; made++) await invited(stage);
		const one = invitation(stage);
		expect(codeOf(await stage.shown.inviteCreate(session.token, one))).toBe('over_quota');
		await expire(stage, first.invite);
		expect(codeOf(await stage.shown.inviteCreate(session.token, one))).toBe('ok');
		expect(await list(stage)).toHaveLength(maxInvitesPerSpace);
	});

	it('is nowhere once it has expired, and dropped by the alarm', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const { space, invite } = request;
		await expire(stage, invite);
		expect(codeOf(await stage.shown.inviteRead({ space, invite }))).toBe('not_found');
		const claim = await stage.shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		expect(codeOf(claim)).toBe('not_found');
		expect(await list(stage)).toEqual([]);
		expect((await dump(stage.stub))['invites']).toHaveLength(1);
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		expect((await dump(stage.stub))['invites']).toEqual([]);
	});

	it('leaves nothing behind in a space that nobody has made', async () => {
		const stage = await openStage();
		const { space } = (await ada.genesis(session.device)).log;
		const stub = bindings.SPACE.getByName(space);
		const shown = shownTo<Space>(stub);
		const request = { ...invitation(stage), space };
		expect(codeOf(await shown.inviteCreate(session.token, request))).toBe('not_found');
		expect(codeOf(await shown.inviteRead(request))).toBe('not_found');
		const claim = await shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		expect(codeOf(claim)).toBe('not_found');
		expect(await dump(stub)).toEqual({});
	});
});

describe('a claim', () => {
	it('is one: of two that race, one is first, and the owner sees that there was another', async () => {
		const stage = await openStage();
		for (let round = 0; round < 5; round++) {
			const request = await invited(stage);
			const claims = [claimOf(request, bob), claimOf(request, eve)];
			const answers = await Promise.all([
				stage.shown.inviteClaim(bobsSession.token, claims[0] ?? claimOf(request, bob)),
				stage.shown.inviteClaim(evesSession.token, claims[1] ?? claimOf(request, eve))
			]);
			const codes = answers.map(codeOf);
			expect(codes.toSorted()).toEqual(['already_claimed', 'ok']);
			const listed = (await list(stage)).find(({ invite }) => invite === request.invite);
			expect(listed?.contested).toBe(true);
			expect(listed?.claim?.mac).toBe(claims[codes.indexOf('ok')]?.mac);
		}
	});

	it('is taken again from the same account, and the first stays', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const first = claimOf(request, bob);
		for (const claim of [first, first, claimOf(request, bob)]) {
			expect(codeOf(await stage.shown.inviteClaim(bobsSession.token, claim))).toBe('ok');
			await evictDurableObject(stage.stub);
		}
		expect(await list(stage)).toMatchObject([{ contested: false, claim: { mac: first.mac } }]);
	});

	it('is made in nobody else’s name, and with an identity that signed itself', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		const asBob = claimOf(request, bob);
		expect(codeOf(await stage.shown.inviteClaim(evesSession.token, asBob))).toBe('forbidden');
		const broken = bytesOf(asBob.identity);
		broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
		const forged = { ...asBob, identity: toBase64Url(broken) };
		expect(codeOf(await stage.shown.inviteClaim(bobsSession.token, forged))).toBe('malformed');
		expect(codeOf(await stage.shown.inviteClaim('', asBob))).toBe('unauthenticated');
		expect(await list(stage)).toMatchObject([{ claim: null, contested: false }]);
	});

	it('is not a member’s to make, who would take somebody’s place', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		await stage.admit(bob, 'viewer');
		const answer = await stage.shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		expect(codeOf(answer)).toBe('forbidden');
		const own = await stage.shown.inviteClaim(session.token, claimOf(request, ada));
		expect(codeOf(own)).toBe('forbidden');
		expect(await list(stage)).toMatchObject([{ claim: null }]);
	});

	it('makes no member of anybody', async () => {
		const stage = await openStage();
		const request = await invited(stage);
		await stage.shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		await expect(listening(stage, bobsSession)).rejects.toThrow('closed with 4404');
		await stage.admit(bob, 'editor');
		expect((await pull(await connect(stage.log.space, bobsSession.token))).entries).toHaveLength(2);
	});
});

describe('a notice', () => {
	it('tells owners who listen that an invitation was made, claimed, contested or revoked', async () => {
		const stage = await openStage();
		const owners = await listening(stage, second);
		const request = await invited(stage);
		await owners.nextOf('notice');
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		await stage.shown.inviteClaim(bobsSession.token, claimOf(request, bob));
		await owners.nextOf('notice');
		await stage.shown.inviteClaim(evesSession.token, claimOf(request, eve));
		await owners.nextOf('notice');
		await stage.shown.inviteClaim(evesSession.token, claimOf(request, eve));
		await stage.shown.inviteCreate(session.token, request);
		await stage.shown.inviteRevoke(session.token, request);
		await owners.nextOf('notice');
		await stage.shown.inviteRevoke(session.token, request);
		// Had there been a notice of what changed nothing, it would come before this answer.
		expect((await pull(owners)).entries).toHaveLength(1);
	});

	it('is not for editors, nor for those who have not pulled', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const editors = await listening(stage, bobsSession);
		const silent = await connect(stage.log.space, second.token);
		await invited(stage);
		expect((await pull(editors)).entries).toHaveLength(2);
		expect((await pull(silent)).entries).toHaveLength(2);
	});
});

it('keeps a claim’s MAC and name as they came, and no more of it than that', async () => {
	const stage = await openStage();
	const request = await invited(stage);
	const claim = claimOf(request, bob);
	await stage.shown.inviteClaim(bobsSession.token, claim);
	const [row] = (await dump(stage.stub))['invites'] ?? [];
	expect(row).toEqual({
		invite: request.invite,
		record: toHex(bytesOf(request.record)),
		expires_at_ms: request.expiresAtMs,
		claim_account: bob.account,
		claim_identity: toHex(bob.identity.bytes),
		claim_mac: toHex(bytesOf(claim.mac)),
		claim_name: toHex(bytesOf(claim.name)),
		claimed_at_ms: expect.any(Number) as number,
		contested: 0
	});
});
