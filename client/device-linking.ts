// Linking one more device: the unlocked one shows an offer, the new one takes it up, a person types
// the code of the new one on the old one, and only then is anything handed over: whose account it is,
// which server key to expect, how far the keyring is verified, and the account key. No other key crosses
// over: the new device logs in with the password like any other.
import { formatAccountKey, parseAccountKey } from '../crypto/client/account-key.ts';
import { createSecret } from '../crypto/client/secret.ts';
import { randomBytes } from '../crypto/random.ts';
import { parseHandle } from '../protocol/handle.ts';
import type { Head } from '../protocol/commit.ts';
import { idFromBytes, type DeviceLinkId } from '../protocol/ids.ts';
import { linkSecretBytes, type HandOver } from '../protocol/invite.ts';
import { deviceLinkTtlSeconds } from '../protocol/limits.ts';
import { ok } from '../protocol/result.ts';
import type { DeviceLinkOffer } from './api-sharing.ts';
import type { Answer } from './api.ts';
import { bytesOf, textOf } from './contacts.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { Desk } from './desk.ts';
import { fail, waitMs } from './errors.ts';
import type { Http } from './http.ts';
import { formatLinkUrl, parseLinkUrl, type LinkUrlOf } from './link-url.ts';

const pollMs = 1_000;
/** Of a million codes: whoever guesses three times and is wrong is no typist. */
const maxWrongCodes = 3;

export interface OfferParts {
	readonly desk: Desk;
	/** 32 bytes: what this device has pinned. */
	readonly serverPublicKey: Uint8Array;
	readonly keyringHead: () => Head;
	/** As it stands on paper, null if the account has none; `step_up_needed` before it is shown. */
	readonly accountKey: () => Answer<string | null>;
}

export async function offerDeviceLink(parts: OfferParts): Answer<DeviceLinkOffer> {
	const { session, origin, handle, nowMs } = parts.desk;
	const link = idFromBytes<DeviceLinkId>(randomBytes(16));
	const secret = randomBytes(linkSecretBytes);
	const opened = await session.call('deviceLinkOpen', { link });
	if (!opened.ok) return opened;
	return ok(
		new Offer(parts, {
			url: formatLinkUrl(origin, { type: 'device', link, handle, secret }),
			expiresAtMs: nowMs() + deviceLinkTtlSeconds * 1_000,
			place: { secret, link }
		})
	);
}

interface OfferFacts {
	readonly url: string;
	readonly expiresAtMs: number;
	readonly place: { readonly secret: Uint8Array; readonly link: DeviceLinkId };
}

class Offer implements DeviceLinkOffer {
	readonly #parts: OfferParts;
	readonly #facts: OfferFacts;
	#code: string | null = null;
	#wrongCodes = 0;

	constructor(parts: OfferParts, facts: OfferFacts) {
		this.#parts = parts;
		this.#facts = facts;
	}

	get url(): string {
		return this.#facts.url;
	}

	get expiresAtMs(): number {
		return this.#facts.expiresAtMs;
	}

