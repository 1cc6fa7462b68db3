// What an account is told of what happened at its door: noted as it happens, read by whoever is
// logged in.
import type { Place } from '../protocol/http-fields.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { maxSecurityEventsPerRead, securityEventTtlSeconds } from '../protocol/limits.ts';
import type { SecurityEvent, SecurityEventKind } from '../protocol/security-event.ts';
import { refusalsNotedEveryMs } from './limits.ts';
import type { SecurityEventStore } from './security-event-store.ts';

interface About {
	readonly device: DeviceId | null;
	readonly place: Place | null;
}

export class SecurityEvents {
	readonly #store: SecurityEventStore;
	readonly #onNoted: () => void;

	/** @param onNoted after each. */
	constructor(store: SecurityEventStore, onNoted: () => void) {
		this.#store = store;
		this.#onNoted = onNoted;
	}

	note(kind: SecurityEventKind, { device, place }: About): void {
		const atMs = Date.now();
		this.#store.add({ kind, atMs, device, place });
		this.#store.removeBefore(atMs - ttlMs);
		this.#onNoted();
	}

	/** Of what somebody may do again and again: one for many. */
	noteRarely(kind: SecurityEventKind, about: About): void {
		const recent = this.#store.load(Date.now() - refusalsNotedEveryMs, maxSecurityEventsPerRead);
		if (!recent.some((event) => event.kind === kind)) this.note(kind, about);
	}

	/** The newest, newest first. */
	list(): SecurityEvent[] {
		return this.#store.load(Date.now() - ttlMs, maxSecurityEventsPerRead);
	}
}

const ttlMs = securityEventTtlSeconds * 1_000;
