// Notes as people write them, for what depends on words: some twenty thousand words made of
// syllables, a few of them common and most of them rare, the same in each run.
import { noteBytes, type BenchNote } from './notes.ts';

const consonants = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'st', 'tr'];
const vowels = ['a', 'e', 'i', 'o', 'u', 'ei', 'ou'];
const wordCount = 20_000;
/** Words by how common they are follow about this law in every language. */
const commonness = 1.05;

/** Mulberry32: numbers from 0 to 1. */
function randomOf(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

const oneOf = (values: readonly string[], random: () => number): string =>
	values[Math.floor(random() * values.length)] ?? '';

function makeWords(): readonly string[] {
	const random = randomOf(7);
	const words = new Set<string>();
	while (words.size < wordCount) {
		const syllables = 1 + Math.floor(random() * 3 + Math.min(1, words.size / 2_000));
		let word = '';
		for (let count = 0; count < syllables; count++) {
			word += oneOf(consonants, random) + oneOf(vowels, random);
		}
		words.add(random() < 0.4 ? `${word}n` : word);
	}
	return [...words];
}

export const proseWords = makeWords();

/** Sums of the commonness of words, to draw one by bisection. */
const sums = proseWords.reduce<number[]>((before, _, rank) => {
	before.push((before.at(-1) ?? 0) + (rank + 1) ** -commonness);
	return before;
}, []);

function drawWord(random: () => number): string {
	const sought = random() * (sums.at(-1) ?? 0);
	let low = 0;
	let high = sums.length - 1;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((sums[middle] ?? 0) < sought) low = middle + 1;
		else high = middle;
	}
	return proseWords[low] ?? '';
}

/** Of about `length` characters: sentences, and a paragraph now and then. */
export function proseOf(length: number, seed: number): string {
	const random = randomOf(seed);
	const parts: string[] = [];
	let written = 0;
	let starts = true;
	while (written < length) {
		const word = drawWord(random);
		const shown = starts ? word.charAt(0).toUpperCase() + word.slice(1) : word;
		const ends = random() < 0.08;
		const part = shown + (ends ? (random() < 0.15 ? '.\n\n' : '. ') : ' ');
		starts = ends;
		parts.push(part);
		written += part.length;
	}
	return parts.join('').trimEnd();
}

/** Titles end with the number: no two are alike. */
export const makeProse = (count: number): readonly BenchNote[] =>
	Array.from({ length: count }, (_, index) => {
		const title = `${proseOf(16, index + 50_000).replaceAll(/[^\w ]/g, '')} ${index}`;
		return { title, body: proseOf(noteBytes - title.length, index + 1) };
	});
