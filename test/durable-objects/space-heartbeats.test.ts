import { evictDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxHeartbeatDevicesPerAccount } from '../../durable-objects/limits.ts';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { renewIdentity } from '../../crypto/identity.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { SpaceFrame } from '../../protocol/frames.ts';
import { parseHeartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { idFromBytes, type DeviceId, type SpaceId } from '../../protocol/ids.ts';
import { connect, openEdge, type TestSocket } from './edge.ts';
import { newDeviceId, Person, randomPage, type Session } from './person.ts';
import { Link } from './share-link.ts';
import { pull, Stage } from './space-stage.ts';
import { dump, rowsWrittenBy } from './storage.ts';

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

/** Sends a heartbeat, which is answered only if it is refused; then asks for something else. */
async function answerTo(socket: TestSocket, heartbeat: SignedHeartbeat): Promise<string> {
	socket.send({ type: 'beat', heartbeat });
	socket.send({ type: 'fetch', pages: [{ seq: 999, index: 0 }] });
	const answer = await socket.next();
	if (answer.type !== 'refused') return answer.type === 'pages' ? 'taken' : answer.type;
	expect(answer.count).toBeNull();
	await socket.nextOf('pages');
	return answer.refusal.code;
}

/** Pulls, and gives what heartbeats come after it; null for none. */
async function pulled(socket: TestSocket): Promise<readonly SignedHeartbeat[] | null> {
	await pull(socket);
	socket.send({ type: 'fetch', pages: [{ seq: 999, index: 0 }] });
	const frame: SpaceFrame = await socket.next();
	if (frame.type === 'pages') return null;
	if (frame.type !== 'heartbeats') throw new Error(`not expected: ${frame.type}`);
	await socket.nextOf('pages');
	return frame.heartbeats;
}

const devicesOf = (heartbeats: readonly SignedHeartbeat[] | null): DeviceId[] =>
	(heartbeats ?? []).map(({ body }) => {
		const parsed = parseHeartbeat(body);
		if (!parsed.ok) throw new Error('no heartbeat');
		return parsed.value.device;
	});

const join = (stage: Stage, { token }: Session) => connect(stage.log.space, token);

describe('a heartbeat', () => {
	it('is given to those who listen, and after the pull of whoever comes later', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const listener = await join(stage, second);
		expect(await pulled(listener)).toBeNull();
		const silent = await join(stage, second);
		const theirs = await join(stage, bobsSession);
		const beat = await bob.heartbeat(stage.log, bobsSession.device);
		expect(await answerTo(theirs, beat)).toBe('taken');
		expect((await listener.nextOf('heartbeats')).heartbeats).toEqual([beat]);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		expect(await pulled(silent)).toEqual([beat]);
		// Once for each socket, and not to the device that gave it.
		expect(await pulled(silent)).toBeNull();
		expect(await pulled(await join(stage, bobsSession))).toBeNull();
	});

	it('comes from members of every role', async () => {
		for (const role of ['editor', 'viewer', 'auditor'] as const) {
			const stage = await openStage();
			await stage.admit(bob, role);
			const beat = await bob.heartbeat(stage.log, bobsSession.device);
			expect(await answerTo(await join(stage, bobsSession), beat)).toBe('taken');
			expect(await pulled(await join(stage, session))).toEqual([beat]);
		}
	});

	it('takes the place of the one before, and costs a row', async () => {
		const stage = await openStage();
		const first = await ada.heartbeat(stage.log, session.device);
		const rows = await rowsWrittenBy(stage.stub, async () => {
			expect(await answerTo(stage.socket, first)).toBe('taken');
		});
		expect(rows).toBe(1);
		await stage.edit();
		const next = await ada.heartbeat(stage.log, session.device);
		const rowsOfNext = await rowsWrittenBy(stage.stub, async () => {
			expect(await answerTo(stage.socket, next)).toBe('taken');
		});
		expect(rowsOfNext).toBe(1);
		expect(await pulled(await join(stage, second))).toEqual([next]);
		// What the device said before it knew more is nothing new.
		expect(await answerTo(stage.socket, first)).toBe('taken');
		expect(await pulled(await join(stage, second))).toEqual([next]);
	});

	it('is kept of every device apart, of the newest ones of an account', async () => {
		const stage = await openStage();
		const devices: DeviceId[] = [];
		for (let count = 0; count < maxHeartbeatDevicesPerAccount + 2; count++) {
			const { device, token } = await bob.logIn(newDeviceId());
			if (count === 0) await stage.admit(bob, 'viewer');
			await stage.edit();
			const beat = await bob.heartbeat(stage.log, device);
			expect(await answerTo(await connect(stage.log.space, token), beat)).toBe('taken');
			devices.push(device);
		}
		bobsSession = await bob.logIn();
		const kept = devicesOf(await pulled(await join(stage, session)));
		expect(kept.toSorted()).toEqual(devices.slice(2).toSorted());
	});
});

