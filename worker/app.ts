// The whole route table. Paths, methods and schemas are protocol/http.ts's; what a route does is in
// routes/. Everything is refused in one form, and nothing here remembers anything.
import { Hono } from 'hono';
import { routes } from '../protocol/http.ts';
import { refuse, type AppEnv } from './answer.ts';
import { logBug } from './log.ts';
import { ownOrigin } from './middleware/own-origin.ts';
import { requestLog } from './middleware/request-log.ts';
import { secureHeaders } from './middleware/secure-headers.ts';
import { answerAccountRoute as answer } from './route.ts';
import { readAccount } from './routes/account.ts';
import { health } from './routes/health.ts';
import { loginFinish, loginStart } from './routes/login.ts';
import { registrationFinish, registrationStart } from './routes/registration.ts';
import { sessionEnd, sessionRefresh } from './routes/session.ts';
import { spaceSocket } from './routes/space-socket.ts';

const spaceSocketPattern = '/v1/spaces/:space/socket';

export function createApp(): Hono<AppEnv> {
	const app = new Hono<AppEnv>();
	app.use(requestLog, secureHeaders, ownOrigin);

	app.get(routes.health.path, health);
	app.post(routes.registrationStart.path, answer('registrationStart', registrationStart));
	app.post(routes.registrationFinish.path, answer('registrationFinish', registrationFinish));
	app.post(routes.loginStart.path, answer('loginStart', loginStart));
	app.post(routes.loginFinish.path, answer('loginFinish', loginFinish));
	app.post(routes.sessionRefresh.path, answer('sessionRefresh', sessionRefresh));
	app.post(routes.sessionEnd.path, answer('sessionEnd', sessionEnd));
	app.get(routes.account.path, answer('account', readAccount));
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
