// The edge of a simulation: the real Space object, the real Deployment that holds the keys of
// tokens, and in place of Account objects the one thing that a space asks of them: whether a session
// is there and its proof good, by the real guard of proofs, and to be told of its end.
import * as v from 'valibot';
import { mintAccessToken, type TokenKey } from '../../crypto/edge/session-token.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import type { RoomAsked, RoomGiven } from '../../durable-objects/account-spaces.ts';
import { defaultLimits } from '../../durable-objects/limits.ts';
import type { ProofGuard } from '../../durable-objects/proof-guard.ts';
import type { Proven, Replied } from '../../durable-objects/proven.ts';
import type { Attachment } from '../../durable-objects/space-sockets.ts';
import { isWireErrorCode, wireErrors, type Refusal } from '../../protocol/errors.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { routes, staleProofReason } from '../../protocol/http.ts';
import type { AccountId, DeviceId, SessionId, SpaceId } from '../../protocol/ids.ts';
import { accessTokenTtlSeconds } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { Connection, type Caller, type ServerSocket, type Weather } from './connection.ts';
import { ObjectHost, type EdgeObject } from './object-host.ts';

export interface SpaceObject extends EdgeObject {
	endSession(session: SessionId, untilMs: number): Promise<void>;
}
interface DeploymentObject extends EdgeObject {
	tokenKeys(): Promise<Result<readonly TokenKey[], Refusal>>;
	accountKeys(): Promise<Result<unknown, Refusal>>;
}
/** What the Worker has a Space object answer to a request. */
type AnswerRequest = (
	...input: readonly unknown[]
) => Promise<Result<unknown, Refusal> | Replied<unknown>>;

/** The edge's code, as it is or with one thing changed. */
export interface EdgeCode {
	readonly Space: new (ctx: unknown, env: unknown) => SpaceObject;
	readonly Deployment: new (ctx: unknown, env: unknown) => DeploymentObject;
	readonly ProofGuard: typeof ProofGuard;
}

export interface LoggedIn {
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly session: SessionId;
}

/** Whoever hears all that the edge says. */
export interface Eavesdropper {
	onFrame(space: SpaceId, to: Attachment, frame: Uint8Array): void;
	onAnswer(route: string, request: unknown, answer: Result<unknown, Refusal>): void;
}

const unauthenticated = err({ code: 'unauthenticated' } as const);
/** How probable it is that an account is asleep when it is asked. */
const sleeps = 0.05;
const secret = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

export class SimulatedEdge {
	readonly #weather: Weather;
	readonly #code: EdgeCode;
	readonly #onError: (where: string, error: unknown) => void;
	readonly #deployment: ObjectHost<DeploymentObject>;
	readonly #spaces = new Map<string, ObjectHost<SpaceObject>>();
	/** Sessions that a space was told of the end of. */
	readonly ended = new Set<string>();
	#heard: Eavesdropper | null = null;
	/** Sessions, and the spaces that asked for them. */
	readonly #sessions = new Map<SessionId, Set<SpaceId>>();
	/** Whose each token is that was handed out. */
	readonly #sessionByToken = new Map<string, SessionId>();
	/** Of each account, while it is awake. */
	readonly #guards = new Map<string, ProofGuard>();
	readonly #connections = new Set<Connection>();

	constructor(weather: Weather, code: EdgeCode, onError: (where: string, error: unknown) => void) {
		this.#weather = weather;
		this.#code = code;
		this.#onError = onError;
		this.#deployment = this.#hostOf('deployment', (ctx) => new code.Deployment(ctx, this.#env));
	}

	hear(eavesdropper: Eavesdropper): void {
		this.#heard = eavesdropper;
	}

	#hostOf<Object extends EdgeObject>(name: string, make: (ctx: unknown) => Object) {
		const { time } = this.#weather;
		const onSent = (socket: ServerSocket, data: ArrayBuffer | string): void => {
			if (typeof data === 'string') return;
			const to = socket.deserializeAttachment() as Attachment;
			this.#heard?.onFrame(name as SpaceId, to, new Uint8Array(data));
		};
		return new ObjectHost<Object>({ time, name, make, onError: this.#onError, onSent });
	}

	get #env(): unknown {
		const tokenKeys = () =>
			this.#deployment.call('tokenKeys', (deployment) => deployment.tokenKeys());
		const accountKeys = () =>
			this.#deployment.call('accountKeys', (deployment) => deployment.accountKeys());
		return {
			TACET_SECRET: secret,
			DEPLOYMENT: {
				getByName: () => ({ tokenKeys, accountKeys, limits: () => Promise.resolve(defaultLimits) })
			},
			ACCOUNT: {
				getByName: (name: string) => ({
					setAside: ({ wantedBytes }: RoomAsked): Promise<Result<RoomGiven, never>> =>
						Promise.resolve(ok({ bytes: wantedBytes, pages: defaultLimits.pagesPerSpace })),
					admit: (proven: Proven, space: SpaceId | null) => this.#admit(name, { proven, space })
				})
			}
		};
	}

