// Invitations to a space. The space judges who may make, see, claim and revoke them.
import type { SpaceRoute } from '../route.ts';

export const inviteCreate: SpaceRoute<'inviteCreate'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.inviteCreate(proven, request)
};

export const inviteRead: SpaceRoute<'inviteRead'> = {
	rate: 'link',
	call: ({ space, request }) => space.inviteRead(request)
};

export const inviteClaim: SpaceRoute<'inviteClaim'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.inviteClaim(proven, request)
};

export const inviteList: SpaceRoute<'inviteList'> = {
	rate: 'sharing',
	call: ({ space, proven }) => space.inviteList(proven)
};

export const inviteRevoke: SpaceRoute<'inviteRevoke'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.inviteRevoke(proven, request)
};
