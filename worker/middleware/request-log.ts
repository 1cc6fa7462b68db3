// One line a request, by the name of its route and nothing that the request said.
import type { MiddlewareHandler } from 'hono';
import { isWireErrorCode } from '../../protocol/errors.ts';
import { codeHeader, type AppEnv } from '../answer.ts';
import { logRequest } from '../log.ts';

export const requestLog: MiddlewareHandler<AppEnv> = async (context, next) => {
	const startedAtMs = Date.now();
	await next();
	const code = context.res.headers.get(codeHeader);
	logRequest({
		route: context.get('route') ?? 'none',
		code: isWireErrorCode(code) ? code : 'ok',
		durationMs: Date.now() - startedAtMs
	});
};
