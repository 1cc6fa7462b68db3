// What each route asks of whoever calls it. A route without a level fails here and in the tests.
import { routes, type RouteName } from '../../protocol/http.ts';

export type Level =
	/** Nothing. */
	| 'anybody'
	/** Something in the request that only the right one knows. */
	| 'knowledge'
	/** A live session of any account; what it learns or sends is about another's. */
	| 'person'
	/** A live session of any account, and an id that only the right one knows. */
	| 'claimant'
	/** A live session of the account that was made first. */
	| 'operator'
	/** A live session of the account that it is about. */
	| 'account'
	/** A live session of an owner of the space that it is about. */
	| 'owner'
	/** A live session of an owner or an auditor of the space that it is about. */
	| 'auditor';

export const levels = {
	health: 'anybody',
	signUpRead: 'anybody',
	usageRead: 'account',
	operatorRead: 'operator',
	operatorWrite: 'operator',
	registrationStart: 'anybody',
	registrationFinish: 'anybody',
	loginStart: 'anybody',
	loginFinish: 'knowledge',
	loginFactor: 'knowledge',
	loginSend: 'knowledge',
	loginChoose: 'knowledge',
	sessionRefresh: 'knowledge',
	sessionsEnd: 'account',
	stepUpStart: 'account',
	stepUpFinish: 'account',
	stepUpFactor: 'account',
	stepUpSend: 'account',
	accountRead: 'account',
	passkeyStart: 'account',
	smsStart: 'account',
	passwordStart: 'account',
	accountWrite: 'account',
	accountPutBack: 'account',
	recoveryStep: 'knowledge',
	recoverySend: 'knowledge',
	recoveryPassword: 'knowledge',
	recoveryFinish: 'knowledge',
	recoveryCancel: 'account',
	recoveryApprove: 'account',
	inviteCreate: 'owner',
	inviteRead: 'knowledge',
	inviteClaim: 'claimant',
	inviteList: 'owner',
	inviteRevoke: 'owner',
	linkRegister: 'owner',
	linkCreate: 'owner',
	linkList: 'owner',
	linkRemove: 'owner',
	linkStart: 'knowledge',
	linkFinish: 'knowledge',
	linkRefresh: 'knowledge',
	eventList: 'auditor',
	identityRead: 'person',
	requestSend: 'person',
	requestList: 'account',
	requestDismiss: 'account',
	deviceLinkOpen: 'account',
	deviceLinkClaim: 'knowledge',
	deviceLinkRead: 'account',
	deviceLinkHandOver: 'account',
	deviceLinkTake: 'knowledge'
} as const satisfies Record<RouteName, Level>;

/** Of whatever kind: `fresh` asks for one, too. */
export const asksForSession = (name: RouteName): boolean =>
	['session', 'fresh'].includes(routes[name].auth);

export const routesOf = (...wanted: readonly Level[]): RouteName[] =>
	Object.entries(levels)
		.filter(([, level]) => wanted.includes(level))
		.map(([name]) => name as RouteName);
