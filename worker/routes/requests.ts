// Sharing by handle: who somebody is, and an invitation that waits at their account.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const identityRead: AccountRoute<'identityRead'> = {
	rate: 'lookup',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, token }) => account.identityRead(token)
};

export const requestSend: AccountRoute<'requestSend'> = {
	rate: 'lookup',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, token, request }) => account.requestSend(token, request)
};

export const requestList: AccountRoute<'requestList'> = {
	rate: 'sharing',
	call: ({ account, token }) => account.requestList(token)
};

export const requestDismiss: AccountRoute<'requestDismiss'> = {
	rate: 'sharing',
	call: ({ account, token, request }) => account.requestDismiss(token, request)
};
