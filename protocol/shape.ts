// Predicates over decoded CBOR, for the parsers of this room. JSON is parsed with schemas (http.ts).
import type { Cbor } from './cbor.ts';

/** An array of exactly `length` elements (any length if left out). */
export const isArray = (value: Cbor | undefined, length?: number): value is readonly Cbor[] =>
	Array.isArray(value) && (length === undefined || value.length === length);

/** A byte string of exactly `length` bytes (any length if left out). */
export const isBytes = (value: Cbor | undefined, length?: number): value is Uint8Array =>
	value instanceof Uint8Array && (length === undefined || value.length === length);

/** An integer ≥ 0. */
export const isUint = (value: Cbor | undefined): value is number =>
	typeof value === 'number' && value >= 0;

/** An integer ≥ 1. */
export const isCount = (value: Cbor | undefined): value is number =>
	typeof value === 'number' && value >= 1;

/** Every element passes `parse`, and there are at most `max`; else null. */
export function parseEach<Element>(
	value: Cbor | undefined,
	max: number,
	parse: (element: Cbor) => Element | null
): readonly Element[] | null {
	if (!isArray(value) || value.length > max) return null;
	const elements: Element[] = [];
	for (const element of value) {
		const parsed = parse(element);
		if (parsed === null) return null;
		elements.push(parsed);
	}
	return elements;
}
