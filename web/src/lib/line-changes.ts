// What changed from one text to another, line by line, as people read it: with a little of what stayed
// around it.
import { diffArrays } from 'diff';

export interface LineChange {
	readonly kind: 'same' | 'added' | 'removed' | 'gap';
	readonly text: string;
}

/** Lines that come and go beyond this are not worth waiting for: then all is said to have changed. */
const maxEdits = 500;
/** Lines that stayed, shown before and after those that did not. */
const context = 2;

export function lineChanges(before: string, after: string): readonly LineChange[] {
	const [old, now] = [before.split('\n'), after.split('\n')];
	const runs = diffArrays(old, now, { maxEditLength: maxEdits });
	if (runs === undefined) return [...old.map(as('removed')), ...now.map(as('added'))];
	return shortened(
		runs.flatMap(({ value, added, removed }) =>
			value.map(as(added ? 'added' : removed ? 'removed' : 'same'))
		)
	);
}

const as =
	(kind: LineChange['kind']) =>
	(text: string): LineChange => ({ kind, text });

/** Leaves out what stayed, but for the lines around what did not. */
function shortened(changes: readonly LineChange[]): readonly LineChange[] {
	const near = new Set<number>();
	for (const [position, { kind }] of changes.entries()) {
		if (kind === 'same') continue;
		for (let at = position - context; at <= position + context; at++) near.add(at);
	}
	return changes.flatMap((change, position): readonly LineChange[] => {
		if (near.has(position)) return [change];
		return near.has(position - 1) || position === 0 ? [{ kind: 'gap', text: '' }] : [];
	});
}
