// Lies about answers of routes, one at a time: bytes, fields, statuses, and whose answer it was.
import { wireErrors, type WireErrorCode } from '../../protocol/errors.ts';
import type { RouteName } from '../../protocol/http.ts';
import type { Asked, Lie, RawAnswer } from './liar.ts';
import { flipped } from './lies.ts';
import type { Chance } from './random.ts';

/** An honest answer, and who had asked. */
export interface HeardAnswer {
	readonly route: RouteName;
	readonly by: string;
	readonly body: Buffer;
}

interface Material {
	readonly chance: Chance;
	readonly asked: Asked;
	readonly by: string;
	readonly heard: readonly HeardAnswer[];
	/** Names of the fields that are lied about. */
	readonly fields: Set<string>;
}

/** Null where there is nothing to lie about. */
type Telling = (answer: RawAnswer, material: Material) => RawAnswer | null | Promise<RawAnswer>;

const json = { 'content-type': 'application/json' };
const bodied = (answer: RawAnswer, body: Buffer | string): RawAnswer => ({
	...{ status: answer.status, headers: json },
	body: Buffer.from(body)
});

/** Codes that end a session would end it for every run that follows. */
const codes = (Object.keys(wireErrors) as WireErrorCode[]).filter(
	(code) => code !== 'unauthenticated'
);

/** Every place in a JSON value: how to read it, and how to put something else there. */
function placesOf(
	root: unknown
): { name: string; value: unknown; put: (value: unknown) => void }[] {
	if (typeof root !== 'object' || root === null) return [];
	return Object.entries(root).flatMap(([name, value]) => [
		{ name, value, put: (other: unknown) => void Object.assign(root, { [name]: other }) },
		...placesOf(value)
	]);
}

const aboutJson =
	(change: (root: object, material: Material) => boolean): Telling =>
	(answer, material) => {
		if (answer.status !== 200) return null;
		const root = JSON.parse(answer.body.toString()) as object;
		return change(root, material) ? bodied(answer, JSON.stringify(root)) : null;
	};

const aboutValue = (
	suits: (value: unknown) => boolean,
	change: (value: unknown, material: Material) => unknown
): Telling =>
	aboutJson((root, material) => {
		const places = placesOf(root).filter(({ value }) => suits(value));
		if (places.length === 0) return false;
		const place = material.chance.pick(places);
		material.fields.add(place.name);
		place.put(change(place.value, material));
		return true;
	});

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const withOther = (suits: (heard: HeardAnswer, material: Material) => boolean): Telling => {
	return (answer, material) => {
		const others = material.heard.filter((heard) => suits(heard, material));
		return others.length === 0 ? null : bodied(answer, material.chance.pick(others).body);
	};
};

