// A session's life after login: new tokens, and its end.
import { parseRefreshToken } from '../../crypto/edge/refresh-token.ts';
import { err, ok } from '../../protocol/result.ts';
import type { AccountRoute } from '../route.ts';

export const sessionRefresh: AccountRoute<'sessionRefresh'> = {
	rate: 'session',
	subject: ({ refreshToken }) => {
		const token = parseRefreshToken(refreshToken);
		return token.ok
			? ok({ by: 'object', name: token.value.accountObject })
			: err({ code: 'unauthenticated' });
	},
	call: ({ account, proven, request }) => account.refresh(proven, request)
};

export const sessionEnd: AccountRoute<'sessionEnd'> = {
	rate: 'session',
	call: ({ account, proven }) => account.end(proven)
};
