// Types of the generated opaque-ke.js: RFC 9807 with ristretto255-SHA512 and 3DH, both halves.
// Every message, state and key is base64url without padding; `server` belongs to crypto/edge,
// `client` to crypto/client. The generated file is made by scripts/extract-opaque.mjs.

export interface Identifiers {
	client?: string;
	server?: string;
}

export type KeyStretching =
	| 'rfc-recommended'
	| 'rfc-draft-recommended'
	| 'memory-constrained'
	| { 'argon2id-custom': { iterations: number; memory: number; parallelism: number } };

export interface OpaqueClient {
	startRegistration(input: { password: string }): {
		clientRegistrationState: string;
		registrationRequest: string;
	};
	finishRegistration(input: {
		password: string;
		registrationResponse: string;
		clientRegistrationState: string;
		identifiers?: Identifiers;
		keyStretching?: KeyStretching;
	}): { registrationRecord: string; exportKey: string; serverStaticPublicKey: string };
	startLogin(input: { password: string }): {
		clientLoginState: string;
		startLoginRequest: string;
	};
	/** Undefined when the password is wrong or the server is not the one registered with. */
	finishLogin(input: {
		clientLoginState: string;
		loginResponse: string;
		password: string;
		identifiers?: Identifiers;
		keyStretching?: KeyStretching;
	}):
		| {
				finishLoginRequest: string;
				sessionKey: string;
				exportKey: string;
				serverStaticPublicKey: string;
		  }
		| undefined;
}

export interface OpaqueServer {
	/** oprf_seed (64 bytes), private key (32), public key of the fake record (32): 128 bytes. */
	createSetup(): string;
	getPublicKey(serverSetup: string): string;
	createRegistrationResponse(input: {
		serverSetup: string;
		userIdentifier: string;
		registrationRequest: string;
	}): { registrationResponse: string };
	/** Without a record the response is RFC 9807's fake one, of the same length. */
	startLogin(input: {
		serverSetup: string;
		registrationRecord: string | null | undefined;
		startLoginRequest: string;
		userIdentifier: string;
		identifiers?: Identifiers;
	}): { serverLoginState: string; loginResponse: string };
	/** Throws when the client's proof is wrong. */
	finishLogin(input: {
		serverLoginState: string;
		finishLoginRequest: string;
		identifiers?: Identifiers;
	}): { sessionKey: string };
}

/**
 * Instantiates the module once; later calls answer with the same pair.
 * @param module a compiled WebAssembly.Module of opaque-ke.wasm. Rooms get it in their own way: a
 * Worker by importing the file, a browser by compileStreaming, Node by reading it.
 */
export function init(module: object): Promise<{ client: OpaqueClient; server: OpaqueServer }>;

/**
 * Does one step with an instance of its own, which is dropped with its memory: Argon2id leaves 64 MiB
 * there, and strings with secrets. What a later step needs of an earlier one is in the strings.
 * @param work synchronous: another step's instance may stand in this one's place afterwards.
 */
export function step<Value>(module: object, work: (client: OpaqueClient) => Value): Promise<Value>;
