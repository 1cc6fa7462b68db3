// What a link's token is good for once the link was opened, and until when.
import { evictDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxLinkSocketsPerSpace, maxSocketsPerSession } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { ResponseOf } from '../../protocol/http.ts';
import { idFromBytes } from '../../protocol/ids.ts';
import { connect, openEdge, refusalOf, upgrade, upgradeAt } from './edge.ts';
import { call, Person, randomPage, type Session } from './person.ts';
import { codeOf, deviceOfToken, Link } from './share-link.ts';
import { pull, Stage } from './space-stage.ts';
import { dump } from './storage.ts';

let ada: Person;
let session: Session;
/** Hers on another device. */
let second: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	second = await ada.logIn();
});

const openStage = () => Stage.open(ada, session);

describe('a link’s token', () => {
	let stage: Stage;
	let link: Link;
	let opening: ResponseOf<'linkFinish'>;
	beforeAll(async () => {
		stage = await openStage();
		await stage.edit();
		link = await Link.stand(stage);
		opening = await link.open();
	});

	it('appends nothing and gives no heartbeat', async () => {
		const reader = await connect(stage.log.space, opening.accessToken);
		const device = deviceOfToken(opening.accessToken);
		const edit = await link.person.commit(stage.log, device, { pages: [randomPage(10)] });
		expect(await reader.ask(edit)).toMatchObject({
			type: 'refused',
			refusal: { code: 'forbidden' }
		});
		const beat = await link.person.heartbeat(stage.log, device);
		expect(await reader.ask({ type: 'beat', heartbeat: beat })).toMatchObject({
			type: 'refused',
			count: null,
			refusal: { code: 'forbidden' }
		});
		expect((await dump(stage.stub))['heartbeats']).toEqual([]);
	});

	it('opens no other space: one that the same link could be in, one that nobody made', async () => {
		const other = await openStage();
		await other.admit(link.person, 'viewer', 'link');
		const { space } = (await ada.genesis(session.device)).log;
		for (const place of [other.log.space, space]) {
			expect(await refusalOf(await upgrade(place, opening.accessToken))).toBe(4404);
		}
	});

	it('leaves room for members, however many have the link', async () => {
		const crowded = await openStage();
		const open = await Link.stand(crowded);
		const sockets: WebSocket[] = [];
		const enter = async (token: string) => {
			const { webSocket, status } = await upgradeAt(crowded.stub, '/', token);
			webSocket?.accept();
			if (webSocket !== null) sockets.push(webSocket);
			return status;
		};
		while (sockets.length < maxLinkSocketsPerSpace) {
			const { accessToken } = await open.open();
			for (let count = 0; count < maxSocketsPerSession; count++) {
				expect(await enter(accessToken)).toBe(101);
			}
			expect(await enter(accessToken)).toBe(429);
		}
		expect(await enter((await open.open()).accessToken)).toBe(429);
		expect(await enter(second.token)).toBe(101);
		for (const socket of sockets) socket.close(1000);
	}, 60_000);

	it('is no session of an account', async () => {
		const answers = [
			await stage.shown.inviteList(opening.accessToken),
			await stage.shown.linkList(opening.accessToken),
			await stage.shown.inviteClaim(opening.accessToken, {
				...{ space: stage.log.space, invite: idFromBytes(randomBytes(16)) },
				identity: toBase64Url(link.person.identity.bytes),
				...{ mac: toBase64Url(randomBytes(32)), name: toBase64Url(randomBytes(80)) }
			})
		];
		expect(answers.map(codeOf)).toEqual(Array(3).fill('unauthenticated'));
	});

	it('is the only way in: whoever signs up with the link’s keys finds no space', async () => {
		const request = await link.person.registration();
		const finished = await call(link.person.edge, 'registrationFinish', request);
		expect(finished.status).toBe(200);
		const { token } = await link.person.logIn();
		expect(await refusalOf(await upgrade(stage.log.space, token))).toBe(4404);
	});
});

describe('the end of a link', () => {
	it('is its removal, which closes its sockets and lets none of its tokens in', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage);
		const other = await Link.stand(stage);
		const opening = await link.open();
		const reader = await connect(stage.log.space, opening.accessToken);
		const beside = await connect(stage.log.space, (await other.open()).accessToken);
		const owners = await connect(stage.log.space, second.token);
		await pull(owners);
		for (let time = 0; time < 2; time++) {
			expect(codeOf(await stage.shown.linkRemove(session.token, link.place))).toBe('ok');
		}
		await owners.nextOf('notice');
		expect(await reader.closed).toBe(4404);
		expect(await refusalOf(await upgrade(stage.log.space, opening.accessToken))).toBe(4404);
		expect(codeOf(await link.start())).toBe('not_found');
		expect(codeOf(await link.refresh(opening))).toBe('not_found');
		expect((await pull(beside)).entries).toHaveLength(3);
		expect((await stage.links()).map(({ link: id }) => id)).toEqual([other.id]);
	});

	it('comes with the end of its member on the log', async () => {
		const stage = await openStage();
		const link = await Link.stand(stage);
		const other = await Link.make(stage);
		const opening = await link.open();
		const reader = await connect(stage.log.space, opening.accessToken);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		await stage.remove(link.person, 'link');
		expect(await reader.closed).toBe(4404);
		expect(codeOf(await link.start())).toBe('not_found');
		expect(codeOf(await link.refresh(opening))).toBe('not_found');
		const { links, link_openings } = await dump(stage.stub);
		// The other is not a member yet, and stays.
		expect(links).toMatchObject([{ link: other.id }]);
		expect(link_openings).toEqual([]);
	});
});
