// Which words stand in which notes: for each word a list of numbers, a note's slot and whether the
// word stands in its title or folder too. A note that changed gets a new slot, and the old one is
// passed over until the lists are made anew. A slot remembers the fingerprint of what it was made of.
import { utf8Decode, utf8Encode } from '../protocol/bytes.ts';
import type { ItemId } from '../protocol/ids.ts';
import { searchTerms } from './search-text.ts';

export interface IndexedText {
	readonly title: string;
	readonly body: string;
	readonly path: string | null;
}

export interface FoundSlot {
	readonly slot: number;
	readonly score: number;
}

const inTitle = 1;
const inPath = 2;
const placeBits = 2;
/** By the two bits of a place: the best one counts. */
const placeBoost = [1, 4, 1.5, 4] as const;
const nowhere = -1;

/** Found by its whole word, or by a beginning or a form of it. */
const wholeWord = 1;
const beginning = 0.5;
const likeIt = 0.4;
/** Shorter words are too like each other. */
const shortestLikeCharacters = 4;
const likeShare = 0.2;
const mostChanges = 2;
/** Words that are only like a term; what is less like it helps nobody. */
const mostWordsLike = 64;

export class SearchIndex {
	/** Slots with their places, in the order in which they were added; most words stand in one note. */
	readonly #postings = new Map<string, number | number[]>();
	/** Words by their first character, and by their first two. */
	readonly #words = new Map<string, Map<string, string[]>>();
	readonly #items: (ItemId | null)[] = [];
	readonly #fingerprints: number[] = [];
	#live = 0;

	/** Notes in it. */
	get size(): number {
		return this.#live;
	}

	/** Slots given so far, those of notes that changed included. */
	get slots(): number {
		return this.#items.length;
	}

	itemAt(slot: number): ItemId | null {
		return this.#items[slot] ?? null;
	}

	fingerprintAt(slot: number): number {
		return this.#fingerprints[slot] ?? nowhere;
	}

	/** Words with their postings, which are the index's own. */
	*entries(): Generator<readonly [string, readonly number[]]> {
		for (const [word, postings] of this.#postings) {
			yield [word, typeof postings === 'number' ? [postings] : postings];
		}
	}

	add(item: ItemId, text: IndexedText, fingerprint: number): number {
		const slot = this.addSlot(item, fingerprint);
		for (const [word, place] of placesOf(text)) {
			this.#post(word, (slot << placeBits) | place);
		}
		return slot;
	}

	/** A slot whose words come by themselves. */
	addSlot(item: ItemId, fingerprint: number): number {
		this.#live += 1;
		this.#fingerprints.push(fingerprint);
		return this.#items.push(item) - 1;
	}

	/** The postings of a word that is not there yet. */
	addWord(word: string, postings: number[]): void {
		const [first] = postings;
		if (first === undefined) return;
		this.#postings.set(word, postings.length === 1 ? first : postings);
		this.#note(word);
	}

	remove(slot: number): void {
		if (this.itemAt(slot) === null) return;
		this.#items[slot] = null;
		this.#fingerprints[slot] = nowhere;
		this.#live -= 1;
	}