describe('a heartbeat is refused', () => {
	it('when its head is not on this chain: nobody can be framed by it', async () => {
		const stage = await openStage();
		await stage.edit();
		const before = await dump(stage.stub);
		const { seq, hash } = stage.log.head;
		const heads = [
			{ seq, hash: randomBytes(32) },
			{ seq: seq + 1, hash },
			{ seq: seq - 1, hash },
			{ seq: seq + 1, hash: randomBytes(32) }
		];
		for (const head of heads) {
			const beat = await ada.heartbeat(stage.log, session.device, { head });
			expect(await answerTo(stage.socket, beat)).toBe('unknown_head');
		}
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('in the name of another account, device or space', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const theirs = await join(stage, bobsSession);
		const { device } = bobsSession;
		const before = await dump(stage.stub);
		const forged = [
			await ada.heartbeat(stage.log, session.device),
			await bob.heartbeat(stage.log, newDeviceId()),
			await bob.heartbeat(stage.log, device, { account: ada.account }),
			await ada.heartbeat(stage.log, device, { account: bob.account }),
			await bob.heartbeat(stage.log, device, { space: idFromBytes<SpaceId>(randomBytes(16)) })
		];
		for (const beat of forged) expect(await answerTo(theirs, beat)).toBe('forbidden');
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('with a signature of something else, or a body that is none', async () => {
		const stage = await openStage();
		const beat = await ada.heartbeat(stage.log, session.device);
		const other = await ada.heartbeat(stage.log, session.device, { timeMs: 1 });
		expect(await answerTo(stage.socket, { ...beat, signature: other.signature })).toBe('forbidden');
		const socket = await join(stage, session);
		socket.send({ type: 'beat', heartbeat: { ...beat, body: randomBytes(100) } });
		expect(await socket.nextOf('refused')).toMatchObject({ refusal: { code: 'malformed' } });
		expect(await socket.closed).toBe(4400);
		expect((await dump(stage.stub))['heartbeats']).toEqual([]);
	});

	it('before there is a log that it could be of', async () => {
		const { log } = await ada.genesis(session.device);
		const socket = await connect(log.space, session.token);
		const beat = await ada.heartbeat(log, session.device, {
			head: { seq: 1, hash: randomBytes(32) }
		});
		expect(await answerTo(socket, beat)).toBe('forbidden');
		expect(await pulled(socket)).toBeNull();
	});

	it('by closing the socket, when there are too many', async () => {
		const stage = await openStage();
		const socket = await join(stage, session);
		const heartbeat = await ada.heartbeat(stage.log, session.device);
		for (let count = 0; count < 100; count++) socket.send({ type: 'beat', heartbeat });
		expect(await socket.closed).toBe(4429);
	});
});

describe('heartbeats are dropped', () => {
	it('with the member who gave them, and stay away when the member returns', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const mine = await ada.heartbeat(stage.log, session.device);
		expect(await answerTo(stage.socket, mine)).toBe('taken');
		const beat = await bob.heartbeat(stage.log, bobsSession.device);
		expect(await answerTo(await join(stage, bobsSession), beat)).toBe('taken');
		expect(await pulled(await join(stage, second))).toHaveLength(2);
		await stage.remove(bob);
		expect(await pulled(await join(stage, second))).toEqual([mine]);
		expect((await dump(stage.stub))['heartbeats']).toHaveLength(1);
		await stage.admit(bob, 'viewer');
		expect(await pulled(await join(stage, second))).toEqual([mine]);
	});

	it('with the identity that signed them', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const beat = await bob.heartbeat(stage.log, bobsSession.device);
		const theirs = await join(stage, bobsSession);
		expect(await answerTo(theirs, beat)).toBe('taken');
		const { signing, kem } = await deriveAccountKeys(generateRoot());
		const renewed = await renewIdentity(bob.identity, {
			...{ signing, kemKey: kem.publicKey },
			previousKey: bob.keys.signing.privateKey
		});
		const change = { account: bob.account, role: 'viewer', kind: 'person' } as const;
		await stage.change({ ...change, identityEntry: renewed.bytes }, [ada.account, bob.account]);
		expect((await dump(stage.stub))['heartbeats']).toEqual([]);
		expect(await answerTo(theirs, beat)).toBe('forbidden');
	});
});

it('reach whoever opened a share link, too', async () => {
	const stage = await openStage();
	const link = await Link.stand(stage);
	const beat = await ada.heartbeat(stage.log, session.device);
	expect(await answerTo(stage.socket, beat)).toBe('taken');
	const reader = await connect(stage.log.space, (await link.open()).accessToken);
	expect(await pulled(reader)).toEqual([beat]);
	await stage.add({ pages: [randomPage(10)] });
	expect((await reader.nextOf('entries')).entries).toHaveLength(1);
});
