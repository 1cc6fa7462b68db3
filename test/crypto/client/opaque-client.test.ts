import { isRegistrationRecord } from '../../../crypto/registration-record.ts';
import { ristretto255, ristretto255_hasher, ristretto255_oprf } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { argon2id } from 'hash-wasm';
import { beforeAll, describe, expect, test } from 'vitest';
import {
	deviceBindingMac,
	finishLogin,
	finishRegistration,
	startLogin,
	startRegistration
} from '../../../crypto/client/opaque-client.ts';
import { preparePassword } from '../../../crypto/client/password.ts';
import { verifyDeviceBinding } from '../../../crypto/edge/device-binding.ts';
import * as edge from '../../../crypto/edge/opaque-server.ts';
import { init, type OpaqueClient, type OpaqueServer } from '../../../crypto/opaque-ke/opaque-ke.js';
import wasmModule from '../../../crypto/opaque-ke/opaque-ke.wasm';
import { concatBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, hex, isWorkerd, valueOf, withVectors } from '../vectors.ts';

let client: OpaqueClient;
let server: OpaqueServer;
beforeAll(async () => {
	({ client, server } = await init(wasmModule));
});

const password = valueOf(preparePassword('correct horse battery staple'));
const wrongPassword = valueOf(preparePassword('correct horse battery stapler'));
const handleHash = new Uint8Array(32).fill(3);

function register(setup: Uint8Array) {
	const { state, request } = startRegistration(client, password);
	const response = valueOf(edge.createRegistrationResponse(server, { setup, handleHash, request }));
	return valueOf(finishRegistration(client, { password, state, response }));
}

function logIn(options: {
	readonly setup: Uint8Array;
	readonly record: Uint8Array | null;
	readonly typed?: typeof password;
}) {
	const typed = options.typed ?? password;
	const { state, ke1 } = startLogin(client, typed);
	const started = valueOf(
		edge.startLogin(server, { setup: options.setup, handleHash, record: options.record, ke1 })
	);
	const finished = finishLogin(client, { password: typed, state, ke2: started.ke2 });
	return { started, finished };
}

