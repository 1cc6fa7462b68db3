// Changes of the account, from an unlocked device: read, form, keep, send, keep again. One at a time over
// all tabs of the profile, since each write names the head before it. What was kept before it was sent is
// found again after a crash, and what became of it is read off the log.
import { toBase64Url } from '../protocol/bytes.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	openKnownAccount,
	readRest,
	requestOf,
	sealKnownAccount,
	type KnownAccount
} from './account-log.ts';
import type { AccountIntent, AccountSteps } from './crypto-account.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Session } from './session.ts';
import type { Profile, Store } from './store.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;

export interface AccountWritingParts {
	readonly store: Store;
	readonly session: Pick<Session, 'call'>;
	readonly crypto: CryptoPort;
	/** As commits and writes name this device. */
	readonly device: DeviceId;
	readonly nowMs: () => number;
	/** One at a time, over all tabs. */
	readonly alone: <Value>(work: () => Promise<Value>) => Promise<Value>;
	/** Changes the stored profile, which other tabs may have changed meanwhile. */
	readonly updateProfile: (change: Pick<Profile, 'sealedAccount'>) => Answered<void>;
}

/** What the log says, and what the edge says beside it. */
export interface ReadAccount extends AccountSteps {
	readonly answer: ResponseOf<'accountRead'>;
}

export class AccountWriting {
	readonly #parts: AccountWritingParts;

	constructor(parts: AccountWritingParts) {
		this.#parts = parts;
	}

	/** Reads the account, judges it, and remembers what is new of it. */
	read(): Answered<ReadAccount> {
		return this.#parts.alone(async () => {
			const read = await this.#read();
			if (!read.ok) return read;
			const { factors, policy, answer } = read.value;
			return ok({ factors, policy, answer });
		});
	}

	/**
	 * Makes one write stand.
	 *
	 * @param brought with a factor that is added.
	 * @returns `factor_missing`, `factor_wrong` and the like where it would break a rule.
	 */
	write(
		intent: AccountIntent,
		brought: RequestOf<'accountWrite'>['factor'] = null
	): Answered<void> {
		return this.#parts.alone(async () => {
			const read = await this.#read();
			return read.ok ? this.#write(read.value.known, intent, brought) : read;
		});
	}

	async #read(): Answered<ReadAccount & { readonly known: KnownAccount }> {
		const { session, crypto } = this.#parts;
		const known = await this.#load();
		if (!known.ok) return known;
		const after = known.value.writes.length;
		const answered = await session.call('accountRead', { after });
		if (!answered.ok) return answered;
		const shown = await readRest(answered.value, (from) =>
			session.call('accountRead', { after: from })
		);
		if (!shown.ok) return shown;
		const judged = await crypto.judgeAccount({ known: known.value, shown: shown.value });
		if (!judged.ok) return fail(judged.error);
		const isNew =
			judged.value.known.writes.length > after ||
			judged.value.known.pending !== known.value.pending;
		const saved = isNew ? await this.#save(judged.value.known) : ok(undefined);
		return saved.ok ? ok({ ...judged.value, answer: answered.value }) : saved;
	}

	async #write(
		known: KnownAccount,
		intent: AccountIntent,
		brought: RequestOf<'accountWrite'>['factor']
	): Answered<void> {
		const { session, crypto, device, nowMs } = this.#parts;
		const formed = await crypto.formAccountWrite({ known, intent, device, timeMs: nowMs() });
		if (!formed.ok) return fail(formed.error === 'factor_missing' ? 'last_factor' : 'refused');
		const kept = await this.#save({ ...known, pending: formed.value });
		if (!kept.ok) return kept;
		const sent = await session.call('accountWrite', {
			...requestOf(formed.value),
			factor: brought
		});
		if (!sent.ok) {
			// It may have been taken, and the answer lost: the log says so when it is read next.
			if (unclear.includes(sent.error.code)) return sent;
			const dropped = await this.#save({ ...known, pending: null });
			return dropped.ok ? sent : dropped;
		}
		const { write, signature } = formed.value;
		const writes = [...known.writes, { write, signature }];
		return this.#save({ ...known, writes, pending: null });
	}

	async #load(): Answered<KnownAccount> {
		const loaded = await this.#parts.store.loadProfile();
		if (!loaded.ok) return fail(loaded.error);
		return loaded.value === null ? fail('signed_out') : ok(await openKnownAccount(loaded.value));
	}

	async #save(known: KnownAccount): Answered<void> {
		const loaded = await this.#parts.store.loadProfile();
		if (!loaded.ok) return fail(loaded.error);
		if (loaded.value === null) return fail('signed_out');
		const sealedAccount = await sealKnownAccount(loaded.value, known);
		return this.#parts.updateProfile({ sealedAccount });
	}
}

const unclear: readonly TacetError['code'][] = ['offline', 'unavailable', 'internal'];

/** As a route takes it. */
export const broughtOf = ({
	data,
	proof
}: {
	readonly data: Uint8Array;
	readonly proof: NonNullable<RequestOf<'accountWrite'>['factor']>['proof'];
}): NonNullable<RequestOf<'accountWrite'>['factor']> => ({ data: toBase64Url(data), proof });
