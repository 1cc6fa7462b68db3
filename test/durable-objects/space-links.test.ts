import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Space } from '../../durable-objects/space.ts';
import { equalBytes, toBase64Url } from '../../protocol/bytes.ts';
import type { RequestOf } from '../../protocol/http.ts';
import { idFromBytes, type LinkId } from '../../protocol/ids.ts';
import {
	accessTokenTtlSeconds,
	linkOpeningTtlSeconds,
	maxLinksPerSpace,
	maxPassphraseGuesses
} from '../../protocol/limits.ts';
import { bindings, connect, openEdge, refusalOf, upgrade } from './edge.ts';
import { bytesOf, noChange, Person, type Session } from './person.ts';
import { newJkt, shownTo } from './proving.ts';
import { codeOf, Link } from './share-link.ts';
import { pull, Stage } from './space-stage.ts';
import { dump } from './storage.ts';

const hourMs = 3_600_000;

let ada: Person;
let session: Session;
/** Hers on another device. */
let second: Session;
let bob: Person;
let bobsSession: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	second = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
});

const openStage = () => Stage.open(ada, session);

const inDatabase = (stage: Stage, statement: string, ...values: SqlStorageValue[]) =>
	runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
		state.storage.sql.exec(statement, ...values);
	});
const expire = (stage: Stage, { id }: Link) =>
	inDatabase(stage, 'UPDATE links SET expires_at_ms = ? WHERE link = ?', Date.now() - 1, id);

/** Ends the object as a crash would. An attempt that waits keeps it from being put to sleep. */
const crash = ({ stub }: Stage) =>
	runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
		state.abort('ended by a test');
	}).catch(() => undefined);

