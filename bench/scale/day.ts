// A day of many people: who opens the page when, for how long, and what is written meanwhile.
import { assumed, dayMs, type Assumptions } from './assumptions.ts';
import { Chance } from './chance.ts';
import type { Costs } from './costs.ts';
import { SimulatedEdge, type Changes } from './edge.ts';
import { Events } from './events.ts';
import { usageOfDay, type ObjectFigures } from './objects.ts';
import { populate, type Population } from './population.ts';
import type { Usage } from '../usage.ts';

const kinds = { open: 0, edit: 1, close: 2, back: 3, alarm: 4, beat: 5 } as const;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Most of what is written is written soon after the page is opened. */
const writingMs = 20 * minuteMs;

export interface Day {
	readonly people: number;
	readonly costs: Costs;
	readonly seed: number;
	readonly assumptions?: Assumptions;
	readonly changes?: Changes;
}

export interface DayFigures {
	readonly people: number;
	readonly devices: number;
	readonly spaces: number;
	readonly networks: number;
	readonly largestSpace: number;
	readonly largestNetwork: number;
	readonly workerRequests: number;
	readonly refused: number;
	readonly logins: number;
	readonly refreshes: number;
	readonly connects: number;
	readonly edits: number;
	readonly passedOn: number;
	readonly mostSockets: number;
	readonly objects: Readonly<Record<'deployment' | 'limiter' | 'account' | 'space', ObjectFigures>>;
	readonly usage: Usage;
}

export function simulateDay(day: Day): DayFigures {
	const { people, costs, seed, assumptions = assumed, changes = {} } = day;
	const chance = new Chance(seed);
	const population = populate(people, assumptions, chance);
	return new DaySimulation(population, { costs, assumptions, chance, changes }).run();
}

interface DayParts {
	readonly costs: Costs;
	readonly assumptions: Assumptions;
	readonly chance: Chance;
	readonly changes: Changes;
}

export class DaySimulation {
	readonly #events = new Events();
	readonly #population: Population;
	readonly #parts: DayParts;
	readonly #edge: SimulatedEdge;
	/** When the page that is open is closed: nobody opens it twice at once. */
	readonly #openUntilMs: Float64Array;
	readonly #hasBeaten: Uint8Array;

	constructor(population: Population, parts: DayParts) {
		this.#population = population;
		this.#parts = parts;
		this.#openUntilMs = new Float64Array(population.personOf.length);
		this.#hasBeaten = new Uint8Array(population.personOf.length);
		this.#edge = new SimulatedEdge({
			...{ ...parts, population },
			onLimiterAlarm: (atMs, network) => this.#add(atMs, kinds.alarm, network),
			// A client comes back after an eighth to a quarter of a second, with a new token.
			onClosed: (nowMs, device, space) => {
				this.#add(nowMs + 125 + parts.chance.unit() * 125, kinds.back, device, space);
			}
		});
	}

	run(openings: 'as assumed' | readonly number[] = 'as assumed'): DayFigures {
		if (openings === 'as assumed') this.#planOpenings();
		else for (const atMs of openings) this.#add(atMs, kinds.open, 0);
		let hour = 1;
		for (let event = this.#events.next(); event !== null; event = this.#events.next()) {
			const { atMs, kind, who, what } = event;
			for (; atMs >= hour * hourMs; hour++) this.#edge.noteHour();
			if (kind === kinds.open) this.#open(atMs, who);
			else if (kind === kinds.edit) this.#edge.edit(atMs, who, what);
			else if (kind === kinds.close) this.#edge.close(atMs, who);
			else if (kind === kinds.alarm) this.#edge.ring(atMs, who);
			else if (kind === kinds.beat) this.#edge.beat(atMs, who, what);
			else if (atMs < this.#openUntilMs[who]!) this.#edge.reconnect(atMs, who, what);
		}
		return this.#figures();
	}

	#add(atMs: number, kind: number, who: number, what = 0): void {
		this.#events.add({ atMs, kind, who, what });
	}

	#planOpenings(): void {
		const { chance, assumptions } = this.#parts;
		const { personOf, people } = this.#population;
		const each = (assumptions.openingsPerPersonDay * people) / personOf.length;
		const sums: number[] = [];
		for (const weight of assumptions.dayCurve) sums.push((sums.at(-1) ?? 0) + weight);
		for (const device of personOf.keys()) {
			for (let left = chance.poisson(each); left > 0; left--) {
				const drawn = chance.unit() * sums.at(-1)!;
				const hour = sums.findIndex((sum) => drawn < sum);
				this.#add((hour + chance.unit()) * hourMs, kinds.open, device);
			}
		}
	}

	#open(nowMs: number, device: number): void {
		if (nowMs < this.#openUntilMs[device]!) return;
		const untilMs = Math.min(dayMs, nowMs + this.#durationMs());
		this.#openUntilMs[device] = untilMs;
		if (!this.#edge.open(nowMs, device)) return;
		this.#add(untilMs, kinds.close, device);
		const spaces = this.#population.spacesOf[this.#population.personOf[device]!]!;
		if (this.#hasBeaten[device] === 0) {
			this.#hasBeaten[device] = 1;
			for (const space of spaces) this.#add(nowMs + 1_000, kinds.beat, device, space);
		}
		this.#planEdits(nowMs, untilMs, device, spaces);
	}

	#planEdits(nowMs: number, untilMs: number, device: number, spaces: readonly number[]): void {
		const { chance, assumptions } = this.#parts;
		const person = this.#population.personOf[device]!;
		const mean = this.#population.editsOf[person]! / assumptions.openingsPerPersonDay;
		const writesUntilMs = Math.min(untilMs, nowMs + writingMs);
		for (let left = chance.poisson(mean); left > 0; left--) {
			const lastMs = chance.unit() < 0.8 ? writesUntilMs : untilMs;
			const isOwn = spaces.length === 2 || chance.unit() < assumptions.ownSpaceShare;
			const space = isOwn ? spaces[1]! : spaces[2 + chance.below(spaces.length - 2)]!;
			this.#add(nowMs + 2_000 + chance.unit() * (lastMs - nowMs), kinds.edit, device, space);
		}
	}

	#durationMs(): number {
		const { chance, assumptions } = this.#parts;
		const { shortOpeningMinutes, longOpeningMinutes, longOpeningShare, openingSigma } = assumptions;
		const isLong = chance.unit() < longOpeningShare;
		const median = isLong ? longOpeningMinutes : shortOpeningMinutes;
		return chance.lognormal(median, openingSigma) * minuteMs;
	}

	#figures(): DayFigures {
		const { people, personOf, spaces, networks, largestSpace, largestNetwork } = this.#population;
		const edge = this.#edge;
		const objects = {
			deployment: edge.deployment.figures(),
			limiter: edge.limiters.figures(),
			account: edge.accounts.figures(),
			space: edge.spaces.figures()
		};
		const { workerRequests, refused, logins, refreshes, connects, edits, passedOn } = edge;
		return {
			...{ people, devices: personOf.length, spaces, networks, largestSpace, largestNetwork },
			...{ workerRequests, refused, logins, refreshes, connects, edits, passedOn },
			mostSockets: Math.max(0, ...edge.socketsByHour),
			objects,
			usage: usageOfDay(workerRequests, Object.values(objects))
		};
	}
}
