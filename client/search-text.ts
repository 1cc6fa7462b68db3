// Words for searching: what counts as one, which are alike, and where they stand in the original.
// Case and accents make no difference. Scripts without spaces between words are cut into pairs of
// characters, which finds any run of two or more.

export interface TextRange {
	/** In UTF-16 units, as JavaScript counts. */
	readonly start: number;
	readonly length: number;
}

const accents = /[\u0300-\u036f]/g;
const plainAscii = /^[\x00-\x7f]*$/; // eslint-disable-line no-control-regex -- the range is meant

/** The form in which texts are compared: lower case, compatibility forms unified, no accents. */
export const foldText = (text: string): string =>
	plainAscii.test(text)
		? text.toLowerCase()
		: text
				.normalize('NFKD')
				.replace(accents, '')
				.normalize('NFC')
				.toLowerCase()
				.replaceAll('ς', 'σ');

const unspaced = ['Han', 'Hira', 'Kana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
	.map((script) => `\\p{sc=${script}}`)
	.join('')
	.concat('ー');
const word = new RegExp(`[${unspaced}]+|(?:(?![${unspaced}])[\\p{L}\\p{N}\\p{M}])+`, 'gu');
const startsUnspaced = new RegExp(`^[${unspaced}]`, 'u');
const asciiWord = /[a-z0-9]+/g;

/** Longer runs of letters are data, not words. */
const maxTermCharacters = 64;
/** What a cut leaves of a character of two units. */
const halfCharacter = /[\ud800-\udbff]$/;

/** Folded words of a text, or of a query, in order. */
export function searchTerms(text: string): string[] {
	const folded = foldText(text);
	if (plainAscii.test(folded)) {
		return (folded.match(asciiWord) ?? []).map((term) => term.slice(0, maxTermCharacters));
	}
	const terms: string[] = [];
	for (const [run] of folded.matchAll(word)) {
		if (startsUnspaced.test(run)) terms.push(...pairsOf(run));
		else terms.push(run.slice(0, maxTermCharacters).replace(halfCharacter, ''));
	}
	return terms;
}

/** Each character with its neighbour; the last one alone, so that every character begins a term. */
function pairsOf(run: string): string[] {
	const characters = [...run];
	return characters.map((character, index) => character + (characters[index + 1] ?? ''));
}

const maxExcerptCharacters = 160;
/** What is shown before the first match. */
const leadCharacters = 40;

export interface Excerpt {
	readonly snippet: string;
	readonly ranges: readonly TextRange[];
}

/** What is marked, folded: true where it counts only at the beginning of a word. */
export type Sought = ReadonlyMap<string, boolean>;

/** The part of a text around its first match, on one line. */
export function excerptAround(body: string, sought: Sought): Excerpt {
	const start = wordStart(body, Math.max(0, firstMatch(body, sought) - leadCharacters));
	let end = Math.min(body.length, start + maxExcerptCharacters);
	if (/[\ud800-\udbff]/.test(body.charAt(end - 1))) end--;
	const cutOut = body.slice(start, end).replace(/\s+/g, ' ').trim();
	const snippet = `${start > 0 ? '…' : ''}${cutOut}${end < body.length ? '…' : ''}`;
	return { snippet, ranges: matchRanges(snippet, sought) };
}

/** About where the first match stands: exact, unless folding moves characters around before it. */
function firstMatch(body: string, sought: Sought): number {
	const folded = foldText(body);
	const places = [...sought]
		.map(([word, atWordStart]) => indexOfSought(folded, word, atWordStart, 0))
		.filter((place) => place >= 0);
	return places.length === 0 ? 0 : Math.min(...places);
}

function indexOfSought(folded: string, sought: string, atWordStart: boolean, from: number): number {
	let found = folded.indexOf(sought, from);
	while (found >= 0 && atWordStart && isWordCharacter(folded, found - 1)) {
		found = folded.indexOf(sought, found + 1);
	}
	return found;
}

/** The next beginning of a word at or after `index`, if there is one near. */
function wordStart(text: string, index: number): number {
	if (index === 0) return 0;
	const space = text.slice(index, index + leadCharacters / 2).search(/\s/);
	if (space >= 0) return index + space + 1;
	return /[\udc00-\udfff]/.test(text.charAt(index)) ? index + 1 : index;
}

/** Where it stands: a word that begins with what was typed is marked as far as it was typed. */
export function matchRanges(text: string, sought: Sought): readonly TextRange[] {
	const { folded, origins } = foldWithOrigins(text);
	const ranges: TextRange[] = [];
	for (const [word, atWordStart] of sought) {
		let found = indexOfSought(folded, word, atWordStart, 0);
		while (found >= 0) {
			const end = found + word.length;
			const start = originAt(origins, found);
			ranges.push({ start, length: originAt(origins, end) - start });
			found = indexOfSought(folded, word, atWordStart, end);
		}
	}
	return joined(ranges);
}

const wordCharacter = /[\p{L}\p{N}]/u;
const isWordCharacter = (text: string, index: number): boolean =>
	index >= 0 && wordCharacter.test(text.charAt(index)) && !startsUnspaced.test(text.charAt(index));

/** Folded text, and for each of its units (and its end) the original's; null: one to one. */
function foldWithOrigins(text: string): {
	readonly folded: string;
	readonly origins: readonly number[] | null;
} {
	if (plainAscii.test(text)) return { folded: text.toLowerCase(), origins: null };
	let folded = '';
	const origins: number[] = [];
	let offset = 0;
	for (const character of text) {
		const form = foldText(character);
		for (let unit = 0; unit < form.length; unit++) origins.push(offset);
		folded += form;
		offset += character.length;
	}
	origins.push(offset);
	return { folded, origins };
}

const originAt = (origins: readonly number[] | null, index: number): number =>
	origins === null ? index : (origins[index] ?? 0);

/** Sorted, and those that overlap made one. */
function joined(ranges: readonly TextRange[]): readonly TextRange[] {
	const result: { start: number; length: number }[] = [];
	for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
		const last = result.at(-1);
		if (last && range.start <= last.start + last.length) {
			last.length = Math.max(last.length, range.start + range.length - last.start);
		} else result.push({ ...range });
	}
	return result;
}
