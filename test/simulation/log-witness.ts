// What must never happen, watched from beside one device: own bookkeeping of who may do what and who
// has held which key, from the entries alone. It shares nothing with the rules but the formats.
import type { ParsedEntry } from '../../crypto/log-rules.ts';
import { equalBytes, toHex } from '../../protocol/bytes.ts';
import type { Commit, MemberKind, Role } from '../../protocol/commit.ts';
import { parseIdentityEntry } from '../../protocol/identity.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { sha256 } from '../../crypto/hash.ts';

interface Standing {
	readonly role: Role;
	readonly kind: MemberKind;
	/** Hex of the identity hash. */
	readonly identity: string;
}

interface ChainView {
	headAt(seq: number): Uint8Array | undefined;
}

const holder = (account: AccountId, identity: string): string => `${account}#${identity}`;
const writes = (role: Role): boolean => role === 'owner' || role === 'editor';

export class Witness {
	/** What the last entry was, for counting what a run has reached. */
	happened: string[] = [];
	#seq = 0;
	#epoch = 0;
	#members = new Map<AccountId, Standing>();
	/** Everybody who has ever held the open epoch's key, or made it. */
	#holders = new Set<string>();
	#auditHolders = new Set<string>();
	/** Somebody who held the open epoch's key stopped reading, and perhaps came back since. */
	#owed = false;
	#linksAllowed = true;
	readonly #adminSeqs: number[] = [];
	readonly #seen = new Set<string>();
	readonly #counts = new Map<string, number>();

