// What a space sends before anything that this device believes names it: bytes that nobody reads yet.

/** An honest edge stops at 32 MiB, and waits for the next pull. */
const maxHeldBytes = 41_943_040;

export class HeldFrames {
	#frames: Uint8Array[] = [];
	#heldBytes = 0;

	/** False if that is too much: nothing is held then. */
	take(frame: Uint8Array): boolean {
		this.#heldBytes += frame.length;
		if (this.#heldBytes > maxHeldBytes) {
			this.empty();
			return false;
		}
		this.#frames.push(frame);
		return true;
	}

	empty(): readonly Uint8Array[] {
		const frames = this.#frames;
		this.#frames = [];
		this.#heldBytes = 0;
		return frames;
	}
}
