// Somebody with an account, a space with members of every role, and one of everything that routes
// are about: invitations, share links, a request that waits, an offer to link a device. With a
// request of each route that would be granted.
import { expect } from 'vitest';
import { mintAccessToken } from '../../crypto/edge/session-token.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { Role } from '../../protocol/commit.ts';
import type { RequestOf, RouteName } from '../../protocol/http.ts';
import {
	idFromBytes,
	type AnyId,
	type DeviceLinkId,
	type FactorId,
	type InviteId,
	type LinkId,
	type RequestId,
	type SessionId,
	type SpaceId
} from '../../protocol/ids.ts';
import { accountObject, bindings, connect } from '../durable-objects/edge.ts';
import {
	after,
	bytesOf,
	call,
	newDeviceId,
	newHandle,
	noChange,
	Person,
	type Edge,
	type Session
} from '../durable-objects/person.ts';
import { newBoundKey, newJkt } from '../durable-objects/proving.ts';
import { dump } from '../durable-objects/storage.ts';

export const randomText = (bytes: number): string => toBase64Url(randomBytes(bytes));
export const randomId = <Kind extends AnyId>(): Kind => idFromBytes<Kind>(randomBytes(16));

export type Requests = { readonly [Name in RouteName]: RequestOf<Name> };

export interface Tenant {
	readonly person: Person;
	readonly session: Session;
	readonly space: SpaceId;
	/** A session of a member of each role beside the owner. */
	readonly tokens: Readonly<Record<Exclude<Role, 'owner'>, string>>;
	/** An access token of an opened share link. */
	readonly linkToken: string;
	readonly requests: Requests;
	/** Everything that is stored about this account and its space, members apart. */
	dump(): Promise<string>;
}

export interface LoggedIn {
	readonly person: Person;
	readonly session: Session;
}

/** @param claimant sends a request to the tenant, and is no member. */
export async function createTenant(edge: Edge, claimant: LoggedIn): Promise<Tenant> {
	const { person, session } = await logIn(edge);
	const { log, append } = await person.genesis(session.device);
	const { space } = log;
	const socket = await connect(space, session.token);
	expect((await socket.ask(append)).type).toBe('appended');
	const link = await createLink(edge, { space, token: session.token });
	const members = await membersOf(edge);
	const wrapped = [members.editor.person, members.viewer.person, link.member];
	const wraps = wrapped.map(() => randomBytes(1_168));
	const adding = await person.commit(after(log, append), session.device, {
		admin: {
			...noChange,
			members: [
				...Object.entries(members).map(
					([
						role,
						{
							person: { account, identity }
						}
					]) => ({
						...{ account, role: role as Role, kind: 'person' as const },
						identityEntry: identity.bytes
					})
				),
				{
					...{ account: link.member.account, role: 'viewer', kind: 'link' },
					identityEntry: link.member.identity.bytes
				}
			],
			wraps: wrapped.map(({ account }, index) => ({
				...{ kind: 'content', number: 1, recipient: account },
				hash: sha256(wraps[index] ?? randomBytes(1))
			}))
		},
		wraps
	});
	expect((await socket.ask(adding)).type).toBe('appended');
	socket.socket.close(1000);
	const opened = await call(edge, 'linkStart', {
		space,
		...link.open,
		ke1: null,
		jkt: await newJkt()
	});
	const linkToken = opened.body.opening?.accessToken;
	if (linkToken === undefined) throw new Error(`no opening: ${JSON.stringify(opened.body)}`);
	const stub = accountObject(session.answer.handleHash);
	return {
		person,
		session,
		space,
		tokens: {
			editor: members.editor.session.token,
			viewer: members.viewer.session.token,
			auditor: members.auditor.session.token
		},
		linkToken,
		requests: await requestsOf(edge, { person, session, space, link, linkToken, claimant }),
		dump: async () =>
			JSON.stringify([await dump(stub), await dump(bindings.SPACE.getByName(space))])
	};
}

export async function logIn(edge: Edge): Promise<LoggedIn> {
	const person = await Person.signUp(edge);
	return { person, session: await person.logIn() };
}

const membersOf = async (edge: Edge) => ({
	editor: await logIn(edge),
	viewer: await logIn(edge),
	auditor: await logIn(edge)
});

