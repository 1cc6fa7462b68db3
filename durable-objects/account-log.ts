// The account log at the edge: judges what comes by the rules that every device judges by, keeps it with
// the records that are in force, and says what an account consists of. Nothing else here decides that.
import {
	accountHead,
	judgeAccountWrite,
	judgeRecords,
	standsOnLog,
	wireCodeOfAccountFault,
	type AccountFault,
	type AccountRecords,
	type AccountState
} from '../crypto/account-log.ts';
import { sha256 } from '../crypto/hash.ts';
import { isRegistrationRecord } from '../crypto/registration-record.ts';
import { verifyProof, type Proof } from '../crypto/signature.ts';
import { slotsOf, type AccountHead, type SignedAccountWrite } from '../protocol/account-write.ts';
import { toHex } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountLogStore, HashedRecord } from './account-log-store.ts';
import type { AccountStore } from './account-store.ts';
import { maxAccountWritesBytesPerAnswer } from './limits.ts';

/** Writes that count, and what the account consists of after them; not written down yet. */
export interface JudgedChange {
	readonly before: AccountState | null;
	readonly after: AccountState;
	readonly writes: readonly SignedAccountWrite[];
	readonly added: readonly HashedRecord[];
	readonly removed: readonly Uint8Array[];
}

export class AccountLog {
	readonly #storage: DurableObjectStorage;
	readonly #account: AccountStore;
	readonly #store: AccountLogStore;
	#loginBasis: object = {};
	/** Undefined until somebody asks. */
	#state: AccountState | null | undefined;

	constructor(storage: DurableObjectStorage, account: AccountStore, store: AccountLogStore) {
		this.#storage = storage;
		this.#account = account;
		this.#store = store;
	}

	/** Null without an account, and for one that is only there for its end to be told. */
	get state(): AccountState | null {
		const state = this.#known;
		return state?.isDeleted === true ? null : state;
	}

	/** Deleted, and not erased yet. */
	get isDeleted(): boolean {
		return this.#known?.isDeleted === true;
	}

