// Words that occur nowhere by chance, and the forms in which they could be written down.
import { Buffer } from 'node:buffer';

/** Letters and digits only, so that every program would store them as they are. */
export const canary = (what: string): string => `canary${what}7Qx${String(what.length)}kVz`;

/** Bytes of every form that is looked for: texts, encodings, and base64 at each of its offsets. */
export function formsOf(secret: string | Uint8Array): readonly Buffer[] {
	const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : Buffer.from(secret);
	const forms: Buffer[] = [
		bytes,
		Buffer.from(bytes.toString('hex')),
		Buffer.from(bytes.toString('hex').toUpperCase())
	];
	if (typeof secret === 'string') {
		forms.push(Buffer.from(secret, 'utf16le'), Buffer.from(secret, 'utf16le').swap16());
		forms.push(Buffer.from(encodeURIComponent(secret)));
		forms.push(
			Buffer.from([...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
		);
		forms.push(Buffer.from(secret.toLowerCase()), Buffer.from(secret.toUpperCase()));
	}
	for (const encoding of ['base64', 'base64url'] as const) {
		for (let offset = 0; offset < 3; offset++) forms.push(inBase64(bytes, offset, encoding));
	}
	return forms;
}

/** The digits that these bytes alone decide, where so many stand before them. */
function inBase64(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): Buffer {
	const text = Buffer.concat([Buffer.alloc(offset), bytes])
		.toString(encoding)
		.replace(/=+$/, '');
	const first = Math.ceil((offset * 8) / 6);
	const whole = Math.floor(((offset + bytes.length) * 8) / 6);
	return Buffer.from(text.slice(first, whole));
}

/** Names of the secrets that occur in `haystack`, in any form. */
export function findIn(
	haystack: Uint8Array,
	secrets: ReadonlyMap<string, readonly Buffer[]>
): readonly string[] {
	const bytes = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength);
	return [...secrets].flatMap(([name, forms]) =>
		forms.some((form) => bytes.includes(form)) ? [name] : []
	);
}
