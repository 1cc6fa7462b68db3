// What a deployment says of sign-up to anybody, and of itself to its operator.
import { ok } from '../../protocol/result.ts';
import type { AccountRoute, DeploymentRoute } from '../route.ts';

export const signUpRead: DeploymentRoute<'signUpRead'> = {
	rate: 'deployment',
	call: async ({ deployment }) => ok(await deployment.signUpRead())
};

export const operatorRead: AccountRoute<'operatorRead'> = {
	rate: 'deployment',
	call: ({ account, proven }) => account.operatorRead(proven)
};

export const operatorWrite: AccountRoute<'operatorWrite'> = {
	rate: 'deployment',
	call: ({ account, proven, request }) => account.operatorWrite(proven, request)
};
