// A random lie about a random answer over HTTP. What comes of it is what an honest edge would have
// led to, less of it, or an error of ours; and afterwards all is as before. A failing run names its
// seed: SEED=<run> RUNS=1 repeats it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answering, answerLieNames, hearing, type HeardAnswer } from './answers.ts';
import { openOffice, type Asking, type Office } from './asking.ts';
import { chanceOf } from './random.ts';

const isSlow = process.env['SLOW'] === '1';
const runs = Number(process.env['RUNS'] ?? (isSlow ? 2_000 : 60));
/** An edge of its own for so many: it lets one account ask about so many others in an hour. */
const runsPerOffice = 200;
const firstSeed = Number(process.env['SEED'] ?? 1);
const timeoutMs = 15_000;

let office: Office;
let names: readonly string[];
const heard: HeardAnswer[] = [];
const honestly = new Map<string, readonly string[]>();
async function begin(): Promise<void> {
	office = await openOffice();
	heard.length = 0;
	names = Object.entries(office.askings).flatMap(([name, { weight }]) =>
		Array.from({ length: weight }, () => name)
	);
	for (const [name, asking] of Object.entries(office.askings)) {
		const { answer } = await asking.ask(hearing(asking.by, heard));
		if (!answer.ok) throw new Error(`${name}: ${answer.error.code}`);
		honestly.set(name, [...answer.value].sort());
	}
}
beforeAll(begin, 60_000);
afterAll(() => office.end(), 60_000);

const counts = new Map<string, number>();
/** What leaves a client on answers that are all of one form says nothing of what was wrong with them. */
const traces = new Map<string, string>();

async function askingOf(name: string): Promise<Asking> {
	const asking = office.askings[name];
	if (asking === undefined) throw new Error(name);
	return Promise.resolve(asking);
}

async function run(seed: number): Promise<boolean> {
	const chance = chanceOf(seed);
	const name = chance.pick(names);
	const asking = await askingOf(name);
	const lie = chance.pick(answerLieNames);
	const route = chance.pick(asking.routes);
	const times = chance.pick([1, 1, 2, Number.POSITIVE_INFINITY]);
	const { by } = asking;
	const told = answering(lie, route, { chance, by, heard, times });
	const { answer, trace } = await asking.ask(told);
	const what = `SEED=${String(seed)} RUNS=1: ${name}, ${lie} of ${route}, ${String(times)} times`;
	const wanted = honestly.get(name) ?? [];
	if (answer.ok) {
		for (const fact of answer.value) expect(wanted, what).toContain(fact);
	} else {
		expect(answer.error.code, what).toMatch(/^[a-z_]+$/);
		const about = [...told.fields].some((field) => echoed.has(field)) ? 'echoed' : 'sealed';
		const key = [name, route, answer.error.code, times, about].join(' ');
		if (sealedValues.has(lie) && asking.mayEnd !== true) {
			expect(trace.join(', '), what).toBe(traces.get(key) ?? trace.join(', '));
			traces.set(key, trace.join(', '));
		}
	}
	const again = await asking.ask({});
	const hasEnded = asking.mayEnd === true && !again.answer.ok;
	if (!hasEnded) {
		expect(again.answer.ok ? [...again.answer.value].sort() : again.answer.error, what).toEqual(
			wanted
		);
	}
	const outcome = answer.ok ? (told.told > 0 ? 'as if nothing' : 'untold') : answer.error.code;
	counts.set(`${name}: ${outcome}`, (counts.get(`${name}: ${outcome}`) ?? 0) + 1);
	return told.told > 0;
}

/** Lies that leave an answer's form as it is, and change what is sealed in it. */
const sealedValues: ReadonlySet<string> = new Set([
	'change a character of a value',
	'give what somebody else was answered',
	'swap two values'
]);

/** The edge's own, of no meaning to a client, which answers with them or a MAC over them. */
const echoed: ReadonlySet<string> = new Set(['login', 'handleHash']);

test(
	'INT-01, INT-02, INT-14, KEY-10 an answer that was lied about shows what is true, less of it, or an error',
	async () => {
		let told = 0;
		for (let done = 0; done < runs; done++) {
			const seed = firstSeed + done;
			if (done > 0 && done % runsPerOffice === 0) {
				await office.end();
				await begin();
			}
			const late = new Promise<never>((_, reject) => {
				setTimeout(reject, timeoutMs, new Error(`SEED=${String(seed)} RUNS=1: no end`)).unref();
			});
			if (await Promise.race([run(seed), late])) told += 1;
		}
		// Lies that were never told would show nothing.
		expect(told).toBeGreaterThan(runs * 0.6 - 1);
	},
	isSlow ? 3_600_000 : 120_000
);

afterAll(() => {
	const lines = [...counts].sort(([, a], [, b]) => b - a);
	console.log(lines.map(([key, count]) => `${String(count).padStart(6)}  ${key}`).join('\n'));
});
