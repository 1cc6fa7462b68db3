// The secret half of a browser's refresh token: in a cookie that no script of the page reads, so that
// whoever can run one for a moment takes nothing along. Objects know whole tokens only; what a cookie is
// stays here. A cookie alone opens nothing: a refresh needs the other half, and a proof by the session's
// key, as JSON, from our own page.
import { joinRefreshToken, splitRefreshToken } from '../crypto/edge/refresh-token.ts';
import type { Refusal } from '../protocol/errors.ts';
import { refreshCookieName } from '../protocol/http-login.ts';
import { refreshTokenTtlSeconds } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';

interface WithSession {
	readonly session: { readonly refreshToken: string };
}

/** As the objects answer, and the cookie to set with it. */
export interface Kept<Value> {
	readonly answer: Result<Value, Refusal>;
	readonly nonce: string | null;
	/** Null: none. */
	readonly cookie: string | null;
}
type Said<Value> = Omit<Kept<Value>, 'cookie'>;

/** The secret half in a request's cookies; null without one, or with two of that name. */
export function refreshSecretIn(cookies: string | undefined): string | null {
	const secrets = (cookies ?? '')
		.split(';')
		.map((cookie) => cookie.trim())
		.filter((cookie) => cookie.startsWith(`${refreshCookieName}=`))
		.map((cookie) => cookie.slice(refreshCookieName.length + 1));
	const [secret] = secrets;
	return secrets.length === 1 && secret !== undefined && secret !== '' ? secret : null;
}

/** A token that came whole, or its halves put together; null without the one in the cookie. */
export function wholeRefreshToken(shown: string, cookies: string | undefined): string | null {
	if (splitRefreshToken(shown) !== null) return shown;
	const secret = refreshSecretIn(cookies);
	return secret === null ? null : joinRefreshToken(shown, secret);
}

/** Moves the secret half of an answer's token into a cookie, where there is a token. */
export function intoCookie<Value extends object>({ answer, nonce }: Said<Value>): Kept<Value> {
	if (!answer.ok || !hasSession(answer.value)) return { answer, nonce, cookie: null };
	const { session } = answer.value;
	const halves = splitRefreshToken(session.refreshToken);
	if (halves === null) throw new Error('an account answers with a whole token');
	return {
		answer: ok({ ...answer.value, session: { ...session, refreshToken: halves.kept } }),
		nonce,
		cookie:
			`${refreshCookieName}=${halves.secret}; ${attributes}; ` +
			`Max-Age=${String(refreshTokenTtlSeconds)}`
	};
}

/** Has the browser forget its half. */
export const withoutCookie = <Value>(said: Said<Value>): Kept<Value> => ({
	...said,
	cookie: said.answer.ok ? `${refreshCookieName}=; ${attributes}; Max-Age=0` : null
});

const hasSession = <Value extends object>(value: Value): value is Value & WithSession =>
	'session' in value;