	#post(word: string, posting: number): void {
		const known = this.#postings.get(word);
		if (known === undefined) this.addWord(ownText(word), [posting]);
		else if (typeof known === 'number') this.#postings.set(word, [known, posting]);
		else known.push(posting);
	}

	#postingsOf(word: string): readonly number[] {
		const postings = this.#postings.get(word);
		return typeof postings === 'number' ? [postings] : (postings ?? []);
	}

	#note(word: string): void {
		const first = word.charAt(0);
		const start = word.slice(0, 2);
		const starts = this.#words.get(first) ?? new Map<string, string[]>();
		this.#words.set(first, starts);
		const words = starts.get(start);
		if (words) words.push(word);
		else starts.set(start, [word]);
	}

	/** At most `limit` notes that have every term, best first; of notes alike, those that changed last. */
	find(terms: readonly string[], limit: number): readonly FoundSlot[] {
		const scores = terms.map((term) => this.#scored(term, this.#beginningWith(term)));
		return this.#best(scores, limit);
	}

	/** Like {@link find}, also by words that are only like a term; and which words that were. */
	findLike(
		terms: readonly string[],
		limit: number
	): {
		readonly found: readonly FoundSlot[];
		readonly words: ReadonlySet<string>;
	} {
		const words = new Set<string>();
		const scores = terms.map((term) => {
			const like = this.#like(term);
			for (const [word] of like) words.add(word);
			return this.#scored(term, [...this.#beginningWith(term), ...like]);
		});
		return { found: this.#best(scores, limit), words };
	}

	/** How much a term says, as few have it. */
	rarityOf(term: string): number {
		return Math.log(2 + this.#live / (1 + this.#postingsOf(term).length));
	}

	*#beginningWith(term: string): Generator<readonly [string, number]> {
		const starts = this.#words.get(term.charAt(0));
		if (!starts) return;
		const groups = term.length === 1 ? starts.values() : [starts.get(term.slice(0, 2)) ?? []];
		for (const group of groups) {
			for (const word of group) {
				if (word === term) yield [word, wholeWord];
				else if (word.startsWith(term)) yield [word, (beginning * term.length) / word.length];
			}
		}
	}

	#like(term: string): readonly (readonly [string, number])[] {
		if (term.length < shortestLikeCharacters) return [];
		const limit = Math.min(mostChanges, Math.round(term.length * likeShare));
		const found: (readonly [string, number])[] = [];
		const letters = lettersOf(term);
		for (const word of this.#postings.keys()) {
			if (Math.abs(word.length - term.length) > limit) continue;
			if (bitsIn(letters ^ lettersOf(word)) > 2 * limit) continue;
			const changes = changesBetween(term, word, limit);
			if (changes > 0 && changes <= limit) found.push([word, likeIt / changes]);
		}
		return found.sort(([, a], [, b]) => b - a).slice(0, mostWordsLike);
	}

	#scored(term: string, words: Iterable<readonly [string, number]>): Float32Array {
		const scores = new Float32Array(this.slots);
		for (const [word, weight] of words) {
			for (const posting of this.#postingsOf(word)) {
				const score = weight * (placeBoost[posting & 3] ?? 1);
				const slot = posting >>> placeBits;
				if (score > (scores[slot] ?? 0)) scores[slot] = score;
			}
		}
		const rarity = this.rarityOf(term);
		for (let slot = 0; slot < scores.length; slot++) scores[slot]! *= rarity;
		return scores;
	}

	#best(scores: readonly Float32Array[], limit: number): readonly FoundSlot[] {
		const [sums, ...others] = scores;
		if (!sums) return [];
		let count = 0;
		for (let slot = 0; slot < sums.length; slot++) {
			let sum = this.#items[slot] === null ? 0 : (sums[slot] ?? 0);
			for (const other of others) {
				const more = other[slot] ?? 0;
				sum = sum > 0 && more > 0 ? sum + more : 0;
			}
			sums[slot] = sum;
			if (sum > 0) count += 1;
		}
		// Sorting numbers is cheap, so that only what is asked for is made into something.
		const least = count > limit ? (sums.toSorted()[sums.length - limit] ?? 0) : 0;
		let better = 0;
		for (const sum of sums) if (sum > least) better += 1;
		let alike = limit - better;
		const found: FoundSlot[] = [];
		for (let slot = sums.length - 1; slot >= 0; slot--) {
			const score = sums[slot] ?? 0;
			if (score > least || (score === least && score > 0 && alike-- > 0)) {
				found.push({ slot, score });
			}
		}
		return found.sort((a, b) => b.score - a.score);
	}
}

/** From this length on, engines cut a text out of another by keeping the other, whole. */
const cutCharacters = 13;

/** The same text, for which no other one has to be kept. */
function ownText(text: string): string {
	if (text.length < cutCharacters) return text;
	const copy = utf8Decode(utf8Encode(text));
	return copy.ok ? copy.value : text;
}

/** The words of a note, each once, and where they stand besides its text. */
function placesOf({ title, body, path }: IndexedText): ReadonlyMap<string, number> {
	const places = new Map<string, number>();
	const note = (text: string, place: number): void => {
		for (const term of searchTerms(text)) places.set(term, (places.get(term) ?? 0) | place);
	};
	note(title, inTitle);
	if (path !== null) note(path, inPath);
	note(body, 0);
	return places;
}

const multiplier = 0x5bd1e995;
const highBits = 21;

/** 53 bits of a note's texts: the same again if nothing changed. No secret is kept by it. */
export function fingerprintOf({ title, body, path }: IndexedText): number {
	let low = title.length ^ multiplier;
	let high = body.length ^ (path === null ? 1 : 2);
	for (const text of [title, body, path ?? '']) {
		for (let index = 0; index < text.length; index++) {
			const unit = text.charCodeAt(index);
			low = Math.imul(low ^ unit, multiplier);
			low ^= low >>> 15;
			high = Math.imul(high + unit, 0x01000193) ^ (low >>> 7);
		}
		high = Math.imul(high ^ 0xff, multiplier);
	}
	return (high >>> (32 - highBits)) * 2 ** 32 + (low >>> 0);
}

const codeOfA = 97;
const otherLetter = 31;

function lettersOf(word: string): number {
	let letters = 0;
	for (let index = 0; index < word.length; index++) {
		const letter = word.charCodeAt(index) - codeOfA;
		letters |= 1 << (letter >= 0 && letter < 26 ? letter : otherLetter);
	}
	return letters;
}

function bitsIn(value: number): number {
	let bits = 0;
	for (let rest = value >>> 0; rest !== 0; rest &= rest - 1) bits += 1;
	return bits;
}

/** Letters put in, left out or exchanged (Levenshtein); more than `limit` is some number above it. */
function changesBetween(a: string, b: string, limit: number): number {
	let before = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let row = 1; row <= a.length; row++) {
		const now = [row];
		let fewest = row;
		for (let column = 1; column <= b.length; column++) {
			const same = a[row - 1] === b[column - 1] ? 0 : 1;
			const changes = Math.min(
				(before[column] ?? 0) + 1,
				(now[column - 1] ?? 0) + 1,
				(before[column - 1] ?? 0) + same
			);
			now.push(changes);
			fewest = Math.min(fewest, changes);
		}
		if (fewest > limit) return fewest;
		before = now;
	}
	return before[b.length] ?? limit + 1;
}
