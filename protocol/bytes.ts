// Bytes and their text forms: hex (ids) and base64url without padding (RFC 4648 §5, JSON and URLs).
// Decoders are strict: one text for each byte string, or `malformed`.
import { err, ok, type Result } from './result.ts';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of `text`. Lone surrogates become U+FFFD, as TextEncoder defines. */
export const utf8Encode = (text: string): Uint8Array => encoder.encode(text);

/** Strict UTF-8 (RFC 3629); a byte order mark is kept as a character. */
export function utf8Decode(bytes: Uint8Array): Result<string, 'malformed'> {
	try {
		return ok(strictDecoder.decode(bytes));
	} catch {
		return err('malformed');
	}
}

/** A new array holding all parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
	const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
	let offset = 0;
	for (const part of parts) {
		joined.set(part, offset);
		offset += part.length;
	}
	return joined;
}

/** Equality of public values. Not constant-time: never for secrets or MACs. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	// A loop: a callback per byte would cost more than decoding the formats that are compared.
	for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
	return true;
}

const hexCodes = new TextEncoder().encode('0123456789abcdef');
/** Longer ones are not made into codes at once. */
const maxHexAtOnce = 1_024;

const notHex = 0x80;
/** The value of each lower-case digit, by its character code. */
const hexValues = Uint8Array.from({ length: 128 }, (_, code) => {
	const value = '0123456789abcdef'.indexOf(String.fromCharCode(code));
	return value < 0 ? notHex : value;
});

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
	if (bytes.length > maxHexAtOnce) {
		return toHex(bytes.subarray(0, maxHexAtOnce)) + toHex(bytes.subarray(maxHexAtOnce));
	}
	const codes: number[] = [];
	for (const byte of bytes) codes.push(hexCodes[byte >> 4] ?? 0, hexCodes[byte & 15] ?? 0);
	// At once: a text put together piece by piece stays a tree of pieces, and ids are kept by the thousand.
	return String.fromCharCode(...codes);
}

/** The inverse of {@link toHex}; upper case, odd lengths and other characters are `malformed`. */
export function fromHex(text: string): Result<Uint8Array, 'malformed'> {
	const bytes = new Uint8Array(text.length >> 1);
	// Digit by digit: ids are read as often as pages are sealed, and an expression costs more than AES.
	let wrong = text.length & 1;
	for (let index = 0; index < bytes.length; index++) {
		const high = hexValues[text.charCodeAt(2 * index)] ?? notHex;
		const low = hexValues[text.charCodeAt(2 * index + 1)] ?? notHex;
		wrong |= (high | low) & notHex;
		bytes[index] = (high << 4) | low;
	}
	return wrong === 0 ? ok(bytes) : err('malformed');
}

const base64UrlAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const base64UrlValues = new Map([...base64UrlAlphabet].map((digit, value) => [digit, value]));

/** base64url without padding, RFC 4648 §5. */
export function toBase64Url(bytes: Uint8Array): string {
	let text = '';
	for (let index = 0; index < bytes.length; index += 3) {
		const left = bytes.length - index;
		const group =
			((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
		for (let digit = 0; digit <= Math.min(left, 3); digit++) {
			text += base64UrlAlphabet.charAt((group >> (18 - 6 * digit)) & 63);
		}
	}
	return text;
}

/** The inverse of {@link toBase64Url}; padding and non-zero trailing bits are `malformed`. */
export function fromBase64Url(text: string): Result<Uint8Array, 'malformed'> {
	if (text.length % 4 === 1) return err('malformed');
	const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
	let group = 0;
	let bits = 0;
	let offset = 0;
	for (const digit of text) {
		const value = base64UrlValues.get(digit);
		if (value === undefined) return err('malformed');
		group = ((group << 6) | value) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[offset++] = (group >> bits) & 0xff;
		}
	}
	return (group & ((1 << bits) - 1)) === 0 ? ok(bytes) : err('malformed');
}
