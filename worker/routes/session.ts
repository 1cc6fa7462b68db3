// A session's life after login: new tokens, and its end.
import { claimedRefreshObject } from '../../crypto/edge/refresh-token.ts';
import { err, ok } from '../../protocol/result.ts';
import {
	intoCookie,
	refreshSecretIn,
	wholeRefreshToken,
	withoutCookie
} from '../refresh-cookie.ts';
import type { AccountRoute } from '../route.ts';

const unauthenticated = err({ code: 'unauthenticated' } as const);

export const sessionRefresh: AccountRoute<'sessionRefresh'> = {
	rate: 'session',
	subject: ({ refreshToken }) => {
		const name = claimedRefreshObject(refreshToken);
		return name === null ? unauthenticated : ok({ by: 'object', name });
	},
	call: async ({ account, proven, request, cookies, place }) => {
		const refreshToken = wholeRefreshToken(request.refreshToken, cookies);
		if (refreshToken === null) return unauthenticated;
		const replied = await account.refresh(proven, { refreshToken }, place);
		// Who brings a half gets a half.
		return refreshToken === request.refreshToken ? replied : intoCookie(replied);
	}
};

export const sessionsEnd: AccountRoute<'sessionsEnd'> = {
	rate: 'session',
	call: async ({ account, proven, request, place, cookies }) => {
		const replied = await account.endSessions(proven, request, place);
		const isOwn = request.sessions === 'own' || request.sessions === 'all';
		return isOwn && refreshSecretIn(cookies) !== null ? withoutCookie(replied) : replied;
	}
};
