// Challenges that an account has given out and not yet seen again: each is good once, for one purpose,
// for one holder, for a while. Memory only: whoever holds this and forgets it, forgets them all.
import { toBase64Url } from '../../protocol/bytes.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { passkeyChallengeBytes, passkeyChallengeTtlSeconds } from '../../protocol/limits.ts';
import { randomBytes, type RandomSource } from '../random.ts';

export const passkeyPurposes = ['add', 'login', 'fresh', 'recovery'] as const;
export type PasskeyPurpose = (typeof passkeyPurposes)[number];

/** What a challenge is for. */
export interface ChallengeSubject {
	readonly purpose: PasskeyPurpose;
	readonly account: AccountId;
	/** Id of the login, session or recovery that asked: what another was given is no good to it. */
	readonly holder: string;
}

declare const taken: unique symbol;
/** base64url of a challenge that was given out for this subject, and that nothing can be done with again. */
export type TakenChallenge = string & { readonly [taken]: true };

/** As many as anybody may be busy with; beyond that the oldest is forgotten. */
const maxChallenges = 64;

export class PasskeyChallenges {
	/** base64url of each → what for, and until when; the oldest first. */
	readonly #given = new Map<string, { subject: ChallengeSubject; untilMs: number }>();
	readonly #random: RandomSource;

	constructor(random: RandomSource = randomBytes) {
		this.#random = random;
	}

	/** A new challenge, 32 random bytes. */
	give(subject: ChallengeSubject, nowMs: number): Uint8Array {
		const challenge = this.#random(passkeyChallengeBytes);
		for (const [text, { untilMs }] of this.#given) {
			if (untilMs <= nowMs || this.#given.size >= maxChallenges) this.#given.delete(text);
		}
		const untilMs = nowMs + passkeyChallengeTtlSeconds * 1_000;
		this.#given.set(toBase64Url(challenge), { subject: { ...subject }, untilMs });
		return challenge;
	}

	/**
	 * Takes a challenge away, whatever becomes of the answer that it came with.
	 *
	 * @param text of `challenge` in the client data, as it stands there.
	 * @returns null unless it was given out for this subject, is not too old, and was not taken before.
	 */
	take(text: string, subject: ChallengeSubject, nowMs: number): TakenChallenge | null {
		const given = this.#given.get(text);
		if (given === undefined) return null;
		this.#given.delete(text);
		if (given.untilMs <= nowMs || !isSame(given.subject, subject)) return null;
		return text as TakenChallenge;
	}
}

const isSame = (a: ChallengeSubject, b: ChallengeSubject): boolean =>
	a.purpose === b.purpose && a.account === b.account && a.holder === b.holder;
