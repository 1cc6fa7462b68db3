// What the two stores do alike to the values that they keep. A structured clone of a view keeps the
// whole buffer behind it: a page of 64 KiB cut from a frame of 4 MiB would take 4 MiB on the disk.
import type { StoredEntry } from './store.ts';

/** The value with every byte array as large as its buffer; arrays that are so already are kept. */
export function withOwnBytes<Value>(value: Value): Value {
	return mapBytes(value, (bytes) =>
		bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
	);
}

function mapBytes<Value>(value: Value, map: (bytes: Uint8Array) => Uint8Array): Value {
	return mapped(value, map) as Value;
}

function mapped(value: unknown, map: (bytes: Uint8Array) => Uint8Array): unknown {
	if (value instanceof Uint8Array) return map(value);
	if (Array.isArray(value)) return value.map((element) => mapped(element, map));
	if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, field]) => [name, mapped(field, map)])
	);
}

function isPlain(value: object): boolean {
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === Object.prototype || prototype === null;
}

/** The entry with one page replaced. */
export const withPage = (
	entry: StoredEntry,
	index: number,
	page: Uint8Array | null
): StoredEntry => ({
	...entry,
	pages: entry.pages.map((kept, place) => (place === index ? page : kept))
});
