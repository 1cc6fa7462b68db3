// Memory that lies outside an engine's heap, given back soon. An instance of OPAQUE leaves 64 MiB of
// Argon2id behind, which nothing but a collection frees; the heap beside it is so small that none comes
// for as long as a program pulls or pushes.

/** V8 collects once this much was taken outside its heap since the last time. */
const collectsAfterBytes = 64 * 1_048_576;

/** Resolves when what was dropped before is free, where an engine counts such memory as V8 does. */
export async function giveBackMemory(): Promise<void> {
	// The first one makes up for what a collection meanwhile has set the count to.
	for (let time = 0; time < 2; time++) {
		await new Promise((resolve) => setTimeout(resolve, 0));
		takeUntouched(collectsAfterBytes + 1_048_576);
	}
}

/** Zeroed memory that nobody touches takes an address, and no memory. */
function takeUntouched(bytes: number): ArrayBuffer | null {
	try {
		return new ArrayBuffer(bytes);
	} catch {
		// So little is left that a collection comes by itself.
		return null;
	}
}
