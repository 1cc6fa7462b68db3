// A browser's `navigator.credentials` for tests in Node, over an authenticator in software.
import type { PasskeyPort } from '../../client/api-factors.ts';
import { fromBase64Url } from '../../protocol/bytes.ts';
import { SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';

const bufferOf = (text: string): ArrayBuffer => {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('no base64url');
	return Uint8Array.from(bytes.value).buffer;
};

/** Holds one passkey, of the page at `origin`. */
export class SoftPasskeys implements PasskeyPort {
	readonly authenticator: SoftAuthenticator;
	readonly #origin: string;
	/** What the next dialogs come to, if the person says no. */
	refuses = false;

	constructor(origin: string, seed = 1) {
		this.authenticator = new SoftAuthenticator({ seed });
		this.#origin = origin;
	}

	create(options: Parameters<PasskeyPort['create']>[0]): ReturnType<PasskeyPort['create']> {
		const isThere = options.excludeCredentials.some(({ id }) => this.#isOwn(id));
		if (this.refuses || isThere) return Promise.resolve(null);
		const { challenge } = options;
		const { rawId, response } = this.authenticator.create(challenge, this.#place(options.rp.id));
		return Promise.resolve({
			...credential(rawId),
			response: {
				clientDataJSON: bufferOf(response.clientDataJSON),
				attestationObject: bufferOf(response.attestationObject),
				getTransports: () => response.transports
			}
		});
	}

	get(options: Parameters<PasskeyPort['get']>[0]): ReturnType<PasskeyPort['get']> {
		const isAsked = options.allowCredentials.some(({ id }) => this.#isOwn(id));
		if (this.refuses || !isAsked) return Promise.resolve(null);
		const { rawId, response } = this.authenticator.assert(options.challenge, {
			...this.#place(options.rpId),
			response: { userHandle: null }
		});
		return Promise.resolve({
			...credential(rawId),
			response: {
				clientDataJSON: bufferOf(response.clientDataJSON),
				authenticatorData: bufferOf(response.authenticatorData),
				signature: bufferOf(response.signature),
				userHandle: null
			}
		});
	}

	#place = (rpId: string) => ({ rpId, clientData: { origin: this.#origin } });

	#isOwn(id: Uint8Array): boolean {
		return Buffer.from(id).equals(this.authenticator.credentialId);
	}
}

const credential = (rawId: string) => ({
	rawId: bufferOf(rawId),
	type: 'public-key',
	getClientExtensionResults: () => ({})
});
