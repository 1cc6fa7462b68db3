// What an account consists of, as the edge keeps it: for whoever has proven who they are.
import { toBase64Url } from '../protocol/bytes.ts';
import { ok } from '../protocol/result.ts';
import type { AccountFactors } from './account-factors.ts';
import { unauthenticated, type AccountParts } from './account-parts.ts';

/** @param after how many of the log's writes are known already. */
export function accountMaterial(
	{ name, log, factors }: Pick<AccountParts, 'name' | 'log'> & { readonly factors: AccountFactors },
	after: number
) {
	const { state, registrationRecord } = log;
	// It may have been deleted meanwhile.
	if (state === null || registrationRecord === null) return unauthenticated;
	const { n, hash } = log.head;
	return ok({
		account: state.account,
		handleHash: toBase64Url(name.handleHash),
		log: {
			head: { n, hash: toBase64Url(hash) },
			writes: log.writesAfter(after).map(({ write, signature }) => ({
				write: toBase64Url(write),
				signature: toBase64Url(signature)
			}))
		},
		registrationRecord: toBase64Url(registrationRecord),
		keyslots: log.keyslots.map(toBase64Url),
		factors: factors.list()
	});
}
