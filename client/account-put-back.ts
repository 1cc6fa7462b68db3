// Gives an edge that has lost the end of an account's log that end again. No key is needed for it: what
// goes back was signed before, and a login with what is in force there lets it in.
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import { equalBytes } from '../protocol/bytes.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	readRest,
	type AccountMaterial,
	type KnownAccount,
	type ShownAccount
} from './account-log.ts';
import type { AccountFault } from './account-watch.ts';
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
	if (requests === null) return fail('put_back_too_long');
	for (const request of requests) {
		const put = await putBack(request);
		// Another device may have been faster: what stands is read below.
		if (!put.ok && put.error.code !== 'stale_count') return put;
	}
	const answered = await read(known.writes.length);
	return answered.ok ? readRest(answered.value, read) : answered;
}

/** What a login may open. */
export interface Openable {
	readonly shown: ShownAccount;
	/** Null if the edge shows what is known. One that was reverted has been given back what it lacked. */
	readonly fault: AccountFault | null;
}

/**
 * Holds what a login is shown against what this device knows, before anything is opened: the password that
 * let it in may be one that was replaced.
 *
 * @returns what is known here, where the edge shows another account and the password is the one known.
 * Where it is another one: `account_forked`, or `password_was_replaced` once the edge was given back what it
 * lacked.
 */
export async function openableOf(
	parts: PutBackParts,
	known: KnownAccount,
	shown: ShownAccount
): Answered<Openable> {
	const { account } = parts.crypto;
	const judged = await account.judge(known, shown);
	if (!judged.ok && judged.error === 'account_forked') {
		const { registrationRecord, keyslots, factors } = known;
		if (!equalBytes(registrationRecord, shown.registrationRecord)) return fail('account_forked');
		const { head } = await account.describe(known);
		const asKnown = { ...shown, head, writes: [], registrationRecord, keyslots, factors };
		return ok({ shown: asKnown, fault: 'account_forked' });
	}
	const given = await giveBack(parts, known, shown);
	if (!given.ok) return given;
	if (given.value === null) return ok({ shown, fault: null });
	if (!equalBytes(shown.registrationRecord, given.value.registrationRecord)) {
		return fail('password_was_replaced');
	}
	return ok({ shown: given.value, fault: 'account_reverted' });
}
