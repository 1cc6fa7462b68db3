// Public keys of passkeys, as authenticators write them (COSE_Key, RFC 9052 §7; WebAuthn Level 3,
// §5.8.5): the three kinds that are asked for, each in one form.
import { cose, isoCBOR } from '@simplewebauthn/server/helpers';
import { equalBytes } from '../../protocol/bytes.ts';
import { ed25519PublicKeyBytes } from '../../protocol/limits.ts';
import { isCanonicalPublicKey } from '../signature.ts';

/** ES256, EdDSA with Ed25519, RS256 (RFC 9053 §2, RFC 8812 §2): in the order in which they are preferred. */
export const passkeyAlgorithms = [-7, -8, -257] as const;
export type PasskeyAlgorithm = (typeof passkeyAlgorithms)[number];

const { kty, alg, crv, x, y, n, e } = cose.COSEKEYS;
const coordinateBytes = 32;
/** 2,048 to 4,096 bits: a modulus with fewer can be factored, one with more costs the edge too much. */
const minModulusBytes = 256;
const maxModulusBytes = 512;
/** 65,537, which is what authenticators make. */
const exponent = [1, 0, 1];

/** Which algorithm a key is for; null for any that is not asked for or not of its one form. */
export function algorithmOfKey(publicKey: Uint8Array): PasskeyAlgorithm | null {
	const members = readMap(publicKey);
	if (members === null) return null;
	const algorithm = passkeyAlgorithms.find((known) => known === members.get(alg));
	switch (algorithm) {
		case -7:
			return isP256(members) ? algorithm : null;
		case -8:
			return isEd25519(members) ? algorithm : null;
		case -257:
			return isRsa(members) ? algorithm : null;
		default:
			return null;
	}
}

type Members = ReadonlyMap<number, unknown>;

/** Only what comes out as it went in: the library's reader takes longer forms, and bytes after the end. */
function readMap(publicKey: Uint8Array): Members | null {
	try {
		const decoded = isoCBOR.decodeFirst<unknown>(new Uint8Array(publicKey));
		if (!(decoded instanceof Map)) return null;
		const again = isoCBOR.encode(decoded as Map<number, never>);
		return equalBytes(again, publicKey) ? (decoded as Members) : null;
	} catch {
		// The library throws on everything that is no CBOR.
		return null;
	}
}

const isP256 = (key: Members): boolean =>
	key.size === 5 &&
	key.get(kty) === cose.COSEKTY.EC2 &&
	key.get(crv) === cose.COSECRV.P256 &&
	isByteString(key.get(x), coordinateBytes) &&
	isByteString(key.get(y), coordinateBytes);

function isEd25519(key: Members): boolean {
	const point = key.get(x);
	if (key.size !== 4 || key.get(kty) !== cose.COSEKTY.OKP) return false;
	if (key.get(crv) !== cose.COSECRV.ED25519) return false;
	return isByteString(point, ed25519PublicKeyBytes) && isCanonicalPublicKey(point);
}

function isRsa(key: Members): boolean {
	const [modulus, power] = [key.get(n), key.get(e)];
	if (key.size !== 4 || key.get(kty) !== cose.COSEKTY.RSA) return false;
	if (!isByteString(power, exponent.length)) return false;
	if (!exponent.every((byte, index) => power[index] === byte)) return false;
	if (!(modulus instanceof Uint8Array) || modulus[0] === 0) return false;
	return modulus.length >= minModulusBytes && modulus.length <= maxModulusBytes;
}

const isByteString = (value: unknown, lengthBytes: number): value is Uint8Array =>
	value instanceof Uint8Array && value.length === lengthBytes;

/**
 * Whether a signature is written in the one form that its algorithm has: for ES256 a DER sequence of
 * two integers (RFC 3279 §2.2.3; WebAuthn Level 3, §6.5.5). The library's reader takes others, too.
 */
export function isInItsForm(signature: Uint8Array, algorithm: PasskeyAlgorithm): boolean {
	if (algorithm !== -7) return true;
	const [tag, length] = signature;
	if (tag !== derSequence || length !== signature.length - 2) return false;
	const end = derIntegerEnd(signature, 2);
	return end !== null && derIntegerEnd(signature, end) === signature.length;
}

const derSequence = 0x30;
const derInteger = 0x02;

/** Where an integer from 0 to 2^256 in its shortest form ends; null for anything else. */
function derIntegerEnd(bytes: Uint8Array, start: number): number | null {
	const [tag, length = 0, first = 0, second = 0] = bytes.subarray(start);
	const end = start + 2 + length;
	if (tag !== derInteger || length === 0 || end > bytes.length) return null;
	const isNegative = first >= 0x80;
	const isLonger = first === 0 && length > 1 && second < 0x80;
	const digits = first === 0 ? length - 1 : length;
	return isNegative || isLonger || digits > coordinateBytes ? null : end;
}
