// Linking one more device: an offer by a device with a session, taken by one that has none yet and
// knows the handle.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const deviceLinkOpen: AccountRoute<'deviceLinkOpen'> = {
	rate: 'sharing',
	call: ({ account, proven, request }) => account.deviceLinkOpen(proven, request)
};

export const deviceLinkClaim: AccountRoute<'deviceLinkClaim'> = {
	rate: 'link',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request }) => account.deviceLinkClaim(request)
};

export const deviceLinkRead: AccountRoute<'deviceLinkRead'> = {
	rate: 'sharing',
	call: ({ account, proven, request }) => account.deviceLinkRead(proven, request)
};

export const deviceLinkHandOver: AccountRoute<'deviceLinkHandOver'> = {
	rate: 'sharing',
	call: ({ account, proven, request }) => account.deviceLinkHandOver(proven, request)
};

export const deviceLinkTake: AccountRoute<'deviceLinkTake'> = {
	rate: 'link',
	subject: ({ handle }) => ok({ by: 'handle', handle }),
	call: ({ account, request }) => account.deviceLinkTake(request)
};
