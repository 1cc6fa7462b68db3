// The access log of a space at the edge: what is written down, for whom, and what it costs.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventHead } from '../../crypto/audit-event.ts';
import { openAuditEvent } from '../../crypto/client/audit-event.ts';
import { deriveKemPublicKey } from '../../crypto/client/hpke.ts';
import { createSecret, type KemSeed } from '../../crypto/client/secret.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { AuditEvent, AuditHead } from '../../protocol/audit-event.ts';
import { fromHex, toBase64Url } from '../../protocol/bytes.ts';
import { idFromBytes, type InviteId } from '../../protocol/ids.ts';
import { maxAuditEvents, maxAuditEventsPerHour } from '../../protocol/limits.ts';
import { connect, openEdge, type TestSocket } from './edge.ts';
import { bytesOf, noChange, Person, randomPage, type Session } from './person.ts';
import { codeOf, Link } from './share-link.ts';
import { pull, Stage } from './space-stage.ts';
import { dump, rowsWrittenBy } from './storage.ts';

let ada: Person;
let session: Session;
let bob: Person;
let bobsSession: Session;
let eve: Person;
let evesSession: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
	eve = await Person.signUp(edge);
	evesSession = await eve.logIn();
});

const auditSeed: KemSeed = createSecret(new Uint8Array(32).fill(3));

/** A wrap that nobody opens here. */
function wrapTo({ account }: Pick<Person, 'account'>) {
	const wrap = randomBytes(1_168);
	const header = { kind: 'audit', number: 1, recipient: account, hash: sha256(wrap) } as const;
	return { header, wrap };
}

/** A space whose log pins an audit key. */
async function openStage(): Promise<Stage> {
	const stage = await Stage.open(ada, session);
	const { header, wrap } = wrapTo(ada);
	const audit = { number: 1, publicKey: deriveKemPublicKey(auditSeed) };
	await stage.add({ admin: { ...noChange, audit, wraps: [header] }, wraps: [wrap] });
	return stage;
}

async function admitAuditor(stage: Stage, person: Person): Promise<void> {
	const { header, wrap } = wrapTo(person);
	const { account, identity } = person;
	const change = {
		account,
		role: 'auditor',
		kind: 'person',
		identityEntry: identity.bytes
	} as const;
	const admin = { ...noChange, members: [change], wraps: [header] };
	await stage.add({ admin, wraps: [wrap] });
}

const list = async (stage: Stage, before: number | null = null, { token } = session) => {
	const answer = await stage.shown.eventList(token, { space: stage.log.space, before });
	if (!answer.ok) throw new Error(answer.error.code);
	return answer.value;
};

/** The newest events as who has the key reads them, oldest first, and the head that they lead to. */
async function read(stage: Stage): Promise<{ events: AuditEvent[]; head: AuditHead }> {
	const { after, previous, events: sealed } = await list(stage);
	let head: AuditHead = { n: after, hash: bytesOf(previous) };
	const events: AuditEvent[] = [];
	for (const event of sealed) {
		const place = { space: stage.log.space, n: head.n + 1, previous: head.hash };
		const bytes = bytesOf(event.sealed);
		const opened = await openAuditEvent(auditSeed, place, bytes);
		if (!opened.ok) throw new Error('an event does not open');
		events.push(opened.value);
		head = eventHead(place, { key: event.key, sealed: bytes });
	}
	return { events, head };
}

const kindsIn = async (stage: Stage) => (await read(stage)).events.map(({ kind }) => kind);

/** Pulls, and waits until what that is worth is written down: a fetch is answered after it. */
async function opens(socket: TestSocket): Promise<void> {
	await pull(socket);
	socket.send({ type: 'fetch', pages: [{ seq: 999, index: 0 }] });
	await socket.nextOf('pages');
}

async function openedBy(stage: Stage, { token }: Session): Promise<TestSocket> {
	const socket = await connect(stage.log.space, token);
	await opens(socket);
	return socket;
}

/** By a socket that is there: coming in writes rows of an account. */
const rowsOfOpening = (stage: Stage, socket: TestSocket): Promise<number> =>
	rowsWrittenBy(stage.stub, () => opens(socket));

const exec = (stage: Stage, sql: string, ...values: SqlStorageValue[]): Promise<void> =>
	runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
		state.storage.sql.exec(sql, ...values);
	});

const hourNow = () => Math.floor(Date.now() / 3_600_000);

/** As many older events as wanted, of one hour; none of them opens. */
const fill = (stage: Stage, until: number, hour: number): Promise<void> =>
	exec(
		stage,
		`WITH RECURSIVE ns(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ns WHERE n < ?1)
			INSERT INTO events SELECT n, randomblob(32), ?2, randomblob(16), 1, randomblob(1264) FROM ns`,
		...[until, hour]
	);

