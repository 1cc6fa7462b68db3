// What the parts of an Account object work with, and how they answer.
import type { Refusal } from '../protocol/errors.ts';
import type { ResponseOf, RouteName } from '../protocol/http.ts';
import { err, type Result } from '../protocol/result.ts';
import type { AccountLog } from './account-log.ts';
import type { AccountName } from './account-name.ts';
import type { AccountStore } from './account-store.ts';
import type { AccountServerKeys } from './deployment.ts';
import type { FetchedKeys } from './fetched-keys.ts';

export interface AccountParts {
	readonly name: AccountName;
	readonly store: AccountStore;
	readonly log: AccountLog;
	readonly keys: FetchedKeys<AccountServerKeys>;
}

export type Answer<Name extends RouteName> = Promise<Result<ResponseOf<Name>, Refusal>>;

export const unauthenticated = err({ code: 'unauthenticated' } as const);
export const malformed = err({ code: 'malformed' } as const);
