// Changes of a space's administration, from intent to place: drafted against the state of the moment
// in which the commit is formed, kept before they are sent, and answered when they stand on the
// verified log or never can. Nothing is half-done: each is one commit, or nothing at all.
import { identityProof, readIdentity, verifyRenewal } from '../crypto/identity.ts';
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import { epochTtlSeconds, maxSupersedesPerCommit } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	changeOf,
	draftAdmin,
	draftLeaving,
	firstOf,
	type AdminChange,
	type AdminIntent
} from './admin-draft.ts';
import type { Chain } from './chain.ts';
import type { CryptoPort, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError, type TacetErrorCode } from './errors.ts';
import type { Outcome } from './outbox.ts';
import { earlierHashOf } from './own-selves.ts';
import type { Pages } from './pages.ts';
import type { LoneCommit, Pusher } from './push.ts';
import type { SyncReport } from './sync-report.ts';

export interface AdministrationParts {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly me: UnlockedAccount;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly crypto: CryptoPort;
	readonly pusher: Pusher;
	readonly report: SyncReport;
	readonly nowMs: () => number;
	/** How long to leave the renewal of an epoch to others; random. */
	readonly repairWaitMs: () => number;
	readonly mayWrite: () => boolean;
	/** Whether the member entry holds this account's identity: only then what it signs counts. */
	readonly isOneself: () => boolean;
	readonly leads: () => boolean;
	/** Whether all on offer is verified, over an open socket. */
	readonly isReady: () => boolean;
	/** Tries to connect now. */
	readonly connect: () => void;
	readonly pull: () => void;
}

type Answer = Result<null, TacetError>;
type Draft = NonNullable<ReturnType<LoneCommit['draft']>>;

interface Asked {
	readonly intent: AdminIntent;
	readonly commit: LoneCommit;
	readonly resolve: (answer: Answer) => void;
	/** Its bytes exist: they may stand whatever happens here. */
	isFormed: boolean;
}

/** After these a person must do something first: update, or log in. */
const neverReturns: readonly TacetErrorCode[] = ['version_too_old', 'unauthenticated'];

const answers = {
	stands: ok(null),
	given_up: fail('admin_conflict'),
	refused: fail('refused'),
	over_quota: fail('over_quota')
} as const satisfies Record<Outcome, Answer>;
const answerTo = (outcome: Outcome): Answer => answers[outcome];

export class Administration {
	readonly #parts: AdministrationParts;
	readonly #asked = new Set<Asked>();
	#wait: ReturnType<typeof setTimeout> | undefined;
	/** The wait before a renewal by age is over. */
	#due = false;
	#renewing = false;

	constructor(parts: AdministrationParts) {
		this.#parts = parts;
	}

	async administer(intent: AdminIntent): Promise<Answer> {
		const ready = await this.#ready(intent);
		if (!ready.ok) return ready;
		const done = await this.#commit(intent);
		if (intent.type === 'remove' && !done.ok && done.error.code === 'not_found') {
			return this.#commitAhead(intent);
		}
		if (intent.type !== 'destroy') return done;
		return this.#purgeRest(done);
	}

