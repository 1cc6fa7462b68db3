// B16: the local search over ten thousand notes of prose, as somebody types: every beginning of a
// word, from its second letter, then two words. Beside it, a linear scan of the same texts for the
// same query, which is what an app without an index does.
// By the engine, in Node, with its index built; and while nothing of the index is there.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Items } from '../client/items.ts';
import { foldText, searchTerms } from '../client/search-text.ts';
import { Search } from '../client/search.ts';
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type ItemId } from '../protocol/ids.ts';
import { makeProse, proseWords } from './prose.ts';
import { percentile, median } from './statistics.ts';

export interface SearchFigures {
	readonly notes: number;
	readonly queries: number;
	readonly medianMs: number;
	readonly p95Ms: number;
	readonly scanMedianMs: number;
	readonly scanP95Ms: number;
	/** p95 by p95. */
	readonly ratio: number;
	/** Without an index: texts are scanned, and what is shown is cut out of them. */
	readonly unindexedP95Ms: number;
	/** Of one thread, in steps between which the page has its turn. */
	readonly buildMs: number;
	/** Heap that the index takes. */
	readonly indexMib: number;
}

/** Of a list that shows no more. */
const maxHits = 200;
const wordsTyped = 40;
const fewestLetters = 2;

export async function measureSearch(count: number): Promise<SearchFigures> {
	const notes = makeProse(count);
	const items = new Items();
	const createdAtMs = 1_700_000_000_000;
	items.applyPages([
		{
			...{ seq: 1, index: 0, timeMs: createdAtMs },
			changes: notes.map(({ title, body }) => ({
				...{ type: 'seed', item: idFromBytes<ItemId>(randomBytes(16)) },
				seed: { title, body, path: null, createdAtMs }
			}))
		}
	]);
	const texts = notes.map(({ title, body }) => ({ title, body }));
	const queries = typedQueries();
	// Everybody's first queries compile what they run.
	const unindexed = new Search(items, { pause: () => new Promise(() => undefined) });
	for (const query of queries.slice(0, 20)) unindexed.query(query, maxHits);
	const unindexedMs = timesOf(queries, (query) => unindexed.query(query, maxHits).length);
	const before = heapMib();
	const search = new Search(items);
	const startedMs = performance.now();
	await search.build();
	const buildMs = performance.now() - startedMs;
	const after = heapMib();
	for (const query of queries.slice(0, 20)) search.query(query, maxHits);
	const ms = timesOf(queries, (query) => search.query(query, maxHits).length);
	const scanMs = timesOf(queries, (query) => scan(texts, query));
	const p95Ms = percentile(ms, 0.95);
	const scanP95Ms = percentile(scanMs, 0.95);
	return {
		...{ notes: count, queries: queries.length, p95Ms, scanP95Ms, buildMs },
		medianMs: median(ms),
		scanMedianMs: median(scanMs),
		ratio: p95Ms / scanP95Ms,
		unindexedP95Ms: percentile(unindexedMs, 0.95),
		indexMib: after - before
	};
}

/** Common words and rare ones, letter by letter, and then a second word. */
function typedQueries(): readonly string[] {
	const step = Math.floor(proseWords.length / wordsTyped);
	const words = Array.from(
		{ length: wordsTyped },
		(_, index) => proseWords[Math.floor((index * index * step) / wordsTyped)] ?? ''
	);
	return words.flatMap((word, index) => {
		const beginnings = Array.from({ length: word.length - fewestLetters + 1 }, (_, more) =>
			word.slice(0, fewestLetters + more)
		);
		const second = words[(index * 7 + 3) % words.length] ?? '';
		return [...beginnings, `${word} ${second.slice(0, 3)}`, `${word} ${second}`];
	});
}

function timesOf(queries: readonly string[], ask: (query: string) => number): readonly number[] {
	return queries.map((query) => {
		const startedMs = performance.now();
		ask(query);
		return performance.now() - startedMs;
	});
}

/** What it must find is the same: every word of the query, anywhere, whatever its case and accents. */
function scan(
	texts: readonly { readonly title: string; readonly body: string }[],
	query: string
): number {
	const terms = searchTerms(query);
	let found = 0;
	for (const { title, body } of texts) {
		const folded = `${foldText(title)}\n${foldText(body)}`;
		if (terms.every((term) => folded.includes(term))) found += 1;
	}
	return found;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapMib(): number {
	collect();
	return process.memoryUsage().heapUsed / 1_048_576;
}
