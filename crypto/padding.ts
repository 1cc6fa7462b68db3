// Padding of plaintexts before they are sealed, so that lengths tell little: PADMÉ (Nikitin et al.,
// 'Reducing Metadata Leakage from Encrypted Files and Communication with PURBs', PoPETs 2019, §4.2)
// over `u32 big-endian length ‖ bytes ‖ zeros`, at least 128 bytes. The overhead is at most 12 %,
// falling with the length; lengths up to M leak O(log log M) bits. Source: docs/formats.md.
import { minPaddedBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';

const lengthFieldBytes = 4;
/** Beyond it 32-bit arithmetic would wrap; far above every limit of the protocol. */
const maxPaddableBytes = 2 ** 30;

/**
 * The PADMÉ length for `lengthBytes` bytes, length field included: the next number whose binary
 * form has its significant bits in a floating-point-like mantissa.
 */
function padmeLength(lengthBytes: number): number {
	if (lengthBytes <= minPaddedBytes) return minPaddedBytes;
	const exponent = 31 - Math.clz32(lengthBytes);
	const mantissaBits = 32 - Math.clz32(exponent);
	const step = 2 ** (exponent - mantissaBits);
	return Math.ceil(lengthBytes / step) * step;
}

/**
 * The length that {@link pad} gives for `lengthBytes` bytes of content, in bytes.
 *
 * @param lengthBytes 0 to 2^30 − 4; throws RangeError beyond.
 */
export function paddedLength(lengthBytes: number): number {
	const framed = lengthBytes + lengthFieldBytes;
	if (!Number.isInteger(lengthBytes) || lengthBytes < 0 || framed > maxPaddableBytes) {
		throw new RangeError('length to pad is out of range');
	}
	return padmeLength(framed);
}

/** Whether padding can have produced `lengthBytes`; what rule 9 asks of a page, before sealing. */
export function isPaddedLength(lengthBytes: number): boolean {
	if (!Number.isInteger(lengthBytes) || lengthBytes > maxPaddableBytes) return false;
	return lengthBytes >= minPaddedBytes && padmeLength(lengthBytes) === lengthBytes;
}

/** A new array: `u32 length ‖ bytes ‖ zeros`, as long as {@link paddedLength} says. */
export function pad(bytes: Uint8Array): Uint8Array {
	const padded = new Uint8Array(paddedLength(bytes.length));
	padInto(padded, [bytes]);
	return padded;
}

/**
 * {@link pad} of some bytes one behind the other, into an array that is there.
 *
 * @param target as long as {@link paddedLength} of them says, and zeros; throws RangeError if not as long.
 */
export function padInto(target: Uint8Array, parts: readonly Uint8Array[]): void {
	let end = lengthFieldBytes;
	for (const part of parts) {
		target.set(part, end);
		end += part.length;
	}
	const lengthBytes = end - lengthFieldBytes;
	if (target.length !== paddedLength(lengthBytes)) throw new RangeError('not a padded length');
	new DataView(target.buffer, target.byteOffset).setUint32(0, lengthBytes);
}

/**
 * Takes the padding off. Every byte is checked, so that one content has one padded form: the
 * length must be the one that {@link pad} gives, and the filler zeros.
 *
 * @returns a new array; `malformed` for anything that {@link pad} does not produce.
 */
export function unpad(padded: Uint8Array): Result<Uint8Array, 'malformed'> {
	const content = contentOf(padded);
	// A copy, also of a Buffer, whose slice would be a view.
	return content.ok ? ok(new Uint8Array(content.value)) : content;
}

/** {@link unpad}, but for the copy: a view of `padded`. */
export function contentOf(padded: Uint8Array): Result<Uint8Array, 'malformed'> {
	if (!isPaddedLength(padded.length)) return err('malformed');
	const view = new DataView(padded.buffer, padded.byteOffset, padded.byteLength);
	const contentEnd = lengthFieldBytes + view.getUint32(0);
	if (contentEnd > padded.length || padmeLength(contentEnd) !== padded.length) {
		return err('malformed');
	}
	// A loop: a callback for each byte would cost more than opening the page did.
	let filled = 0;
	for (let index = contentEnd; index < padded.length; index++) filled |= padded[index] ?? 0;
	return filled === 0 ? ok(padded.subarray(lengthFieldBytes, contentEnd)) : err('malformed');
}
