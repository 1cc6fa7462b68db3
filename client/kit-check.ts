// Whether a person still has their recovery kit: asked now and then, of three words that are always the
// same, so that what is kept to check them gives away no more than these. Its state is in the keyring,
// so that one device asks, and not each.
import { sha256 } from '../crypto/hash.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId } from '../protocol/ids.ts';
import { kitCheckInput } from '../protocol/labels.ts';
import { kitCheckWords, recoveryCodeWords } from '../protocol/limits.ts';
import type { KeyringEntry } from '../protocol/keyring-entry.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { KitStanding } from './api-sharing.ts';
import type { Answer } from './api.ts';
import type { Desk } from './desk.ts';
import { fail, type TacetError } from './errors.ts';

export type KitEntry = Extract<KeyringEntry, { readonly type: 'kit' }>;

const dayMs = 24 * 60 * 60_000;
/** After it was made, unless somebody has shown since that they have it. */
export const unconfirmedKitDays = 1;
/** After it was found to be there: the first time after it was made, and each time then. */
export const [firstKitCheckDays, kitCheckDays] = [30, 180];

export class KitCheck {
	readonly #desk: Pick<Desk, 'keyring' | 'me' | 'write' | 'nowMs'>;

	constructor(desk: Pick<Desk, 'keyring' | 'me' | 'write' | 'nowMs'>) {
		this.#desk = desk;
	}

	/** Null where nothing is known of a kit. */
	get standing(): KitStanding | null {
		const kit = this.#entry;
		if (kit === null) return null;
		const { madeAtMs, checkedAtMs, positions } = kit;
		const isNew = checkedAtMs !== null && checkedAtMs < madeAtMs + firstKitCheckDays * dayMs;
		const dueAtMs =
			checkedAtMs === null
				? madeAtMs + unconfirmedKitDays * dayMs
				: checkedAtMs + (isNew ? firstKitCheckDays : kitCheckDays) * dayMs;
		return { madeAtMs, checkedAtMs, positions, dueAtMs };
	}

	/** A kit was made, and shown. */
	remember(words: readonly string[]): Answer<void> {
		return this.#desk.write([this.#made(words)]);
	}

	/** Somebody has shown that they have all of these: a new kit, or the one that is remembered. */
	kept(words: readonly string[]): Answer<void> {
		return this.#desk.write([this.keptAs(words)]);
	}

	/** What the keyring is to say of that. */
	keptAs(words: readonly string[]): KitEntry {
		const kit = this.#entry;
		const isIt = kit !== null && this.#isRight(kit, wordsAt(words, kit.positions));
		return { ...(isIt ? kit : this.#made(words)), checkedAtMs: this.#desk.nowMs() };
	}

	/** Whether this is what stands at the places asked for, in their order; `not_found` without a kit. */
	read(typed: readonly string[]): Result<boolean, TacetError> {
		const kit = this.#entry;
		return kit === null ? fail('not_found') : ok(this.#isRight(kit, typed.map(asWord)));
	}

	/** It was found to be there. */
	found(): Answer<void> {
		const kit = this.#entry;
		const { nowMs, write } = this.#desk;
		if (kit === null) return Promise.resolve(fail('not_found'));
		return write([{ ...kit, checkedAtMs: nowMs() }]);
	}

	#made(words: readonly string[]): KitEntry {
		const { me, nowMs } = this.#desk;
		const { account } = me;
		const positions = choosePlaces();
		const check = checkOf(account, positions, wordsAt(words, positions));
		return { type: 'kit', account, madeAtMs: nowMs(), positions, check, checkedAtMs: null };
	}

	#isRight({ positions, check }: KitEntry, words: readonly string[]): boolean {
		return equalBytes(checkOf(this.#desk.me.account, positions, words), check);
	}

	get #entry(): KitEntry | null {
		return this.#desk.keyring.kitOf(this.#desk.me.account);
	}
}

const asWord = (typed: string): string => typed.trim().toLowerCase();

/** One in each third of the sheet. */
function choosePlaces(): readonly number[] {
	const third = recoveryCodeWords / kitCheckWords;
	return [...randomBytes(kitCheckWords)].map(
		(random, index) => index * third + (random % third) + 1
	);
}

const wordsAt = (words: readonly string[], places: readonly number[]): readonly string[] =>
	places.map((place) => words[place - 1] ?? '');

const checkOf = (
	account: AccountId,
	places: readonly number[],
	words: readonly string[]
): Uint8Array => sha256(kitCheckInput(account, places, words));
