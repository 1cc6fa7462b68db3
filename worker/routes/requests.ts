// Sharing by handle: who somebody is, and an invitation that waits at their account.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const identityRead: AccountRoute<'identityRead'> = {
	rate: 'lookup',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven }) => account.identityRead(proven)
};

export const requestSend: AccountRoute<'requestSend'> = {
	rate: 'lookup',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, proven, request }) => account.requestSend(proven, request)
};

export const requestList: AccountRoute<'requestList'> = {
	rate: 'sharing',
	call: ({ account, proven }) => account.requestList(proven)
};

export const requestDismiss: AccountRoute<'requestDismiss'> = {
	rate: 'sharing',
	call: ({ account, proven, request }) => account.requestDismiss(proven, request)
};
