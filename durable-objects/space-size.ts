// How much a space holds, as its quotas count it.
import type { RunEntry } from '../protocol/frames.ts';

/** What counts against the quotas. */
export interface Stored {
	readonly bytes: number;
	/** Live ones: neither superseded, nor dropped. */
	readonly pages: number;
}

export const nothing: Stored = { bytes: 0, pages: 0 };

/** With what an append brings, and takes the place of. */
export const grown = ({ bytes, pages }: Stored, append: RunEntry, superseded: number): Stored => ({
	bytes: bytes + sizeOf(append),
	pages: pages + pagesIn(append) - superseded
});

/** Pages that an append brings. */
export const pagesIn = ({ pages }: RunEntry): number =>
	pages.filter((sealed) => sealed !== null).length;

/** Bytes that an append adds to the quota's count. */
export function sizeOf({ commit, signature, pages, wraps, previousKey }: RunEntry): number {
	const parts = [commit, signature, ...pages, ...wraps];
	return parts.reduce((sum, part) => sum + (part?.length ?? 0), previousKey?.length ?? 0);
}
