// Shows with every request that this device holds the key which its session, or its opening of a link,
// is bound to. Remembers the nonce that the edge gave last: without it, the next proof costs one more
// round trip.
import { makeDpopProof } from '../crypto/client/dpop-proof.ts';
import { describeRequest } from '../crypto/proven-request.ts';
import { isProofNonce } from '../protocol/http.ts';
import { deviceJwk } from './profile.ts';

export class Proofs {
	readonly #key: CryptoKeyPair;
	readonly #nowMs: () => number;
	#nonce: string | null = null;

	/** @param key P-256, its private half for signatures; it stays where it is. */
	constructor(key: CryptoKeyPair, nowMs: () => number) {
		this.#key = key;
		this.#nowMs = nowMs;
	}

	/** What an answer brought; what could not go into a proof is passed over. */
	learn(nonce: string | null): void {
		if (nonce !== null && isProofNonce(nonce)) this.#nonce = nonce;
	}

	/**
	 * A proof for one request, good once.
	 *
	 * @param request `url` is absolute, http or https; without a body, `body` is empty.
	 * @param accessToken that goes with the request; null where none does.
	 */
	async prove(
		request: { readonly method: string; readonly url: string; readonly body: Uint8Array },
		accessToken: string | null
	): Promise<string> {
		const [jwk, described] = await Promise.all([deviceJwk(this.#key), describeRequest(request)]);
		const context = { accessToken, nonce: this.#nonce, nowMs: this.#nowMs() };
		return makeDpopProof(
			{ privateKey: this.#key.privateKey, jwk },
			{ request: described, context }
		);
	}
}