	#assert(holds: boolean, what: string): void {
		if (!holds) throw new Error(`${what}, at entry ${this.#seq}`);
	}

	see(entry: ParsedEntry, chain: ChainView, intent?: { seq: number; head: Uint8Array }): void {
		const commit = entry.parsed;
		this.#seq += 1;
		this.happened = [];
		const bytes = toHex(sha256(entry.commit));
		this.#assert(!this.#seen.has(bytes), 'identical bytes count twice');
		this.#seen.add(bytes);
		const key = `${commit.author} ${commit.device}`;
		this.#assert(commit.count === (this.#counts.get(key) ?? 0) + 1, 'a count leaves one out');
		this.#counts.set(key, commit.count);
		if (intent) this.#checkIntent(commit, chain, intent);
		const author = this.#checkRights(commit);
		const before = this.#outsiders();
		if (commit.admin) this.#apply(commit, author);
		this.#checkOutsiders(commit, before);
		this.#noteOwed();
		this.#checkPages(commit);
	}

	/** An honest author’s entry stands only on the history that they had before them. */
	#checkIntent(commit: Commit, chain: ChainView, intent: { seq: number; head: Uint8Array }): void {
		const head = chain.headAt(intent.seq);
		this.#assert(head !== undefined && equalBytes(head, intent.head), 'an entry crossed a fork');
		if (commit.admin === null) return;
		const between = this.#adminSeqs.some((seq) => seq > intent.seq);
		this.#assert(!between, 'a stale admin intent took effect');
	}

	/** Nobody outside the role writes. Returns who wrote, as they stood before. */
	#checkRights(commit: Commit): Standing | null {
		if (this.#seq === 1) return null;
		const author = this.#members.get(commit.author);
		if (author === undefined) throw new Error(`a stranger wrote, at entry ${this.#seq}`);
		this.#assert(author.identity === toHex(commit.identity), 'a replaced identity wrote');
		const items = commit.pages.length + commit.supersedes.length > 0;
		this.#assert(!items || writes(author.role), 'a reader wrote');
		this.#assert(commit.purge.length === 0 || author.role === 'owner', 'an editor purged');
		if (commit.admin && author.role !== 'owner') {
			const { members, epoch, audit, settings } = commit.admin;
			const leaves = members.length === 1 && members[0]?.account === commit.author;
			const leaving = leaves && members[0]?.role === null && !epoch && !audit && !settings;
			const bare = members.length === 0 && !audit && !settings && commit.pages.length > 0;
			this.#assert(
				leaving || (bare && writes(author.role) && this.#owed),
				'a member without the role ruled'
			);
			this.#assert(!leaving || author.kind === 'person', 'a link left by itself');
			if (!leaving) this.happened.push(`owed epoch opened by an editor, a ${author.kind}`);
		}
		return author;
	}

	/** Holders who do not read now, under this identity. */
	#strangers(holders: ReadonlySet<string>, reads: (role: Role) => boolean): readonly string[] {
		const readers = new Set(
			[...this.#members]
				.filter(([, { role }]) => reads(role))
				.map(([account, { identity }]) => holder(account, identity))
		);
		return [...holders].filter((one) => !readers.has(one));
	}

	/** Holders of a key that is not theirs any more, of either kind of key. */
	#outsiders(): ReadonlySet<string> {
		const content = this.#strangers(this.#holders, (role) => role !== 'auditor');
		const audit = this.#strangers(this.#auditHolders, (role) => !/editor|viewer/.test(role));
		return new Set([
			...content.map((one) => `content ${one}`),
			...audit.map((one) => `audit ${one}`)
		]);
	}

	/** Who loses reading by another’s hand is shut out in the same commit; only one’s own waits. */
	#checkOutsiders(commit: Commit, before: ReadonlySet<string>): void {
		for (const one of this.#outsiders()) {
			const isAuthor = one.includes(` ${holder(commit.author, '')}`);
			this.#assert(before.has(one) || isAuthor, 'a key stayed with somebody who lost reading');
		}
	}

	#changeMembers({ admin, author }: Commit): void {
		for (const { account, role, kind, identityEntry } of admin!.members) {
			const entry = identityEntry && parseIdentityEntry(identityEntry);
			const identity = entry?.ok ? toHex(sha256(entry.value.bodyBytes)) : undefined;
			const before = this.#members.get(account);
			this.#assert(before === undefined || before.kind === kind, 'a kind changed');
			if (role === null) {
				const how = account === author ? 'left' : 'removed';
				this.happened.push(how, `${before?.kind ?? ''} ${before?.role ?? ''} ${how}`);
				this.#members.delete(account);
				continue;
			}
			const plain = kind === 'person' || role === 'editor' || role === 'viewer';
			this.#assert(plain, 'a link rules, or audits');
			if (before === undefined) this.happened.push(`${kind} ${role} added`);
			else if (before.role !== role) this.happened.push(`${kind}: ${before.role} to ${role}`);
			if (identity !== undefined && before) this.happened.push('identity replaced');
			const standing = { role, kind, identity: identity ?? before?.identity ?? '' };
			this.#members.set(account, standing);
		}
	}

	#apply(commit: Commit, author: Standing | null): void {
		const { epoch, audit, wraps, settings } = commit.admin!;
		this.#adminSeqs.push(this.#seq);
		this.#changeMembers(commit);
		const standing = [...this.#members.values()];
		this.#assert(
			standing.some(({ role }) => role === 'owner'),
			'no owner is left'
		);
		if (settings) this.#linksAllowed = settings.linksAllowed;
		if (settings) this.happened.push(settings.linksAllowed ? 'links allowed' : 'links forbidden');
		const hasLink = standing.some(({ kind }) => kind === 'link');
		this.#assert(this.#linksAllowed || !hasLink, 'a link where none is allowed');
		if (audit) this.happened.push('audit key set');
		if (epoch && this.#owed) this.happened.push('owed epoch opened');
		const maker = holder(commit.author, author?.identity ?? toHex(commit.identity));
		if (epoch) {
			this.#assert(epoch.number === this.#epoch + 1, 'an epoch went another way than up');
			this.#epoch = epoch.number;
			this.#holders = new Set([maker]);
			// The same person, under the identity that they come to have by this commit.
			if (this.#replacesOwnIdentity(commit)) this.#holders.clear();
		}
		if (epoch) this.#owed = false;
		if (audit) this.#auditHolders = new Set(this.#replacesOwnIdentity(commit) ? [] : [maker]);
		for (const { kind, number, recipient } of wraps) {
			const member = this.#members.get(recipient);
			if (member === undefined) throw new Error(`a key for a stranger, at entry ${this.#seq}`);
			const reads =
				kind === 'content' ? member.role !== 'auditor' : !/editor|viewer/.test(member.role);
			this.#assert(reads, `a ${kind} key for a role that does not read it`);
			if (kind === 'content') this.#assert(number === this.#epoch, 'a wrap of a closed epoch');
			const holders = kind === 'content' ? this.#holders : this.#auditHolders;
			holders.add(holder(recipient, member.identity));
		}
	}

	#noteOwed(): void {
		this.#owed ||= this.#strangers(this.#holders, (role) => role !== 'auditor').length > 0;
	}

	#replacesOwnIdentity(commit: Commit): boolean {
		const own = commit.admin!.members.find(({ account }) => account === commit.author);
		return own?.role != null && own.identityEntry !== null;
	}

	/** A page is sealed under the open epoch, whose key all readers and nobody else has held. */
	#checkPages(commit: Commit): void {
		if (commit.pages.length === 0) return;
		this.happened.push('pages');
		for (const { epoch } of commit.pages) {
			this.#assert(epoch === this.#epoch, 'a page under a closed epoch');
		}
		const strangers = this.#strangers(this.#holders, (role) => role !== 'auditor');
		this.#assert(strangers.length === 0, 'a page that somebody outside can read');
		for (const [account, { role, identity }] of this.#members) {
			const has = this.#holders.has(holder(account, identity));
			this.#assert(role === 'auditor' || has, 'a page that a reader can not read');
		}
		const author = this.#members.get(commit.author);
		if (author?.role !== 'owner') return;
		const outside = this.#strangers(this.#auditHolders, (role) => !/editor|viewer/.test(role));
		this.#assert(outside.length === 0, 'an owner wrote while an audit key was held outside');
	}
}
