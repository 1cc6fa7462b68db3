// One-time passwords by time (RFC 6238, over RFC 4226), as authenticator apps make them: HMAC-SHA-1,
// 30 seconds, six digits. The apps know no other kind. SHA-1 is what the RFCs say; HMAC does not need
// the property that SHA-1 has lost (RFC 4226 §B.2).
import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { utf8Encode } from '../protocol/bytes.ts';
import { totpDigits, totpSecretBytes, totpStepSeconds } from '../protocol/limits.ts';
import { equalConstantTime } from './mac.ts';
import { randomBytes, type RandomSource } from './random.ts';

/** Steps before and after the present one whose code is taken, too (RFC 6238 §5.2). */
const windowSteps = 1;
const stepMs = totpStepSeconds * 1_000;

/** A new secret, 20 random bytes. */
export const generateTotpSecret = (random: RandomSource = randomBytes): Uint8Array =>
	random(totpSecretBytes);

/**
 * The code of a counter: six digits, zeros in front.
 *
 * Source: RFC 4226 §5.3 and §5.4.
 * @param counter an integer ≥ 0.
 */
export function hotpCode(secret: Uint8Array, counter: number): string {
	const message = new Uint8Array(8);
	new DataView(message.buffer).setBigUint64(0, BigInt(counter));
	const mac = hmac(sha1, secret, message);
	const offset = (mac.at(-1) ?? 0) & 15;
	const number = new DataView(mac.buffer, mac.byteOffset).getUint32(offset) & 0x7fffffff;
	return String(number % 10 ** totpDigits).padStart(totpDigits, '0');
}

/**
 * Which step a code is of.
 *
 * Source: RFC 6238 §5.2.
 * @param attempt `code` as it was typed, white space left out; `nowMs` the caller's clock, in
 * milliseconds since 1970; `lastStep` what this answered last, or null: a code is good once, and none
 * that is older is good after it. Of two steps with the same code it is the later one.
 * @returns the step, to be kept before anything else is done; or null.
 */
export function verifyTotp(
	secret: Uint8Array,
	attempt: { readonly code: string; readonly nowMs: number; readonly lastStep: number | null }
): number | null {
	const typed = utf8Encode(attempt.code);
	const present = Math.floor(attempt.nowMs / stepMs);
	let accepted: number | null = null;
	for (let step = present - windowSteps; step <= present + windowSteps; step++) {
		if (step <= (attempt.lastStep ?? -1)) continue;
		if (equalConstantTime(utf8Encode(hotpCode(secret, step)), typed)) accepted = step;
	}
	return accepted;
}

/**
 * The address that an authenticator app reads from a QR code.
 *
 * Source: "Key Uri Format" of Google Authenticator; its defaults are spelled out.
 * @param names of the deployment and of the account; with a colon, which stands between them, it
 * throws.
 */
export function totpUri(
	secret: Uint8Array,
	names: { readonly issuer: string; readonly account: string }
): string {
	if (/:/.test(names.issuer + names.account)) throw new RangeError('a name has no colon');
	const [issuer, account] = [names.issuer, names.account].map(encodeURIComponent);
	return (
		`otpauth://totp/${issuer}:${account}?secret=${toBase32(secret)}&issuer=${issuer}` +
		`&algorithm=SHA1&digits=${totpDigits}&period=${totpStepSeconds}`
	);
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** base32 without padding (RFC 4648 §6), as apps take it when a person types a secret. */
export function toBase32(bytes: Uint8Array): string {
	let text = '';
	let group = 0;
	let bits = 0;
	for (const byte of bytes) {
		group = ((group << 8) | byte) & 0xfff;
		bits += 8;
		for (; bits >= 5; bits -= 5) text += alphabet.charAt((group >> (bits - 5)) & 31);
	}
	return bits === 0 ? text : text + alphabet.charAt((group << (5 - bits)) & 31);
}