describe('OPAQUE', () => {
	test('gives both sides one session key, and the client the same export key each time', () => {
		const setup = edge.createSetup(server);
		const registered = register(setup);
		const serverKey = edge.serverPublicKey(server, setup);
		expect(registered.serverPublicKey).toEqual(serverKey);
		const { started, finished } = logIn({ setup, record: registered.record });
		const { ke3, sessionKey, exportKey, serverPublicKey } = valueOf(finished);
		expect(serverPublicKey).toEqual(serverKey);
		expect(exportKey.reveal()).toEqual(registered.exportKey.reveal());
		const edgeKey = valueOf(edge.finishLogin(server, { state: started.state, ke3 }));
		expect(edgeKey).toEqual(sessionKey.reveal());
	});

	test('has messages of the lengths that the wire format fixes', () => {
		const setup = edge.createSetup(server);
		const { record, exportKey, serverPublicKey } = register(setup);
		const { started, finished } = logIn({ setup, record });
		const { ke3, sessionKey } = valueOf(finished);
		const lengths = [setup, record, exportKey.reveal(), serverPublicKey, started.ke2, ke3];
		expect(lengths.map(({ length }) => length)).toEqual([128, 192, 64, 32, 320, 64]);
		expect([sessionKey.reveal().length, started.state.length]).toEqual([64, 128]);
		expect(isRegistrationRecord(record)).toBe(true);
	});

	test('fails alike for a wrong password, an unknown handle, another server and a changed answer', () => {
		const setup = edge.createSetup(server);
		const { record } = register(setup);
		const failed = { ok: false, error: 'login_failed' };
		expect(logIn({ setup, record, typed: wrongPassword }).finished).toEqual(failed);
		expect(logIn({ setup, record: null }).finished).toEqual(failed);
		expect(logIn({ setup: edge.createSetup(server), record }).finished).toEqual(failed);
		const { state, ke1 } = startLogin(client, password);
		const { ke2 } = valueOf(edge.startLogin(server, { setup, handleHash, record, ke1 }));
		for (const answer of [flipped(ke2, 319), ke2.subarray(1), new Uint8Array()]) {
			expect(finishLogin(client, { password, state, ke2: answer })).toEqual(failed);
		}
	}, 60_000);

	test('answers an unknown handle with a fake record that looks like any other', () => {
		const setup = edge.createSetup(server);
		const { record } = register(setup);
		const { ke1 } = startLogin(client, password);
		const answer = (kept: Uint8Array | null) =>
			valueOf(edge.startLogin(server, { setup, handleHash, record: kept, ke1 })).ke2;
		expect(answer(null).length).toBe(answer(record).length);
		// The OPRF's element depends on the handle alone: it is the same, with a record or without.
		expect(answer(null).subarray(0, 32)).toEqual(answer(record).subarray(0, 32));
		expect(answer(null).subarray(32, 64)).not.toEqual(answer(null).subarray(32, 64));
	});

	test('refuses malformed messages at the edge, and does not throw', () => {
		const setup = edge.createSetup(server);
		const malformed = { ok: false, error: 'malformed' };
		for (const request of [new Uint8Array(), new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
			const input = { setup, handleHash, request };
			expect(edge.createRegistrationResponse(server, input)).toEqual(malformed);
		}
		for (const ke1 of [new Uint8Array(95), new Uint8Array(96), new Uint8Array(97)]) {
			const input = { setup, handleHash, record: null, ke1 };
			expect(edge.startLogin(server, input)).toEqual(malformed);
		}
		const { ke1 } = startLogin(client, password);
		const { state } = valueOf(edge.startLogin(server, { setup, handleHash, record: null, ke1 }));
		for (const ke3 of [new Uint8Array(63), new Uint8Array(64)]) {
			expect(edge.finishLogin(server, { state, ke3 })).toEqual({
				ok: false,
				error: 'login_failed'
			});
		}
		expect(() => edge.serverPublicKey(server, new Uint8Array(127))).toThrow(RangeError);
	});

	test('refuses a malformed registration response', () => {
		const { state } = startRegistration(client, password);
		for (const response of [new Uint8Array(), new Uint8Array(64)]) {
			const result = finishRegistration(client, { password, state, response });
			expect(result).toEqual({ ok: false, error: 'malformed' });
		}
	});

	test('binds a device key to the login by its session key', () => {
		const setup = edge.createSetup(server);
		const { started, finished } = logIn({ setup, record: register(setup).record });
		const { ke3, sessionKey } = valueOf(finished);
		const edgeKey = valueOf(edge.finishLogin(server, { state: started.state, ke3 }));
		const binding = { origin: 'https://a.example', handleHash, thumbprint: new Uint8Array(32) };
		const mac = deviceBindingMac(sessionKey, binding);
		expect(mac.length).toBe(32);
		expect(verifyDeviceBinding(edgeKey, { ...binding, mac })).toBe(true);
		const thumbprint = new Uint8Array(32).fill(1);
		expect(verifyDeviceBinding(edgeKey, { ...binding, mac, thumbprint })).toBe(false);
		const origin = 'https://b.example';
		expect(verifyDeviceBinding(edgeKey, { ...binding, mac, origin })).toBe(false);
		const otherHandle = { ...binding, mac, handleHash: thumbprint };
		expect(verifyDeviceBinding(edgeKey, otherHandle)).toBe(false);
		expect(verifyDeviceBinding(flipped(edgeKey, 0), { ...binding, mac })).toBe(false);
		expect(verifyDeviceBinding(edgeKey, { ...binding, mac: flipped(mac, 0) })).toBe(false);
	});
});

interface OprfSuite {
	readonly identifier: string;
	readonly mode: number;
	readonly skSm: string;
	readonly vectors: readonly {
		readonly Batch: number;
		readonly Blind: string;
		readonly BlindedElement: string;
		readonly EvaluationElement: string;
		readonly Input: string;
		readonly Output: string;
	}[];
}

await withVectors<OprfSuite[]>(
	'RFC 9497: the independent OPRF that OPAQUE’s messages are checked with',
	'oprf-rfc9497/allVectors.json',
	(suites) => {
		const ours = suites.filter(
			({ identifier, mode }) => identifier === 'ristretto255-SHA512' && mode === 0
		);

		test('gives the published elements and outputs', () => {
			expect(ours.length).toBe(1);
			const { oprf } = ristretto255_oprf;
			for (const { skSm, vectors } of ours) {
				for (const vector of vectors) {
					const evaluated = oprf.blindEvaluate(hex(skSm), hex(vector.BlindedElement));
					expect(toHex(evaluated)).toBe(vector.EvaluationElement);
					const output = oprf.finalize(hex(vector.Input), hex(vector.Blind), evaluated);
					expect(toHex(output)).toBe(vector.Output);
				}
			}
		});
	}
);

interface OpaqueVector {
	readonly config: { readonly Group: string; readonly Fake: string; readonly Context: string };
	readonly inputs: Readonly<Record<string, string>>;
	readonly intermediates: Readonly<Record<string, string>>;
	readonly outputs: Readonly<Record<string, string>>;
}

const { Point } = ristretto255;

/** RFC 9807 §5.2.2 and RFC 9497 §3.2.1: the OPRF key of one credential. */
function deriveOprfKey(oprfSeed: Uint8Array, credentialIdentifier: Uint8Array): Uint8Array {
	const info = concatBytes(credentialIdentifier, utf8Encode('OprfKey'));
	const seed = expand(sha512, oprfSeed, info, 32);
	return ristretto255_oprf.oprf.deriveKeyPair(seed, utf8Encode('OPAQUE-DeriveKeyPair')).secretKey;
}

/** RFC 9497 §3.3.1: H(password)·blind. */
const blindElement = (password: Uint8Array, blind: Uint8Array): Uint8Array =>
	ristretto255_hasher
		.hashToCurve(password, {
			DST: concatBytes(
				utf8Encode('HashToGroup-OPRFV1-'),
				Uint8Array.of(0),
				utf8Encode('-ristretto255-SHA512')
			)
		})
		.multiply(Point.Fn.fromBytes(blind))
		.toBytes();

await withVectors<OpaqueVector[]>(
	'RFC 9807, ristretto255 with 3DH',
	'opaque-rfc9807/vectors.json',
	(vectors) => {
		const ours = vectors.filter(
			({ config }) => config.Group === 'ristretto255' && config.Fake === 'False'
		);

		test('there are two', () => {
			expect(ours.length).toBe(2);
		});

		test.each(ours)('the Wasm answers registration and login as published', (vector) => {
			const { inputs, outputs } = vector;
			const part = (name: string) => hex(inputs[name] ?? '');
			const setup = concatBytes(
				part('oprf_seed'),
				part('server_private_key'),
				part('server_public_key')
			);
			expect(toHex(edge.serverPublicKey(server, setup))).toBe(inputs['server_public_key']);
			// The RFC's credential identifier is '1234'; ours is a hash in hex, so the module itself is asked.
			const userIdentifier = new TextDecoder().decode(part('credential_identifier'));
			const base64Url = (text: string) =>
				btoa(String.fromCharCode(...hex(text)))
					.replaceAll('+', '-')
					.replaceAll('/', '_')
					.replaceAll('=', '');
			const fromBase64 = (text: string) =>
				Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
					char.charCodeAt(0)
				);
			const serverSetup = base64Url(toHex(setup));
			const { registrationResponse } = server.createRegistrationResponse({
				serverSetup,
				userIdentifier,
				registrationRequest: base64Url(outputs['registration_request'] ?? '')
			});
			expect(toHex(fromBase64(registrationResponse))).toBe(outputs['registration_response']);
			const { loginResponse } = server.startLogin({
				serverSetup,
				userIdentifier,
				registrationRecord: base64Url(outputs['registration_upload'] ?? ''),
				startLoginRequest: base64Url(outputs['KE1'] ?? '')
			});
			const ke2 = toHex(fromBase64(loginResponse));
			expect(ke2.slice(0, 64)).toBe(outputs['KE2']?.slice(0, 64));
			expect(ke2.length).toBe(outputs['KE2']?.length);
		});

		test.each(ours)(
			'what the Wasm does not let through is as published by a second hand',
			(vector) => {
				const { inputs, intermediates, outputs } = vector;
				const input = (name: string) => hex(inputs[name] ?? '');
				const oprfKey = deriveOprfKey(input('oprf_seed'), input('credential_identifier'));
				expect(toHex(oprfKey)).toBe(intermediates['oprf_key']);
				const request = blindElement(input('password'), input('blind_registration'));
				expect(toHex(request)).toBe(outputs['registration_request']);
				const { oprf } = ristretto255_oprf;
				const evaluated = oprf.blindEvaluate(oprfKey, request);
				expect(toHex(evaluated)).toBe(outputs['registration_response']?.slice(0, 64));
				const output = oprf.finalize(input('password'), input('blind_registration'), evaluated);
				// The vectors stretch with the identity function, RFC 9807 §4.1 and appendix C.
				const randomized = extract(sha512, concatBytes(output, output), new Uint8Array());
				expect(toHex(randomized)).toBe(intermediates['randomized_password']);
				const nonce = input('envelope_nonce');
				const derive = (label: string, lengthBytes: number) =>
					expand(sha512, randomized, concatBytes(nonce, utf8Encode(label)), lengthBytes);
				expect(toHex(derive('AuthKey', 64))).toBe(intermediates['auth_key']);
				expect(toHex(derive('ExportKey', 64))).toBe(outputs['export_key']);
				const clientKey = ristretto255_oprf.oprf.deriveKeyPair(
					derive('PrivateKey', 32),
					utf8Encode('OPAQUE-DeriveDiffieHellmanKeyPair')
				);
				expect(toHex(clientKey.publicKey)).toBe(intermediates['client_public_key']);
				const lengthPrefixed = (bytes: Uint8Array) =>
					concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
				const serverIdentity = inputs['server_identity'] ?? inputs['server_public_key'] ?? '';
				const clientIdentity =
					inputs['client_identity'] ?? intermediates['client_public_key'] ?? '';
				const covered = concatBytes(
					nonce,
					input('server_public_key'),
					lengthPrefixed(hex(serverIdentity)),
					lengthPrefixed(hex(clientIdentity))
				);
				const envelope = concatBytes(nonce, hmac(sha512, derive('AuthKey', 64), covered));
				expect(toHex(envelope)).toBe(intermediates['envelope']);
			}
		);
	}
);

