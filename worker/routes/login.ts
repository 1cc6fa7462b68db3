// Login, in two steps: OPAQUE's key exchange, then a session for the device that it proved.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const loginStart: AccountRoute<'loginStart'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place }) => account.loginStart(request, place)
};

export const loginFinish: AccountRoute<'loginFinish'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request, place }) => account.loginFinish(request, place)
};
