// Markdown as blocks and spans, to be shown as text and elements, never as HTML. A part of Markdown
// that people write notes in; what it does not know it leaves as it stands. Each step looks at a
// character a bounded number of times, whoever wrote the text.

export type Span =
	| { readonly type: 'text'; readonly text: string }
	| { readonly type: 'code'; readonly text: string }
	| { readonly type: 'strong' | 'em' | 'del'; readonly spans: readonly Span[] }
	| { readonly type: 'link'; readonly href: string; readonly spans: readonly Span[] };

export interface ListEntry {
	/** Steps in. */
	readonly depth: number;
	/** '•' or '3.'; null in a list of tasks. */
	readonly mark: string | null;
	readonly checked: boolean;
	readonly spans: readonly Span[];
}

export type Block =
	| { readonly type: 'heading'; readonly level: number; readonly spans: readonly Span[] }
	| { readonly type: 'paragraph'; readonly lines: readonly (readonly Span[])[] }
	| { readonly type: 'quote'; readonly lines: readonly (readonly Span[])[] }
	| { readonly type: 'list'; readonly entries: readonly ListEntry[] }
	| { readonly type: 'code'; readonly text: string }
	| { readonly type: 'rule' };

const heading = /^ {0,3}(#{1,6}) +(.*)$/;
const fence = /^ {0,3}(`{3,}|~{3,})/;
const rule = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const quote = /^ {0,3}> ?/;
const listItem = /^([ \t]*)([-*+]|\d{1,9}[.)])[ \t]+(.*)$/;
const task = /^\[([ xX])\][ \t]+/;
const maxDepth = 6;

export function markdownBlocks(text: string): readonly Block[] {
	const lines = text.split(/\r\n?|\n/);
	const blocks: Block[] = [];
	let at = 0;
	while (at < lines.length) {
		const line = lines[at] ?? '';
		const take = (matches: (line: string) => boolean): readonly string[] => {
			const start = at;
			do at += 1;
			while (at < lines.length && matches(lines[at] ?? ''));
			return lines.slice(start, at);
		};
		const head = heading.exec(line);
		const fenced = fence.exec(line)?.[1];
		if (line.trim() === '') at += 1;
		else if (head !== null) {
			const level = head[1]?.length ?? 1;
			blocks.push({ type: 'heading', level, spans: spansOf(withoutClosing(head[2] ?? '')) });
			at += 1;
		} else if (fenced !== undefined) {
			const inside = take((next) => !isClosing(next, fenced)).slice(1);
			at += 1;
			blocks.push({ type: 'code', text: inside.join('\n') });
		} else if (rule.test(line)) {
			blocks.push({ type: 'rule' });
			at += 1;
		} else if (quote.test(line)) {
			const quoted = take((next) => quote.test(next)).map((one) => one.replace(quote, ''));
			blocks.push({ type: 'quote', lines: quoted.map((one) => spansOf(one)) });
		} else if (listItem.test(line)) {
			const items = take((next) => listItem.test(next) && !rule.test(next));
			blocks.push({ type: 'list', entries: items.map(entryOf) });
		} else {
			const plain = take((next) => !startsBlock(next));
			blocks.push({ type: 'paragraph', lines: plain.map((one) => spansOf(one)) });
		}
	}
	return blocks;
}

const startsBlock = (line: string): boolean =>
	line.trim() === '' || [heading, fence, rule, quote, listItem].some((start) => start.test(line));

const isClosing = (line: string, fenced: string): boolean => {
	const trimmed = line.trim();
	return trimmed.startsWith(fenced) && trimmed === fenced.charAt(0).repeat(trimmed.length);
};

/** '## Title ##' */
const withoutClosing = (text: string): string => {
	const trimmed = text.trimEnd();
	let end = trimmed.length;
	while (end > 0 && trimmed[end - 1] === '#') end -= 1;
	return end < trimmed.length && (end === 0 || trimmed[end - 1] === ' ')
		? trimmed.slice(0, end).trimEnd()
		: trimmed;
};

function entryOf(line: string): ListEntry {
	const [, indent = '', sign = '', rest = ''] = listItem.exec(line) ?? [];
	const columns = indent.replaceAll('\t', '    ').length;
	const box = task.exec(rest);
	return {
		depth: Math.min(maxDepth, Math.floor(columns / 2)),
		mark: box !== null ? null : /\d/.test(sign) ? sign : '•',
		checked: box?.[1]?.toLowerCase() === 'x',
		spans: spansOf(box === null ? rest : rest.slice(box[0].length))
	};
}

// No part may hold its own first character: a run of openers is read once, not once for each.
const inline = new RegExp(
	[
		/\\([!-/:-@[-`{-~])/u,
		/`([^`]{1,2000})`/u,
		/\*\*([^*]{1,2000})\*\*/u,
		/(?<![\p{L}\p{N}_])__([^_]{1,2000})__(?![\p{L}\p{N}_])/u,
		/\*([^*\s][^*]{0,2000})\*/u,
		/(?<![\p{L}\p{N}_])_([^_\s][^_]{0,2000})_(?![\p{L}\p{N}_])/u,
		/~~([^~]{1,2000})~~/u,
		/!?\[([^[\]]{0,500})\]\(([^()\s]{1,2000})\)/u,
		/(https?:\/\/[^\s<>"'()[\]]{1,2000})/u
	]
		.map(({ source }) => source)
		.join('|'),
	'gu'
);

const deepest = 4;

export function spansOf(text: string, depth = 0): readonly Span[] {
	if (depth >= deepest) return [{ type: 'text', text }];
	const spans: Span[] = [];
	let end = 0;
	const plain = (upTo: number): void => {
		if (upTo > end) spans.push({ type: 'text', text: text.slice(end, upTo) });
	};
	for (const found of text.matchAll(inline)) {
		plain(found.index);
		spans.push(spanOf(found, depth + 1));
		end = found.index + found[0].length;
	}
	plain(text.length);
	return spans;
}

function spanOf(found: RegExpExecArray, depth: number): Span {
	const [all, escaped, code, strong, strong2, em, em2, del, label, target, url] = found;
	if (escaped !== undefined) return { type: 'text', text: escaped };
	if (code !== undefined) return { type: 'code', text: code };
	const bold = strong ?? strong2;
	if (bold !== undefined) return { type: 'strong', spans: spansOf(bold, depth) };
	const slanted = em ?? em2;
	if (slanted !== undefined) return { type: 'em', spans: spansOf(slanted, depth) };
	if (del !== undefined) return { type: 'del', spans: spansOf(del, depth) };
	const href = safeHref(target ?? url ?? '');
	if (href === null) return { type: 'text', text: all };
	return { type: 'link', href, spans: label ? spansOf(label, deepest) : [textOf(href)] };
}

const textOf = (text: string): Span => ({ type: 'text', text });

/** Only where a person may want to go: no scripts, no data, nothing within this page. */
function safeHref(target: string): string | null {
	try {
		const { protocol, href } = new URL(target);
		return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : null;
	} catch {
		return null;
	}
}