describe('the Wasm’s own registration, checked by a second implementation of the OPRF', () => {
	test('answers with the element that the credential’s key gives', () => {
		const setup = edge.createSetup(server);
		const { request } = startRegistration(client, password);
		const response = valueOf(
			edge.createRegistrationResponse(server, { setup, handleHash, request })
		);
		const identifier = utf8Encode(toHex(handleHash));
		const oprfKey = deriveOprfKey(setup.subarray(0, 64), identifier);
		const evaluated = ristretto255_oprf.oprf.blindEvaluate(oprfKey, request);
		expect(toHex(response.subarray(0, 32))).toBe(toHex(evaluated));
		expect(response.subarray(32)).toEqual(edge.serverPublicKey(server, setup));
	});

	test('stretches with Argon2id of 64 MiB, three passes and four lanes: the export key shows it', async ({
		skip
	}) => {
		skip(isWorkerd, 'the second implementation of Argon2id compiles Wasm from bytes');
		const setup = edge.createSetup(server);
		const { state, request } = startRegistration(client, password);
		const response = valueOf(
			edge.createRegistrationResponse(server, { setup, handleHash, request })
		);
		const { record, exportKey } = valueOf(
			finishRegistration(client, { password, state, response })
		);
		// The client's state begins with its blind; the record holds the envelope's nonce.
		const blind = state.reveal().subarray(0, 32);
		const nonce = record.subarray(96, 128);
		const output = ristretto255_oprf.oprf.finalize(
			utf8Encode(password),
			blind,
			response.subarray(0, 32)
		);
		const stretched = await argon2id({
			password: output,
			salt: new Uint8Array(16),
			memorySize: 65_536,
			iterations: 3,
			parallelism: 4,
			hashLength: 64,
			outputType: 'binary'
		});
		const randomized = extract(sha512, concatBytes(output, stretched), new Uint8Array());
		const info = concatBytes(nonce, utf8Encode('ExportKey'));
		expect(toHex(exportKey.reveal())).toBe(toHex(expand(sha512, randomized, info, 64)));
	});
});
