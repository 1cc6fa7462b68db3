// From changes to pages. An outbox row holds changes that are encoded once; packing joins those
// bytes into pages, in order, and groups pages into commits. No row is split over two commits, so
// that a commit settles the rows it carries.
//
//   row = CBOR [ version 1, time in ms, [ change (bstr) … ] ]        at least one
import { layOutPage, type LaidOutPage } from '../crypto/client/seal-page.ts';
import { paddedLength } from '../crypto/padding.ts';
import { concatBytes } from '../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import {
	maxCommitPagesBytes,
	maxPagePlaintextBytes,
	maxPagesPerCommit,
	sealOverheadBytes,
	targetPageBytes
} from '../protocol/limits.ts';
import { joinedPageBytes, pageParts } from '../protocol/page.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, isUint, parseEach } from '../protocol/shape.ts';

/** Changes of one moment, each as `encodeChange` gives it. */
export interface LocalChanges {
	readonly timeMs: number;
	readonly changes: readonly Uint8Array[];
}

/** What is sealed as a row of the outbox. */
export const encodeOutboxRow = (row: LocalChanges): Uint8Array =>
	encodeCbor([1, row.timeMs, [...row.changes]]);

export function parseOutboxRow(plaintext: Uint8Array): Result<LocalChanges, 'malformed'> {
	const decoded = decodeCbor(plaintext);
	if (!decoded.ok || !isArray(decoded.value, 3)) return err('malformed');
	const [version, timeMs, list] = decoded.value;
	if (version !== 1 || !isUint(timeMs)) return err('malformed');
	const changes = parseEach(list, plaintext.length, (change) => (isBytes(change) ? change : null));
	return changes === null || changes.length === 0 ? err('malformed') : ok({ timeMs, changes });
}

/** Whether a change fits a page at all. */
export const fitsPage = (change: Uint8Array): boolean =>
	joinedPageBytes(1, change.length) <= maxPagePlaintextBytes;

/** Groups changes into rows of about a page, so that rows of any number can be formed into commits. */
export function splitIntoRows(changes: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
	const pages = new PageFiller();
	for (const change of changes) pages.add(change);
	return pages.filled;
}

/** The same changes as views of one piece of memory: a row waits as long as a person is offline. */
export function inOnePiece(changes: readonly Uint8Array[]): readonly Uint8Array[] {
	if (changes.length < 2) return changes;
	const piece = concatBytes(...changes);
	let end = 0;
	return changes.map(({ length }) => piece.subarray(end, (end += length)));
}

export interface PackRow {
	readonly id: number;
	readonly changes: readonly Uint8Array[];
}

export interface PackedCommit {
	/** Plaintexts of pages, padded, where they will be sealed. */
	readonly pages: readonly LaidOutPage[];
	readonly outboxIds: readonly number[];
}

/**
 * Packs rows into as few pages and commits as the limits allow, oldest first. Throws RangeError for
 * a row that no commit can carry: rows are made by `splitIntoRows`.
 */
export function* packCommits(rows: Iterable<PackRow>): Generator<PackedCommit> {
	let pages = new PageFiller();
	let outboxIds: number[] = [];
	for (const { id, changes } of rows) {
		const before = pages.mark();
		for (const change of changes) pages.add(change);
		if (!pages.fitsCommit && outboxIds.length > 0) {
			pages.undo(before);
			yield { pages: pages.filled.map(layOut), outboxIds };
			pages = new PageFiller();
			outboxIds = [];
			for (const change of changes) pages.add(change);
		}
		if (!pages.fitsCommit) throw new RangeError('an outbox row is larger than a commit');
		outboxIds.push(id);
	}
	if (outboxIds.length > 0) yield { pages: pages.filled.map(layOut), outboxIds };
}

const layOut = (changes: readonly Uint8Array[]): LaidOutPage => layOutPage(pageParts(changes));

const sealedLength = (plaintextBytes: number): number =>
	paddedLength(plaintextBytes) + sealOverheadBytes;

interface FillMark {
	readonly pages: number;
	readonly changesInLast: number;
	readonly closedBytes: number;
	readonly lastBytes: number;
}

/** Fills pages to their target; a change that is larger gets a page of its own. */
class PageFiller {
	readonly filled: Uint8Array[][] = [];
	/** Sealed bytes of all pages but the last. */
	#closedBytes = 0;
	/** Bytes of the changes in the last page. */
	#lastBytes = 0;

	add(change: Uint8Array): void {
		if (!fitsPage(change)) throw new RangeError('a change is larger than a page');
		const last = this.filled.at(-1);
		const joined = this.#lastBytes + change.length;
		if (last && joinedPageBytes(last.length + 1, joined) <= targetPageBytes) {
			last.push(change);
			this.#lastBytes = joined;
			return;
		}
		this.#closedBytes += this.#lastSealedBytes;
		this.filled.push([change]);
		this.#lastBytes = change.length;
	}

	get fitsCommit(): boolean {
		return (
			this.filled.length <= maxPagesPerCommit &&
			this.#closedBytes + this.#lastSealedBytes <= maxCommitPagesBytes
		);
	}

	mark(): FillMark {
		return {
			pages: this.filled.length,
			changesInLast: this.filled.at(-1)?.length ?? 0,
			closedBytes: this.#closedBytes,
			lastBytes: this.#lastBytes
		};
	}

	/** Takes back what was added since the mark. */
	undo(mark: FillMark): void {
		this.filled.length = mark.pages;
		const last = this.filled.at(-1);
		if (last) last.length = mark.changesInLast;
		this.#closedBytes = mark.closedBytes;
		this.#lastBytes = mark.lastBytes;
	}

	get #lastSealedBytes(): number {
		const last = this.filled.at(-1);
		return last ? sealedLength(joinedPageBytes(last.length, this.#lastBytes)) : 0;
	}
}