describe('a share link', () => {
	it('gives whoever shows its door key the record and a token for the socket', async () => {
		const stage = await openStage();
		await stage.edit();
		const link = await Link.stand(stage);
		await evictDurableObject(stage.stub);
		const opening = await link.open();
		expect(opening).toMatchObject({ record: link.record, account: link.person.account });
		const ttlMs = opening.accessExpiresAtMs - Date.now();
		expect(ttlMs).toBeGreaterThan((accessTokenTtlSeconds - 60) * 1_000);
		expect(ttlMs).toBeLessThanOrEqual(accessTokenTtlSeconds * 1_000);
		const reader = await connect(stage.log.space, opening.accessToken);
		const { entries } = await pull(reader);
		expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
		expect(entries[1]?.pages[0]).toBeInstanceOf(Uint8Array);
		expect(entries[2]?.wraps).toHaveLength(1);
		await stage.edit();
		expect((await reader.nextOf('entries')).entries).toHaveLength(1);
	});

	it('opens for nobody before the log has made it a member', async () => {
		const stage = await openStage();
		const link = await Link.make(stage, { openings: 1 });
		expect(codeOf(await link.start())).toBe('not_found');
		await stage.admit(link.person, 'viewer', 'link');
		await link.open();
	});

	it('is an owner’s to make, see and remove', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage);
		const other = await Link.prepare(stage);
		const ask = async (token: string) => [
			codeOf(await stage.shown.linkRegister(token, other.registration())),
			codeOf(await stage.shown.linkCreate(token, other.terms)),
			codeOf(await stage.shown.linkList(token)),
			codeOf(await stage.shown.linkRemove(token, link.place))
		];
		const all = (code: string) => [code, code, code, code];
		expect(await ask(bobsSession.token)).toEqual(all('not_found'));
		await stage.admit(bob, 'editor');
		expect(await ask(bobsSession.token)).toEqual(all('forbidden'));
		expect(await ask('')).toEqual(all('unauthenticated'));
		expect(await ask((await link.open()).accessToken)).toEqual(all('unauthenticated'));
		expect(await stage.links()).toHaveLength(1);
	});

	it('is listed with what became of it', async () => {
		const stage = await openStage();
		const expiresAtMs = Date.now() + hourMs;
		const link = await Link.stand(stage, { openings: 3, expiresAtMs, passphrase: 'open sesame' });
		await link.open();
		expect(await stage.links()).toEqual([
			{
				...{ link: link.id, account: link.person.account, expiresAtMs },
				...{ openingsLeft: 2, opened: 1, inUse: true, guarded: true, frozen: false }
			}
		]);
	});

	it('is taken again as the same, also once it was opened, and not as another', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { openings: 2 });
		await link.open();
		const before = await dump(stage.stub);
		const make = async (terms: RequestOf<'linkCreate'>) =>
			codeOf(await stage.shown.linkCreate(session.token, terms));
		expect(await make(link.terms)).toBe('ok');
		expect(await make({ ...link.terms, openings: 3 })).toBe('forbidden');
		expect(await make({ ...link.terms, door: toBase64Url(randomBytes(32)) })).toBe('forbidden');
		expect(await make({ ...link.terms, expiresAtMs: Date.now() + hourMs })).toBe('forbidden');
		const sameMember = await Link.prepare(stage);
		const { account } = link.terms;
		expect(await make({ ...sameMember.terms, account })).toBe('forbidden');
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('stands for no person, whose sockets it would open', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const link = await Link.prepare(stage);
		for (const { account } of [ada, bob]) {
			const answer = await stage.shown.linkCreate(session.token, { ...link.terms, account });
			expect(codeOf(answer)).toBe('forbidden');
		}
		// Nor for one who becomes a member afterwards.
		const eve = await Person.create(bob.edge);
		const terms = { ...link.terms, account: eve.account };
		expect(codeOf(await stage.shown.linkCreate(session.token, terms))).toBe('ok');
		await stage.admit(eve, 'editor');
		expect(codeOf(await link.start())).toBe('not_found');
	});

	it('is refused where the settings forbid links, where it is over, and beyond as many', async () => {
		const stage = await openStage();
		const past = await Link.prepare(stage, { expiresAtMs: Date.now() });
		expect(codeOf(await stage.shown.linkCreate(session.token, past.terms))).toBe('malformed');
		for (let made = 0; made < maxLinksPerSpace; made++) {
			const account = idFromBytes<Person['account']>(randomBytes(16));
			const link = idFromBytes<LinkId>(randomBytes(16));
			const answer = await stage.shown.linkCreate(session.token, {
				...past.terms,
				link,
				account,
				expiresAtMs: null
			});
			expect(codeOf(answer)).toBe('ok');
		}
		const { terms } = await Link.prepare(stage);
		expect(codeOf(await stage.shown.linkCreate(session.token, terms))).toBe('over_quota');
		await stage.add({
			admin: {
				...noChange,
				settings: { retentionDays: 30, defaultExpiryDays: null, linksAllowed: false }
			}
		});
		expect(codeOf(await stage.shown.linkCreate(session.token, terms))).toBe('forbidden');
	});

	it('leaves nothing behind in a space that nobody has made', async () => {
		const stage = await openStage();
		const { space } = (await ada.genesis(session.device)).log;
		const stub = bindings.SPACE.getByName(space);
		const shown = shownTo<Space>(stub);
		const jkt = await newJkt();
		const link = await Link.prepare(stage);
		const place = { ...link.place, space };
		const door = toBase64Url(link.door);
		expect(codeOf(await shown.linkCreate(session.token, { ...link.terms, space }))).toBe(
			'not_found'
		);
		expect(codeOf(await shown.linkStart({ ...place, door, ke1: null, jkt }))).toBe('not_found');
		const finish = {
			...place,
			login: toBase64Url(randomBytes(16)),
			ke3: toBase64Url(randomBytes(64)),
			jkt
		};
		expect(codeOf(await shown.linkFinish(finish))).toBe('login_failed');
		expect(await dump(stub)).toEqual({});
	});
});

describe('the door', () => {
	it('answers a wrong key like a link that is not there, and counts nothing', async () => {
		const stage = await openStage();
		const plain = await Link.stand(stage, { openings: 1 });
		const guarded = await Link.stand(stage, { openings: 1, passphrase: 'open sesame' });
		const before = await dump(stage.stub);
		const wrong = randomBytes(32);
		for (let time = 0; time < 2 * maxPassphraseGuesses; time++) {
			expect(await plain.start({ door: wrong })).toEqual(await plain.startOfNone());
			expect(await guarded.start({ door: wrong })).toEqual(await plain.startOfNone());
			expect(await guarded.start({ door: wrong, ke1: guarded.ke1() })).toEqual(
				await guarded.startOfNone()
			);
		}
		expect(codeOf(await plain.startOfNone())).toBe('not_found');
		expect(await dump(stage.stub)).toEqual(before);
		await plain.open();
		await guarded.open();
	});

	it('is kept as a hash that opens nothing', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage);
		expect(codeOf(await link.start({ door: sha256(link.door) }))).toBe('not_found');
	});

	it('says that there is a passphrase, and gives nothing more without one', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { openings: 1, passphrase: 'open sesame' });
		for (let time = 0; time < 2 * maxPassphraseGuesses; time++) {
			expect(await link.start()).toEqual({
				ok: true,
				value: { guarded: true, login: null, opening: null }
			});
		}
		expect(await stage.links()).toMatchObject([{ openingsLeft: 1, opened: 0, frozen: false }]);
	});
});

