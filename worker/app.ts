// The whole route table. Paths, methods and schemas are protocol/http.ts's; what a route does is in
// routes/. Everything is refused in one form, and nothing here remembers anything.
import { Hono } from 'hono';
import { routes, type RouteName } from '../protocol/http.ts';
import { refuse, type AppEnv } from './answer.ts';
import { logBug } from './log.ts';
import { modernTls } from './middleware/modern-tls.ts';
import { ownOrigin } from './middleware/own-origin.ts';
import { requestLog } from './middleware/request-log.ts';
import { secureHeaders } from './middleware/secure-headers.ts';
import {
	answerAccountRoute as ofAccount,
	answerDeploymentRoute as ofDeployment,
	answerSpaceRoute as ofSpace,
	type Handler
} from './route.ts';
import * as accounts from './routes/account.ts';
import * as deviceLinks from './routes/device-links.ts';
import { eventList } from './routes/events.ts';
import { health } from './routes/health.ts';
import * as invites from './routes/invites.ts';
import * as links from './routes/links.ts';
import * as login from './routes/login.ts';
import * as operator from './routes/operator.ts';
import { registrationFinish, registrationStart } from './routes/registration.ts';
import * as recovery from './routes/recovery.ts';
import * as requests from './routes/requests.ts';
import { sessionRefresh, sessionsEnd } from './routes/session.ts';
import { spaceSocket } from './routes/space-socket.ts';

const spaceSocketPattern = '/v1/spaces/:space/socket';

const handlers: Readonly<Record<RouteName, Handler>> = {
	health,
	signUpRead: ofDeployment('signUpRead', operator.signUpRead),
	usageRead: ofAccount('usageRead', accounts.usageRead),
	operatorRead: ofAccount('operatorRead', operator.operatorRead),
	operatorWrite: ofAccount('operatorWrite', operator.operatorWrite),
	registrationStart: ofAccount('registrationStart', registrationStart),
	registrationFinish: ofAccount('registrationFinish', registrationFinish),
	loginStart: ofAccount('loginStart', login.loginStart),
	loginFinish: ofAccount('loginFinish', login.loginFinish),
	loginFactor: ofAccount('loginFactor', login.loginFactor),
	loginSend: ofAccount('loginSend', login.loginSend),
	loginChoose: ofAccount('loginChoose', login.loginChoose),
	stepUpStart: ofAccount('stepUpStart', login.stepUpStart),
	stepUpFinish: ofAccount('stepUpFinish', login.stepUpFinish),
	stepUpFactor: ofAccount('stepUpFactor', login.stepUpFactor),
	stepUpSend: ofAccount('stepUpSend', login.stepUpSend),
	sessionRefresh: ofAccount('sessionRefresh', sessionRefresh),
	sessionsEnd: ofAccount('sessionsEnd', sessionsEnd),
	accountRead: ofAccount('accountRead', accounts.accountRead),
	passwordStart: ofAccount('passwordStart', accounts.passwordStart),
	accountWrite: ofAccount('accountWrite', accounts.accountWrite),
	passkeyStart: ofAccount('passkeyStart', accounts.passkeyStart),
	smsStart: ofAccount('smsStart', accounts.smsStart),
	accountPutBack: ofAccount('accountPutBack', accounts.accountPutBack),
	recoveryStep: ofAccount('recoveryStep', recovery.recoveryStep),
	recoverySend: ofAccount('recoverySend', recovery.recoverySend),
	recoveryPassword: ofAccount('recoveryPassword', recovery.recoveryPassword),
	recoveryFinish: ofAccount('recoveryFinish', recovery.recoveryFinish),
	recoveryCancel: ofAccount('recoveryCancel', recovery.recoveryCancel),
	recoveryApprove: ofAccount('recoveryApprove', recovery.recoveryApprove),

	inviteCreate: ofSpace('inviteCreate', invites.inviteCreate),
	inviteRead: ofSpace('inviteRead', invites.inviteRead),
	inviteClaim: ofSpace('inviteClaim', invites.inviteClaim),
	inviteList: ofSpace('inviteList', invites.inviteList),
	inviteRevoke: ofSpace('inviteRevoke', invites.inviteRevoke),
	linkRegister: ofSpace('linkRegister', links.linkRegister),
	linkCreate: ofSpace('linkCreate', links.linkCreate),
	linkList: ofSpace('linkList', links.linkList),
	linkRemove: ofSpace('linkRemove', links.linkRemove),
	linkStart: ofSpace('linkStart', links.linkStart),
	linkFinish: ofSpace('linkFinish', links.linkFinish),
	linkRefresh: ofSpace('linkRefresh', links.linkRefresh),

	eventList: ofSpace('eventList', eventList),

	identityRead: ofAccount('identityRead', requests.identityRead),
	requestSend: ofAccount('requestSend', requests.requestSend),
	requestList: ofAccount('requestList', requests.requestList),
	requestDismiss: ofAccount('requestDismiss', requests.requestDismiss),
	deviceLinkOpen: ofAccount('deviceLinkOpen', deviceLinks.deviceLinkOpen),
	deviceLinkClaim: ofAccount('deviceLinkClaim', deviceLinks.deviceLinkClaim),
	deviceLinkRead: ofAccount('deviceLinkRead', deviceLinks.deviceLinkRead),
	deviceLinkHandOver: ofAccount('deviceLinkHandOver', deviceLinks.deviceLinkHandOver),
	deviceLinkTake: ofAccount('deviceLinkTake', deviceLinks.deviceLinkTake)
};

export function createApp(): Hono<AppEnv> {
	const app = new Hono<AppEnv>();
	app.use(requestLog, secureHeaders, modernTls, ownOrigin);

	for (const [name, handler] of Object.entries(handlers)) {
		const { method, path } = routes[name as RouteName];
		app.on(method, path, handler);
	}
	app.get(spaceSocketPattern, spaceSocket);

	for (const { path } of Object.values(routes)) {
		app.all(path, () => refuse({ code: 'method_not_allowed' }));
	}
	app.all(spaceSocketPattern, () => refuse({ code: 'method_not_allowed' }));
	app.notFound(() => refuse({ code: 'not_found' }));
	app.onError((error, context) => {
		logBug(context.get('route') ?? 'none', error);
		return refuse({ code: 'internal' });
	});
	return app;
}
