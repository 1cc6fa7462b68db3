// What an account consists of, for a device that is logged in.
import type { AccountRoute } from '../route.ts';

export const readAccount: AccountRoute<'account'> = {
	rate: 'session',
	call: ({ account, proven }) => account.read(proven)
};