describe('what is written down', () => {
	it('is nothing as long as the log pins no audit key', async () => {
		const stage = await Stage.open(ada, session);
		expect(await rowsOfOpening(stage, stage.socket)).toBe(0);
		expect((await list(stage)).events).toEqual([]);
	});

	it('is one row for a device that opens the space, once in an hour, though the object slept', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const hour = hourNow();
		expect(await rowsOfOpening(stage, stage.socket)).toBe(1);
		expect(await rowsOfOpening(stage, stage.socket)).toBe(0);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		const again = await rowsOfOpening(stage, stage.socket);
		expect(await rowsOfOpening(stage, theirs)).toBe(1);
		const { events } = await read(stage);
		// Or an hour has just begun.
		expect(again).toBe(hourNow() === hour ? 0 : 1);
		expect(events.at(0)).toMatchObject({ kind: 'opened', device: session.device, subject: null });
		expect(events.at(-1)).toMatchObject({ account: bob.account, device: bobsSession.device });
		expect(Math.abs((events[0]?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
	});

	it('leaves an ordinary edit at one row', async () => {
		const stage = await openStage();
		const rows = await rowsWrittenBy(stage.stub, async () => {
			for (let index = 0; index < 10; index++) await stage.edit();
		});
		expect(rows).toBe(10);
	});

	it('is an append that the rules forbid, and not a race that was lost', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const theirs = await openedBy(stage, bobsSession);
		const before = (await kindsIn(stage)).length;
		const content = { pages: [randomPage(100)], epoch: 1 };
		const forbidden = await bob.commit(stage.log, bobsSession.device, content);
		expect(await theirs.ask(forbidden)).toMatchObject({ refusal: { code: 'forbidden' } });
		expect(await stage.refusal({ ...content, epoch: 9 })).toBe('stale_epoch');
		const { events } = await read(stage);
		expect(events.slice(before)).toMatchObject([
			{ kind: 'append_refused', account: bob.account, device: bobsSession.device }
		]);
	});

	it('is an invitation that is read or claimed, without saying who read it', async () => {
		const stage = await openStage();
		const { space } = stage.log;
		const invite = idFromBytes<InviteId>(randomBytes(16));
		const record = toBase64Url(randomBytes(200));
		const expiresAtMs = Date.now() + 3_600_000;
		const { shown } = stage;
		await shown.inviteCreate(session.token, { space, invite, record, expiresAtMs });
		for (let count = 0; count < 3; count++) await shown.inviteRead({ space, invite });
		expect(codeOf(await shown.inviteRead({ space, invite: 'f'.repeat(32) as InviteId }))).not.toBe(
			'ok'
		);
		const claim = {
			...{ space, invite, identity: toBase64Url(bob.identity.bytes) },
			...{ mac: toBase64Url(randomBytes(32)), name: toBase64Url(randomBytes(100)) }
		};
		expect(codeOf(await shown.inviteClaim(bobsSession.token, claim))).toBe('ok');
		const none = { account: null, device: null };
		expect((await read(stage)).events).toMatchObject([
			{ kind: 'invite_read', subject: invite, ...none },
			{ kind: 'invite_claimed', subject: invite, ...none, account: bob.account }
		]);
	});

	it('is a share link that is opened or guessed at, as one whoever opens it', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'over the pass' });
		const place = { account: link.person.account, device: null, subject: link.id };
		const wrong = { ...(await link.attempt()), ke3: toBase64Url(randomBytes(64)) };
		expect(codeOf(await stage.shown.linkFinish(wrong))).toBe('login_failed');
		for (let count = 0; count < 2; count++) {
			const { accessToken } = await link.open();
			await openedBy(stage, { ...session, token: accessToken });
		}
		for (let count = 1; count < 10; count++) await link.start({ ke1: link.ke1() });
		expect((await read(stage)).events).toMatchObject([
			{ kind: 'guess_wrong', ...place },
			{ kind: 'link_opened', ...place },
			{ kind: 'link_frozen', ...place }
		]);
	}, 60_000);

	it('says of an hour with too much in it that there was more, and nothing further', async () => {
		const stage = await openStage();
		await fill(stage, maxAuditEventsPerHour - 1, hourNow());
		await evictDurableObject(stage.stub);
		await stage.admit(bob, 'viewer');
		await openedBy(stage, session);
		await openedBy(stage, bobsSession);
		const { after, events } = await list(stage);
		expect(after + events.length).toBe(maxAuditEventsPerHour);
		const [last] = ((await dump(stage.stub))['events'] ?? []).toReversed();
		const previous = fromHex(last?.['previous'] as string);
		if (!previous.ok) throw new Error('no hash');
		const place = { space: stage.log.space, n: Number(last?.['n']), previous: previous.value };
		const sealed = bytesOf(events.at(-1)?.sealed ?? '');
		expect(await openAuditEvent(auditSeed, place, sealed)).toMatchObject({
			value: { kind: 'more', account: null, device: null, subject: null }
		});
	});

	it('can’t be read off the storage: neither who, nor what', async () => {
		const stage = await openStage();
		await openedBy(stage, session);
		const { events = [] } = await dump(stage.stub);
		expect(events).toHaveLength(1);
		const text = JSON.stringify(events);
		for (const known of [ada.account, session.device, 'opened']) expect(text).not.toContain(known);
		expect(events[0]?.['sealed']).toHaveLength(2 * 1_264);
		expect(Object.keys(events[0] ?? {})).not.toContain('account');
	});
});

