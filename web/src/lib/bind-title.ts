// Binds a text field to a Yjs text, so that edits of two people in one title merge.
import { on } from 'svelte/events';
import type * as Y from 'yjs';

export interface Splice {
	readonly at: number;
	readonly removed: number;
	readonly inserted: string;
}

/** The one splice that turns `before` into `after`, never through the middle of a surrogate pair. */
export function spliceBetween(before: string, after: string): Splice {
	const shorter = Math.min(before.length, after.length);
	let at = 0;
	while (at < shorter && before[at] === after[at]) at += 1;
	if (at > 0 && isHighSurrogate(before, at - 1)) at -= 1;
	let tail = 0;
	while (tail < shorter - at && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
	if (tail > 0 && isLowSurrogate(before, before.length - tail)) tail -= 1;
	return {
		at,
		removed: before.length - at - tail,
		inserted: after.slice(at, after.length - tail)
	};
}

const isHighSurrogate = (text: string, at: number): boolean =>
	(text.charCodeAt(at) & 0xfc00) === 0xd800;
const isLowSurrogate = (text: string, at: number): boolean =>
	(text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** Where a caret stands after `splice` happened elsewhere in the text. */
const moved = (caret: number, { at, removed, inserted }: Splice): number =>
	caret <= at ? caret : Math.max(at, caret - removed) + inserted.length;

export function bindTitle(field: HTMLTextAreaElement, title: Y.Text, origin: object): () => void {
	const show = (): void => {
		const text = title.toString();
		if (field.value === text) return;
		const splice = spliceBetween(field.value, text);
		const [start, end] = [field.selectionStart, field.selectionEnd];
		field.value = text;
		field.setSelectionRange(moved(start, splice), moved(end, splice));
	};
	const write = (): void => {
		const { at, removed, inserted } = spliceBetween(title.toString(), oneLine(field.value));
		title.doc?.transact(() => {
			if (removed > 0) title.delete(at, removed);
			if (inserted !== '') title.insert(at, inserted);
		}, origin);
		show();
	};
	show();
	title.observe(show);
	const offInput = on(field, 'input', write);
	return () => {
		title.unobserve(show);
		offInput();
	};
}

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');
