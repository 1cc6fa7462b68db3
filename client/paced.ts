// Being told of changes, not more often than they can be drawn.

/**
 * Calls `run` at once; while `gapMs` says so, further calls within that time come as one, at its end.
 *
 * @param gapMs asked at each call; 0: nothing is held back.
 */
export function paced(run: () => void, gapMs: () => number): () => void {
	let lastAtMs = Number.NEGATIVE_INFINITY;
	let timer: ReturnType<typeof setTimeout> | undefined;
	const runNow = (): void => {
		clearTimeout(timer);
		timer = undefined;
		lastAtMs = performance.now();
		run();
	};
	return () => {
		const waitMs = lastAtMs + gapMs() - performance.now();
		if (waitMs <= 0) runNow();
		else timer ??= setTimeout(runNow, waitMs);
	};
}
