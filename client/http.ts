// HTTP to the edge: the only fetch of the engine. A call answers with a value of the route's schema
// or a code; an edge that answers anything else is treated as an edge that does not answer right.
import * as v from 'valibot';
import { utf8Encode } from '../protocol/bytes.ts';
import { isWireErrorCode } from '../protocol/errors.ts';
import {
	errorResponse,
	routes,
	type RequestOf,
	type ResponseOf,
	type RouteName
} from '../protocol/http.ts';
import type { Keeping } from '../protocol/http-login.ts';
import { maxBodyBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { fail, type TacetError } from './errors.ts';
import type { Proofs } from './proofs.ts';

/** Argon2id never runs while a call is open, so that this is network and edge alone. */
const timeoutMs = 20_000;

export interface HttpOptions {
	readonly origin: string;
	readonly fetch?: typeof fetch;
	/** Where the secret halves of this device's refresh tokens are kept; absent: in answers. */
	readonly keep?: Keeping;
}

/** Routes that set or read the cookie of the refresh token. */
const cookieRoutes: readonly RouteName[] = [
	...(['loginFinish', 'loginFactor', 'loginChoose'] as const),
	...(['sessionRefresh', 'sessionsEnd'] as const)
];

/** Shows who asks. Of a route that asks for neither, its proofs learn what the answer brings. */
export interface Pass {
	readonly proofs: Proofs;
	/** Access token, for routes that ask for a session; else null. */
	readonly token: string | null;
}

interface Exchange {
	readonly status: number;
	readonly text: string;
}

export class Http {
	readonly #origin: string;
	readonly #fetch: typeof fetch;
	readonly keep: Keeping;

	constructor(options: HttpOptions) {
		this.#origin = options.origin;
		this.keep = options.keep ?? 'answer';
		this.#fetch = options.fetch ?? ((...input) => fetch(...input));
	}

	/** @param pass for routes that ask for a proof or a session. */
	async call<Name extends RouteName>(
		name: Name,
		body: RequestOf<Name>,
		pass?: Pass
	): Promise<Result<ResponseOf<Name>, TacetError>> {
		const content = routes[name].method === 'POST' ? JSON.stringify(body) : '';
		const first = await this.#exchange(name, content, pass);
		// The edge took nothing of it: it is asked again, with the nonce that it gave.
		const received =
			first.ok && isStale(first.value) ? await this.#exchange(name, content, pass) : first;
		if (!received.ok) return received;
		// An edge that forgets its nonce each time is one that restarts.
		if (isStale(received.value)) return fail('unavailable');
		const { status, text } = received.value;
		const json = parseJson(text);
		if (status !== 200) return err(refusalOf(json));
		const parsed = v.safeParse(routes[name].response, json);
		if (!parsed.success) return err({ code: 'server_misbehaved' });
		return ok(parsed.output as ResponseOf<Name>);
	}

	async #exchange(
		name: RouteName,
		content: string,
		pass: Pass | undefined
	): Promise<Result<Exchange, TacetError>> {
		const { method, path, auth } = routes[name];
		const url = `${this.#origin}${path}`;
		const headers: Record<string, string> = {};
		if (method === 'POST') headers['content-type'] = 'application/json';
		if (pass !== undefined && auth !== 'none') {
			const { token, proofs } = pass;
			if (token !== null) headers['authorization'] = `DPoP ${token}`;
			headers['dpop'] = await proofs.prove({ method, url, body: utf8Encode(content) }, token);
		}
		try {
			const response = await this.#fetch(url, {
				method,
				headers,
				signal: AbortSignal.timeout(timeoutMs),
				cache: 'no-store',
				credentials: this.keep === 'cookie' && cookieRoutes.includes(name) ? 'same-origin' : 'omit',
				redirect: 'error',
				referrerPolicy: 'no-referrer',
				...(method === 'POST' && { body: content })
			});
			pass?.proofs.learn(response.headers.get('dpop-nonce'));
			const text = await response.text();
			if (text.length > 4 * maxBodyBytes) return err({ code: 'server_misbehaved' });
			return ok({ status: response.status, text });
		} catch {
			// fetch rejects without saying why: unreachable, timed out, or cut off midway.
			return err({ code: 'offline' });
		}
	}
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** Whether the proof was refused for want of the nonce, and for nothing else. */
function isStale({ status, text }: Exchange): boolean {
	return status !== 200 && refusalOf(parseJson(text)).code === 'use_dpop_nonce';
}

/** What stands between us and the edge (a proxy, a captive page) answers no codes of ours. */
function refusalOf(json: unknown): TacetError {
	const parsed = v.safeParse(errorResponse, json);
	if (!parsed.success || !isWireErrorCode(parsed.output.error.code)) return { code: 'offline' };
	const { code, retryAfterSeconds } = parsed.output.error;
	return retryAfterSeconds === undefined ? { code } : { code, retryAfterSeconds };
}

/** Fetches and compiles a Wasm file of this build, for a crypto worker.
 * @throws DOMException named NetworkError if it does not arrive */
export async function fetchWasm(url: string): Promise<WebAssembly.Module> {
	try {
		return await WebAssembly.compileStreaming(fetch(url));
	} catch (cause) {
		if (cause instanceof WebAssembly.CompileError) throw cause;
		throw new DOMException('a part of the page did not arrive', 'NetworkError');
	}
}
