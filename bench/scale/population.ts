// People, their devices, spaces and networks, drawn from what is assumed of them.
import { maxMembers } from '../../protocol/limits.ts';
import type { Assumptions } from './assumptions.ts';
import type { Chance } from './chance.ts';

export interface Population {
	readonly people: number;
	/** Of each device, its person. */
	readonly personOf: Uint32Array;
	/** Of each person, the spaces: the keyring first, then the own first space, then shared ones. */
	readonly spacesOf: readonly number[][];
	readonly networkOf: Uint32Array;
	/** Edits of a person a day, on average. */
	readonly editsOf: Float64Array;
	readonly spaces: number;
	readonly networks: number;
	readonly largestSpace: number;
	readonly largestNetwork: number;
}

export function populate(people: number, assumptions: Assumptions, chance: Chance): Population {
	const spacesOf = Array.from({ length: people }, (_, person) => [2 * person, 2 * person + 1]);
	const shared = share(spacesOf, assumptions, chance);
	const { networkOf, networks, largestNetwork } = connect(people, assumptions, chance);
	const personOf: number[] = [];
	const editsOf = new Float64Array(people);
	const { editSigma, editsPerPersonDay } = assumptions;
	for (let person = 0; person < people; person++) {
		// The mean of a lognormal is its median times exp(sigma² / 2).
		const share = chance.lognormal(Math.exp((-editSigma * editSigma) / 2), editSigma);
		editsOf[person] = editsPerPersonDay * share;
		for (let left = devicesOf(assumptions, chance); left > 0; left--) personOf.push(person);
	}
	return {
		...{ people, spacesOf, networkOf, networks, largestNetwork, editsOf },
		personOf: Uint32Array.from(personOf),
		spaces: 2 * people + shared.spaces,
		largestSpace: shared.largest
	};
}

function devicesOf({ devicesPerPerson }: Assumptions, chance: Chance): number {
	let left = chance.unit();
	for (const [index, share] of devicesPerPerson.entries()) {
		left -= share;
		if (left < 0) return index + 1;
	}
	return devicesPerPerson.length;
}

function share(spacesOf: number[][], assumptions: Assumptions, chance: Chance) {
	const people = spacesOf.length;
	const spaces = Math.round(people * assumptions.sharedSpacesPerPerson);
	let largest = 1;
	for (let space = 0; space < spaces; space++) {
		const most = Math.min(maxMembers, people);
		const members = Math.floor(chance.pareto(assumptions.memberAlpha, 2, most + 1));
		const drawn = new Set<number>();
		while (drawn.size < members) drawn.add(chance.below(people));
		for (const person of drawn) spacesOf[person]!.push(2 * people + space);
		largest = Math.max(largest, members);
	}
	return { spaces, largest };
}

function connect(people: number, assumptions: Assumptions, chance: Chance) {
	const networkOf = new Uint32Array(people);
	const { networkAlpha, largestNetworkShare } = assumptions;
	const most = Math.max(2, people * largestNetworkShare);
	let [networks, largestNetwork] = [0, 0];
	for (let person = 0; person < people; networks++) {
		const size = Math.floor(chance.pareto(networkAlpha, 1, most));
		largestNetwork = Math.max(largestNetwork, size);
		networkOf.fill(networks, person, Math.min(people, person + size));
		person += size;
	}
	return { networkOf, networks, largestNetwork };
}
