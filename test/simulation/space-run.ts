// Runs worlds one after another, each from its seed: code, people and platform are made once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { castPerson, type SimulatedPerson } from './cast.ts';
import { chanceOf } from './chance.ts';
import { installPlatform } from './platform.ts';
import type { SourceChange } from '../changed-sources.ts';
import { bundleCode, type Code } from './space-code.ts';
import { live } from './space-acts.ts';
import { judgeWorld } from './space-oracle.ts';
import { SpaceWorld } from './space-world.ts';

/** What a crashed object says when what it was doing fails. */
const lastWords = '"kind":"Crashed"';
const bytesSeed = 1_000_000;

export interface Outcome {
	readonly faults: readonly string[];
	readonly tally: ReadonlyMap<string, number>;
	/** Everything that decides whether two runs were the same. */
	readonly trace: string;
}

export class SpaceRuns {
	readonly #folder: string;
	readonly #platform: ReturnType<typeof installPlatform>;
	readonly #cast: readonly SimulatedPerson[];
	readonly #actions: number;
	/** As the sources are. */
	readonly code: Code;

	constructor(
		made: { folder: string; code: Code; cast: readonly SimulatedPerson[]; actions: number },
		platform: ReturnType<typeof installPlatform>
	) {
		this.#folder = made.folder;
		this.#cast = made.cast;
		this.#actions = made.actions;
		this.#platform = platform;
		this.code = made.code;
	}

	/** The code with some of it changed. */
	async changed(changes: readonly SourceChange[]): Promise<Code> {
		return bundleCode(this.#folder, changes);
	}

	async end(): Promise<void> {
		this.#platform.restore();
		await rm(this.#folder, { recursive: true });
	}

	async run(seed: number, code: Code = this.code): Promise<Outcome> {
		const { stage } = this.#platform;
		stage.bytes = chanceOf(bytesSeed + seed);
		const world = new SpaceWorld({
			...{ seed, code, cast: this.#cast },
			onTime: (time) => {
				stage.time = time;
			}
		});
		const { error: say } = console;
		console.error = (line: unknown) => {
			if (!String(line).includes(lastWords)) world.problem(`the edge says ${String(line)}`);
		};
		const broken = (error: unknown): void => {
			world.problem(error instanceof Error ? String(error.stack) : String(error));
		};
		process.on('unhandledRejection', broken);
		try {
			const faults = await this.#live(world);
			return { faults, tally: world.tally, trace: traceOf(world) };
		} finally {
			process.off('unhandledRejection', broken);
			console.error = say;
			stage.time = null;
		}
	}

	async #live(world: SpaceWorld): Promise<readonly string[]> {
		try {
			await world.begin();
			await live(world, this.#actions);
			const rests = await world.recover();
			if (rests) return await judgeWorld(world);
			return [`it does not come to rest: ${world.unrest.join('; ')}`, ...world.problems];
		} catch (error) {
			return [String(error instanceof Error ? error.stack : error), ...world.problems];
		}
	}
}

function traceOf(world: SpaceWorld): string {
	const { nowMs, happened } = world.time;
	const tally = [...world.tally].sort(([a], [b]) => (a < b ? -1 : 1));
	const heads = world.places.map(({ headSeq }) => headSeq);
	return JSON.stringify({ nowMs, happened, heads, tally });
}

/** @param actions how much happens in each world before it is repaired. */
export async function prepareRuns(actions: number): Promise<SpaceRuns> {
	const folder = await mkdtemp(path.join(tmpdir(), 'tacet-simulation-'));
	const code = await bundleCode(folder);
	const platform = installPlatform();
	const cast = await Promise.all([1, 2, 3, 4].map(castPerson));
	return new SpaceRuns({ folder, code, cast, actions }, platform);
}
