// Login: the server's half of OPAQUE, and the device key that is bound to it. It proves a password and
// begins nothing: what a proof is good for, sessions decide. An unknown handle answers like a known one.
import { verifyDeviceBinding } from '../crypto/edge/device-binding.ts';
import { finishLogin, startLogin } from '../crypto/edge/opaque-server.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../crypto/jwk.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf } from '../protocol/http.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { malformed, type AccountParts, type Answer } from './account-parts.ts';
import type { LoginBudget } from './login-budget.ts';
import { LoginsInProgress } from './logins-in-progress.ts';
import { decodeText } from './request-bytes.ts';

/** What the Worker knows of a request besides its body. */
export interface RequestPlace {
	/** Of the request's URL. */
	readonly origin: string;
	/** Keyed name of the client's network. */
	readonly network: string;
}

/** Whoever finished a login knew the password, and chose this key for this device while knowing it. */
export interface ProvenDevice {
	readonly device: DeviceId;
	readonly jwk: P256Jwk;
}

const loginFailed = err({ code: 'login_failed' } as const);

export class AccountLogin {
	readonly #parts: AccountParts;
	readonly #budget: LoginBudget;
	readonly #logins = new LoginsInProgress();

	constructor(parts: AccountParts, budget: LoginBudget) {
		this.#parts = parts;
		this.#budget = budget;
	}

	async start(request: RequestOf<'loginStart'>, { network }: RequestPlace): Answer<'loginStart'> {
		const { name, store, keys: fetched } = this.#parts;
		const [keys, opaque] = await Promise.all([fetched.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const taken = this.#budget.take(network, Date.now());
		if (!taken.ok) return taken;
		const { handleHash } = name;
		const started = startLogin(opaque.server, {
			setup: keys.value.opaqueSetup,
			handleHash,
			record: store.loadAccount()?.registrationRecord ?? null,
			ke1: decodeText(request.ke1)
		});
		if (!started.ok) return malformed;
		return ok({
			login: this.#logins.add(started.value.state),
			ke2: toBase64Url(started.value.ke2),
			handleHash: toBase64Url(handleHash)
		});
	}

	/** Once for each login that was started. Nothing is given back of the budget: see {@link refund}. */
	async finish(
		request: RequestOf<'loginFinish'>,
		{ origin }: RequestPlace
	): Promise<Result<ProvenDevice, Refusal>> {
		const opaque = await init(opaqueModule);
		const state = this.#logins.take(request.login);
		if (state === null) return loginFailed;
		const finished = finishLogin(opaque.server, { state, ke3: decodeText(request.ke3) });
		if (!finished.ok) return loginFailed;
		const jwk = parseP256Jwk(request.device.jwk);
		if (!jwk.ok || !(await isOnCurve(jwk.value))) return malformed;
		const isBound = verifyDeviceBinding(finished.value, {
			mac: decodeText(request.device.binding),
			origin,
			handleHash: this.#parts.name.handleHash,
			thumbprint: jwkThumbprint(jwk.value)
		});
		// Only a record that was there gives a session key to both sides.
		if (!isBound || this.#parts.store.loadAccount() === null) return loginFailed;
		return ok({ device: request.device.id, jwk: jwk.value });
	}

	/** The attempt was no guess: it does not count. */
	refund({ network }: RequestPlace): void {
		this.#budget.refund(network);
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
