// How an account begins: the server's half of OPAQUE registration, and the first write of its log, with
// the records that go with it.
import { createRegistrationResponse } from '../crypto/edge/opaque-server.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { parseAccountWrite } from '../protocol/account-write.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { RequestOf } from '../protocol/http.ts';
import { err, ok } from '../protocol/result.ts';
import type { AccountPlace } from './account-place.ts';
import { malformed, type AccountParts, type Answer } from './account-parts.ts';
import { decodeText, recordsOf, signedWriteOf } from './request-bytes.ts';

export class AccountCreation {
	readonly #parts: AccountParts;
	readonly #place: AccountPlace;

	constructor(parts: AccountParts, place: AccountPlace) {
		this.#parts = parts;
		this.#place = place;
	}

	async start(request: RequestOf<'registrationStart'>): Answer<'registrationStart'> {
		const { name, store } = this.#parts;
		// First: who may not sign up learns of no handle whether it is taken.
		const place = await this.#place.look(codeOf(request));
		if (!place.ok) return place;
		const response = await this.respond(request);
		if (!response.ok) return response;
		if (store.exists) return err({ code: 'handle_taken' });
		return ok({ ...response.value, handleHash: toBase64Url(name.handleHash) });
	}

	/** RFC 9807 §5.2.2: for a first password, or another one. */
	async respond({ registrationRequest }: RequestOf<'passwordStart'>): Answer<'passwordStart'> {
		const { name, keys: fetched } = this.#parts;
		const [keys, opaque] = await Promise.all([fetched.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const response = createRegistrationResponse(opaque.server, {
			setup: keys.value.opaqueSetup,
			handleHash: name.handleHash,
			request: decodeText(registrationRequest)
		});
		return response.ok ? ok({ registrationResponse: toBase64Url(response.value) }) : malformed;
	}

	async finish(request: RequestOf<'registrationFinish'>): Answer<'registrationFinish'> {
		const { name, log, store } = this.#parts;
		const signed = signedWriteOf(request);
		const parsed = parseAccountWrite(signed.write);
		if (!parsed.ok || parsed.value.action.type !== 'create') return malformed;
		// Of another deployment, or another handle.
		if (!equalBytes(parsed.value.action.handleHash, name.handleHash)) {
			return err({ code: 'forbidden' });
		}
		const { account } = parsed.value;
		// The same request again, because its answer was lost.
		if (log.holds(signed)) return ok({ account });
		if (store.exists) return err({ code: 'handle_taken' });
		const judged = await log.judge([signed], recordsOf(request));
		if (!judged.ok) return judged;
		const place = await this.#place.reserve(codeOf(request));
		if (!place.ok) return place;
		const kept = log.keep(judged.value, () => undefined);
		// Somebody else was faster, or this very request.
		if (!kept.ok) return log.holds(signed) ? ok({ account }) : err({ code: 'handle_taken' });
		await this.#place.confirm();
		return ok({ account });
	}
}

const codeOf = ({ invite }: { readonly invite: string | null }): Uint8Array | null =>
	invite === null ? null : decodeText(invite);