	async #admit(
		account: string,
		{ proven, space }: { readonly proven: Proven; readonly space: SpaceId | null }
	): Promise<Replied<unknown>> {
		const { time } = this.#weather;
		// It falls asleep now and then, and has forgotten proofs and nonce when it wakes.
		if (!this.#guards.has(account) || time.happens(sleeps)) {
			this.#guards.set(account, new this.#code.ProofGuard());
		}
		const guard = this.#guards.get(account)!;
		const replied = (answer: Result<unknown, Refusal>) =>
			time.lagging({ answer, nonce: guard.nonce });
		const session = this.#sessionByToken.get(proven.token ?? '');
		if (session === undefined || !this.#sessions.has(session)) return replied(unauthenticated);
		const { proof, request, token: accessToken } = proven;
		const judged = await guard.judge(proof, { request, accessToken, thumbprint: null });
		if (!judged.ok) return replied(err({ code: judged.error }));
		const spaces = this.#sessions.get(session);
		if (spaces === undefined) return replied(unauthenticated);
		if (space !== null) spaces.add(space);
		return replied(ok(null));
	}

	space(space: SpaceId): ObjectHost<SpaceObject> {
		const known = this.#spaces.get(space);
		if (known !== undefined) return known;
		const host = this.#hostOf(space, (ctx) => new this.#code.Space(ctx, this.#env));
		this.#spaces.set(space, host);
		return host;
	}

	logIn(session: SessionId): void {
		this.#sessions.set(session, new Set());
	}

	/** As an Account object does it: it tells every space that asked, until each has heard. */
	logOut(session: SessionId): void {
		const spaces = this.#sessions.get(session) ?? new Set();
		this.#sessions.delete(session);
		for (const space of spaces) void this.#tellEnd(session, space);
	}

	async #tellEnd(session: SessionId, space: SpaceId): Promise<void> {
		const { time } = this.#weather;
		for (;;) {
			await time.wait(time.upTo(200));
			const untilMs = time.nowMs + (accessTokenTtlSeconds + 60) * 1_000;
			try {
				await this.space(space).call('endSession', (object) => object.endSession(session, untilMs));
				this.ended.add(`${space} ${session}`);
				return;
			} catch {
				// It crashed before it had answered: told again.
			}
		}
	}

	/** Null for a session that has ended. */
	async accessToken({ account, device, session }: LoggedIn): Promise<string | null> {
		if (!this.#sessions.has(session)) return null;
		const keys = await this.#deployment.call('tokenKeys', (object) => object.tokenKeys());
		const key = keys.ok ? keys.value[0] : undefined;
		if (key === undefined) throw new Error('the deployment has no keys');
		const expiresAtMs = this.#weather.time.nowMs + accessTokenTtlSeconds * 1_000;
		const accountObject = account.repeat(2);
		const jkt = new Uint8Array(32);
		const claims = { account, accountObject, device, session, expiresAtMs, jkt };
		const token = mintAccessToken(key, claims);
		this.#sessionByToken.set(token, session);
		return token;
	}

	/** What the Worker does with a request about a space: reads it by its schema, and passes it on. */
	async call(
		url: string,
		body: string,
		headers: Headers
	): Promise<{ readonly status: number; readonly text: string; readonly nonce: string | null }> {
		const { pathname } = new URL(url);
		const [name, route] =
			Object.entries(routes).find(([, { path: known }]) => known === pathname) ?? [];
		if (name === undefined || route === undefined) throw new Error(`there is no ${pathname}`);
		const request = v.parse(route.request, JSON.parse(body)) as {
			readonly space: SpaceId;
		};
		const shown = { method: route.method, url, body: utf8Encode(body) };
		const proven: Proven = {
			token: headers.get('authorization')?.replace('DPoP ', '') ?? null,
			proof: headers.get('dpop') ?? '',
			request: await describeRequest(shown),
			assurance: route.auth
		};
		const input = route.auth === 'none' ? [request] : [proven, request];
		const said = await this.space(request.space).call(name, (object) => {
			const answering = (object as unknown as Record<string, AnswerRequest>)[name];
			if (answering === undefined) throw new Error(`a space answers no ${name}`);
			return answering.call(object, ...input);
		});
		const { answer, nonce } = 'answer' in said ? said : { answer: said, nonce: null };
		this.#heard?.onAnswer(name, request, answer);
		if (answer.ok) return { status: 200, text: JSON.stringify(answer.value), nonce };
		const { httpStatus: status } = wireErrors[answer.error.code];
		return { status, text: JSON.stringify({ error: answer.error }), nonce };
	}

	/** What the Worker does with an upgrade, once it has judged its form. */
	async upgrade(
		url: string,
		protocols: readonly string[],
		caller: Caller
	): Promise<Connection | null> {
		const space = (/spaces\/(\w+)\//.exec(url)?.[1] ?? '') as SpaceId;
		const headers = new Headers({ 'Sec-WebSocket-Protocol': protocols.join(', ') });
		const request = { url: url.replace(/^ws/, 'http'), headers };
		const answer = await this.space(space).call('fetch', (object) => object.fetch?.(request));
		if (answer === undefined) return null;
		if (answer.status !== 101) {
			const { error } = (await answer.json()) as { readonly error: Refusal };
			const code = isWireErrorCode(error.code) ? error.code : 'internal';
			const nonce = answer.headers.get('DPoP-Nonce');
			const isStale = code === 'use_dpop_nonce' && nonce !== null;
			const { closeCode } = wireErrors[isStale ? 'unauthenticated' : code];
			caller.opened();
			caller.closed(closeCode ?? 1006, isStale ? staleProofReason(nonce) : code);
			return null;
		}
		const { server } = answer.webSocket as { readonly server: ServerSocket };
		const connection = new Connection(this.#weather, caller, server);
		this.#connections.add(connection);
		return connection;
	}
}
