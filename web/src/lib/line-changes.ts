// What changed from one text to another, line by line, as people read it: with a little of what stayed
// around it.
export interface LineChange {
	readonly kind: 'same' | 'added' | 'removed' | 'gap';
	readonly text: string;
}

/** Comparisons beyond this are not worth waiting for: all between is then said to have changed. */
const maxComparisons = 1_000_000;
/** Lines that stayed, shown before and after those that did not. */
const context = 2;

export function lineChanges(before: string, after: string): readonly LineChange[] {
	const [old, now] = [before.split('\n'), after.split('\n')];
	let start = 0;
	while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
	let end = 0;
	const shorter = Math.min(old.length, now.length) - start;
	while (end < shorter && old.at(-1 - end) === now.at(-1 - end)) end += 1;
	const same = (lines: readonly string[]) => lines.map(as('same'));
	return shortened([
		...same(old.slice(0, start)),
		...compared(old.slice(start, old.length - end), now.slice(start, now.length - end)),
		...same(old.slice(old.length - end))
	]);
}

const as =
	(kind: LineChange['kind']) =>
	(text: string): LineChange => ({ kind, text });

function compared(old: readonly string[], now: readonly string[]): readonly LineChange[] {
	if (old.length * now.length > maxComparisons) {
		return [...old.map(as('removed')), ...now.map(as('added'))];
	}
	const common = commonLengths(old, now);
	const changes: LineChange[] = [];
	let [left, right] = [0, 0];
	while (left < old.length || right < now.length) {
		const [gone, come] = [old[left], now[right]];
		if (gone !== undefined && gone === come) {
			changes.push({ kind: 'same', text: gone });
			left += 1;
			right += 1;
		} else if (gone !== undefined && isLonger(common, left, right, old, now)) {
			changes.push({ kind: 'removed', text: gone });
			left += 1;
		} else {
			changes.push({ kind: 'added', text: come ?? '' });
			right += 1;
		}
	}
	return changes;
}

type Lengths = readonly Uint32Array[];

/** Whether leaving out an old line keeps as much in common as leaving out a new one. */
function isLonger(
	common: Lengths,
	left: number,
	right: number,
	old: readonly string[],
	now: readonly string[]
): boolean {
	if (right >= now.length) return true;
	if (left >= old.length) return false;
	return (common[left + 1]?.[right] ?? 0) >= (common[left]?.[right + 1] ?? 0);
}

/** Of every two rests the length of the longest common run of lines, with gaps. */
function commonLengths(old: readonly string[], now: readonly string[]): Lengths {
	const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
	for (let left = old.length - 1; left >= 0; left--) {
		const [row, below] = [common[left], common[left + 1]];
		if (row === undefined || below === undefined) continue;
		for (let right = now.length - 1; right >= 0; right--) {
			const next = (below[right + 1] ?? 0) + 1;
			row[right] =
				old[left] === now[right] ? next : Math.max(below[right] ?? 0, row[right + 1] ?? 0);
		}
	}
	return common;
}

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
