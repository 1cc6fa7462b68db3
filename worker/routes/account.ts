// What an account consists of, and what changes it, for a device that is logged in.
import type { AccountRoute } from '../route.ts';

export const accountRead: AccountRoute<'accountRead'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.read(proven, request)
};

export const usageRead: AccountRoute<'usageRead'> = {
	rate: 'session',
	call: ({ account, proven }) => account.readUsage(proven)
};

export const passwordStart: AccountRoute<'passwordStart'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.passwordStart(proven, request)
};

export const accountWrite: AccountRoute<'accountWrite'> = {
	rate: 'session',
	call: ({ account, proven, request, place }) => account.write(proven, request, place)
};

export const passkeyStart: AccountRoute<'passkeyStart'> = {
	rate: 'session',
	call: ({ account, proven, place }) => account.passkeyStart(proven, place)
};

export const smsStart: AccountRoute<'smsStart'> = {
	rate: 'session',
	call: ({ account, proven, request, place }) => account.smsStart(proven, request, place)
};

export const accountPutBack: AccountRoute<'accountPutBack'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.putBack(proven, request)
};
