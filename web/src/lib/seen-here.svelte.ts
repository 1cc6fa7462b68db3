// What the person of this browser has been told, and need not be told again here. Not private: it may lie
// in the open.
import { readHere, writeHere } from './preferences.svelte.ts';

const eventsKey = 'tacet.events-seen';
const passkeyKey = 'tacet.passkey-offer';

export class SeenHere {
	#eventsUntilMs = $state(Number(readHere(eventsKey)) || null);
	#declinedPasskey = $state(readHere(passkeyKey) === 'no');

	/** By the server’s clock: later events of weight are news. Null: this browser begins to look now. */
	get eventsUntilMs(): number | null {
		return this.#eventsUntilMs;
	}

	set eventsUntilMs(untilMs: number | null) {
		this.#eventsUntilMs = untilMs;
		writeHere(eventsKey, String(untilMs ?? ''));
	}

	/** They were offered to unlock with a passkey, and do not want to be offered it again. */
	get declinedPasskey(): boolean {
		return this.#declinedPasskey;
	}

	declinePasskey(): void {
		this.#declinedPasskey = true;
		writeHere(passkeyKey, 'no');
	}
}
