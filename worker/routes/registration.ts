// Sign-up, in two steps: OPAQUE's registration, with the account that it is for.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const registrationStart: AccountRoute<'registrationStart'> = {
	rate: 'registration',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request }) => account.registrationStart(request)
};

export const registrationFinish: AccountRoute<'registrationFinish'> = {
	rate: 'registration',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request }) => account.registrationFinish(request)
};
