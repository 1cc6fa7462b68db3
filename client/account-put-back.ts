// Gives an edge that has lost the end of an account's log that end again. No key is needed for it: what
// goes back was signed before, and a login with what is in force there lets it in.
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	readRest,
	type AccountMaterial,
	type KnownAccount,
	type ShownAccount
} from './account-log.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;

export interface PutBackParts {
	readonly crypto: Pick<CryptoPort, 'account'>;
	readonly read: (after: number) => Answered<AccountMaterial>;
	readonly putBack: (
		request: RequestOf<'accountPutBack'>
	) => Answered<ResponseOf<'accountPutBack'>>;
}

/**
 * @param shown what the edge shows beyond what is known here.
 * @returns what it shows after it was given back what it lacked; null if it lacked nothing, or shows another
 * account altogether.
 */
export async function giveBack(
	{ crypto, read, putBack }: PutBackParts,
	known: KnownAccount,
	shown: ShownAccount
): Answered<ShownAccount | null> {
	const judged = await crypto.account.judge(known, shown);
	if (judged.ok || judged.error !== 'account_reverted') return ok(null);
	const requests = await crypto.account.planPutBack(known, shown.head.n);
	if (requests === null) return fail('account_reverted');
	for (const request of requests) {
		const put = await putBack(request);
		// Another device may have been faster: what stands is read below.
		if (!put.ok && put.error.code !== 'stale_count') return put;
	}
	const answered = await read(known.writes.length);
	return answered.ok ? readRest(answered.value, read) : answered;
}
