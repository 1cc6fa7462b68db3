// Small records under a key that a link carried: padded, so that names do not show by their
// lengths, and committed to their key. Source: docs/formats.md, Records under a carried secret.
import { err, type Result } from '../../protocol/result.ts';
import { pad, unpad } from '../padding.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import type { SealInput } from './aead.ts';
import { openCommitted, sealCommitted } from './key-commitment.ts';

/**
 * Seals a padded record that says which key it is under.
 *
 * @param key 32 bytes, made for this one use; overwritten before this resolves.
 * @param random only for vectors.
 * @returns a padded length plus 72 bytes: at least 200.
 */
export async function sealPadded(
	key: Uint8Array,
	input: SealInput,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	const padded = pad(input.plaintext);
	const sealed = await sealCommitted(key, { plaintext: padded, aad: input.aad }, random);
	padded.fill(0);
	key.fill(0);
	return sealed;
}

/**
 * Opens what {@link sealPadded} made, and reads it.
 *
 * @param key 32 bytes; overwritten before this resolves.
 * @param input `sealed` as received, any length; `parse` reads what was inside.
 * @returns what `parse` gives; `open_failed` for another key or place, every change, wrong padding
 * and unreadable contents alike: whoever serves a record must not learn which check refused it.
 */
export async function openPadded<Value>(
	key: Uint8Array,
	input: {
		readonly sealed: Uint8Array;
		readonly aad: Uint8Array;
		readonly parse: (bytes: Uint8Array) => Result<Value, unknown>;
	}
): Promise<Result<Value, 'open_failed'>> {
	const opened = await openCommitted(key, input);
	key.fill(0);
	if (!opened.ok) return opened;
	const content = unpad(opened.value);
	opened.value.fill(0);
	const parsed = content.ok ? input.parse(content.value) : content;
	return parsed.ok ? parsed : err('open_failed');
}
