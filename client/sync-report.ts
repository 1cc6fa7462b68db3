// How the syncing of one space stands, for those who show it and those who wait for it.
import type { Seq } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import { fail, type TacetError } from './errors.ts';
import type { ChainFault, SyncProblem, SyncStatus } from './status.ts';
import type { StoreFault } from './store.ts';

export type SyncDetails = Pick<
	SyncStatus,
	| 'setAside'
	| 'setAsideAuthors'
	| 'losses'
	| 'ownerFaults'
	| 'epoch'
	| 'packing'
	| 'heartbeats'
	| 'earlierFaults'
	| 'puttingBack'
>;

/** What the report is made of, besides what was noted in it. */
export interface SyncSight {
	readonly seq: Seq;
	readonly offeredSeq: Seq;
	readonly waiting: number;
	readonly isOpen: boolean;
	readonly isLeading: boolean;
	readonly isClosed: boolean;
	readonly isCaughtUp: boolean;
	readonly fault: ChainFault | null;
	/** What takes some work to say: only when the status is read. */
	readonly details: () => SyncDetails;
	/** No member any more, as far as this device knows. */
	readonly isRemoved: boolean;
}

/** What holds changes back. Being removed stands before it: such a space waits for nothing else. */
export const lesserProblems: readonly (SyncProblem | null)[] = [
	null,
	'refused',
	'unconfirmed',
	'identity_renewed',
	'over_quota'
];

export class SyncReport {
	readonly #see: () => SyncSight;
	readonly #onChange: () => void;
	readonly #waiters = new Set<() => void>();
	#status: SyncStatus | null = null;
	#problem: SyncProblem | null = null;
	#lastError: TacetError | null = null;
	#losses = 0;
	#syncedAtMs: number | null = null;
	#verifiedAtMs: number | null = null;
	/** Changes that are being saved. */
	unsaved = 0;

	constructor(see: () => SyncSight, onChange: () => void) {
		this.#see = see;
		this.#onChange = onChange;
	}

	get problem(): SyncProblem | null {
		return this.#problem;
	}

	setProblem(problem: SyncProblem | null): void {
		this.#problem = problem;
		this.changed();
	}

	noteLoss(error: TacetError): void {
		this.#lastError = error;
		this.#losses += 1;
		if (error.code === 'version_too_old') this.#problem = 'version_too_old';
		if (error.code === 'unauthenticated') this.#problem = 'logged_out';
		this.changed();
	}

	noteOpened(): void {
		this.#lastError = null;
		if (this.#problem === 'over_quota' || this.#problem === 'logged_out') this.#problem = null;
		this.changed();
	}

	noteVerified(nowMs: number): void {
		this.#verifiedAtMs = nowMs;
		this.noteSynced(nowMs);
	}

	noteSynced(nowMs: number): void {
		const { isCaughtUp, waiting } = this.#see();
		if (isCaughtUp && waiting === 0) this.#syncedAtMs = nowMs;
	}

	changed(): void {
		this.#status = null;
		for (const look of [...this.#waiters]) look();
		this.#onChange();
	}

	/**
	 * Waits until `test` holds. Ends early with why it may not come true by itself: not connected,
	 * refused, or no longer trusted.
	 */
	until(test: () => boolean): Promise<Result<null, TacetError>> {
		const losses = this.#losses;
		return new Promise((resolve) => {
			const look = (): void => {
				const answer = test() ? ok(null) : this.#whyNot(losses);
				if (answer === null) return;
				this.#waiters.delete(look);
				resolve(answer);
			};
			this.#waiters.add(look);
			look();
		});
	}

	/** What can't be kept is not asked for. */
	get #isStoreBroken(): boolean {
		return this.#problem === 'storage_full' || this.#problem === 'store_unavailable';
	}

	#whyNot(losses: number): Result<never, TacetError> | null {
		const { isClosed, fault, isCaughtUp } = this.#see();
		if (isClosed) return fail('locked');
		if (fault !== null) return fail('not_trusted');
		if (this.#problem === 'store_unavailable') return fail('store_unavailable');
		if (this.#problem === 'storage_full') return fail('store_full');
		// What is still missing would have to be written here.
		if (this.#problem === 'device_copied' && isCaughtUp) return fail('device_copied');
		if (this.#losses === losses || this.#lastError === null) return null;
		return { ok: false, error: this.#lastError };
	}

	get status(): SyncStatus {
		this.#status ??= this.#describe();
		return this.#status;
	}

	#describe(): SyncStatus {
		const sight = this.#see();
		const { seq, offeredSeq, fault, waiting } = sight;
		return {
			connection: this.#connection(sight),
			waiting,
			savedOnDevice: this.unsaved === 0 && this.#problem !== 'storage_full',
			syncedAtMs: this.#syncedAtMs,
			verified: seq === 0 ? null : { seq, atMs: this.#verifiedAtMs },
			pulling: sight.isOpen && offeredSeq > seq ? { done: seq, total: offeredSeq } : null,
			trust:
				fault === null
					? { state: 'verified' }
					: { state: 'not_trusted', fault: fault.fault, evidence: fault },
			...sight.details(),
			problem: sight.isRemoved && lesserProblems.includes(this.#problem) ? 'removed' : this.#problem
		};
	}

	#connection({ isOpen, isCaughtUp, isLeading, fault }: SyncSight): SyncStatus['connection'] {
		if (isOpen) return isCaughtUp ? 'online' : 'connecting';
		const comesBack = isLeading && fault === null && !this.#isStoreBroken;
		return comesBack && this.#lastError === null ? 'connecting' : 'offline';
	}
}

export const storeProblem = (fault: StoreFault): SyncProblem =>
	fault === 'store_full' ? 'storage_full' : 'store_unavailable';
