// The Deployment object: the one place that holds the server's own keys, sealed at rest under the
// edge secret. It names accounts and networks, and hands keys to the objects that work with them;
// it says who may sign up, and what its operator has set. It sees no content and no session.
import { DurableObject } from 'cloudflare:workers';
import { createSetup } from '../crypto/edge/opaque-server.ts';
import { accountObjectName, hashHandle, limiterObjectName } from '../crypto/edge/keyed-name.ts';
import { factorKeyBytes } from '../crypto/edge/factor-seal.ts';
import {
	openServerKeys,
	parseEdgeSecret,
	sealServerKeys,
	type EdgeSecret
} from '../crypto/edge/server-keys.ts';
import type { TokenKey } from '../crypto/edge/session-token.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../crypto/random.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { OperatorLimits } from '../protocol/http-operator.ts';
import { parseHandle } from '../protocol/handle.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { DeploymentStore } from './deployment-store.ts';
import type { Env } from './env.ts';
import { tokenKeyLifetimeMs } from './limits.ts';
import { limitsOf, Operation } from './operation.ts';
import {
	encodeServerKeys,
	parseServerKeys,
	type DatedTokenKey,
	type ServerKeys
} from './server-keys.ts';
import { SignUps, type Newcomer } from './sign-ups.ts';
import { SmsGateway } from './sms-gateway.ts';

/** Names of the objects that a request concerns. */
export interface ObjectNames {
	/** Null if no handle was asked for. */
	readonly account: string | null;
	readonly limiter: string;
}

/** What an Account needs of the server's keys. */
export interface AccountServerKeys {
	readonly opaqueSetup: Uint8Array;
	/** What secrets of second factors are sealed under, 32 bytes. */
	readonly factorKey: Uint8Array;
	/** Newest first; the newest mints. */
	readonly tokenKeys: readonly TokenKey[];
}

/** Stands for every client whose address the platform does not say. */
const unknownAddress = '0.0.0.0';
const forbidden = err({ code: 'forbidden' } as const);

