// What can be read off a log without any key: who committed, when, and how much. For owners and
// auditors alike.
import type { Commit, Role } from '../protocol/commit.ts';
import type { AccountId, DeviceId, Seq } from '../protocol/ids.ts';

export type ActivityEvent =
	| { readonly type: 'created' }
	| { readonly type: 'pages'; readonly pages: number; readonly bytes: number }
	| { readonly type: 'superseded'; readonly pages: number }
	| { readonly type: 'added'; readonly account: AccountId; readonly role: Role }
	| { readonly type: 'role_changed'; readonly account: AccountId; readonly role: Role }
	| { readonly type: 'removed'; readonly account: AccountId }
	| { readonly type: 'left'; readonly account: AccountId }
	| { readonly type: 'epoch'; readonly number: number }
	| { readonly type: 'settings' };

export interface ActivityEntry {
	readonly seq: Seq;
	readonly author: AccountId;
	readonly device: DeviceId;
	/** By the author's clock. */
	readonly timeMs: number;
	readonly events: readonly ActivityEvent[];
}

/** Entries that only bring pages: as many as anybody scrolls through. */
const keptPageEntries = 1_000;

/** Every administrative entry of a log, and the newest ones with nothing but pages. */
export class ActivityLog {
	readonly #admin: ActivityEntry[] = [];
	#pages: ActivityEntry[] = [];
	readonly #members = new Set<AccountId>();

	note(seq: Seq, commit: Commit): void {
		const { author, device, timeMs, admin } = commit;
		const events = [...this.#adminEvents(commit), ...pageEvents(commit)];
		const entry = { seq, author, device, timeMs, events };
		if (admin !== null) {
			this.#admin.push(entry);
			return;
		}
		this.#pages.push(entry);
		// In bulk, so that each entry costs the same.
		if (this.#pages.length > 2 * keptPageEntries) this.#pages = this.#pages.slice(-keptPageEntries);
	}

	*#adminEvents({ admin, author, genesis }: Commit): Generator<ActivityEvent> {
		if (genesis !== null) yield { type: 'created' };
		for (const { account, role } of admin?.members ?? []) {
			const type = this.#members.has(account) ? 'role_changed' : 'added';
			if (role === null) {
				this.#members.delete(account);
				yield { type: account === author ? 'left' : 'removed', account };
			} else {
				this.#members.add(account);
				// Who made the space is its first member.
				if (genesis === null) yield { type, account, role };
			}
		}
		if (admin?.epoch) yield { type: 'epoch', number: admin.epoch.number };
		if (admin?.settings) yield { type: 'settings' };
	}

	/** Newest first. */
	newest(limit: number): readonly ActivityEntry[] {
		return [...this.#admin.slice(-limit), ...this.#pages.slice(-limit)]
			.sort((a, b) => b.seq - a.seq)
			.slice(0, limit);
	}
}

function* pageEvents({ pages, supersedes }: Commit): Generator<ActivityEvent> {
	const bytes = pages.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
	if (pages.length > 0) yield { type: 'pages', pages: pages.length, bytes };
	if (supersedes.length > 0) yield { type: 'superseded', pages: supersedes.length };
}