describe('openings', () => {
	it('are as many as may be, also when all come at once', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { openings: 3 });
		const answers = await Promise.all(Array.from({ length: 10 }, () => link.start()));
		const codes = answers.map(codeOf);
		expect(codes.filter((code) => code === 'ok')).toHaveLength(3);
		expect(codes.filter((code) => code === 'link_ended')).toHaveLength(7);
		expect(await stage.links()).toMatchObject([{ openingsLeft: 0, opened: 3 }]);
	});

	it('are counted when a passphrase was right, also when all come at once', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { openings: 2, passphrase: 'open sesame' });
		const attempts = await Promise.all(Array.from({ length: 4 }, () => link.attempt()));
		expect(await stage.links()).toMatchObject([{ openingsLeft: 2, opened: 0 }]);
		const answers = await Promise.all(attempts.map((finish) => stage.shown.linkFinish(finish)));
		expect(answers.map(codeOf).toSorted()).toEqual(['link_ended', 'link_ended', 'ok', 'ok']);
		expect(await stage.links()).toMatchObject([{ openingsLeft: 0, opened: 2, frozen: false }]);
		expect(codeOf(await link.start())).toBe('link_ended');
	});

	it('are over when the link is, to the minute for its token, and are told so for a week', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { expiresAtMs: Date.now() + 60_000 });
		const opening = await link.open();
		expect(opening.accessExpiresAtMs).toBe(link.terms.expiresAtMs);
		const reader = await connect(stage.log.space, opening.accessToken);
		await expire(stage, link);
		expect(codeOf(await link.start())).toBe('link_ended');
		expect(codeOf(await link.refresh(opening))).toBe('link_ended');
		expect(await refusalOf(await upgrade(stage.log.space, opening.accessToken))).toBe(4404);
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		expect(await reader.closed).toBe(4401);
		expect(codeOf(await link.start())).toBe('link_ended');
		await inDatabase(stage, 'UPDATE links SET expires_at_ms = 1');
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		expect(codeOf(await link.start())).toBe('not_found');
		const { links, link_openings } = await dump(stage.stub);
		expect({ links, link_openings }).toEqual({ links: [], link_openings: [] });
	});

	it('can be kept open for a day without another being counted, and no longer', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { openings: 1 });
		const opening = await link.open();
		await evictDurableObject(stage.stub);
		const renewed = await link.refresh(opening);
		if (!renewed.ok) throw new Error(renewed.error.code);
		expect(renewed.value).toMatchObject({ record: link.record, account: link.person.account });
		await pull(await connect(stage.log.space, renewed.value.accessToken));
		expect(await stage.links()).toMatchObject([{ openingsLeft: 0, opened: 1 }]);
		const beganAgo = (ms: number) =>
			inDatabase(stage, 'UPDATE link_openings SET opened_at_ms = ?', Date.now() - ms);
		await beganAgo(linkOpeningTtlSeconds * 1_000 - 60_000);
		const last = await link.refresh(renewed.value);
		if (!last.ok) throw new Error(last.error.code);
		expect(last.value.accessExpiresAtMs - Date.now()).toBeLessThanOrEqual(60_000);
		await beganAgo(linkOpeningTtlSeconds * 1_000);
		expect(codeOf(await link.refresh(last.value))).toBe('unauthenticated');
	});

	it('are kept open by their own token and no other', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage);
		const other = await Link.stand(stage);
		const opening = await link.open();
		expect(codeOf(await link.refresh(await other.open()))).toBe('unauthenticated');
		expect(codeOf(await link.refresh({ ...opening, accessToken: session.token }))).toBe(
			'unauthenticated'
		);
		const forged = opening.accessToken.replace(/.{6}$/, 'AAAAAA');
		expect(codeOf(await link.refresh({ ...opening, accessToken: forged }))).toBe('unauthenticated');
	});
});

