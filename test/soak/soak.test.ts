// Everything that goes wrong on the way, one thing after another: what was saved is there for
// everybody in the end, nobody is told of a lie, and nobody storms an edge that is down.
// `npm run test:slow` takes half an hour of it (SOAK_MINUTES: another length), and says what memory
// became meanwhile.
import { execFileSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { startEdge, until } from '../client/edge.ts';
import { chanceOf } from '../simulation/chance.ts';
import {
	act,
	firstHand,
	furtherHand,
	joinedHand,
	purge,
	shown,
	standing,
	troubles,
	type Hand,
	type Ship
} from './crew.ts';
import { fair, far, shut, unavailable, type Conditions } from './weather.ts';

const isSlow = process.env['SLOW'] !== undefined;
const minutes = Number(process.env['SOAK_MINUTES'] ?? 30);
/** Of the weather; what happens at which moment is up to the machine. */
const seed = Number(process.env['SEED'] ?? 7);
const longestPauseMs = isSlow ? 1_500 : 100;
const actsInSpell = isSlow ? 12 : 2;
const downMs = isSlow ? 20_000 : 1_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Longer than anything here takes by itself. */
const patienceMs = 4 * 60_000;

/** Says what everybody was at, if it does not come to an end. */
async function ended(what: string, hands: readonly Hand[], doing: Promise<unknown>): Promise<void> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => {
			reject(new Error(`${what} has no end: ${JSON.stringify(hands.map(standing))}`));
		}, patienceMs);
	});
	await Promise.race([doing, late]);
	clearTimeout(timer);
}

/** Everybody goes on with what they do. */
async function work(ship: Ship, hands: readonly Hand[]): Promise<void> {
	await Promise.all(
		hands.map(async (hand) => {
			for (let acts = 0; acts < actsInSpell; acts += 1) {
				await act(ship, hand);
				await pause(ship.chance.below(longestPauseMs));
			}
		})
	);
}

type Spell = (ship: Ship, hands: readonly Hand[]) => Promise<void>;

const under =
	(conditions: Conditions, part: number): Spell =>
	async (ship, hands) => {
		const hit = hands.filter(() => ship.chance.next() < part);
		for (const { weather } of hit) weather.become(conditions);
		await work(ship, hands);
		for (const { weather } of hit) weather.become(fair);
	};

const spells: Readonly<Record<string, Spell>> = {
	fair: under(fair, 1),
	far: under(far, 0.7),
	dark: under(shut, 0.5),
	unavailable: under(unavailable, 0.7),
	async choppy(ship, hands) {
		let isOver = false;
		const cutting = hands.map(async ({ weather }) => {
			while (!isOver) {
				await pause(ship.chance.below(isSlow ? 4_000 : 300));
				weather.strike();
			}
		});
		await work(ship, hands);
		isOver = true;
		await Promise.all(cutting);
	},
	async 'an edge that is down'(ship, hands) {
		const before = hands.map(({ weather }) => weather.attempts);
		await ship.edge.kill();
		const fromMs = performance.now();
		await Promise.all([work(ship, hands), pause(downMs)]);
		const tookMs = performance.now() - fromMs;
		for (const [index, { weather }] of hands.entries()) {
			expect(weather.attempts - (before[index] ?? 0)).toBeLessThan(attemptsAtMost(tookMs));
		}
		await ship.edge.restart();
	},
	async 'a full disk'(ship, hands) {
		const hit = hands.filter(() => ship.chance.next() < 0.4);
		for (const hand of hit) hand.isFull = true;
		await work(ship, hands);
		for (const hand of hit) {
			hand.isFull = false;
			hand.space.syncNow();
		}
	},
	async 'clocks that jump'(ship, hands) {
		const dayMs = 86_400_000;
		for (const hand of hands) hand.clockAheadMs = ship.chance.below(dayMs) - dayMs / 2;
		await work(ship, hands);
		for (const hand of hands) hand.clockAheadMs = 0;
	},
	async 'a browser that cleared everything'(ship, hands) {
		const hand = ship.chance.of(hands.slice(1));
		if (hand === undefined) return;
		await purge(ship, hand);
		await work(ship, hands);
	}
};

/**
 * Three sockets each, and for each attempt perhaps a token first: pauses double from an eighth of a
 * second at least.
 */
const attemptsAtMost = (tookMs: number): number => 6 * (Math.log2(tookMs / 125 + 1) + 2);

