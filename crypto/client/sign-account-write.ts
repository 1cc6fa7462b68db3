// Making an account write. Source: docs/formats.md, Account log.
import {
	encodeAccountWrite,
	type AccountWrite,
	type SignedAccountWrite
} from '../../protocol/account-write.ts';
import { sign } from '../signature.ts';

/**
 * Signs a change of the account.
 *
 * @param privateKey of the identity in force before the write; for 'create' of the one in it.
 * @returns `write` under `maxAccountWriteBytes`; `signature` 64 bytes. The same write gives the same
 * bytes.
 */
export async function signAccountWrite(
	privateKey: CryptoKey,
	write: AccountWrite
): Promise<SignedAccountWrite> {
	const bytes = encodeAccountWrite(write);
	return { write: bytes, signature: await sign(privateKey, bytes) };
}
