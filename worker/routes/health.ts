// Says that the Worker answers, and which protocol it speaks. Wakes no object.
import type { Context } from 'hono';
import type { ResponseOf } from '../../protocol/http.ts';
import { protocolVersion } from '../../protocol/version.ts';
import type { AppEnv } from '../answer.ts';

export function health(context: Context<AppEnv>): Response {
	context.set('route', 'health');
	const answer: ResponseOf<'health'> = { name: 'tacet', protocolVersion };
	return context.json(answer);
}
