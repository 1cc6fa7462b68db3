// The access log of a space. The space judges who may read it.
import type { SpaceRoute } from '../route.ts';

export const eventList: SpaceRoute<'eventList'> = {
	rate: 'sharing',
	call: ({ space, proven, request }) => space.eventList(proven, request)
};
