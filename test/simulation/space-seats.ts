// Who has which space open in a world, and in which tab.
import type { AccountId } from '../../protocol/ids.ts';
import type { SimulatedTab, TabSpace } from './simulated-tab.ts';
import type { Place } from './space-place.ts';
import type { SpaceWorld } from './space-world.ts';

/** How often among all, and what. */
export type Act = readonly [weight: number, act: (world: SpaceWorld) => void];

/** A space as a tab has it open. */
export interface Seat extends TabSpace {
	readonly place: Place;
	readonly tab: SimulatedTab;
	readonly account: AccountId;
}

/** Mostly the first space; the second is there to move things to. */
export const placeOf = ({ places, time }: SpaceWorld): Place | undefined =>
	time.happens(0.7) ? places[0] : places.at(-1);

export function seatsAt({ devices }: SpaceWorld, place: Place): readonly Seat[] {
	return devices.flatMap(({ tabs, account }) =>
		tabs.flatMap((tab) => {
			const open = tab.isClosing ? undefined : tab.spaces.get(place.space);
			return open === undefined ? [] : [{ ...open, place, tab, account }];
		})
	);
}

export function ownersAt(world: SpaceWorld): readonly Seat[] {
	const place = placeOf(world);
	if (place === undefined) return [];
	return seatsAt(world, place).filter(({ sync }) => sync.role === 'owner');
}
