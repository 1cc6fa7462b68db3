// HTTP to the edge: the only fetch of the engine. A call answers with a value of the route's schema
// or a code; an edge that answers anything else is treated as an edge that does not answer right.
import * as v from 'valibot';
import { isWireErrorCode } from '../protocol/errors.ts';
import {
	errorResponse,
	routes,
	type RequestOf,
	type ResponseOf,
	type RouteName
} from '../protocol/http.ts';
import { maxBodyBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { TacetError } from './errors.ts';

/** Argon2id never runs while a call is open, so that this is network and edge alone. */
const timeoutMs = 20_000;

export interface HttpOptions {
	readonly origin: string;
	readonly fetch?: typeof fetch;
}

export class Http {
	readonly #origin: string;
	readonly #fetch: typeof fetch;

	constructor(options: HttpOptions) {
		this.#origin = options.origin;
		this.#fetch = options.fetch ?? ((...input) => fetch(...input));
	}

	/** @param token access token, for routes that ask for a session. */
	async call<Name extends RouteName>(
		name: Name,
		body: RequestOf<Name>,
		token?: string
	): Promise<Result<ResponseOf<Name>, TacetError>> {
		const received = await this.#exchange(name, body, token);
		if (!received.ok) return received;
		const { status, text } = received.value;
		const json = parseJson(text);
		if (status !== 200) return err(refusalOf(json));
		const parsed = v.safeParse(routes[name].response, json);
		if (!parsed.success) return err({ code: 'server_misbehaved' });
		return ok(parsed.output as ResponseOf<Name>);
	}

	async #exchange(
		name: RouteName,
		body: unknown,
		token: string | undefined
	): Promise<Result<{ readonly status: number; readonly text: string }, TacetError>> {
		const { method, path } = routes[name];
		const headers: Record<string, string> = {};
		if (method === 'POST') headers['content-type'] = 'application/json';
		if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
		try {
			const response = await this.#fetch(`${this.#origin}${path}`, {
				method,
				headers,
				signal: AbortSignal.timeout(timeoutMs),
				cache: 'no-store',
				credentials: 'omit',
				redirect: 'error',
				referrerPolicy: 'no-referrer',
				...(method === 'POST' && { body: JSON.stringify(body) })
			});
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
