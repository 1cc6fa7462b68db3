// The access log of a space. The space judges who may read it.
import type { SpaceRoute } from '../route.ts';

export const eventList: SpaceRoute<'eventList'> = {
	rate: 'sharing',
	call: ({ space, token, request }) => space.eventList(token, request)
};