export class Deployment extends DurableObject<Env> {
	readonly #store: DeploymentStore;
	readonly #signUps: SignUps;
	readonly #operation: Operation;
	/** One load at a time: two first requests must not make two sets of keys. */
	#loading: Promise<Result<ServerKeys, Refusal>> | null = null;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const store = new DeploymentStore(ctx.storage);
		this.#store = store;
		this.#signUps = new SignUps({
			store,
			firstPolicy: env.TACET_SIGN_UP,
			maxAccounts: () => limitsOf(store).accounts,
			withdraw: async (account) => env.ACCOUNT.getByName(account).withdrawPlace()
		});
		this.#operation = new Operation(store, this.#signUps);
	}

	/** To anybody. */
	signUpRead(): ResponseOf<'signUpRead'> {
		return { signUp: this.#signUps.policy, isFirst: this.#signUps.isFirst };
	}

	/** For Account objects: whether an account could be made; keeps nothing. */
	signUpLook(code: Uint8Array | null): Promise<Result<null, Refusal>> {
		return this.#signUps.look(code);
	}

	/** For Account objects, just before they make their account. Asked again, it is the same place. */
	signUpReserve(newcomer: Newcomer): Promise<Result<null, Refusal>> {
		return this.#signUps.reserve(newcomer);
	}

	/** For Account objects that have made their account. */
	signUpConfirm(account: string): void {
		this.#signUps.confirm(account);
	}

	/** For Account objects whose account was deleted, before they erase it. Asked again, it is the same. */
	signUpForget(account: string): void {
		this.#signUps.forget(account);
	}

	/** For objects that keep within them. */
	limits(): OperatorLimits {
		return this.#operation.limits;
	}

	/** For Account objects, which have verified whose session asks. */
	allowance(account: string): Omit<ResponseOf<'usageRead'>, 'spaces'> {
		const { spacesPerAccount, bytesPerAccount, bytesPerSpace, membersPerSpace, pagesPerSpace } =
			this.#operation.limits;
		return {
			isOperator: this.#signUps.isOperator(account),
			sendsSms: SmsGateway.of(this.env) !== null,
			limits: { spacesPerAccount, bytesPerAccount, bytesPerSpace, membersPerSpace, pagesPerSpace }
		};
	}

	/** For Account objects: how much is set aside for all spaces that the account has made. */
	noteBytes(account: string, bytes: number): void {
		this.#store.saveBytes(account, bytes);
	}

	/** For Account objects, which have verified whose session asks. */
	operatorRead(account: string): Result<ResponseOf<'operatorRead'>, Refusal> {
		return this.#signUps.isOperator(account) ? ok(this.#operation.read()) : forbidden;
	}

	operatorWrite(
		account: string,
		{ change }: RequestOf<'operatorWrite'>
	): Result<ResponseOf<'operatorWrite'>, Refusal> {
		return this.#signUps.isOperator(account) ? this.#operation.write(change) : forbidden;
	}

	/** Names under which the objects of a handle, and of a client's network, are found. */
	async names(asked: {
		readonly handle: string | null;
		readonly network: string;
	}): Promise<Result<ObjectNames, Refusal>> {
		const keys = await this.#keys();
		if (!keys.ok) return keys;
		const { namingKey } = keys.value;
		const limiter = limiterObjectName(namingKey, asked.network);
		const other = limiterObjectName(namingKey, unknownAddress);
		if (!other.ok) throw new Error('the address that stands for unknown ones must have a name');
		const names = { limiter: limiter.ok ? limiter.value : other.value };
		if (asked.handle === null) return ok({ ...names, account: null });
		const handle = parseHandle(asked.handle);
		if (!handle.ok) return err({ code: 'malformed' });
		return ok({ ...names, account: accountObjectName(hashHandle(namingKey, handle.value)) });
	}

	/** For Account objects, and Space objects that open share links. */
	async accountKeys(): Promise<Result<AccountServerKeys, Refusal>> {
		const keys = await this.#keys();
		if (!keys.ok) return keys;
		const { opaqueSetup, factorKey, tokenKeys } = keys.value;
		return ok({ opaqueSetup, factorKey, tokenKeys: tokenKeys.map(withoutDate) });
	}

	/** For Space objects only. */
	async tokenKeys(): Promise<Result<readonly TokenKey[], Refusal>> {
		const keys = await this.#keys();
		return keys.ok ? ok(keys.value.tokenKeys.map(withoutDate)) : keys;
	}

	async #keys(): Promise<Result<ServerKeys, Refusal>> {
		this.#loading ??= this.#load();
		const keys = await this.#loading;
		// What failed is tried anew: a secret may have been set right meanwhile.
		if (!keys.ok || needsTokenKey(keys.value, Date.now())) this.#loading = null;
		return keys;
	}

	async #load(): Promise<Result<ServerKeys, Refusal>> {
		const secrets = this.#secrets();
		const [newest] = secrets;
		if (newest === undefined) return err({ code: 'unavailable' });
		const sealed = this.#store.loadSealedKeys();
		if (sealed === null) return this.#save(newest, await createServerKeys());
		const opened = await openServerKeys(secrets, sealed);
		if (!opened.ok) return err({ code: 'unavailable' });
		const keys = parseServerKeys(opened.value.serverKeys);
		if (!keys.ok) return err({ code: 'unavailable' });
		const nowMs = Date.now();
		if (needsTokenKey(keys.value, nowMs)) {
			return this.#save(newest, withNewTokenKey(keys.value, nowMs));
		}
		return opened.value.secretIndex === 0 ? keys : this.#save(newest, keys.value);
	}

	async #save(secret: EdgeSecret, keys: ServerKeys): Promise<Result<ServerKeys, Refusal>> {
		this.#store.saveSealedKeys(await sealServerKeys(secret, encodeServerKeys(keys)));
		return ok(keys);
	}

	/** The secret, then the one before it if there is one; without a usable first there is none. */
	#secrets(): readonly EdgeSecret[] {
		const newest = parseEdgeSecret(this.env.TACET_SECRET);
		if (!newest.ok) return [];
		const previous = parseEdgeSecret(this.env.TACET_SECRET_PREVIOUS ?? '');
		return previous.ok ? [newest.value, previous.value] : [newest.value];
	}
}

async function createServerKeys(): Promise<ServerKeys> {
	const { server } = await init(opaqueModule);
	return {
		opaqueSetup: createSetup(server),
		namingKey: randomBytes(32),
		factorKey: randomBytes(factorKeyBytes),
		tokenKeys: [{ id: 1, secret: randomBytes(32), madeAtMs: Date.now() }]
	};
}

const needsTokenKey = ({ tokenKeys }: ServerKeys, nowMs: number): boolean =>
	nowMs - (tokenKeys[0]?.madeAtMs ?? 0) > tokenKeyLifetimeMs;

/** A new key in front; of those before, the ones whose tokens may still be about. */
function withNewTokenKey(keys: ServerKeys, nowMs: number): ServerKeys {
	const [newest] = keys.tokenKeys;
	const made = { id: (newest?.id ?? 0) + 1, secret: randomBytes(32), madeAtMs: nowMs };
	return { ...keys, tokenKeys: [made, ...(newest === undefined ? [] : [newest])] };
}

const withoutDate = ({ id, secret }: DatedTokenKey): TokenKey => ({ id, secret });