describe('who reads it', () => {
	it('is an owner or an auditor, and nobody else', async () => {
		for (const [role, code] of [
			['editor', 'forbidden'],
			['viewer', 'forbidden']
		] as const) {
			const stage = await openStage();
			await stage.admit(bob, role);
			const asked = { space: stage.log.space, before: null };
			expect(codeOf(await stage.shown.eventList(session.token, asked))).toBe('ok');
			expect(codeOf(await stage.shown.eventList(bobsSession.token, asked))).toBe(code);
			expect(codeOf(await stage.shown.eventList(evesSession.token, asked))).toBe('not_found');
		}
		const stage = await openStage();
		await admitAuditor(stage, bob);
		await openedBy(stage, session);
		expect((await list(stage, null, bobsSession)).events).toHaveLength(1);
		const link = await Link.stand(stage);
		const { accessToken } = await link.open();
		const asked = { space: stage.log.space, before: null };
		expect(codeOf(await stage.shown.eventList(accessToken, asked))).toBe('unauthenticated');
	});

	it('is given the newest part, and the one before any number', async () => {
		const stage = await openStage();
		await fill(stage, 130, hourNow() - 5);
		const newest = await list(stage);
		expect([newest.after, newest.events.length, newest.oldest]).toEqual([66, 64, 1]);
		const before = await list(stage, 67);
		expect([before.after, before.events.length]).toEqual([2, 64]);
		const first = await list(stage, 3);
		expect([first.after, first.events.length]).toEqual([0, 2]);
		expect((await list(stage, 1)).events).toEqual([]);
	});
});

describe('what is kept', () => {
	it('are the newest, as many as the limit says', async () => {
		const stage = await openStage();
		await fill(stage, maxAuditEvents, hourNow() - 5);
		// One for the event, one for the event that goes.
		expect(await rowsOfOpening(stage, stage.socket)).toBe(2);
		expect((await list(stage)).oldest).toBe(2);
	});

	it('is nothing that is older than the limit, but for the newest, from which the chain goes on', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		await openedBy(stage, session);
		await openedBy(stage, bobsSession);
		await exec(stage, 'UPDATE events SET hour = hour - ?', 91 * 24);
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		const kept = await list(stage);
		expect([kept.oldest, kept.after, kept.events.length]).toEqual([2, 1, 1]);
		const { head } = await read(stage);
		await evictDurableObject(stage.stub);
		await openedBy(stage, session);
		const later = await list(stage);
		expect([later.after, later.events.length]).toEqual([1, 2]);
		expect((await read(stage)).head.n).toBe(head.n + 1);
	});
});

describe('a heartbeat that says how far the access log was seen', () => {
	async function answerTo(socket: TestSocket, stage: Stage, audit: AuditHead, who = ada) {
		const { device } = who === ada ? session : bobsSession;
		const heartbeat = await who.heartbeat(stage.log, device, { audit });
		socket.send({ type: 'beat', heartbeat });
		socket.send({ type: 'fetch', pages: [{ seq: 999, index: 0 }] });
		const answer = await socket.next();
		if (answer.type !== 'refused') return 'taken';
		await socket.nextOf('pages');
		return answer.refusal.code;
	}

	it('is taken only if it is this log’s, so that no auditor frames the edge', async () => {
		const stage = await openStage();
		await admitAuditor(stage, bob);
		await openedBy(stage, session);
		const { head: first } = await read(stage);
		const theirs = await openedBy(stage, bobsSession);
		const { head } = await read(stage);
		expect(head.n).toBe(2);
		const answer = (audit: AuditHead) => answerTo(theirs, stage, audit, bob);
		expect(await answer(head)).toBe('taken');
		expect(await answer(first)).toBe('taken');
		expect(await answer({ ...first, hash: head.hash })).toBe('unknown_head');
		expect(await answer({ ...head, hash: first.hash })).toBe('unknown_head');
		expect(await answer({ n: 3, hash: head.hash })).toBe('unknown_head');
	});

	it('is taken of nobody who does not read it', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		await openedBy(stage, session);
		const { head } = await read(stage);
		const theirs = await openedBy(stage, bobsSession);
		expect(await answerTo(theirs, stage, head, bob)).toBe('forbidden');
		expect(await answerTo(stage.socket, stage, head)).toBe('taken');
	});

	it('is taken of a device that was away for so long that its last event was dropped', async () => {
		const stage = await openStage();
		await openedBy(stage, session);
		const { head } = await read(stage);
		await exec(stage, 'DELETE FROM events');
		await fill(stage, 40, hourNow() - 5);
		await exec(stage, 'DELETE FROM events WHERE n < 20');
		expect(await answerTo(stage.socket, stage, head)).toBe('taken');
	});
});
