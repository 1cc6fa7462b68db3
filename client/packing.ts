// When live pages are packed, and how much of it is done at once.
import { maxCommitPagesBytes, targetPageBytes } from '../protocol/limits.ts';

/**
 * A sealed page below this is worth packing: a live edit's has a few hundred bytes. Two above it would
 * hardly fit one page, so that packing them again saves nothing.
 */
export const smallPageBytes = targetPageBytes / 2;
/**
 * So many small pages are packed. A device that is new opens a page about as fast as it opens sixty
 * edits of one: below this it notices nothing. Each packing leaves at most one small page, that is
 * packed once more with the next, so that what is written twice stays below one page in a hundred.
 */
export const pagesWorthPacking = 256;
/**
 * Pages that one commit replaces at most: what is compared in one round, here and on every device that
 * it comes to, stays below about a second of an old phone, in steps.
 */
export const pagesPerRound = 256;
/** Their sealed bytes together: what is said in their place takes no more, as a rule. */
export const bytesPerRound = maxCommitPagesBytes / 2;
/** Longest piece of a round without a pause, in ms: somebody may be typing. */
export const stretchMs = 12;
/** Packing waits this many times as long for others as mending does: nobody waits for it. */
export const packingPatience = 12;
