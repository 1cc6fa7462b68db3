// One run of the property: a random lie, at a random place, to a device that has seen a random part.
import type { Entry } from '../../protocol/frames.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import {
	entriesLies,
	frameLies,
	lieNames,
	strangerEntries,
	tell,
	type LieName,
	type Material
} from './lies.ts';
import { chanceOf } from './random.ts';
import { readUnder, type Outcome } from './reading.ts';
import type { Device } from './device.ts';
import type { World } from './world.ts';

export interface Run {
	readonly seed: number;
	readonly lie: LieName;
	readonly about: 'space' | 'keyring';
	readonly from: number;
	readonly times: number;
	readonly after: number;
}

/** Lies with which a device that knows nothing is shown an old state: it can't see through them. */
const rollbacks: readonly LieName[] = [
	'show the log as it was',
	'greet with the head as it was',
	'say that there is nothing',
	'keep the last entries back',
	'offer less than there is'
];

export function planRun(world: World, seed: number): Run {
	const chance = chanceOf(seed);
	const lie = chance.pick(lieNames);
	const seqs = [...world.stores.keys()];
	const aboutKeyring = chance.below(6) === 0 && !rollbacks.includes(lie);
	// A device that has the keyring is given no more entries of it.
	const from = aboutKeyring ? 0 : chance.pick(lie in entriesLies ? seqs.slice(0, -1) : seqs);
	const times = chance.pick([1, 1, 1, 2, Number.POSITIVE_INFINITY]);
	const after = lie in frameLies ? chance.below(2) : 0;
	return { seed, lie, about: aboutKeyring ? 'keyring' : 'space', from, times, after };
}

export type Ending = Outcome & { readonly told: number };

/**
 * Seeds decide the history and the lie. They do not decide ids, keys and nonces, the clock, how fast
 * the machine is, and what an edge remembers of runs before: so a run that fails says what passed,
 * and whether it fails again at once.
 */
export async function run(world: World, plan: Run): Promise<Ending> {
	try {
		return await runOnce(world, plan);
	} catch (cause) {
		const again = await runOnce(world, plan).then(
			({ under, after }) => `ends well when run again: ${under}, then ${after}`,
			(error: unknown) => `fails again: ${String(error)}`
		);
		throw new Error(`${world.role}, ${JSON.stringify(plan)}: ${again}`, { cause });
	}
}

async function runOnce(world: World, plan: Run): Promise<Ending> {
	const { about, times, after, from } = plan;
	const material = await materialOf(world, about, plan.seed);
	const space: SpaceId = about === 'space' ? world.space : world.keyring;
	const lie = tell(plan.lie, { space, material, times, after });
	const { heard } = lie;
	let device: Device | undefined;
	const onDevice = (reading: Device): void => {
		device = reading;
	};
	try {
		const reading = readUnder(world, lie, { from, patienceMs: 150, heard, onDevice });
		return { ...(await inTime(reading)), told: lie.told };
	} catch (cause) {
		const passed = (device?.liar.journal ?? []).slice(-60).join('\n');
		throw new Error(`${String(cause)}\n${passed}`, { cause });
	}
}

export async function materialOf(
	{ entries, keyringEntries, beats }: World,
	about: 'space' | 'keyring',
	seed: number
): Promise<Material> {
	const log = about === 'space' ? entries : keyringEntries;
	const otherLog = about === 'space' ? keyringEntries : entries;
	const strangers = strangersOf.get(log) ?? strangerEntries(log);
	strangersOf.set(log, strangers);
	const chance = chanceOf(seed ^ 0x5eed);
	return { chance, log, otherLog, strangers: await strangers, beats };
}

const strangersOf = new WeakMap<readonly Entry[], Promise<readonly Entry[]>>();

/** A run that never ends has a seed as well. */
function inTime<Value>(work: Promise<Value>): Promise<Value> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(reject, 15_000, new Error('the device came to no end'));
		work.then(resolve, reject).finally(() => {
			clearTimeout(timer);
		});
	});
}
