// What the server gives an account room for; what whoever runs it sees and sets there: who may sign up, invites, limits. The code of an
// invite is made here and stands in its link alone; the server gets the code's hash until it is used.
import { sha256 } from '../crypto/hash.ts';
import { randomBytes } from '../crypto/random.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import type { ResponseOf } from '../protocol/http.ts';
import type { OperatorChange } from '../protocol/http-operator.ts';
import { signUpCodeBytes } from '../protocol/limits.ts';
import { ok } from '../protocol/result.ts';
import type { Answer } from './api.ts';
import type { Session } from './session.ts';

const dayMs = 86_400_000;

export type OperatorOverview = ResponseOf<'operatorRead'>;

/** What an account takes of the room of its deployment, and may take. */
export type Usage = ResponseOf<'usageRead'>;

export const readUsage = (session: Session): Answer<Usage> => session.call('usageRead', {});

/** `forbidden` to everybody but the operator, as all that follows. */
export const readOperation = (session: Session): Answer<OperatorOverview> =>
	session.call('operatorRead', {});

export const writeOperation = (
	session: Session,
	change: OperatorChange
): Answer<OperatorOverview> => session.call('operatorWrite', { change });

export interface SignUpInviteInput {
	readonly uses: number;
	/** At most 30. */
	readonly ttlDays: number;
}

/** @returns the address to give away, which nobody can be shown again. */
export async function inviteToSignUp(
	{ session, origin, nowMs }: SignUpInviteParts,
	{ uses, ttlDays }: SignUpInviteInput
): Answer<{ readonly url: string; readonly overview: OperatorOverview }> {
	const code = randomBytes(signUpCodeBytes);
	const invite = toBase64Url(sha256(code));
	const expiresAtMs = nowMs() + ttlDays * dayMs;
	const written = await writeOperation(session, { set: 'invite', invite, uses, expiresAtMs });
	if (!written.ok) return written;
	return ok({ url: `${origin}/#/sign-up/${toBase64Url(code)}`, overview: written.value });
}

export interface SignUpInviteParts {
	readonly session: Session;
	/** 'https://host[:port]' */
	readonly origin: string;
	readonly nowMs: () => number;
}
