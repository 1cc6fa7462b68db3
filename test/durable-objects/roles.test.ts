// The table of roles against the real edge: each cell is sent over a socket of the actor's own.
import { runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { deploymentObjectName } from '../../crypto/edge/keyed-name.ts';
import { mintAccessToken } from '../../crypto/edge/session-token.ts';
import { jwkThumbprint } from '../../crypto/jwk.ts';
import { wireCodeOf } from '../../crypto/log-rules.ts';
import { randomBytes } from '../../crypto/random.ts';
import { SpaceLinkStore } from '../../durable-objects/space-link-store.ts';
import { wireErrors } from '../../protocol/errors.ts';
import { spaceSocketPath } from '../../protocol/http.ts';
import {
	bytesOfId,
	idFromBytes,
	type AccountId,
	type LinkId,
	type SessionId,
	type SpaceId
} from '../../protocol/ids.ts';
import type { Person as CastMember } from '../crypto/log-fixture.ts';
import {
	actors,
	cast,
	isMember,
	signed,
	stageOf,
	starts,
	type Actor,
	type Stage,
	type Start
} from '../crypto/role-cast.ts';
import { commitOf, roleTable, verdictOf, type Row } from '../crypto/role-table.ts';
import { bindings, openEdge, TestSocket, upgradeAt } from './edge.ts';
import { call, newHandle, Person } from './person.ts';
import { bind, newBoundKey } from './proving.ts';

/** Access tokens by account. */
const tokens = new Map<AccountId, string>();

/** An account and a session for somebody whose keys exist. */
async function signUp({ account, identity, signing, device }: CastMember): Promise<void> {
	const edge = await openEdge();
	const keys = { ...(await deriveAccountKeys(generateRoot())), signing };
	const person = new Person(edge, { handle: newHandle(), password: 'a role' }, keys, identity);
	const made = await call(edge, 'registrationFinish', await person.registration());
	expect(made.status).toBe(200);
	tokens.set(account, (await person.logIn(device)).token);
}

function upgrade(space: SpaceId, { account }: CastMember): Promise<Response> {
	const token = tokens.get(account) ?? '';
	return upgradeAt(bindings.SPACE.getByName(space), spaceSocketPath(space), token);
}

async function connect(space: SpaceId, person: CastMember): Promise<TestSocket> {
	const { webSocket, status } = await upgrade(space, person);
	if (webSocket === null) throw new Error(`no socket: ${String(status)}`);
	const socket = new TestSocket(webSocket);
	await socket.nextOf('hello');
	return socket;
}

/** Gives the links of a space their record there, and a token as an opening of them gives it. */
async function openLinks({ chain }: Stage, start: Start): Promise<void> {
	const members = (['link editor', 'link viewer'] as const).filter((who) => isMember(who, start));
	await runInDurableObject(
		bindings.SPACE.getByName(chain.space),
		(_object: unknown, state: DurableObjectState) => {
			const store = new SpaceLinkStore(state.storage.sql);
			for (const who of members) {
				const { account } = cast.actor[who];
				const terms = { expiresAtMs: null, openingsLeft: null, registrationRecord: null };
				const sealed = { record: randomBytes(64), door: randomBytes(32) };
				store.add({ link: linkOf(account), account, ...sealed, ...terms });
			}
		}
	);
}

/** Any 16 bytes name a link. */
const linkOf = (account: AccountId): LinkId => idFromBytes<LinkId>(bytesOfId(account));

async function mintLinkTokens(): Promise<void> {
	const keys = await bindings.DEPLOYMENT.getByName(deploymentObjectName).tokenKeys();
	const [key] = keys.ok ? keys.value : [];
	if (key === undefined) throw new Error('the deployment has no key');
	for (const { account, device } of [cast.actor['link editor'], cast.actor['link viewer']]) {
		const claims = { account, device, accountObject: `link:${linkOf(account)}` };
		const session = idFromBytes<SessionId>(randomBytes(16));
		const expiresAtMs = Date.now() + 600_000;
		const bound = await newBoundKey();
		const jkt = jwkThumbprint(bound.key.jwk);
		const token = mintAccessToken(key, { ...claims, session, expiresAtMs, jkt });
		bind(token, bound);
		tokens.set(account, token);
	}
}

/** Makes a space on the edge by the commits that lead to its start, each by its own author. */
async function placed(start: Start): Promise<Stage> {
	const stage = await stageOf(start, randomBytes(32));
	for (const { author, append } of stage.sent) {
		const socket = await connect(stage.chain.space, author);
		expect(await socket.ask(append)).toMatchObject({ type: 'appended' });
		socket.socket.close(1000);
	}
	await openLinks(stage, start);
	return stage;
}

/** What the edge says to one cell: `appended`, or the code that it refuses with. */
async function answerTo(row: Row, actor: Actor, stage: Stage): Promise<string> {
	const { append } = await signed(cast.actor[actor], commitOf(row, actor, stage));
	const socket = await connect(stage.chain.space, cast.actor[actor]);
	const answer = await socket.ask(append);
	socket.socket.close(1000);
	return answer.type === 'refused' ? answer.refusal.code : answer.type;
}

function expectedOf(row: Row, actor: Actor): string {
	const verdict = verdictOf(row, actor);
	return verdict === 'allowed' ? 'appended' : wireCodeOf(verdict);
}

/** Where nothing is ever appended, so that all refused cells can meet it. */
const untouched = new Map<Start, Stage>();
beforeAll(async () => {
	for (const person of [...Object.values(cast.actor), ...cast.leavers]) await signUp(person);
	await mintLinkTokens();
	for (const start of starts) untouched.set(start, await placed(start));
}, 60_000);

describe('who may do what to whom, at the edge', () => {
	it.each(roleTable.map((row) => [row.action, row] as const))('%s', async (_, row) => {
		const stage = untouched.get(row.start)!;
		const members = actors.filter((actor) => isMember(actor, row.start));
		const answers: (readonly [Actor, string])[] = [];
		for (const actor of members) {
			const allowed = verdictOf(row, actor) === 'allowed';
			const where = allowed ? await placed(row.start) : stage;
			answers.push([actor, await answerTo(row, actor, where)]);
		}
		expect(answers).toEqual(members.map((actor) => [actor, expectedOf(row, actor)]));
	});

	it.each(starts)('meets nobody who is no member, or no longer: %s', async (start) => {
		const { space } = untouched.get(start)!.chain;
		const outside = actors.filter((actor) => !isMember(actor, start));
		expect(outside.length).toBeGreaterThan(1);
		for (const actor of outside) {
			const { status } = await upgrade(space, cast.actor[actor]);
			expect(status, actor).toBe(wireErrors.not_found.httpStatus);
		}
	});

	it.each(starts)('has changed nothing by what it refused: %s', async (start) => {
		const { chain } = untouched.get(start)!;
		const socket = await connect(chain.space, cast.actor.owner);
		socket.send({ type: 'pull', after: 0 });
		const { offered } = await socket.nextOf('entries');
		expect(offered).toEqual(chain.state.head);
		socket.socket.close(1000);
	});
});
