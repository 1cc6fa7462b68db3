// What can be done with a space that is only shown: nothing.
import { fail } from './errors.ts';
import type { SpaceActions } from './space.ts';

/** Of a space that is only shown. */
export function readOnlyActions(): SpaceActions {
	const refuse = (): Promise<ReturnType<typeof fail>> => Promise.resolve(fail('forbidden'));
	return {
		history: refuse,
		accessLog: refuse,
		rename: refuse,
		changeRole: refuse,
		remove: refuse,
		lookForRenewed: refuse,
		letInRenewed: refuse,
		leave: refuse,
		rotate: refuse,
		setPolicy: refuse,
		destroy: refuse,
		continueInNewSpace: refuse,
		planPutBack: refuse,
		putBack: refuse,
		invitations: refuse,
		invite: refuse,
		inviteHandle: refuse,
		admit: refuse,
		revokeInvitation: refuse,
		links: refuse,
		createLink: refuse,
		revokeLink: refuse
	};
}
