// A person with a device, as far as an edge can tell: signs up and logs in by OPAQUE (with a cheap
// stretching, which an edge can't see), makes spaces, signs commits. Pages are random bytes of a
// padded length: nobody here opens any. Runs in workerd and in Node.
import { deviceBindingMac } from '../../crypto/client/opaque-client.ts';
import { createSecret } from '../../crypto/client/secret.ts';
import { signAccountWrite } from '../../crypto/client/sign-account-write.ts';
import { signHeartbeat } from '../../crypto/client/sign-heartbeat.ts';
import {
	deriveAccountKeys,
	generateRoot,
	type AccountKeys
} from '../../crypto/client/account-keys.ts';
import { accountHead, judgeAccountWrite, type AccountState } from '../../crypto/account-log.ts';
import { jwkThumbprint, type P256Jwk } from '../../crypto/jwk.ts';
import { sha256, sha256Async } from '../../crypto/hash.ts';
import { createIdentity, type Identity } from '../../crypto/identity.ts';
import { genesisHashOf, nextHead, spaceOfGenesisHash } from '../../crypto/log-rules.ts';
import type { OpaqueClient } from '../../crypto/opaque-ke/opaque-ke.js';
import { paddedLength } from '../../crypto/padding.ts';
import { randomBytes } from '../../crypto/random.ts';
import { sign } from '../../crypto/signature.ts';
import type { AccountAction, SignedAccountWrite, SlotFacts } from '../../protocol/account-write.ts';
import { concatBytes, fromBase64Url, toBase64Url, toHex } from '../../protocol/bytes.ts';
import {
	encodeCommit,
	encodeGenesis,
	type Admin,
	type Commit,
	type Head,
	type PageId
} from '../../protocol/commit.ts';
import type { Append } from '../../protocol/frames.ts';
import type { Heartbeat, SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { routes, type RequestOf, type ResponseOf, type RouteName } from '../../protocol/http.ts';
import type { LoginDone, LoginStep } from '../../protocol/http-login.ts';
import { idFromBytes, type AccountId, type DeviceId, type SpaceId } from '../../protocol/ids.ts';
import { encodeKeyslot } from '../../protocol/keyslot.ts';
import { commitSigningInput, type KeyslotKind } from '../../protocol/labels.ts';
import { newBoundKey, noteAnswer, ownerOf, proofBy, type BoundKey } from './proving.ts';

export interface NewRecords {
	readonly registrationRecord: Uint8Array;
	readonly keyslots: readonly Uint8Array[];
}

/** A keyslot that nobody opens, and what the log says of it. */
export function newKeyslot(kind: KeyslotKind): {
	readonly bytes: Uint8Array;
	readonly facts: SlotFacts;
} {
	const slot = randomBytes(16);
	const bytes = encodeKeyslot({ kind, slot, generation: 1, record: randomBytes(104) });
	return { bytes, facts: { slot, hash: sha256(bytes) } };
}

export const textsOf = ({ write, signature }: SignedAccountWrite) => ({
	write: toBase64Url(write),
	signature: toBase64Url(signature)
});

/** How requests reach the edge under test. */
export interface Edge {
	readonly origin: string;
	readonly opaque: OpaqueClient;
	send(
		path: string,
		init: { method: string; headers: Record<string, string>; body?: string }
	): Promise<Reply>;
}
/** As much of a Response as is looked at. */
export interface Reply {
	readonly status: number;
	readonly headers: { get(name: string): string | null };
	json(): Promise<unknown>;
}

export const bytesOf = (text: string): Uint8Array => {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('no base64url');
	return bytes.value;
};

/** Random bytes as long as a sealed page of `contentBytes` is. */
export function randomPage(contentBytes: number): Uint8Array {
	const page = new Uint8Array(paddedLength(contentBytes) + 40);
	for (let offset = 0; offset < page.length; offset += 65_536) {
		page.set(randomBytes(Math.min(65_536, page.length - offset)), offset);
	}
	return page;
}

export const newDeviceId = (): DeviceId => idFromBytes<DeviceId>(randomBytes(16));
export const newHandle = (): string => `person-${toHex(randomBytes(6))}`;

export async function call<Name extends RouteName>(
	edge: Edge,
	name: Name,
	request: RequestOf<Name>,
	token?: string
): Promise<{ status: number; body: ResponseOf<Name> & { error?: { code: string } } }> {
	const key = ownerOf(name, request, token);
	const body = routes[name].method === 'GET' ? '' : JSON.stringify(request);
	const sent = { edge, name, body, token: token ?? null };
	let answered = await send(sent, key);
	if (answered.body.error?.code === 'use_dpop_nonce') answered = await send(sent, key);
	noteAnswer(name, { answer: answered.body, key });
	return { status: answered.status, body: answered.body };
}

/** Once, with a proof where the route asks for one; the key learns the nonce of the answer. */
async function send(
	sent: {
		readonly edge: Edge;
		readonly name: RouteName;
		readonly body: string;
		readonly token: string | null;
	},
	key: BoundKey
): Promise<{ status: number; body: { error?: { code: string } } }> {
	const { edge, name, body, token } = sent;
	const { method, path, auth } = routes[name];
	const headers: Record<string, string> = { 'Content-Type': 'application/json' };
	const accessToken = auth === 'proof' || auth === 'device' ? null : token;
	if (accessToken !== null) headers['Authorization'] = `DPoP ${accessToken}`;
	if (auth !== 'none') {
		const url = edge.origin + path;
		headers['DPoP'] = await proofBy(key, { method, url, body }, accessToken);
	}
	const reply = await edge.send(path, { method, headers, ...(body !== '' && { body }) });
	key.nonce = reply.headers.get('DPoP-Nonce') ?? key.nonce;
	return { status: reply.status, body: (await reply.json()) as { error?: { code: string } } };
}

/** The cheapest that Argon2id allows. */
export const keyStretching = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } };

