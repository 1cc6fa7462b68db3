// People with real keys, and a chain to put their commits on. The drafts below work out keys and
// wraps from the members alone, independently of the rules that they are judged by.
import { x25519 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import { createIdentity, renewIdentity, type Identity } from '../../crypto/identity.ts';
import {
	genesisHashOf,
	judge,
	parseEntry,
	spaceOfGenesisHash,
	type Judged,
	type LogHistory,
	type ParsedEntry,
	type RuleFault
} from '../../crypto/log-rules.ts';
import { countKey, emptyLog, type LogState } from '../../crypto/log-state.ts';
import { importSigningKey, sign, type SigningKey } from '../../crypto/signature.ts';
import { concatBytes, equalBytes } from '../../protocol/bytes.ts';
import {
	encodeCommit,
	encodeGenesis,
	type Admin,
	type Commit,
	type MemberChange,
	type PageHeader,
	type Role
} from '../../protocol/commit.ts';
import { idFromBytes, type AccountId, type DeviceId, type SpaceId } from '../../protocol/ids.ts';
import { commitSigningInput, type KeyKind } from '../../protocol/labels.ts';
import type { Result } from '../../protocol/result.ts';

export interface Person {
	readonly account: AccountId;
	readonly identity: Identity;
	/** The entry after the first, by the same person. */
	readonly renewed: Identity;
	readonly signing: SigningKey;
	readonly renewedSigning: SigningKey;
	readonly device: DeviceId;
	readonly phone: DeviceId;
}

/** All coefficients zero, and a point of large order: as good as any key for rules that only read it. */
export const kemKeyOf = (seed: number): Uint8Array =>
	concatBytes(
		new Uint8Array(1_152),
		new Uint8Array(32).fill(seed),
		x25519.getPublicKey(new Uint8Array(32).fill(seed))
	);

export async function makePerson(seed: number): Promise<Person> {
	const signing = await importSigningKey(new Uint8Array(32).fill(seed));
	const renewedSigning = await importSigningKey(new Uint8Array(32).fill(128 + seed));
	const identity = await createIdentity({ signing, kemKey: kemKeyOf(seed) });
	const renewed = await renewIdentity(identity, {
		signing: renewedSigning,
		kemKey: kemKeyOf(128 + seed),
		previousKey: signing.privateKey
	});
	const deviceOf = (fill: number) => idFromBytes<DeviceId>(new Uint8Array(16).fill(fill));
	return {
		account: identity.account,
		identity,
		renewed,
		signing,
		renewedSigning,
		device: deviceOf(seed),
		phone: deviceOf(64 + seed)
	};
}

const readsContent = (role: Role | undefined): boolean => role !== undefined && role !== 'auditor';
const readsAudit = (role: Role | undefined): boolean => role === 'owner' || role === 'auditor';

/** 32 bytes, all alike. */
export const hashOf = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** The smallest sealed page: 128 bytes and the seal around them. */
export const pageIn = (epoch: number, header: Partial<PageHeader> = {}): PageHeader => ({
	epoch,
	lengthBytes: 168,
	hash: hashOf(7),
	expiresAtMs: null,
	...header
});

export const adding = (
	{ account, identity }: Pick<Person, 'account' | 'identity'>,
	role: Role,
	kind: MemberChange['kind'] = 'person'
): MemberChange => ({ account, role, kind, identityEntry: identity.bytes });

export const removing = (
	{ account }: Pick<Person, 'account'>,
	kind: MemberChange['kind'] = 'person'
): MemberChange => ({ account, role: null, kind, identityEntry: null });

export const setting = (
	{ account }: Pick<Person, 'account'>,
	role: Role,
	kind: MemberChange['kind'] = 'person'
): MemberChange => ({ account, role, kind, identityEntry: null });

export interface KeysWanted {
	readonly epoch?: boolean;
	readonly audit?: boolean;
	readonly settings?: Admin['settings'];
}

interface Standing {
	readonly role: Role;
	readonly entry: Uint8Array;
}

const sameEntry = (a: Standing, b: Standing): boolean =>
	a.entry === b.entry || equalBytes(a.entry, b.entry);

/**
 * The admin part that an honest owner makes of these member changes: with the keys that they make
 * necessary or that are asked for, and a wrap for each who should get one.
 */
export function adminFor(
	state: LogState,
	changes: readonly MemberChange[],
	wanted: KeysWanted = {}
): Admin {
	const before = new Map<AccountId, Standing>();
	for (const { account, role, identity } of state.members.values()) {
		before.set(account, { role, entry: identity.bytes });
	}
	const after = new Map(before);
	for (const { account, role, identityEntry } of changes) {
		const entry = identityEntry ?? before.get(account)?.entry;
		if (role === null || entry === undefined) after.delete(account);
		else after.set(account, { role, entry });
	}
	const keeps = (account: AccountId, may: typeof readsAudit): boolean => {
		const [old, now] = [before.get(account), after.get(account)];
		return old !== undefined && now !== undefined && may(old.role) && may(now.role)
			? sameEntry(old, now)
			: false;
	};
	const someoneLoses = (may: typeof readsAudit): boolean =>
		[...before].some(([account, old]) => may(old.role) && !keeps(account, may));
	const opens = wanted.epoch ?? (state.openEpoch === 0 || someoneLoses(readsContent));
	const setsAudit = wanted.audit ?? (state.audit !== null && someoneLoses(readsAudit));
	const wrapsOf = (kind: KeyKind, number: number, may: typeof readsAudit, fresh: boolean) =>
		[...after]
			.filter(([account, now]) => may(now.role) && (fresh || !keeps(account, may)))
			.map(([recipient]) => ({ kind, number, recipient, hash: hashOf(9) }));
	const epoch = state.openEpoch + (opens ? 1 : 0);
	const audit = (state.audit?.number ?? 0) + (setsAudit ? 1 : 0);
	return {
		members: changes,
		epoch: opens
			? { number: epoch, commitment: hashOf(epoch), previousHash: epoch === 1 ? null : hashOf(8) }
			: null,
		audit: setsAudit ? { number: audit, publicKey: new Uint8Array(1_216).fill(audit) } : null,
		wraps: [
			...wrapsOf('content', epoch, readsContent, opens),
			...(audit > 0 ? wrapsOf('audit', audit, readsAudit, setsAudit) : [])
		],
		settings: wanted.settings ?? null
	};
}

/** Whom a draft is by, when that is not a person's first device and identity. */
export interface Hand {
	readonly device?: DeviceId;
	readonly identity?: Identity;
}

export type Draft = Partial<Omit<Commit, 'author' | 'identity' | 'device'>> & Hand;

/** A signature that nobody made: the rules hand signatures back instead of looking at them. */
export const unsigned = new Uint8Array(64).fill(5);

export const entryOf = (commit: Commit, signature: Uint8Array = unsigned): ParsedEntry => {
	const parsed = parseEntry({ commit: encodeCommit(commit), signature });
	if (!parsed.ok) throw new Error(parsed.error);
	return parsed.value;
};

/** With the signature that its author makes. */
export async function signedEntry(commit: Commit, key: SigningKey): Promise<ParsedEntry> {
	const bytes = encodeCommit(commit);
	return entryOf(commit, await sign(key.privateKey, commitSigningInput(bytes)));
}

/** What somebody holds of a space: the state, and what the rules look up behind it. */
export class Chain implements LogHistory {
	readonly space: SpaceId;
	state: LogState;
	readonly entries: ParsedEntry[] = [];
	readonly #heads: Uint8Array[];

	readonly creator: Person;
	readonly genesis: Uint8Array;

	constructor(creator: Person, genesis?: Uint8Array) {
		const { account, identity } = creator;
		this.creator = creator;
		this.genesis =
			genesis ??
			encodeGenesis({ creator: account, creatorIdentity: identity.hash, random: hashOf(3) });
		const hash = genesisHashOf(this.genesis);
		this.space = spaceOfGenesisHash(hash);
		this.state = emptyLog(this.space);
		this.#heads = [hash];
	}

	headAt(seq: number): Uint8Array | undefined {
		return this.#heads[seq];
	}

	pageCountAt(seq: number): number | undefined {
		return this.entries[seq - 1]?.parsed.pages.length;
	}

	/** A commit as its author would form it now, but for what `fields` says. */
	draft(author: Person, fields: Draft): Commit {
		const { device = author.device, identity = author.identity, ...rest } = fields;
		return {
			space: this.space,
			author: author.account,
			identity: identity.hash,
			device,
			count: (this.state.counts.get(countKey(author.account, device)) ?? 0) + 1,
			seen: { seq: this.state.head.seq, hash: this.#heads[this.state.head.seq] ?? hashOf(0) },
			timeMs: 1_000,
			pages: [],
			supersedes: [],
			purge: [],
			admin: null,
			genesis: null,
			...rest
		};
	}

	/** Entry 1, by the creator. */
	firstCommit(keys: KeysWanted = {}): Commit {
		const admin = adminFor(this.state, [adding(this.creator, 'owner')], keys);
		return this.draft(this.creator, { genesis: this.genesis, admin });
	}

	/** An admin commit as an honest owner forms it. */
	change(author: Person, members: readonly MemberChange[], keys: KeysWanted = {}): Commit {
		return this.draft(author, { admin: adminFor(this.state, members, keys) });
	}

	/** A commit by which somebody leaves, as whatever they are. */
	leaving(author: Person): Commit {
		const alone = { epoch: null, audit: null, wraps: [], settings: null };
		const kind = this.state.members.get(author.account)?.kind;
		return this.draft(author, { admin: { members: [removing(author, kind)], ...alone } });
	}

	/** What the rules say, without taking the entry. */
	judge(commit: Commit): Result<Judged, RuleFault> {
		return judge(this.state, this, entryOf(commit));
	}

	/** Takes the entry when the rules allow it. */
	offer(entry: ParsedEntry): Result<Judged, RuleFault> {
		const judged = judge(this.state, this, entry);
		if (judged.ok) this.put(entry, judged.value);
		return judged;
	}

	/** Takes an entry that was judged here. */
	put(entry: ParsedEntry, { state }: Judged): void {
		this.state = state;
		this.entries.push(entry);
		this.#heads.push(state.head.hash);
	}

	/** Takes an entry that must be good. */
	take(commit: Commit): this {
		const judged = this.offer(entryOf(commit));
		expect(judged.ok ? null : judged.error).toBeNull();
		return this;
	}
}

export const ada = await makePerson(1);
export const bob = await makePerson(2);
export const eve = await makePerson(3);
export const vic = await makePerson(4);
export const aud = await makePerson(5);
export const lin = await makePerson(6);
export const zoe = await makePerson(7);

/** Two owners, an editor, a viewer, an auditor and an editing link; two pages at entry 3. */
export function world(keys: KeysWanted = { audit: true }): Chain {
	const chain = new Chain(ada);
	chain.take(chain.firstCommit(keys));
	const added = [
		...[adding(bob, 'owner'), adding(eve, 'editor'), adding(vic, 'viewer')],
		...[adding(aud, 'auditor'), adding(lin, 'editor', 'link')]
	];
	chain.take(chain.change(ada, added));
	return chain.take(chain.draft(eve, { pages: [pageIn(1), pageIn(1)] }));
}

export const nobody = (): Chain => new Chain(ada);
export const writing = (chain: Chain, more: Draft = {}): Commit =>
	chain.draft(eve, { pages: [pageIn(chain.state.openEpoch)], ...more });

export interface Breach {
	readonly how: string;
	readonly start?: () => Chain;
	/** Breaks this one rule. */
	readonly broken: (chain: Chain) => Commit;
	/** The nearest entry that doesn't. */
	readonly kept: (chain: Chain) => Commit;
}

export const withoutFirstWrap = (commit: Commit): Commit => ({
	...commit,
	admin: { ...commit.admin!, wraps: commit.admin!.wraps.slice(1) }
});

export const bare = { members: [], epoch: null, audit: null, wraps: [], settings: null };
export const settings = { retentionDays: 30, defaultExpiryDays: null, linksAllowed: true };

export function leftBy(...leavers: readonly (typeof ada)[]): Chain {
	const chain = world();
	for (const leaver of leavers) chain.take(chain.leaving(leaver));
	return chain;
}

export const openingOwed = (chain: Chain, author = eve): Commit => {
	const admin = adminFor(chain.state, [], { epoch: true });
	return chain.draft(author, { admin, pages: [pageIn(admin.epoch!.number)] });
};

/** One test for each breach: it is refused for this fault, and its neighbour is taken. */
export function testBreaches(
	breaches: Readonly<Partial<Record<RuleFault, readonly Breach[]>>>
): void {
	for (const [fault, cases] of Object.entries(breaches)) {
		for (const { how, start = world, broken, kept } of cases) {
			test(`${fault}: ${how}`, () => {
				const chain = start();
				const refused = chain.judge(broken(chain));
				expect(refused.ok ? 'accepted' : refused.error).toBe(fault);
				const taken = kept(chain);
				const accepted = (chain.space === taken.space ? chain : world()).judge(taken);
				expect(accepted.ok ? 'accepted' : accepted.error).toBe('accepted');
			});
		}
	}
}
