// What others leave at an account for a while, and how long: requests that were sent to its handle,
// and the one offer to link a device. All of it is sealed by clients for clients.
import { randomBytes } from '../crypto/random.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf, RouteName } from '../protocol/http.ts';
import {
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceLinkId,
	type RequestId
} from '../protocol/ids.ts';
import {
	deviceLinkTtlSeconds,
	maxRequestsPerAccount,
	requestTtlSeconds
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountSharingStore, StoredDeviceLink } from './account-sharing-store.ts';
import { handOverAgainMs, maxRequestsPerSender } from './limits.ts';
import { decodeText } from './request-bytes.ts';

const requestTtlMs = requestTtlSeconds * 1_000;
const deviceLinkTtlMs = deviceLinkTtlSeconds * 1_000;

const forbidden = err({ code: 'forbidden' } as const);
const notFound = err({ code: 'not_found' } as const);

type Answer<Name extends RouteName> = Result<ResponseOf<Name>, Refusal>;

export class AccountSharing {
	readonly #store: AccountSharingStore;

	constructor(store: AccountSharingStore) {
		this.#store = store;
	}

	/** The same from the same sender once more is the one that waits: its answer was lost. */
	addRequest(
		sender: AccountId,
		request: RequestOf<'requestSend'>,
		nowMs: number
	): Answer<'requestSend'> {
		const sealed = decodeText(request.sealed);
		this.#store.removeRequestsUntil(nowMs - requestTtlMs);
		const waiting = this.#store.loadRequests();
		const own = waiting.filter((other) => other.sender === sender);
		if (own.some((other) => equalBytes(other.sealed, sealed))) return ok({});
		if (waiting.length >= maxRequestsPerAccount || own.length >= maxRequestsPerSender) {
			return err({ code: 'over_quota' });
		}
		const id = idFromBytes<RequestId>(randomBytes(idBytes));
		this.#store.addRequest({ id, sender, sealed, receivedAtMs: nowMs });
		return ok({});
	}

	/** Oldest first. */
	listRequests(nowMs: number): Answer<'requestList'> {
		const requests = this.#store
			.loadRequests()
			.filter(({ receivedAtMs }) => receivedAtMs > nowMs - requestTtlMs)
			.map(({ id, sealed, receivedAtMs }) => ({
				request: id,
				sealed: toBase64Url(sealed),
				receivedAtMs
			}));
		return ok({ requests });
	}

	dismissRequest({ request }: RequestOf<'requestDismiss'>): Answer<'requestDismiss'> {
		return this.#store.removeRequest(request) ? ok({}) : notFound;
	}

	/** Another offer ends with it. The same once more changes nothing. */
	openLink({ link: id }: RequestOf<'deviceLinkOpen'>, nowMs: number): Answer<'deviceLinkOpen'> {
		if (this.#link(id, nowMs) === null) {
			const expiresAtMs = nowMs + deviceLinkTtlMs;
			this.#store.saveDeviceLink({ id, expiresAtMs, claim: null, handOver: null });
		}
		return ok({});
	}

	/** By the first who comes. An offer that is none, is over or has a claim: alike. */
	claimLink(request: RequestOf<'deviceLinkClaim'>, nowMs: number): Answer<'deviceLinkClaim'> {
		const claim = decodeText(request.claim);
		const link = this.#link(request.link, nowMs);
		if (link === null) return notFound;
		if (link.claim === null) this.#store.saveDeviceLink({ ...link, claim });
		// The same once more: its answer was lost.
		return link.claim === null || equalBytes(link.claim, claim) ? ok({}) : notFound;
	}

	readLink(request: RequestOf<'deviceLinkRead'>, nowMs: number): Answer<'deviceLinkRead'> {
		const link = this.#link(request.link, nowMs);
		return link === null ? notFound : ok({ claim: link.claim && toBase64Url(link.claim) });
	}

	/** Once, and only to somebody who claimed. */
	handOver(request: RequestOf<'deviceLinkHandOver'>, nowMs: number): Answer<'deviceLinkHandOver'> {
		const handOver = decodeText(request.sealed);
		const link = this.#link(request.link, nowMs);
		if (link === null) return notFound;
		if (link.claim === null) return forbidden;
		if (link.handOver === null) this.#store.saveDeviceLink({ ...link, handOver });
		return link.handOver === null || equalBytes(link.handOver, handOver) ? ok({}) : forbidden;
	}

	/** Null until it is handed over. Once taken it is kept a little longer: an answer may be lost. */
	take(request: RequestOf<'deviceLinkTake'>, nowMs: number): Answer<'deviceLinkTake'> {
		const link = this.#link(request.link, nowMs);
		if (link === null) return notFound;
		const expiresAtMs = Math.min(link.expiresAtMs, nowMs + handOverAgainMs);
		if (link.handOver !== null && expiresAtMs < link.expiresAtMs) {
			this.#store.saveDeviceLink({ ...link, expiresAtMs });
		}
		return ok({ sealed: link.handOver && toBase64Url(link.handOver) });
	}

	removeExpired(nowMs: number): void {
		this.#store.removeRequestsUntil(nowMs - requestTtlMs);
		const link = this.#store.loadDeviceLink();
		if (link !== null && link.expiresAtMs <= nowMs) this.#store.removeDeviceLink();
	}

	/** When something expires next; null if nothing is kept. */
	nextExpiryMs(): number | null {
		const [oldest] = this.#store.loadRequests();
		const link = this.#store.loadDeviceLink();
		const times = [
			...(oldest === undefined ? [] : [oldest.receivedAtMs + requestTtlMs]),
			...(link === null ? [] : [link.expiresAtMs])
		];
		return times.length === 0 ? null : Math.min(...times);
	}

	#link(id: DeviceLinkId, nowMs: number): StoredDeviceLink | null {
		const link = this.#store.loadDeviceLink();
		return link !== null && link.id === id && link.expiresAtMs > nowMs ? link : null;
	}
}
