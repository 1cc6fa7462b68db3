// Argon2id (RFC 9106) for the keyslot that unlocks a device offline. The OPAQUE login stretches
// with the same parameters inside opaque-ke; here, where no server takes part, it is the only thing
// between a copied disk and guesses at the password, which the person is told.
import { argon2id } from 'hash-wasm';

/**
 * RFC 9106 §4, the second recommended option. Fixed by the format version: neither a server nor a
 * stored value ever chooses them.
 */
export const argon2Parameters = { memoryKib: 65_536, iterations: 3, parallelism: 4 } as const;

const saltBytes = 16;
const outputBytes = 32;

/**
 * Stretches a password; about 0.4 s, and 64 MiB of memory.
 *
 * @param password prepared by `preparePassword`.
 * @param salt 16 random bytes, kept beside the keyslot. Another length throws.
 * @returns 32 bytes, owned by the caller.
 */
export async function stretchPassword(password: string, salt: Uint8Array): Promise<Uint8Array> {
	if (salt.length !== saltBytes) throw new RangeError('an Argon2id salt is 16 bytes');
	return argon2id({
		password,
		salt,
		memorySize: argon2Parameters.memoryKib,
		iterations: argon2Parameters.iterations,
		parallelism: argon2Parameters.parallelism,
		hashLength: outputBytes,
		outputType: 'binary'
	});
}
