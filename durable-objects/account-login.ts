// The server's half of OPAQUE, and the device key that is bound to a login. It proves a password and
// begins nothing: what comes after it is in account-login-steps.ts. An unknown handle answers like a
// known one.
import { verifyDeviceBinding } from '../crypto/edge/device-binding.ts';
import { finishLogin, startLogin } from '../crypto/edge/opaque-server.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../crypto/jwk.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { Place } from '../protocol/http-fields.ts';
import type { DeviceId, SessionId } from '../protocol/ids.ts';
import { loginStateTtlSeconds } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { malformed, type AccountParts } from './account-parts.ts';
import { maxLoginsInProgress } from './limits.ts';
import type { Attempter, LoginBudget } from './login-budget.ts';
import { LoginsInProgress, newLoginId } from './logins-in-progress.ts';
import { decodeText } from './request-bytes.ts';

/** What the Worker knows of a request besides its body. */
export interface RequestPlace {
	/** Of the request's URL. */
	readonly origin: string;
	/** Keyed name of the client's network. */
	readonly network: string;
	/** As the platform says; null where it does not. */
	readonly where: Place | null;
}

/** Whoever finished a login knew the password, and chose this key for this device while knowing it. */
export interface ProvenDevice {
	readonly device: DeviceId;
	readonly jwk: P256Jwk;
}

/** What a password is shown for: a new session, or one that is to be fresh. */
export type LoginPurpose = 'session' | SessionId;

/** Whoever started a login knew its password. */
export interface ProvenPassword {
	/** OPAQUE's session key, 64 bytes. */
	readonly sessionKey: Uint8Array;
	readonly attempter: Attempter;
}

interface KeyExchange {
	readonly state: Uint8Array;
	readonly attempter: Attempter;
	readonly purpose: LoginPurpose;
	/** See {@link AccountLog.loginBasis}. */
	readonly basis: object;
}

export const loginFailed = err({ code: 'login_failed' } as const);

export class AccountLogin {
	readonly #parts: AccountParts;
	readonly #budget: LoginBudget;
	readonly #exchanges = new LoginsInProgress<KeyExchange>(maxLoginsInProgress);

	constructor(parts: AccountParts, budget: LoginBudget) {
		this.#parts = parts;
		this.#budget = budget;
	}

	/** Counts as a wrong guess until somebody says otherwise: see {@link refund}. */
	async start(
		ke1: string,
		purpose: LoginPurpose,
		attempter: Attempter
	): Promise<Result<ResponseOf<'loginStart'>, Refusal>> {
		const { name, log, keys: fetched } = this.#parts;
		const [keys, opaque] = await Promise.all([fetched.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const nowMs = Date.now();
		const taken = this.#budget.take(attempter, nowMs);
		if (!taken.ok) return taken;
		const { handleHash } = name;
		const basis = log.loginBasis;
		const started = startLogin(opaque.server, {
			setup: keys.value.opaqueSetup,
			handleHash,
			record: log.registrationRecord,
			ke1: decodeText(ke1)
		});
		if (!started.ok) return malformed;
		const login = newLoginId();
		const { state, ke2 } = started.value;
		const exchange = { state, attempter, purpose, basis };
		this.#exchanges.add(login, exchange, nowMs + loginStateTtlSeconds * 1_000);
		return ok({ login, ke2: toBase64Url(ke2), handleHash: toBase64Url(handleHash) });
	}

	/** Whether whoever sends KE3 knew the password. Once for each login that was started. */
	async finish(
		{ login, ke3 }: { readonly login: string; readonly ke3: string },
		purpose: LoginPurpose
	): Promise<Result<ProvenPassword, Refusal>> {
		const opaque = await init(opaqueModule);
		const exchange = this.#exchanges.take(login)?.login;
		if (exchange?.purpose !== purpose) return loginFailed;
		// Against a record that is not in force any more.
		if (exchange.basis !== this.#parts.log.loginBasis) return loginFailed;
		const { state, attempter } = exchange;
		const finished = finishLogin(opaque.server, { state, ke3: decodeText(ke3) });
		// Only a record that was there gives a session key to both sides.
		if (!finished.ok || this.#parts.log.state === null) return loginFailed;
		return ok({ sessionKey: finished.value, attempter });
	}

	/** Whether the key of a device was chosen by whoever knew the password. */
	async proveDevice(
		sessionKey: Uint8Array,
		{ id, jwk: shown, binding }: RequestOf<'loginFinish'>['device'],
		{ origin }: RequestPlace
	): Promise<Result<ProvenDevice, Refusal>> {
		const jwk = parseP256Jwk(shown);
		if (!jwk.ok || !(await isOnCurve(jwk.value))) return malformed;
		const isBound = verifyDeviceBinding(sessionKey, {
			mac: decodeText(binding),
			origin,
			handleHash: this.#parts.name.handleHash,
			thumbprint: jwkThumbprint(jwk.value)
		});
		return isBound ? ok({ device: id, jwk: jwk.value }) : loginFailed;
	}

	/** The attempt was no guess: it does not count. */
	refund(attempter: Attempter): void {
		this.#budget.refund(attempter);
	}
}

/** WebCrypto refuses to import a point that is not on the curve. */
async function isOnCurve(jwk: P256Jwk): Promise<boolean> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
	try {
		await crypto.subtle.importKey('jwk', { ...jwk }, algorithm, false, ['verify']);
		return true;
	} catch {
		return false;
	}
}
