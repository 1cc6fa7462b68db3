// Published test vectors that are too big to type in. They lie beside the project, in
// ../shared/vectors, and are not part of it: where that folder is missing the tests that need it are
// skipped, and say why. The same code finds them in Node, workerd and Chromium,
// because the bundler resolves the pattern below.
import { describe, test } from 'vitest';
import type { RandomSource } from '../../crypto/random.ts';
import { fromHex } from '../../protocol/bytes.ts';
import type { Result } from '../../protocol/result.ts';

const files = import.meta.glob<string>(
	[
		'../../../shared/vectors/argon2/*.json',
		'../../../shared/vectors/bip39/*.json',
		'../../../shared/vectors/cbor-rfc8949/*.json',
		'../../../shared/vectors/ed25519-cctv/*.json',
		'../../../shared/vectors/hpke/*.json',
		'../../../shared/vectors/opaque-rfc9807/*.json',
		'../../../shared/vectors/oprf-rfc9497/allVectors.json',
		'../../../shared/vectors/rfc-small/*.json',
		'../../../shared/vectors/salamander/*.json',
		'../../../shared/vectors/webauthn/*.json',
		'../../../shared/vectors/wycheproof/*.json',
		'../../../shared/vectors/xwing/*.json'
	],
	{ query: '?raw', import: 'default' }
);

/**
 * Runs `define` with the parsed vectors at `path` below the vectors folder, or registers a skipped
 * suite that names what is missing.
 */
export async function withVectors<Vectors>(
	name: string,
	path: string,
	define: (vectors: Vectors) => void
): Promise<void> {
	const load = files[`../../../shared/vectors/${path}`];
	if (load === undefined) {
		test(name, ({ skip }) => {
			skip(`../shared/vectors/${path} is not there`);
		});
		return;
	}
	const vectors = JSON.parse(await load()) as Vectors;
	describe(name, () => {
		define(vectors);
	});
}

/** The edge's engine; some things only clients do are not there. */
export const isWorkerd = globalThis.navigator.userAgent === 'Cloudflare-Workers';

/** Bytes of a hex literal. */
export function hex(text: string): Uint8Array {
	const bytes = fromHex(text);
	if (!bytes.ok) throw new TypeError(`not hex: ${text}`);
	return bytes.value;
}

/** The value of a result that must be a success. */
export function valueOf<Value>(result: Result<Value, unknown>): Value {
	if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.error)}`);
	return result.value;
}

/** A copy of `bytes` with one bit changed. */
export function flipped(bytes: Uint8Array, index: number, bit = 1): Uint8Array {
	const copy = bytes.slice();
	copy[index] = (copy[index] ?? 0) ^ bit;
	return copy;
}

/** A random source that gives out `parts` in turn, as published vectors need it. */
export function scripted(...parts: readonly Uint8Array[]): RandomSource {
	const queue = [...parts];
	return (lengthBytes) => {
		const next = queue.shift();
		if (next?.length !== lengthBytes) throw new Error(`no ${lengthBytes} scripted bytes left`);
		return next.slice();
	};
}
