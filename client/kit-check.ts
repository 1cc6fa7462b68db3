// Whether a person still has their recovery kit: asked now and then, of three words that are always the
// same, so that what is kept to check them gives away no more than these. Its state is in the keyring,
// so that one device asks, and not each.
import { sha256 } from '../crypto/hash.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId } from '../protocol/ids.ts';
import { kitCheckInput } from '../protocol/labels.ts';
import { kitCheckWords, recoveryCodeWords } from '../protocol/limits.ts';
import { ok } from '../protocol/result.ts';
import type { KitStanding } from './api-sharing.ts';
import type { Answer } from './api.ts';
import type { Desk } from './desk.ts';
import { fail } from './errors.ts';

const dayMs = 24 * 60 * 60_000;
/** After it was made, and after each time it was found to be there. */
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
		const dueAtMs =
			checkedAtMs === null
				? madeAtMs + firstKitCheckDays * dayMs
				: checkedAtMs + kitCheckDays * dayMs;
		return { madeAtMs, checkedAtMs, positions, dueAtMs };
	}

	/** A kit was made, and shown. */
	remember(words: readonly string[]): Answer<void> {
		const { me, nowMs, write } = this.#desk;
		const positions = choosePlaces();
		const check = checkOf(me.account, positions, wordsAt(words, positions));
		const { account } = me;
		const kit = { account, madeAtMs: nowMs(), positions, check, checkedAtMs: null };
		return write([{ type: 'kit', ...kit }]);
	}

	/** What stands at the places asked for, in their order, as typed; whether it is right. */
	async read(typed: readonly string[]): Answer<boolean> {
		const kit = this.#entry;
		if (kit === null) return fail('not_found');
		const words = typed.map((word) => word.trim().toLowerCase());
		const { me, nowMs, write } = this.#desk;
		if (!equalBytes(checkOf(me.account, kit.positions, words), kit.check)) return ok(false);
		const written = await write([{ ...kit, checkedAtMs: nowMs() }]);
		return written.ok ? ok(true) : written;
	}

	get #entry() {
		return this.#desk.keyring.kitOf(this.#desk.me.account);
	}
}

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