	/** Whoever is not on this log may have come in by an entry that is still on its way. */
	async #commitAhead(intent: AdminIntent): Promise<Answer> {
		this.#parts.pull();
		const ready = await this.#ready(intent);
		return ready.ok ? this.#commit(intent) : ready;
	}

	async #ready(intent: AdminIntent): Promise<Answer> {
		const { leads, mayWrite, isReady, connect, report } = this.#parts;
		if (!leads()) return fail('offline');
		if (!mayWrite()) return fail('unconfirmed');
		if (report.problem === 'device_copied') return fail('device_copied');
		if (!isReady()) connect();
		const ready = await report.until(() => isReady() || !leads());
		const judged = ready.ok ? await this.#judgeIdentity(intent) : ready;
		// Another tab leads now, or this one was stopped meanwhile.
		return judged.ok && !leads() ? fail('offline') : judged;
	}

	/**
	 * Keys go to an account's first identity, which is the account, or to what every entry after it
	 * leads to: an owner never vouches for one that nobody before it has signed.
	 */
	async #judgeIdentity(intent: AdminIntent): Promise<Answer> {
		if (intent.type !== 'add' && intent.type !== 'replace_identity') return ok(null);
		const identity = readIdentity(intent.identityEntry);
		if (!identity.ok || identity.value.account !== intent.account) return fail('malformed');
		const { chain, crypto } = this.#parts;
		const [isGood] = await crypto.verifyProofs([identityProof(identity.value)]);
		if (isGood !== true) return fail('malformed');
		if (intent.type === 'add') {
			const log = [...(intent.earlier ?? []), intent.identityEntry];
			const known = await crypto.sharing.openIdentities(intent.account, log);
			return known === null ? fail('identity_changed') : ok(null);
		}
		const before = chain.state.members.get(intent.account)?.identity;
		if (before === undefined) return fail('not_found');
		// Whether it is still the one before is looked at when the commit is drafted.
		return (await verifyRenewal(before, identity.value)) ? ok(null) : fail('identity_changed');
	}

	#commit(intent: AdminIntent): Promise<Answer> {
		return new Promise((resolve) => {
			const commit: LoneCommit = {
				draft: () => this.#draft(asked),
				formed: (outcome) => {
					asked.isFormed = true;
					void outcome.then((end) => {
						this.#answer(asked, answerTo(end));
					});
				},
				failed: (fault) => {
					this.#answer(asked, fail(fault));
				}
			};
			const asked: Asked = { intent, commit, resolve, isFormed: false };
			this.#asked.add(asked);
			this.#parts.pusher.pushAlone(commit);
		});
	}

	#answer(asked: Asked, answer: Answer): void {
		this.#asked.delete(asked);
		asked.resolve(answer);
	}

	#draft(asked: Asked): Draft | null {
		const { chain, account, me, pages, isOneself } = this.#parts;
		const pinned = chain.state.members.get(account)?.identity.hash;
		const renews = asked.intent.type === 'renew_identity' && pinned !== undefined;
		// What an identity before a renewal still signs is that another is in its place.
		const signedAs = renews ? earlierHashOf(me, pinned) : null;
		if (!isOneself() && signedAs === null) {
			this.#answer(asked, fail('forbidden'));
			return null;
		}
		const change = changeOf(asked.intent, chain.state, account);
		if (!change.ok || change.value === null) {
			this.#answer(asked, change.ok ? ok(null) : fail(change.error));
			return null;
		}
		const { openEpoch } = chain.state;
		const leaves = change.value.members.some(
			(member) => member.account === account && member.role === null
		);
		const admin = leaves
			? draftLeaving(change.value)
			: draftAdmin(chain.state, change.value, pages.knows(openEpoch));
		const epoch = admin.opensEpoch ? openEpoch + 1 : openEpoch;
		const signed = signedAs === null ? {} : { signedAs };
		return { epoch, admin, pages: [], ...signed, ...this.#purged(change.value) };
	}

	#purged({ purges }: Pick<AdminChange, 'purges'>): Pick<Draft, 'supersedes' | 'purge'> {
		if (!purges) return {};
		const purge = firstOf(this.#parts.chain.ledger.live(), maxSupersedesPerCommit);
		return { supersedes: purge, purge };
	}

	/** A commit names so many pages; everybody else is out already. */
	async #purgeRest(first: Answer): Promise<Answer> {
		let done = first;
		while (done.ok && this.#parts.chain.ledger.live().next().done !== true) {
			done = await this.#purgeSome();
		}
		return done;
	}

	#purgeSome(): Promise<Answer> {
		return new Promise((resolve) => {
			const asked: Asked = {
				intent: { type: 'destroy' },
				resolve,
				isFormed: false,
				commit: {
					draft: () => {
						const named = this.#purged({ purges: true });
						if (named.purge?.length !== 0) {
							return { epoch: this.#parts.chain.state.openEpoch, pages: [], ...named };
						}
						this.#answer(asked, ok(null));
						return null;
					},
					formed: (outcome) => {
						asked.isFormed = true;
						void outcome.then((end) => {
							// What can't stand any more is looked at again, page by page.
							this.#answer(asked, end === 'given_up' ? ok(null) : answerTo(end));
						});
					},
					failed: (fault) => {
						this.#answer(asked, fail(fault));
					}
				}
			};
			this.#asked.add(asked);
			this.#parts.pusher.pushAlone(asked.commit);
		});
	}

	/**
	 * What was not formed is not done. What was goes out again, unless this account is out; nobody is
	 * kept waiting for a connection that does not come back by itself.
	 */
	lost(error: TacetError): void {
		for (const asked of [...this.#asked]) {
			if (error.code === 'not_found') this.#answerOut(asked);
			else if (!asked.isFormed || neverReturns.includes(error.code)) this.#refuse(asked, error);
		}
	}

	/** No member any more: whoever wanted to leave has left. */
	#answerOut(asked: Asked): void {
		const left = asked.intent.type === 'leave' && asked.isFormed;
		if (left) this.#answer(asked, ok(null));
		else this.#refuse(asked, { code: 'not_found' });
	}

	#refuse(asked: Asked, error: TacetError): void {
		this.#parts.pusher.withdraw(asked.commit);
		this.#answer(asked, { ok: false, error });
	}

	/** Nothing more is sent here: the bytes of what was formed stay for the next time. */
	end(error: TacetError): void {
		clearTimeout(this.#wait);
		this.#wait = undefined;
		for (const asked of [...this.#asked]) this.#refuse(asked, error);
	}

	/** All on offer is verified: an old epoch is followed by a new one, by one owner's device. */
	caughtUp(): void {
		if (!this.#isOld || this.#renewing) return;
		if (!this.#due) {
			this.#wait ??= setTimeout(() => {
				this.#wait = undefined;
				this.#due = true;
				if (this.#parts.isReady()) this.#parts.pull();
			}, this.#parts.repairWaitMs());
			return;
		}
		this.#due = false;
		this.#renewing = true;
		void this.#renew().finally(() => {
			this.#renewing = false;
		});
	}

	get #isOld(): boolean {
		const { chain, account, nowMs, leads, mayWrite, isOneself } = this.#parts;
		const { members, openEpoch } = chain.state;
		if (members.get(account)?.role !== 'owner' || !isOneself()) return false;
		if (!leads() || !mayWrite()) return false;
		const openedAtMs = chain.ledger.openedAtMs(openEpoch);
		return openedAtMs !== null && nowMs() - openedAtMs > epochTtlSeconds * 1_000;
	}

	/** The keyring's one epoch derives from the root. */
	async #renew(): Promise<void> {
		const { crypto, space } = this.#parts;
		const keyring = await crypto.keyringSpace();
		// Another owner may have been faster; then there is nothing left to do.
		if (keyring.space !== space) await this.administer({ type: 'rotate' });
	}
}
