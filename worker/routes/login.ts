// Login: OPAQUE's key exchange, then step by step what the account asks for. And the same once more by a
// session whose person has to show who they are.
import type { Replied } from '../../durable-objects/proven.ts';
import type { Keeping } from '../../protocol/http-login.ts';
import { ok } from '../../protocol/result.ts';
import { intoCookie } from '../refresh-cookie.ts';
import type { AccountRoute } from '../route.ts';

/** Objects answer with whole tokens. */
const keptAs = async <Value extends object>(
	keep: Keeping,
	replying: Promise<Replied<Value>>
): Promise<Replied<Value>> => (keep === 'cookie' ? intoCookie(await replying) : replying);

export const loginStart: AccountRoute<'loginStart'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place, proven }) => account.loginStart(request, place, proven)
};

export const loginFinish: AccountRoute<'loginFinish'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place }) => keptAs(request.keep, account.loginFinish(request, place))
};

export const loginFactor: AccountRoute<'loginFactor'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place }) => keptAs(request.keep, account.loginFactor(request, place))
};

export const loginSend: AccountRoute<'loginSend'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request }) => account.loginSend(request)
};

export const loginChoose: AccountRoute<'loginChoose'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place }) => keptAs(request.keep, account.loginChoose(request, place))
};

export const stepUpStart: AccountRoute<'stepUpStart'> = {
	rate: 'login',
	call: ({ account, proven, request, place }) => account.stepUpStart(proven, request, place)
};

export const stepUpFinish: AccountRoute<'stepUpFinish'> = {
	rate: 'login',
	call: ({ account, proven, request, place }) => account.stepUpFinish(proven, request, place)
};

export const stepUpFactor: AccountRoute<'stepUpFactor'> = {
	rate: 'login',
	call: ({ account, proven, request }) => account.stepUpFactor(proven, request)
};

export const stepUpSend: AccountRoute<'stepUpSend'> = {
	rate: 'login',
	call: ({ account, proven, request }) => account.stepUpSend(proven, request)
};
