// What a list shows of a note's Markdown: one line, without the signs.
import { utf8Encode } from '../protocol/bytes.ts';

const maxSnippetCharacters = 160;
/** A line longer than this is cut before its signs are taken off. */
const maxLineCharacters = 400;
/** Nobody's first line of text stands below this; bounds the work for huge notes without text. */
const maxSearchedCharacters = 20_000;
const maxFrontMatterCharacters = 4_096;

/** The first line with text in it that does not just repeat the title; at most 160 characters. */
export function snippetOf(title: string, body: string): string {
	const end = Math.min(body.length, maxSearchedCharacters);
	let start = afterFrontMatter(body);
	while (start < end) {
		const newline = nextLineEnd(body, start);
		const line = plainLine(body.slice(start, Math.min(newline, start + maxLineCharacters)));
		if (line !== '' && line !== title) return cut(line, maxSnippetCharacters);
		start = newline + 1;
	}
	return '';
}

function nextLineEnd(text: string, start: number): number {
	for (let index = start; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code === 10 || code === 13) return index;
	}
	return text.length;
}

function afterFrontMatter(body: string): number {
	const opened = /^\ufeff?---\r?\n/.exec(body);
	if (!opened) return 0;
	const closed = /\n---[ \t]*(?:\r?\n|$)/.exec(body.slice(0, maxFrontMatterCharacters));
	return closed ? closed.index + closed[0].length : 0;
}

const startsWithSign = /^[\s\ufeff]*[-+=:\d]/;
const hasSign = /[#>*_`~[|<\\\ufeff]/;

/** A line of Markdown as a reader would say it. */
export function plainLine(line: string): string {
	if (!startsWithSign.test(line) && !hasSign.test(line)) return line.trim().replace(/\s+/g, ' ');
	return line
		.replace(/^[\s\ufeff]*(?:(?:>|#{1,6}(?=\s|$)|[-*+](?=\s)|\d{1,9}[.)](?=\s))\s*)*/, '')
		.replace(/^\[[ xX]\]\s+/, '')
		.replace(/^(?:[-*_=|:\s]+|(?:`{3,}|~{3,}).*)$/, '')
		.replace(/!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])/g, '')
		.replace(/\[\[([^\]|]*\|)?([^\]]*)\]\]/g, '$2')
		.replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
		.replace(/^\[[^\]]+\]:\s.*$/, '')
		.replace(/<!--.*?(?:-->|$)|<\/?[a-zA-Z][^>]*(?:>|$)/g, '')
		.replace(/`+|\*+(?=\S)|(?<=\S)\*+|~~|\\(?=[^\w\s])/g, '')
		.replace(/(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, '')
		.replace(/\s#+\s*$/, '')
		.replace(/\s+/g, ' ')
		.trim();
}

/** Cuts at a character, never inside one. */
function cut(text: string, maxCharacters: number): string {
	if (text.length <= maxCharacters) return text;
	const end = maxCharacters - 1;
	const splitsPair = /[\ud800-\udbff]/.test(text.charAt(end - 1));
	return `${text.slice(0, splitsPair ? end - 1 : end).trimEnd()}…`;
}

/** Whether the texts together take at most `maxBytes` in UTF-8. */
export function fitsUtf8(texts: readonly string[], maxBytes: number): boolean {
	const units = texts.reduce((total, text) => total + text.length, 0);
	if (units > maxBytes) return false;
	if (units * 3 <= maxBytes) return true;
	return texts.reduce((total, text) => total + utf8Encode(text).length, 0) <= maxBytes;
}