interface OpenLink {
	readonly member: Person;
	readonly open: { readonly link: LinkId; readonly door: string };
}

/** A share link without a passphrase, not yet a member. */
async function createLink(
	edge: Edge,
	{ space, token }: { readonly space: SpaceId; readonly token: string }
): Promise<OpenLink> {
	const member = await Person.create(edge);
	const open = { link: randomId<LinkId>(), door: randomText(32) };
	const created = await call(
		edge,
		'linkCreate',
		{
			...{ space, link: open.link, account: member.account, record: randomText(72) },
			...{ door: toBase64Url(sha256(bytesOf(open.door))), expiresAtMs: null, openings: null },
			registrationRecord: null
		},
		token
	);
	expect(created.body).toEqual({});
	return { member, open };
}

async function requestsOf(
	edge: Edge,
	of: {
		readonly person: Person;
		readonly session: Session;
		readonly space: SpaceId;
		readonly link: OpenLink;
		readonly linkToken: string;
		readonly claimant: LoggedIn;
	}
): Promise<Requests> {
	const { person, session, space, link, linkToken, claimant } = of;
	const { handle } = person;
	const { token } = session;
	const newcomer = await Person.create(edge);
	const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
	const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'x' });
	const [created] = session.answer.log.writes;
	if (created === undefined) throw new Error('a log begins with a write');
	const login = await person.login();
	if (login === null) throw new Error('the password is the right one');
	const invite = await inviteOf(edge, { space, token });
	const offer = await offerOf(edge, { handle, token });
	const request = await waitingRequest(edge, { handle, token, sender: claimant.session.token });
	const { jwk } = (await newBoundKey()).key;
	const authenticator = toBase64Url(person.authenticator);
	const recoverer = { handle, authenticator, device: { id: newDeviceId(), jwk } };
	const begun = await call(edge, 'recoveryStep', {
		...recoverer,
		recovery: null,
		second: null,
		after: 0
	});
	if (begun.body.next === 'factor') throw new Error('there is no second step');
	const { recovery } = begun.body;
	const inADayMs = Date.now() + 86_400_000;
	const answer = { kind: 'totp', code: '123456' } as const;
	const factor = randomId<FactorId>();
	return {
		health: {},
		signUpRead: {},
		usageRead: {},
		operatorRead: {},
		operatorWrite: {
			change: {
				...{ set: 'invite', invite: randomText(32), uses: 3 },
				expiresAtMs: inADayMs
			}
		},
		registrationStart: { handle: newHandle(), registrationRequest, invite: null },
		registrationFinish: await newcomer.registration(),
		loginStart: { handle, ke1 },
		loginFinish: login,
		loginFactor: { handle, login: randomText(16), answer, keep: 'answer' },
		loginSend: { handle, login: randomText(16), factor },
		loginChoose: {
			handle,
			login: randomText(16),
			end: [session.answer.session.id],
			keep: 'answer'
		},
		stepUpStart: { ke1 },
		stepUpFinish: { login: randomText(16), ke3: randomText(64) },
		stepUpFactor: { login: randomText(16), answer },
		stepUpSend: { login: randomText(16), factor },
		sessionRefresh: { refreshToken: session.refreshToken },
		sessionsEnd: { sessions: 'own' as const },
		accountRead: { after: 0 },
		passwordStart: { registrationRequest },
		accountWrite: await person.accountWrite({ type: 'device_remove', device: newDeviceId() }),
		passkeyStart: {},
		smsStart: { number: '+15550123456' },
		accountPutBack: { writes: [created], registrationRecord: null, keyslots: [], factors: [] },
		recoveryStep: { ...recoverer, recovery: null, second: null, after: 0 },
		recoverySend: { ...recoverer, login: randomText(16), factor: randomId<FactorId>() },
		recoveryPassword: { ...recoverer, registrationRequest },
		recoveryFinish: {
			...{ ...recoverer, write: randomText(200), signature: randomText(64) },
			...{ registrationRecord: randomText(192), keyslots: [randomText(150)] }
		},
		recoveryCancel: { recovery },
		recoveryApprove: { recovery, approval: randomText(64) },
		inviteCreate: {
			...{ space, invite: randomId<InviteId>(), record: randomText(72) },
			expiresAtMs: inADayMs
		},
		inviteRead: { space, invite },
		inviteClaim: {
			...{ space, invite, mac: randomText(32), name: randomText(72) },
			identity: toBase64Url(claimant.person.identity.bytes)
		},
		inviteList: { space },
		inviteRevoke: { space, invite },
		linkRegister: { space, link: randomId<LinkId>(), registrationRequest },
		linkCreate: {
			...{ space, link: randomId<LinkId>(), account: newcomer.account },
			...{ record: randomText(72), door: randomText(32), expiresAtMs: inADayMs, openings: 3 },
			registrationRecord: null
		},
		linkList: { space },
		linkRemove: { space, link: link.open.link },
		linkStart: { space, ...link.open, ke1, jkt: await newJkt() },
		linkFinish: {
			space,
			link: link.open.link,
			login: randomText(16),
			ke3: randomText(64),
			jkt: await newJkt()
		},
		linkRefresh: { space, link: link.open.link, accessToken: linkToken },
		eventList: { space, before: null },
		identityRead: { handle },
		requestSend: { handle, sealed: randomText(64) },
		requestList: {},
		requestDismiss: { request },
		deviceLinkOpen: { link: randomId<DeviceLinkId>() },
		deviceLinkClaim: { handle, link: offer, claim: randomText(72) },
		deviceLinkRead: { link: offer },
		deviceLinkHandOver: { link: offer, sealed: randomText(72) },
		deviceLinkTake: { handle, link: offer }
	};
}

