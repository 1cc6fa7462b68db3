// What an account consists of, and what changes it, for a device that is logged in.
import type { AccountRoute } from '../route.ts';

export const accountRead: AccountRoute<'accountRead'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.read(proven, request)
};

export const accountWrite: AccountRoute<'accountWrite'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.write(proven, request)
};

export const accountPutBack: AccountRoute<'accountPutBack'> = {
	rate: 'session',
	call: ({ account, proven, request }) => account.putBack(proven, request)
};
