// Entries that are put back after the operator restored an older copy: what of a run follows from the
// log as it stands. The rules are those of every append; only who carries an entry may be another.
import {
	judge,
	nextHead,
	parseEntry,
	wireCodeOf,
	type Judged,
	type LogHistory,
	type ParsedEntry
} from '../crypto/log-rules.ts';
import type { LogState } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Head, PageId } from '../protocol/commit.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { PutBackRun, RunEntry } from '../protocol/frames.ts';
import type { Seq } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';

/** An entry of a run that the rules allow at its place; its bytes and proofs are still to check. */
export interface JudgedRunEntry {
	readonly entry: ParsedEntry;
	readonly carried: RunEntry;
	readonly judged: Judged;
}

/** The log, and after it the entries of a run that were judged. */
class Ahead implements LogHistory {
	readonly #base: LogHistory;
	readonly #from: Seq;
	readonly #judged: readonly JudgedRunEntry[];

	constructor(base: LogHistory, from: Seq, judged: readonly JudgedRunEntry[]) {
		this.#base = base;
		this.#from = from;
		this.#judged = judged;
	}

	headAt(seq: Seq): Uint8Array | undefined {
		if (seq <= this.#from) return this.#base.headAt(seq);
		return this.#judged[seq - this.#from - 1]?.judged.state.head.hash;
	}

	pageCountAt(seq: Seq): number | undefined {
		if (seq <= this.#from) return this.#base.pageCountAt(seq);
		return this.#judged[seq - this.#from - 1]?.entry.parsed.pages.length;
	}
}

/**
 * Rules 2 to 9 for each entry of a run after those that stand already. `unknown_head` where the run
 * does not follow this log; `malformed` for a page that is absent and would stay live.
 */
export function judgeRun(
	state: LogState,
	history: LogHistory,
	run: PutBackRun
): Result<readonly JudgedRunEntry[], WireErrorCode> {
	const parsed: ParsedEntry[] = [];
	for (const carried of run.entries) {
		const entry = parseEntry(carried);
		if (!entry.ok) return err(entry.error);
		parsed.push(entry.value);
	}
	const standing = countStanding(state, history, { after: run.after, parsed });
	if (standing === null) return err('unknown_head');
	const judged: JudgedRunEntry[] = [];
	const ahead = new Ahead(history, state.head.seq, judged);
	let last = state;
	for (const [index, entry] of parsed.entries()) {
		const carried = run.entries[index];
		if (index < standing || carried === undefined) continue;
		const next = judge(last, ahead, entry);
		if (!next.ok) return err(wireCodeOf(next.error));
		last = next.value.state;
		judged.push({ entry, carried, judged: next.value });
	}
	// Of a space that has not begun, the run's own first entry says what comes before it.
	if (run.after.seq === 0 && !isSame(last.genesisHash, run.after.hash)) return err('unknown_head');
	return leavesHoles(judged) ? err('malformed') : ok(judged);
}

/** How many of a run stand here already; null if it does not follow from this log. */
function countStanding(
	state: LogState,
	history: LogHistory,
	{ after, parsed }: { readonly after: Head; readonly parsed: readonly ParsedEntry[] }
): number | null {
	if (after.seq > state.head.seq) return null;
	if (after.seq > 0 && !isSame(history.headAt(after.seq), after.hash)) return null;
	const standing = Math.min(state.head.seq - after.seq, parsed.length);
	let { hash } = after;
	for (const [index, entry] of parsed.slice(0, standing).entries()) {
		hash = nextHead(hash, entry.hash);
		if (!isSame(history.headAt(after.seq + index + 1), hash)) return null;
	}
	return standing;
}

const isSame = (a: Uint8Array | null | undefined, b: Uint8Array): boolean =>
	a != null && equalBytes(a, b);

/** Whether a page that was not given would be live once all of them stand. */
function leavesHoles(judged: readonly JudgedRunEntry[]): boolean {
	const nameOf = ({ seq, index }: PageId): string => `${String(seq)}/${String(index)}`;
	const absent = judged.flatMap(({ carried, judged: { state } }) =>
		carried.pages.flatMap((page, index) =>
			page === null ? [nameOf({ seq: state.head.seq, index })] : []
		)
	);
	if (absent.length === 0) return false;
	const superseded = new Set(
		judged.flatMap(({ entry }) => entry.parsed.supersedes.map((page) => nameOf(page)))
	);
	return !absent.every((name) => superseded.has(name));
}