describe('a passphrase', () => {
	it('opens the link when it is right, with a login that is good once', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'open sesame' });
		const finish = await link.attempt();
		const opening = await stage.shown.linkFinish(finish);
		expect(opening).toMatchObject({ ok: true, value: { record: link.record } });
		expect(codeOf(await stage.shown.linkFinish(finish))).toBe('login_failed');
	});

	it('freezes the link when it was guessed wrong ten times, and no right one opens it then', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'open sesame' });
		// A right one between is given back.
		await link.open();
		for (let guess = 1; guess < maxPassphraseGuesses; guess++) {
			// The wrong client's own check fails: it has no last message to send.
			await expect(link.attempt('open barley')).rejects.toThrow('the passphrase is wrong');
			if (guess % 3 === 0) await crash(stage);
		}
		const owners = await connect(stage.log.space, second.token);
		await pull(owners);
		await expect(link.attempt('open barley')).rejects.toThrow('the passphrase is wrong');
		await owners.nextOf('notice');
		expect(codeOf(await link.start())).toBe('link_frozen');
		expect(codeOf(await link.start({ ke1: link.ke1() }))).toBe('link_frozen');
		expect(await stage.links()).toMatchObject([{ frozen: true, opened: 1 }]);
		// Strangers are told nothing of it.
		expect(await link.start({ door: randomBytes(32) })).toEqual(await link.startOfNone());
	});

	it('is a guess until it is finished, and a wrong last message leaves it one', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'open sesame' });
		const attempts = await Promise.all(
			Array.from({ length: maxPassphraseGuesses }, () => link.attempt())
		);
		expect(codeOf(await link.start({ ke1: link.ke1() }))).toBe('link_frozen');
		const [first, wrong] = attempts;
		if (first === undefined || wrong === undefined) throw new Error('there are ten');
		const ke3 = toBase64Url(randomBytes(64));
		expect(codeOf(await stage.shown.linkFinish({ ...wrong, ke3 }))).toBe('login_failed');
		expect(codeOf(await stage.shown.linkFinish(wrong))).toBe('login_failed');
		expect(codeOf(await link.start())).toBe('link_frozen');
		expect(codeOf(await stage.shown.linkFinish(first))).toBe('ok');
		expect(codeOf(await link.start())).toBe('ok');
		expect(await stage.links()).toMatchObject([{ frozen: false, opened: 1 }]);
	});

	it('of one link opens no other, whichever its login is said to be of', async () => {
		const stage = await openStage();
		const mine = await Link.stand(stage, { passphrase: 'mine' });
		const theirs = await Link.stand(stage, { passphrase: 'open sesame' });
		const finish = await mine.attempt();
		const crossed = await stage.shown.linkFinish({ ...finish, link: theirs.id });
		expect(codeOf(crossed)).toBe('login_failed');
		const nowhere = await stage.shown.linkFinish({ ...finish, link: idFromBytes(randomBytes(16)) });
		expect(nowhere).toEqual(crossed);
		expect(codeOf(await stage.shown.linkFinish(finish))).toBe('ok');
	});

	it('is not answered for by another space, nor by a second registration of the link', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'open sesame' });
		const again = await stage.shown.linkRegister(session.token, link.registration());
		expect(codeOf(again)).toBe('forbidden');
		// Whoever knows the link's id makes a space of their own, where they may register anything: the
		// same request is answered with another element there, which says nothing of this passphrase.
		const elsewhere = await Stage.open(bob, bobsSession);
		const answer = await elsewhere.shown.linkRegister(bobsSession.token, link.registration());
		if (!answer.ok) throw new Error(answer.error.code);
		const theirs = bytesOf(answer.value.registrationResponse).subarray(0, 32);
		const ours = bytesOf(link.registrationResponse ?? '').subarray(0, 32);
		expect(ours).toHaveLength(32);
		expect(equalBytes(theirs, ours)).toBe(false);
	});

	it('is forgotten in an attempt that the object slept through, which stays a guess', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage, { passphrase: 'open sesame' });
		const finish = await link.attempt();
		await crash(stage);
		expect(codeOf(await stage.shown.linkFinish(finish))).toBe('login_failed');
		expect((await dump(stage.stub))['links']).toMatchObject([{ guesses: 1, opened: 0 }]);
		await link.open();
	});
});