interface Sample {
	readonly atMinute: number;
	readonly commits: number;
	/** After a collection, of all devices: what the engine holds, and bytes as the stores keep them. */
	readonly heapMb: number;
	readonly bytesMb: number;
	readonly edgeMb: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function sample({ edge }: Ship, hands: readonly Hand[], fromMs: number): Sample {
	collect();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	const kibibytes = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(edge.pid)]).toString());
	const mb = (bytes: number): number => Math.round(bytes / 1e5) / 10;
	return {
		atMinute: Math.round((performance.now() - fromMs) / 6_000) / 10,
		commits: Math.max(...hands.map(({ space }) => space.sync.verified?.seq ?? 0)),
		heapMb: mb(heapUsed),
		bytesMb: mb(arrayBuffers),
		edgeMb: mb(kibibytes * 1024)
	};
}

async function crew(ship: Ship): Promise<readonly Hand[]> {
	const ann = await firstHand(ship, 'ann');
	const ben = await joinedHand(ship, ann, 'ben');
	if (!isSlow) return [ann, ben, await furtherHand(ship, 'ben', 'ben 2')];
	const eva = await joinedHand(ship, ann, 'eva');
	const others = ['ann 2', 'ann 3', 'ben 2', 'ben 3', 'eva 2'];
	const further: Hand[] = [];
	for (const name of others) further.push(await furtherHand(ship, name.slice(0, 3), name));
	return [ann, ben, eva, ...further];
}

/** Until all have the same, and nothing waits anywhere. */
async function settle(hands: readonly Hand[]): Promise<void> {
	for (const { space } of hands) space.syncNow();
	const isCalm = (): boolean => {
		const seqs = new Set(hands.map(({ space }) => space.sync.verified?.seq));
		const isStill = ({ space: { sync } }: Hand) =>
			sync.waiting === 0 && sync.connection === 'online';
		return seqs.size === 1 && hands.every(isStill);
	};
	await Promise.race(hands.map(({ space }) => until(space, isCalm)));
}

test(
	'whatever the weather, all devices come to the same notes, and what was saved is in them',
	{ timeout: (isSlow ? minutes + 20 : 3) * 60_000 },
	async () => {
		const edge = await startEdge();
		const ship: Ship = { edge, chance: chanceOf(seed), saved: new Map(), trashed: new Set() };
		const hands = await crew(ship);
		const samples: Sample[] = [];
		const fromMs = performance.now();
		const names = Object.keys(spells);
		const isOver = (spell: number): boolean =>
			isSlow ? performance.now() - fromMs > minutes * 60_000 : spell === names.length;
		for (let spell = 0; !isOver(spell); spell += 1) {
			const name = spell < names.length ? names[spell] : ship.chance.of(names);
			await ended(name ?? '', hands, spells[name ?? '']!(ship, hands));
			expect(hands.flatMap(troubles), name).toEqual([]);
			samples.push(sample(ship, hands, fromMs));
		}
		await ended('settling', hands, settle(hands));
		const [first, ...others] = await Promise.all(hands.map(shown));
		for (const other of others) expect(other).toEqual(first);
		expect(ship.saved.size).toBeGreaterThan(hands.length);
		const lost = [...ship.saved].filter(([mark, item]) => !first?.get(item)?.includes(mark));
		expect(lost).toEqual([]);
		samples.push(sample(ship, hands, fromMs));
		if (isSlow) judgeMemory(samples, hands.length);
		await Promise.all(hands.map(({ device }) => device.tacet.close()));
		await Promise.all(hands.map(({ weather }) => weather.close()));
		await edge.remove();
	}
);

/** What an entry of the log may cost a device for good; time and lost connections cost nothing. */
const heapBytesPerEntry = 4_096;

function judgeMemory(samples: readonly Sample[], hands: number): void {
	const every = Math.ceil(samples.length / 12);
	console.table(samples.filter((_, index) => index % every === 0 || index === samples.length - 1));
	const [middle, last] = [samples[Math.floor(samples.length / 2)], samples.at(-1)];
	if (middle === undefined || last === undefined) throw new Error('no samples');
	const entries = (last.commits - middle.commits) * hands;
	expect((last.heapMb - middle.heapMb) * 1e6).toBeLessThan(entries * heapBytesPerEntry + 20e6);
	expect(last.edgeMb).toBeLessThan(middle.edgeMb + 100);
}