	async claimed(signal?: AbortSignal): Answer<{ readonly deviceName: string }> {
		const { session, crypto } = this.#parts.desk;
		const { place } = this.#facts;
		const end = { signal, endsAtMs: this.expiresAtMs, nowMs: this.#parts.desk.nowMs };
		const claim = await poll(end, async () => {
			const read = await session.call('deviceLinkRead', { link: place.link });
			return read.ok ? ok(read.value.claim) : read;
		});
		if (!claim.ok) return claim;
		const sealed = bytesOf(claim.value);
		const opened = await crypto.sharing.openDeviceClaim({ ...place, sealed });
		// Whoever claimed did not have the code that was shown.
		if (opened === null) return fail('link_invalid');
		this.#code = opened.code;
		return ok({ deviceName: opened.deviceName });
	}

	async confirm(typed: string): Answer<void> {
		const code = this.#code;
		if (code === null || this.#wrongCodes >= maxWrongCodes) return fail('invitation_ended');
		if (typed.replace(/\D/g, '') !== code) {
			this.#wrongCodes += 1;
			return fail(this.#wrongCodes >= maxWrongCodes ? 'invitation_ended' : 'wrong_code');
		}
		const { desk, serverPublicKey, keyringHead } = this.#parts;
		const { place } = this.#facts;
		const shown = await this.#parts.accountKey();
		if (!shown.ok) return shown;
		const parsed = shown.value === null ? null : parseAccountKey(shown.value);
		if (parsed?.ok === false) throw new Error('the account key that is kept here is none');
		const handOver = {
			handle: desk.handle,
			serverPublicKey,
			accountKey: parsed && parsed.value.reveal(),
			keyringHead: keyringHead()
		};
		const sealed = await desk.crypto.sharing.sealHandOver({ ...place, handOver });
		parsed?.value.wipe();
		const body = { link: place.link, sealed: textOf(sealed) };
		const handed = await desk.session.call('deviceLinkHandOver', body);
		if (handed.ok) return ok(undefined);
		return handed.error.code === 'not_found' ? fail('invitation_ended') : handed;
	}
}

export interface TakeParts {
	readonly http: Http;
	readonly crypto: CryptoPort;
	readonly deviceName: string;
}

export interface ClaimedLink {
	readonly code: string;
	readonly link: LinkUrlOf<'device'>;
}

/** The new device's side: says what it is, and shows the code to be typed on the other one. */
export async function claimDeviceLink(parts: TakeParts, url: string): Answer<ClaimedLink> {
	const link = parseLinkUrl(url);
	if (link?.type !== 'device') return fail('link_invalid');
	const { http, crypto, deviceName } = parts;
	const { claim, code } = await crypto.sharing.claimDevice({ ...link, deviceName });
	const claimed = await http.call('deviceLinkClaim', {
		handle: link.handle,
		link: link.link,
		claim: textOf(claim)
	});
	if (claimed.ok) return ok({ code, link });
	return claimed.error.code === 'not_found' ? fail('invitation_ended') : claimed;
}

/** Waits until it was handed over; sealed under the secret of the link. */
export async function awaitHandOver(
	http: Http,
	{ handle, link }: LinkUrlOf<'device'>,
	end: PollEnd
): Answer<Uint8Array> {
	const sealed = await poll(end, async () => {
		const taken = await http.call('deviceLinkTake', { handle, link });
		return taken.ok ? ok(taken.value.sealed) : taken;
	});
	return sealed.ok ? ok(bytesOf(sealed.value)) : sealed;
}

export async function openHandOver(
	crypto: CryptoPort,
	link: LinkUrlOf<'device'>,
	sealed: Uint8Array
): Answer<HandOver> {
	const handOver = await crypto.sharing.openHandOver({ ...link, sealed });
	return handOver === null ? fail('link_invalid') : ok(handOver);
}

/** What a login of the account that was handed over is told. */
export function ofHandOver(
	{ handle, serverPublicKey, accountKey }: HandOver,
	input: { readonly handle: string }
): { readonly expectedServerKey: Uint8Array; readonly accountKey?: string } {
	const typed = parseHandle(input.handle);
	const isLinked = typed.ok && typed.value === handle;
	return {
		expectedServerKey: serverPublicKey,
		...(isLinked &&
			accountKey && { accountKey: formatAccountKey(createSecret(accountKey.slice())) })
	};
}

export interface PollEnd {
	readonly signal: AbortSignal | undefined;
	/** When the offer ends for the edge too, by this device's clock. */
	readonly endsAtMs: number;
	readonly nowMs: () => number;
}

/** An offer that is taken up now ends within this time. */
export const takenEndsAtMs = (nowMs: number): number => nowMs + deviceLinkTtlSeconds * 1_000;

/** Asks once a second until there is an answer or the offer ends; a lost connection is waited out. */
async function poll(
	{ signal, endsAtMs, nowMs }: PollEnd,
	ask: () => Answer<string | null>
): Answer<string> {
	for (;;) {
		if (signal?.aborted === true || nowMs() >= endsAtMs) return fail('invitation_ended');
		const answered = await ask();
		if (answered.ok && answered.value !== null) return ok(answered.value);
		const { code } = answered.ok ? { code: 'offline' as const } : answered.error;
		if (code === 'not_found') return fail('invitation_ended');
		if (!answered.ok && code !== 'offline' && code !== 'rate_limited') return answered;
		const asksToWait = !answered.ok && code === 'rate_limited';
		await wait(asksToWait ? waitMs(answered.error, 1) : pollMs, signal);
	}
}

function wait(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const end = (): void => {
			clearTimeout(timer);
			signal?.removeEventListener('abort', end);
			resolve();
		};
		const timer = setTimeout(end, durationMs);
		signal?.addEventListener('abort', end);
	});
}
