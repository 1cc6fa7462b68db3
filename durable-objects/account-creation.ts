// How an account begins: the server's half of OPAQUE registration, and what must be right about a new
// account before it is written down.
import { createRegistrationResponse, isRegistrationRecord } from '../crypto/edge/opaque-server.ts';
import { sha256 } from '../crypto/hash.ts';
import { openIdentity, type Identity } from '../crypto/identity.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { verifySignature } from '../crypto/signature.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { RequestOf } from '../protocol/http.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { accountWriteInput, createAccountBody } from '../protocol/labels.ts';
import { err, ok } from '../protocol/result.ts';
import type { AccountPlace } from './account-place.ts';
import { malformed, type AccountParts, type Answer } from './account-parts.ts';
import { decodeText } from './request-bytes.ts';

export class AccountCreation {
	readonly #parts: AccountParts;
	readonly #place: AccountPlace;

	constructor(parts: AccountParts, place: AccountPlace) {
		this.#parts = parts;
		this.#place = place;
	}

	async start(request: RequestOf<'registrationStart'>): Answer<'registrationStart'> {
		const { name, store, keys: fetched } = this.#parts;
		// First: who may not sign up learns of no handle whether it is taken.
		const place = await this.#place.look(codeOf(request));
		if (!place.ok) return place;
		const [keys, opaque] = await Promise.all([fetched.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		if (store.loadAccount() !== null) return err({ code: 'handle_taken' });
		const { opaqueSetup, incarnation } = keys.value;
		const { handleHash } = name;
		const response = createRegistrationResponse(opaque.server, {
			setup: opaqueSetup,
			handleHash,
			request: decodeText(request.registrationRequest)
		});
		if (!response.ok) return malformed;
		return ok({
			registrationResponse: toBase64Url(response.value),
			handleHash: toBase64Url(handleHash),
			incarnation: toBase64Url(incarnation)
		});
	}

	async finish(request: RequestOf<'registrationFinish'>): Answer<'registrationFinish'> {
		const { name, store, keys: fetched } = this.#parts;
		const keys = await fetched.get();
		if (!keys.ok) return keys;
		const registrationRecord = decodeText(request.registrationRecord);
		const keyslots = request.keyslots.map(decodeText);
		if (!isRegistrationRecord(registrationRecord) || !areKeyslots(keyslots)) return malformed;
		const identity = await openIdentity(decodeText(request.identity));
		if (!identity.ok || identity.value.entry.body.n !== 1) return malformed;
		const body = createAccountBody(
			name.handleHash,
			registrationRecord,
			identity.value.bytes,
			keyslots
		);
		const signature = decodeText(request.signature);
		const { incarnation } = keys.value;
		if (!(await isSignedCreation(identity.value, { body, incarnation, signature }))) {
			return err({ code: 'forbidden' });
		}
		const { account } = identity.value;
		if (store.loadAccount() === null) {
			const place = await this.#place.reserve(codeOf(request));
			if (!place.ok) return place;
		}
		const existing = store.loadAccount();
		if (existing === null) {
			store.createAccount({
				account,
				registrationRecord,
				identity: identity.value.bytes,
				keyslots,
				createdAtMs: Date.now()
			});
			await this.#place.confirm();
			return ok({ account });
		}
		// The same request again, because its answer was lost.
		const isSame =
			existing.account === account && equalBytes(existing.registrationRecord, registrationRecord);
		return isSame ? ok({ account }) : err({ code: 'handle_taken' });
	}
}

const codeOf = ({ invite }: { readonly invite: string | null }): Uint8Array | null =>
	invite === null ? null : decodeText(invite);

/** One for each way of unlocking, and one of them by password: else nobody could log in. */
function areKeyslots(keyslots: readonly Uint8Array[]): boolean {
	const kindsBySlot = new Map<string, string>();
	for (const bytes of keyslots) {
		const keyslot = parseKeyslot(bytes);
		if (!keyslot.ok) return false;
		kindsBySlot.set(toBase64Url(keyslot.value.slot), keyslot.value.kind);
	}
	return kindsBySlot.size === keyslots.length && [...kindsBySlot.values()].includes('password');
}

/** Whether the identity itself signs that the account begins like this, here. */
function isSignedCreation(
	identity: Identity,
	creation: {
		readonly body: Uint8Array;
		readonly incarnation: Uint8Array;
		readonly signature: Uint8Array;
	}
): Promise<boolean> {
	const input = accountWriteInput({
		account: identity.account,
		incarnation: creation.incarnation,
		count: 1,
		action: 'create',
		bodyHash: sha256(creation.body)
	});
	return verifySignature(identity.entry.body.signingKey, input, creation.signature);
}
