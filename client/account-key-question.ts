// Opens the account that a login led to, and asks for its account key where this device has none that opens
// it. Judged here, and here only: no edge hears of it, and none could say that the account has no such key.
import { ok, type Result } from '../protocol/result.ts';
import type { AccountKeyAsked, LogInOptions } from './api-account.ts';
import type { AccountKeyRefusal } from './crypto-login.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';

type Opened = Extract<Awaited<ReturnType<CryptoPort['openAccount']>>, { readonly ok: true }>;
type Opening = Omit<Parameters<CryptoPort['openAccount']>[0], 'accountKey'>;

const refusals = [
	'account_key_needed',
	'account_key_mistyped',
	'account_key_wrong'
] as const satisfies readonly AccountKeyRefusal[];

/** Whether somebody could still answer with another account key. */
export const wantsAccountKey = ({ code }: TacetError): boolean =>
	refusals.some((refusal) => refusal === code);

/** @param accountKey that is tried before anybody is asked. */
export async function openAsking(
	crypto: CryptoPort,
	opening: Opening,
	{ accountKey, onQuestion }: Pick<LogInOptions, 'accountKey' | 'onQuestion'>
): Promise<Result<Opened['value'], TacetError>> {
	const open = async (typed: string | null): Promise<Result<Opened['value'], TacetError>> => {
		const opened = await crypto.openAccount({ ...opening, accountKey: typed });
		return opened.ok ? opened : fail(opened.error);
	};
	const first = await open(accountKey ?? null);
	if (first.ok || onQuestion === undefined || !wantsAccountKey(first.error)) return first;
	return new Promise((resolve) => {
		const question: AccountKeyAsked = {
			next: 'account_key',
			cancel: () => {
				resolve(fail('cancelled'));
			},
			answer: async (typed) => {
				const opened = await open(typed);
				if (opened.ok || !wantsAccountKey(opened.error)) resolve(opened);
				return opened.ok ? ok(undefined) : opened;
			}
		};
		onQuestion(question);
	});
}
