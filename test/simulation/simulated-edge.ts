// The edge of a simulation: the real Space object, the real Deployment that holds the keys of
// tokens, and in place of Account objects the one thing that a space asks of them: whether a session
// is there, and to be told of its end.
import * as v from 'valibot';
import { mintAccessToken, type TokenKey } from '../../crypto/edge/session-token.ts';
import type { Attachment } from '../../durable-objects/space-sockets.ts';
import { isWireErrorCode, wireErrors, type Refusal } from '../../protocol/errors.ts';
import { routes } from '../../protocol/http.ts';
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
type AnswerRequest = (...input: readonly unknown[]) => Promise<Result<unknown, Refusal>>;

/** The edge's code, as it is or with one thing changed. */
export interface EdgeCode {
	readonly Space: new (ctx: unknown, env: unknown) => SpaceObject;
	readonly Deployment: new (ctx: unknown, env: unknown) => DeploymentObject;
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
			DEPLOYMENT: { getByName: () => ({ tokenKeys, accountKeys }) },
			ACCOUNT: {
				getByName: () => ({ noteSpace: this.#noteSpace, checkSession: this.#checkSession })
			}
		};
	}

	readonly #checkSession = (token: string): Promise<Result<null, Refusal>> => {
		const session = this.#sessionByToken.get(token);
		const lives = session !== undefined && this.#sessions.has(session);
		return this.#weather.time.lagging(lives ? ok(null) : err({ code: 'unauthenticated' }));
	};

	readonly #noteSpace = (asked: {
		readonly session: SessionId;
		readonly space: SpaceId;
	}): Promise<Result<null, Refusal>> => {
		const spaces = this.#sessions.get(asked.session);
		if (spaces === undefined) return this.#weather.time.lagging(err({ code: 'unauthenticated' }));
		spaces.add(asked.space);
		return this.#weather.time.lagging(ok(null));
	};

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
		path: string,
		body: string,
		token: string | undefined
	): Promise<{ readonly status: number; readonly text: string }> {
		const [name, route] =
			Object.entries(routes).find(([, { path: known }]) => known === path) ?? [];
		if (name === undefined || route === undefined) throw new Error(`there is no ${path}`);
		const request = v.parse(route.request, JSON.parse(body)) as {
			readonly space: SpaceId;
		};
		const input = route.auth === 'session' ? [token ?? '', request] : [request];
		const answer = await this.space(request.space).call(name, (object) => {
			const answering = (object as unknown as Record<string, AnswerRequest>)[name];
			if (answering === undefined) throw new Error(`a space answers no ${name}`);
			return answering.call(object, ...input);
		});
		this.#heard?.onAnswer(name, request, answer);
		if (answer.ok) return { status: 200, text: JSON.stringify(answer.value) };
		const { httpStatus: status } = wireErrors[answer.error.code];
		return { status, text: JSON.stringify({ error: answer.error }) };
	}

	/** What the Worker does with an upgrade, once it has judged its form. */
	async upgrade(
		url: string,
		protocols: readonly string[],
		caller: Caller
	): Promise<Connection | null> {
		const space = (/spaces\/(\w+)\//.exec(url)?.[1] ?? '') as SpaceId;
		const headers = new Headers({ 'Sec-WebSocket-Protocol': protocols.join(', ') });
		const request = { url, headers };
		const answer = await this.space(space).call('fetch', (object) => object.fetch?.(request));
		if (answer === undefined) return null;
		if (answer.status !== 101) {
			const { error } = (await answer.json()) as { readonly error: Refusal };
			const { closeCode } = wireErrors[isWireErrorCode(error.code) ? error.code : 'internal'];
			caller.opened();
			caller.closed(closeCode ?? 1006);
			return null;
		}
		const { server } = answer.webSocket as { readonly server: ServerSocket };
		const connection = new Connection(this.#weather, caller, server);
		this.#connections.add(connection);
		return connection;
	}
}
