// WebCrypto on the thread that asks: the same algorithms by the same library, whose answers come in
// an order that a simulation decides. Only what the engine and the edge's objects ask of it.
import {
	createCipheriv,
	createDecipheriv,
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	sign,
	verify,
	type KeyObject
} from 'node:crypto';

interface Key {
	readonly name: string;
	readonly raw: Uint8Array;
	readonly object: KeyObject | null;
}

interface Parameters {
	readonly name: string;
	readonly iv: Uint8Array;
	readonly additionalData?: Uint8Array;
}

const tagBytes = 16;

/** What the algorithm is called: WebCrypto takes a word or an object. */
const nameOf = (algorithm: string | { readonly name: string }): string =>
	typeof algorithm === 'string' ? algorithm : algorithm.name;

/** In a buffer of their own, as WebCrypto answers. */
const owned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function importKey(
	format: string,
	data: Uint8Array,
	algorithm: string | { readonly name: string }
): Key {
	const name = nameOf(algorithm);
	const raw = new Uint8Array(data);
	if (name === 'ECDSA') return { name, raw, object: publicKeyOfPoint(Buffer.from(raw)) };
	if (name !== 'Ed25519') return { name, raw, object: null };
	if (format === 'pkcs8') {
		const key = Buffer.from(raw);
		return { name, raw, object: createPrivateKey({ key, format: 'der', type: 'pkcs8' }) };
	}
	const x = Buffer.from(raw).toString('base64url');
	const key = { kty: 'OKP', crv: 'Ed25519', x };
	return { name, raw, object: createPublicKey({ key, format: 'jwk' }) };
}

const coordinateBytes = 32;

/** SEC 1 §2.3.3, uncompressed. */
function publicKeyOfPoint(point: Buffer): KeyObject {
	const [x, y] = [point.subarray(1, 1 + coordinateBytes), point.subarray(1 + coordinateBytes)];
	const text = { x: x.toString('base64url'), y: y.toString('base64url') };
	return createPublicKey({ key: { kty: 'EC', crv: 'P-256', ...text }, format: 'jwk' });
}

/** Of P-256: the only keys that are made here and not derived. */
function generateKey(): { readonly publicKey: Key; readonly privateKey: Key } {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const { x = '', y = '' } = publicKey.export({ format: 'jwk' }) as { x?: string; y?: string };
	const raw = Buffer.concat([
		Buffer.of(4),
		Buffer.from(x, 'base64url'),
		Buffer.from(y, 'base64url')
	]);
	const name = 'ECDSA';
	return {
		publicKey: { name, raw, object: publicKey },
		privateKey: { name, raw: new Uint8Array(), object: privateKey }
	};
}

function signBy(key: Key, data: Uint8Array): Buffer {
	if (key.name !== 'ECDSA') return sign(null, data, objectOf(key));
	return sign('sha256', data, { key: objectOf(key), dsaEncoding: 'ieee-p1363' });
}

function isSignedBy(key: Key, signature: Uint8Array, data: Uint8Array): boolean {
	if (key.name !== 'ECDSA') return verify(null, data, objectOf(key), signature);
	return verify('sha256', data, { key: objectOf(key), dsaEncoding: 'ieee-p1363' }, signature);
}

function encrypt({ name, iv, additionalData }: Parameters, key: Key, data: Uint8Array) {
	if (name === 'AES-CBC') {
		const cipher = createCipheriv('aes-256-cbc', key.raw, iv);
		return owned(Buffer.concat([cipher.update(data), cipher.final()]));
	}
	const cipher = createCipheriv('aes-256-gcm', key.raw, iv);
	if (additionalData) cipher.setAAD(additionalData);
	return owned(Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]));
}

function decrypt({ iv, additionalData }: Parameters, key: Key, data: Uint8Array) {
	const decipher = createDecipheriv('aes-256-gcm', key.raw, iv);
	if (additionalData) decipher.setAAD(additionalData);
	decipher.setAuthTag(data.subarray(data.length - tagBytes));
	const opened = decipher.update(data.subarray(0, data.length - tagBytes));
	return owned(Buffer.concat([opened, decipher.final()]));
}

function objectOf({ object }: Key): KeyObject {
	if (object === null) throw new TypeError('no key of a signature');
	return object;
}

/** The part of `crypto.subtle` that is used, with answers that come when `lag` lets them. */
export function simulatedSubtle(lag: <Value>(value: Value) => Promise<Value>) {
	const answering =
		<Inputs extends readonly unknown[], Output>(work: (...inputs: Inputs) => Output) =>
		async (...inputs: Inputs): Promise<Output> =>
			lag(work(...inputs));
	return {
		importKey: answering(importKey),
		generateKey: answering(generateKey),
		exportKey: answering((_: string, key: Key) => owned(key.raw)),
		encrypt: answering(encrypt),
		decrypt: answering(decrypt),
		digest: answering((_: string, data: Uint8Array) =>
			owned(createHash('sha256').update(data).digest())
		),
		sign: answering((_: unknown, key: Key, data: Uint8Array) => owned(signBy(key, data))),
		verify: answering((_: unknown, key: Key, signature: Uint8Array, data: Uint8Array) =>
			isSignedBy(key, signature, data)
		)
	};
}
