// Share links: made by owners with a session, opened by whoever shows the key of the door.
import type { SpaceRoute } from '../route.ts';

export const linkRegister: SpaceRoute<'linkRegister'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.linkRegister(proven, request)
};

export const linkCreate: SpaceRoute<'linkCreate'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.linkCreate(proven, request)
};

export const linkList: SpaceRoute<'linkList'> = {
	rate: 'sharing',
	call: ({ space, proven }) => space.linkList(proven)
};

export const linkRemove: SpaceRoute<'linkRemove'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.linkRemove(proven, request)
};

export const linkStart: SpaceRoute<'linkStart'> = {
	rate: 'link',
	call: ({ space, request }) => space.linkStart(request)
};

export const linkFinish: SpaceRoute<'linkFinish'> = {
	rate: 'link',
	call: ({ space, request }) => space.linkFinish(request)
};

export const linkRefresh: SpaceRoute<'linkRefresh'> = {
	rate: 'link',
	call: ({ space, proven, request }) => space.linkRefresh(proven, request)
};
