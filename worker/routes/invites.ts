// Invitations to a space. The space judges who may make, see, claim and revoke them.
import type { SpaceRoute } from '../route.ts';

export const inviteCreate: SpaceRoute<'inviteCreate'> = {
	rate: 'sharing',
	call: ({ space, token, request }) => space.inviteCreate(token, request)
};

export const inviteRead: SpaceRoute<'inviteRead'> = {
	rate: 'link',
	call: ({ space, request }) => space.inviteRead(request)
};

export const inviteClaim: SpaceRoute<'inviteClaim'> = {
	rate: 'sharing',
	call: ({ space, token, request }) => space.inviteClaim(token, request)
};

export const inviteList: SpaceRoute<'inviteList'> = {
	rate: 'sharing',
	call: ({ space, token }) => space.inviteList(token)
};

export const inviteRevoke: SpaceRoute<'inviteRevoke'> = {
	rate: 'sharing',
	call: ({ space, token, request }) => space.inviteRevoke(token, request)
};