export const answerLies = {
	'cut the body short': (answer, { chance }) =>
		bodied(answer, answer.body.subarray(0, chance.below(answer.body.length))),
	'end the connection midway': (answer) => ({ ...answer, cut: true }),
	'flip a bit of the body': (answer, { chance }) =>
		answer.body.length === 0 ? null : bodied(answer, Buffer.from(flipped(answer.body, chance))),
	'give the body twice': (answer) => bodied(answer, Buffer.concat([answer.body, answer.body])),
	'give no body': (answer) => bodied(answer, ''),
	'change a character of a value': aboutValue(isText, (value, { chance }) => {
		const text = String(value);
		const index = chance.below(text.length);
		return text.slice(0, index) + chance.pick([...alphabet]) + text.slice(index + 1);
	}),
	'shorten a value': aboutValue(isText, (value, { chance }) =>
		String(value).slice(0, chance.below(String(value).length))
	),
	'change a number': aboutValue(
		(value) => typeof value === 'number',
		(value, { chance }) =>
			chance.pick([0, -1, 1.5, 2 ** 53, Number(value) + 1, Number(value) - 86_400_000])
	),
	'change a yes or no': aboutValue(
		(value) => typeof value === 'boolean',
		(value) => value !== true
	),
	'null a value': aboutValue(
		() => true,
		() => null
	),
	'put something else for a value': aboutValue(
		() => true,
		(_, { chance }) => chance.pick([{}, [], '', 0, true, 'x'.repeat(1_000)])
	),
	'add a field': aboutJson((root, { chance }) => {
		const name = chance.pick(['policy', 'argon2', '__proto__', 'autoEnroll', 'version']);
		Object.defineProperty(root, name, { value: { on: true }, enumerable: true });
		return true;
	}),
	'swap two values': aboutJson((root, { chance, fields }) => {
		const places = placesOf(root).filter(({ value }) => isText(value));
		if (places.length < 2) return false;
		const [one, other] = [chance.pick(places), chance.pick(places)];
		for (const { name } of [one, other]) fields.add(name);
		one.put(other.value);
		other.put(one.value);
		return one.value !== other.value;
	}),
	'turn a list around, and repeat it': aboutValue(
		(value) => Array.isArray(value) && value.length > 0,
		(value) => [...(value as unknown[]).reverse(), ...(value as unknown[])]
	),
	'give the answer of another route': withOther(({ route }, { asked }) => route !== asked.route),
	'give what somebody else was answered': withOther(
		({ route, by }, material) => route === material.asked.route && by !== material.by
	),
	'give what was answered before': withOther(
		({ route, by }, material) => route === material.asked.route && by === material.by
	),
	'pass the request on twice': (_, { asked }) => asked.again(),
	'answer late': async (answer, { chance }) => {
		await new Promise((resolve) => setTimeout(resolve, chance.below(80)));
		return answer;
	},
	'answer under another status': (answer, { chance }) => ({
		...bodied(answer, answer.body),
		status: chance.pick([201, 206, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503])
	}),
	'send it elsewhere': (answer, { chance }) => ({
		...{ status: chance.pick([301, 302, 307, 308]), body: answer.body },
		headers: { location: chance.pick(['/v1/health', 'http://localhost:9/', '//example.org/']) }
	}),
	refuse: (_, { chance }) => {
		const code = chance.pick(codes);
		const retry = chance.pick([{}, { retryAfterSeconds: 1 }, { retryAfterSeconds: -1 }]);
		const body = JSON.stringify({ error: { code, ...retry } });
		return {
			status: chance.pick([400, 403, 404, 429, 503]),
			headers: json,
			body: Buffer.from(body)
		};
	},
	'answer with a page': (_, { chance }) => ({
		status: chance.pick([200, 401, 403, 511]),
		headers: { 'content-type': 'text/html' },
		body: Buffer.from('<!doctype html><title>Sign in to the network</title>')
	}),
	'call it something else': (answer, { chance }) => ({
		...answer,
		headers: { 'content-type': chance.pick(['text/html', 'image/png', 'application/json;x']) }
	}),
	'answer without end': (answer, { chance }) =>
		bodied(answer, chance.pick(['[', '{"a":', ' ', 'A']).repeat(6_000_000))
} satisfies Record<string, Telling>;

export type AnswerLieName = keyof typeof answerLies;
export const answerLieNames = Object.keys(answerLies) as AnswerLieName[];

export interface ToldAnswers extends Lie {
	readonly told: number;
	readonly fields: ReadonlySet<string>;
}

/** A lie of this name about the answers of one route, `times` of them. */
export function answering(
	name: AnswerLieName,
	route: RouteName,
	of: { readonly times: number } & Omit<Material, 'asked' | 'fields'>
): ToldAnswers {
	let told = 0;
	const fields = new Set<string>();
	return {
		fields,
		get told() {
			return told;
		},
		async raw(asked, answer) {
			if (asked.route !== route || told >= of.times) return answer;
			const telling: Telling = answerLies[name];
			const lie = await telling(answer, { ...of, asked, fields });
			if (lie !== null) told += 1;
			return lie ?? answer;
		}
	};
}

/** Tells no lie, and keeps what is answered. */
export const hearing = (by: string, into: HeardAnswer[]): Lie => ({
	raw({ route }, answer) {
		if (answer.status === 200) into.push({ route, by, body: answer.body });
		return Promise.resolve(answer);
	}
});