	/** The signatures were verified before the writes were kept. */
	get #known(): AccountState | null {
		this.#state ??= this.#fold();
		return this.#state;
	}

	/**
	 * The same for as long as a login that has begun may be finished: until password, second steps or policy
	 * are others.
	 */
	get loginBasis(): object {
		return this.#loginBasis;
	}

	/** OPAQUE's, 192 bytes, that logins are against; null without an account. */
	get registrationRecord(): Uint8Array | null {
		const { state } = this;
		return state && this.#recordOf(state.material.password.recordHash);
	}

	/** In force: the password's, the recovery code's, passkeys'. */
	get keyslots(): readonly Uint8Array[] {
		const { state } = this;
		return state === null ? [] : slotsOf(state.material).map(({ hash }) => this.#recordOf(hash));
	}

	get head(): AccountHead {
		return accountHead(this.#existing);
	}

	/** In order, those after the first `after`; a long list stops before the head. */
	writesAfter(after: number): readonly SignedAccountWrite[] {
		let bytes = 0;
		return this.#store.loadWrites(after).filter(({ write, signature }) => {
			bytes += write.length + signature.length;
			return bytes <= maxAccountWritesBytesPerAnswer;
		});
	}

	/** Whether this very write was taken: its answer may have been lost. */
	holds(signed: SignedAccountWrite): boolean {
		return this.state !== null && standsOnLog(this.state, signed);
	}

	/**
	 * Judges writes that would stand next, one after another, and the records that come with them.
	 *
	 * @param given records that are in force after the last write: those that are not kept yet, at least.
	 */
	async judge(
		writes: readonly SignedAccountWrite[],
		given: AccountRecords
	): Promise<Result<JudgedChange, Refusal>> {
		const before = this.state;
		let after = before;
		const proofs: Proof[] = [];
		for (const signed of writes) {
			const judged = judgeAccountWrite(after, signed);
			if (!judged.ok) return err({ code: codeOf(judged.error, before) });
			after = judged.value.state;
			proofs.push(...judged.value.proofs);
		}
		if (after === null) return err({ code: 'malformed' });
		const records = this.#judgeRecords(before, after, given);
		if (!records.ok) return records;
		const good = await Promise.all(proofs.map(verifyProof));
		if (good.includes(false)) return err({ code: 'forbidden' });
		return ok({ before, after, writes, ...records.value });
	}

	/**
	 * Writes down what was judged, with what has to happen at the same time; all of it or nothing, and
	 * nothing awaits.
	 *
	 * @param besides done in the same transaction.
	 */
	keep(change: JudgedChange, besides: () => void): Result<null, Refusal> {
		// Another write was faster.
		if (this.state !== change.before) return err({ code: 'stale_count' });
		const write = (): void => {
			const first = change.before?.heads.length ?? 0;
			for (const [index, signed] of change.writes.entries()) {
				this.#store.addWrite(first + index + 1, signed);
			}
			for (const record of change.added) this.#store.addRecord(record);
			for (const hash of change.removed) this.#store.removeRecord(hash);
			besides();
		};
		if (change.before !== null) this.#storage.transactionSync(write);
		else {
			const { account } = change.after;
			this.#account.createAccount({ account, createdAtMs: Date.now() }, write);
		}
		if (change.before === null || !isSameLogin(change.before, change.after)) this.#loginBasis = {};
		this.#state = change.after;
		return ok(null);
	}

	/** Nothing is left of the account. */
	forget(): void {
		this.#state = null;
	}

	#judgeRecords(
		before: AccountState | null,
		after: AccountState,
		given: AccountRecords
	): Result<Pick<JudgedChange, 'added' | 'removed'>, Refusal> {
		const inForce = new Set(hashesOf(after).map(toHex));
		const kept = byHash(this.#store.loadRecords());
		const came = byHash(recordsOf(given).map((data) => ({ hash: sha256(data), data })));
		if ([...came.keys()].some((name) => !inForce.has(name))) return err({ code: 'malformed' });
		const added = [...came].flatMap(([name, record]) => (kept.has(name) ? [] : [record]));
		const all = [...kept.values(), ...added].filter(({ hash }) => inForce.has(toHex(hash)));
		const recordHash = toHex(after.material.password.recordHash);
		const isRecord = ({ hash }: HashedRecord) => toHex(hash) === recordHash;
		const registrationRecord = all.find(isRecord)?.data;
		if (registrationRecord === undefined) return err({ code: 'malformed' });
		// Nobody would ever log in against it.
		if (added.some(isRecord) && !isRegistrationRecord(registrationRecord)) {
			return err({ code: 'malformed' });
		}
		const keyslots = all.filter((record) => !isRecord(record)).map(({ data }) => data);
		if (!judgeRecords(after, { registrationRecord, keyslots }).ok) {
			return err({ code: 'malformed' });
		}
		const removed = before === null ? [] : hashesOf(before);
		return ok({ added, removed: removed.filter((hash) => !inForce.has(toHex(hash))) });
	}

	get #existing(): AccountState {
		const { state } = this;
		if (state === null) throw new Error('there is no account');
		return state;
	}

	#recordOf(hash: Uint8Array): Uint8Array {
		const name = toHex(hash);
		const found = this.#store.loadRecords().find((record) => toHex(record.hash) === name);
		if (found === undefined) throw new Error('a record in force is kept');
		return found.data;
	}

	#fold(): AccountState | null {
		let state: AccountState | null = null;
		for (const signed of this.#store.loadWrites(0)) {
			const judged = judgeAccountWrite(state, signed);
			if (!judged.ok) throw new Error(`a kept write does not count: ${judged.error}`);
			state = judged.value.state;
		}
		return state;
	}
}

/** A write makes anew what it changes, and nothing else. */
const isSameLogin = (before: AccountState, after: AccountState): boolean =>
	before.material.password === after.material.password &&
	before.factors === after.factors &&
	before.policy === after.policy &&
	!after.isDeleted;

/** Of a write that does not begin an account there is nothing to fetch anew. */
const codeOf = (fault: AccountFault, before: AccountState | null): Refusal['code'] =>
	before === null && fault === 'not_next' ? 'malformed' : wireCodeOfAccountFault(fault);

const byHash = (records: readonly HashedRecord[]): ReadonlyMap<string, HashedRecord> =>
	new Map(records.map((record) => [toHex(record.hash), record]));

const recordsOf = ({ registrationRecord, keyslots }: AccountRecords): readonly Uint8Array[] => [
	...(registrationRecord === null ? [] : [registrationRecord]),
	...keyslots
];

const hashesOf = ({ material }: AccountState): readonly Uint8Array[] => [
	material.password.recordHash,
	...slotsOf(material).map(({ hash }) => hash)
];