export interface Session {
	readonly device: DeviceId;
	readonly token: string;
	readonly refreshToken: string;
	readonly answer: LoginDone;
}

/** The last step of a login, which asks for nothing more. */
export function doneOf(step: LoginStep): LoginDone {
	if (step.next !== 'done') throw new Error(`asked for: ${JSON.stringify(step)}`);
	return step;
}

export class Person {
	readonly edge: Edge;
	readonly handle: string;
	readonly password: string;
	readonly keys: AccountKeys;
	readonly identity: Identity;
	/** What their recovery code shows the edge. */
	authenticator = randomBytes(32);
	/** Last count by space and device. */
	readonly counts = new Map<string, number>();
	/** As far as it was written here; null before there is an account. */
	state: AccountState | null = null;

	constructor(
		edge: Edge,
		credentials: { handle: string; password: string },
		keys: AccountKeys,
		identity: Identity
	) {
		this.edge = edge;
		this.handle = credentials.handle;
		this.password = credentials.password;
		this.keys = keys;
		this.identity = identity;
	}

	get account(): AccountId {
		return this.identity.account;
	}

	/** Keys, but no account yet. */
	static async create(
		edge: Edge,
		handle = newHandle(),
		password = 'correct horse'
	): Promise<Person> {
		const keys = await deriveAccountKeys(generateRoot());
		const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
		return new Person(edge, { handle, password }, keys, identity);
	}

	static async signUp(edge: Edge, handle = newHandle()): Promise<Person> {
		const person = await Person.create(edge, handle);
		const request = await person.registration();
		const finished = await call(edge, 'registrationFinish', request);
		if (finished.status !== 200) throw new Error(`sign-up: ${JSON.stringify(finished.body)}`);
		return person;
	}

	/** The last request of sign-up, after its first was answered. */
	async registration(invite: string | null = null): Promise<RequestOf<'registrationFinish'>> {
		const { handle, password, edge } = this;
		const started = edge.opaque.startRegistration({ password });
		const { registrationRequest } = started;
		const asked = { handle, registrationRequest, invite };
		const answer = await call(edge, 'registrationStart', asked);
		if (answer.status !== 200) throw new Error(`sign-up: ${JSON.stringify(answer.body)}`);
		const finished = edge.opaque.finishRegistration({
			password,
			clientRegistrationState: started.clientRegistrationState,
			registrationResponse: answer.body.registrationResponse,
			keyStretching
		});
		const record = bytesOf(finished.registrationRecord);
		const slots = [newKeyslot('password'), newKeyslot('recovery')] as const;
		const signed = await this.sign(null, {
			...{ type: 'create', handleHash: bytesOf(answer.body.handleHash) },
			identityEntry: this.identity.bytes,
			material: {
				password: { ...slots[0].facts, recordHash: sha256(record), usesAccountKey: false },
				kit: { ...slots[1].facts, authenticatorHash: sha256(this.authenticator), confirmed: false },
				passkeys: []
			},
			policy: { suffices: [], sessionCap: 3, recoveryDelayDays: 1 }
		});
		this.state = null;
		this.took(signed);
		return {
			...{ handle, invite, ...textsOf(signed) },
			registrationRecord: finished.registrationRecord,
			keyslots: slots.map(({ bytes }) => toBase64Url(bytes))
		};
	}