async function inviteOf(
	edge: Edge,
	{ space, token }: { readonly space: SpaceId; readonly token: string }
): Promise<InviteId> {
	const invite = randomId<InviteId>();
	const expiresAtMs = Date.now() + 86_400_000;
	const request = { space, invite, record: randomText(72), expiresAtMs };
	expect((await call(edge, 'inviteCreate', request, token)).body).toEqual({});
	return invite;
}

/** An offer to link a device that was claimed. */
async function offerOf(
	edge: Edge,
	{ handle, token }: { readonly handle: string; readonly token: string }
): Promise<DeviceLinkId> {
	const link = randomId<DeviceLinkId>();
	const claim = { handle, link, claim: randomText(72) };
	expect((await call(edge, 'deviceLinkOpen', { link }, token)).body).toEqual({});
	expect((await call(edge, 'deviceLinkClaim', claim)).body).toEqual({});
	return link;
}

async function waitingRequest(
	edge: Edge,
	of: { readonly handle: string; readonly token: string; readonly sender: string }
): Promise<RequestId> {
	const sent = { handle: of.handle, sealed: randomText(64) };
	expect((await call(edge, 'requestSend', sent, of.sender)).body).toEqual({});
	const listed = await call(edge, 'requestList', {}, of.token);
	const [waiting] = listed.body.requests;
	if (waiting === undefined) throw new Error('the request waits');
	return waiting.request;
}

/** A token of the same session that says it has expired, or that another key has made. */
export async function wrongTokens(session: Session): Promise<Record<string, string>> {
	const keys = await bindings.DEPLOYMENT.getByName('deployment').tokenKeys();
	if (!keys.ok || keys.value[0] === undefined) throw new Error('there is a key');
	const [key] = keys.value;
	const { account, handleHash, session: own } = session.answer;
	const claims = {
		...{ account, device: session.device, session: own.id },
		accountObject: toHex(bytesOf(handleHash)),
		expiresAtMs: Date.now() + 60_000,
		jkt: randomBytes(32)
	};
	return {
		empty: '',
		'that has expired': mintAccessToken(key, { ...claims, expiresAtMs: Date.now() - 1 }),
		'that another key has made': mintAccessToken({ id: key.id, secret: randomBytes(32) }, claims),
		'of a session that never was': mintAccessToken(key, {
			...claims,
			session: randomId<SessionId>()
		}),
		'of an account that never was': mintAccessToken(key, {
			...claims,
			accountObject: toHex(randomBytes(32)),
			device: newDeviceId()
		}),
		'to get a new token with': session.refreshToken
	};
}
