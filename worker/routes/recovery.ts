// Recovery by the code of a kit, and what own devices say to one that is under way.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const recoveryStep: AccountRoute<'recoveryStep'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven, request, place }) => account.recoveryStep(proven, request, place)
};

export const recoverySend: AccountRoute<'recoverySend'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven, request, place }) => account.recoverySend(proven, request, place)
};

export const recoveryPassword: AccountRoute<'recoveryPassword'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven, request, place }) => account.recoveryPassword(proven, request, place)
};

export const recoveryFinish: AccountRoute<'recoveryFinish'> = {
	rate: 'login',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven, request, place }) => account.recoveryFinish(proven, request, place)
};

export const recoveryCancel: AccountRoute<'recoveryCancel'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.recoveryCancel(proven, request)
};

export const recoveryApprove: AccountRoute<'recoveryApprove'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.recoveryApprove(proven, request)
};