	/** A write that stands next after `state`. */
	sign(state: AccountState | null, action: AccountAction): Promise<SignedAccountWrite> {
		const head = state === null ? { n: 0, hash: new Uint8Array(32) } : accountHead(state);
		return signAccountWrite(this.keys.signing.privateKey, {
			...{ account: this.account, n: head.n + 1, previous: head.hash, action },
			...{ device: newDeviceId(), timeMs: Date.now() }
		});
	}

	/** It stands on the log from now on. */
	took(signed: SignedAccountWrite): void {
		const judged = judgeAccountWrite(this.state, signed);
		if (!judged.ok) throw new Error(judged.error);
		this.state = judged.value.state;
	}

	/** A request with the next write. */
	async accountWrite(
		action: AccountAction,
		records: Partial<NewRecords> = {},
		factor: RequestOf<'accountWrite'>['factor'] = null
	): Promise<RequestOf<'accountWrite'>> {
		const signed = await this.sign(this.state, action);
		return {
			...textsOf(signed),
			registrationRecord:
				records.registrationRecord === undefined ? null : toBase64Url(records.registrationRecord),
			keyslots: (records.keyslots ?? []).map(toBase64Url),
			factor
		};
	}

	/** Has the edge take the next write. */
	async change(
		token: string,
		action: AccountAction,
		records?: Partial<NewRecords>,
		factor?: RequestOf<'accountWrite'>['factor']
	) {
		const request = await this.accountWrite(action, records, factor);
		const answer = await call(this.edge, 'accountWrite', request, token);
		if (answer.status === 200) {
			this.took({ write: bytesOf(request.write), signature: bytesOf(request.signature) });
		}
		return { ...answer, request };
	}

	/**
	 * The last request of login, after its first was answered; null for a wrong password.
	 *
	 * @param options `knownBy`: a token of the session whose key the first request shows.
	 */
	async login(
		device: DeviceId = newDeviceId(),
		options: { password?: string; origin?: string; jwk?: P256Jwk; knownBy?: string } = {}
	): Promise<RequestOf<'loginFinish'> | null> {
		const { handle, edge } = this;
		const password = options.password ?? this.password;
		const { clientLoginState, startLoginRequest } = edge.opaque.startLogin({ password });
		const { knownBy } = options;
		const answer = await call(edge, 'loginStart', { handle, ke1: startLoginRequest }, knownBy);
		if (answer.status !== 200) throw new Error(`login: ${JSON.stringify(answer.body)}`);
		const { login, ke2, handleHash } = answer.body;
		const finished = edge.opaque.finishLogin({
			clientLoginState,
			loginResponse: ke2,
			password,
			keyStretching
		});
		if (finished === undefined) return null;
		const jwk = options.jwk ?? (await newBoundKey()).key.jwk;
		const binding = deviceBindingMac(createSecret(bytesOf(finished.sessionKey)), {
			origin: options.origin ?? edge.origin,
			handleHash: bytesOf(handleHash),
			thumbprint: jwkThumbprint(jwk)
		});
		return {
			handle,
			login,
			ke3: finished.finishLoginRequest,
			device: { id: device, jwk, binding: toBase64Url(binding) },
			...{ whenFull: 'end_oldest', after: 0, keep: 'answer' }
		};
	}

	async logIn(device: DeviceId = newDeviceId()): Promise<Session> {
		const request = await this.login(device);
		if (request === null) throw new Error('the password is the right one');
		const answer = await call(this.edge, 'loginFinish', request);
		if (answer.status !== 200) throw new Error(`login: ${JSON.stringify(answer.body)}`);
		const done = doneOf(answer.body);
		const { accessToken, refreshToken } = done.session;
		return { device, token: accessToken, refreshToken, answer: done };
	}

	/** Signs a commit to follow `log`, with its pages and wraps. */
	async commit(log: Log, device: DeviceId, content: Content = {}): Promise<Append> {
		const countKey = `${log.space}/${device}`;
		const count = content.count ?? (this.counts.get(countKey) ?? 0) + 1;
		this.counts.set(countKey, count);
		const pages = content.pages ?? [];
		const hashes = await Promise.all(pages.map(sha256Async));
		const commit: Commit = {
			space: log.space,
			author: this.account,
			identity: this.identity.hash,
			device,
			count,
			seen: content.seen ?? log.head,
			timeMs: content.timeMs ?? Date.now(),
			pages: pages.map((page, index) => ({
				epoch: content.epoch ?? 1,
				lengthBytes: page.length,
				hash: hashes[index] ?? new Uint8Array(32),
				expiresAtMs: content.expiresAtMs?.[index] ?? null
			})),
			supersedes: content.supersedes ?? [],
			purge: content.purge ?? [],
			admin: content.admin ?? null,
			genesis: content.genesis ?? null
		};
		const bytes = encodeCommit(commit);
		const signature = await sign(this.keys.signing.privateKey, commitSigningInput(bytes));
		return {
			type: 'append',
			commit: bytes,
			signature,
			pages,
			wraps: content.wraps ?? [],
			previousKey: content.previousKey ?? null
		};
	}

	/** Signs that a device has verified the log up to its head, or up to what is claimed. */
	heartbeat(
		log: Log,
		device: DeviceId,
		claimed: Partial<Heartbeat> = {}
	): Promise<SignedHeartbeat> {
		return signHeartbeat(this.keys.signing.privateKey, {
			...{ space: log.space, account: this.account, device, head: log.head, audit: null },
			...{ timeMs: Date.now(), ...claimed }
		});
	}

	/** Entry 1 of a new space of one's own. */
	async genesis(device: DeviceId): Promise<{ log: Log; append: Append }> {
		const genesis = encodeGenesis({
			creator: this.account,
			creatorIdentity: this.identity.hash,
			random: randomBytes(32)
		});
		const hash = genesisHashOf(genesis);
		const log: Log = { space: spaceOfGenesisHash(hash), head: { seq: 0, hash } };
		const wrap = randomBytes(1_168);
		const append = await this.commit(log, device, {
			genesis,
			wraps: [wrap],
			admin: {
				...noChange,
				members: [member(this, 'owner')],
				epoch: { number: 1, commitment: randomBytes(32), previousHash: null },
				wraps: [{ kind: 'content', number: 1, recipient: this.account, hash: sha256(wrap) }]
			}
		});
		return { log, append };
	}
}

/** A log as its client sees it. */
export interface Log {
	readonly space: SpaceId;
	readonly head: Head;
}

export interface Content {
	readonly pages?: readonly Uint8Array[];
	readonly expiresAtMs?: readonly (number | null)[];
	readonly supersedes?: readonly PageId[];
	readonly purge?: readonly PageId[];
	readonly admin?: Admin;
	readonly genesis?: Uint8Array;
	readonly wraps?: readonly Uint8Array[];
	readonly previousKey?: Uint8Array;
	readonly epoch?: number;
	readonly count?: number;
	readonly seen?: Head;
	readonly timeMs?: number;
}

export const noChange: Admin = { members: [], epoch: null, audit: null, wraps: [], settings: null };

export const member = (
	{ account, identity }: Person,
	role: 'owner' | 'editor' | 'viewer' | 'auditor'
): Admin['members'][number] => ({
	account,
	role,
	kind: 'person',
	identityEntry: identity.bytes
});

/** The log after an append that was accepted. */
export const after = (log: Log, { commit, signature }: Append): Log => ({
	space: log.space,
	head: {
		seq: log.head.seq + 1,
		hash: nextHead(log.head.hash, sha256(concatBytes(commit, signature)))
	}
});

/** Of a key that {@link call} makes proofs with. */
export const newDeviceJwk = async (): Promise<P256Jwk> => (await newBoundKey()).key.jwk;
