// Spaces in which somebody of every role stands, made of real signatures over real bytes, so that the
// same commits can be judged, sent to a real edge, and served to a real client.
import { expect } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import type { ParsedEntry } from '../../crypto/log-rules.ts';
import { encodeGenesis, type Commit } from '../../protocol/commit.ts';
import type { Append } from '../../protocol/frames.ts';
import { wrapBytes } from '../../protocol/limits.ts';
import {
	adding,
	Chain,
	makePerson,
	pageIn,
	removing,
	settings,
	signedEntry,
	type Person
} from './log-fixture.ts';

/** Who acts. */
export const actors = [
	...(['owner', 'editor', 'viewer', 'auditor'] as const),
	...(['link editor', 'link viewer', 'removed', 'stranger'] as const)
] as const;
export type Actor = (typeof actors)[number];

/** Whom they act upon: others of the same roles. */
export const targets = actors.slice(0, 6) as readonly Exclude<Actor, 'removed' | 'stranger'>[];
export type Target = (typeof targets)[number];

export interface Cast {
	readonly actor: Readonly<Record<Actor, Person>>;
	readonly target: Readonly<Record<Target, Person>>;
	/** Stands nowhere yet: whoever is added. */
	readonly newcomer: Person;
	/** A viewer and an auditor who leave by themselves, where a key is owed. */
	readonly leavers: readonly [Person, Person];
}

const people = await Promise.all(Array.from({ length: 17 }, (_, index) => makePerson(index + 1)));
const person = (index: number): Person => people[index]!;

export const cast: Cast = {
	actor: Object.fromEntries(actors.map((actor, index) => [actor, person(index)])) as Cast['actor'],
	target: Object.fromEntries(
		targets.map((target, index) => [target, person(8 + index)])
	) as Cast['target'],
	newcomer: person(14),
	leavers: [person(15), person(16)]
};

/** What stands before the action, beside one of each role and two pages. */
export const starts = [
	'quiet',
	'an epoch owed',
	'an audit key owed',
	'no other owner',
	'links not allowed'
] as const;
export type Start = (typeof starts)[number];

/** A signed commit with the bytes that travel beside it, and whose it is. */
export interface Sent {
	readonly author: Person;
	readonly entry: ParsedEntry;
	readonly append: Append;
}

export const kindOf = (who: Actor) => (who.startsWith('link') ? 'link' : 'person');
/** The role of somebody who stands on the log. */
export function roleOf(who: Target): 'owner' | 'editor' | 'viewer' | 'auditor' {
	if (who === 'link editor') return 'editor';
	return who === 'link viewer' ? 'viewer' : who;
}

/** Whether an actor stands on the log of a space of this start. */
export const isMember = (who: Actor, start: Start): boolean =>
	who !== 'removed' &&
	who !== 'stranger' &&
	!(start === 'links not allowed' && kindOf(who) === 'link');

/** A chain, and what went over the wire to make it. */
export class Stage {
	readonly chain: Chain;
	readonly sent: Sent[] = [];

	constructor(random: Uint8Array) {
		const { account, identity } = cast.actor.owner;
		const body = { creator: account, creatorIdentity: identity.hash, random };
		this.chain = new Chain(cast.actor.owner, encodeGenesis(body));
	}

	async take(author: Person, commit: Commit): Promise<void> {
		const sent = await signed(author, commit);
		const judged = this.chain.offer(sent.entry);
		expect(judged.ok ? null : judged.error).toBeNull();
		this.sent.push(sent);
	}
}

/** Gives a commit bytes for whatever it names by hash, and its author's signature. */
export async function signed(author: Person, commit: Commit): Promise<Sent> {
	const { admin } = commit;
	const pages = commit.pages.map(({ lengthBytes }) => new Uint8Array(lengthBytes).fill(7));
	const wraps = (admin?.wraps ?? []).map((_, index) => new Uint8Array(wrapBytes).fill(index));
	const previousKey = admin?.epoch?.previousHash ? new Uint8Array(72).fill(8) : null;
	const complete: Commit = {
		...commit,
		pages: commit.pages.map((page, index) => ({ ...page, hash: sha256(pages[index]!) })),
		admin: admin && {
			...admin,
			epoch: admin.epoch && {
				...admin.epoch,
				previousHash: previousKey && sha256(previousKey)
			},
			wraps: admin.wraps.map((wrap, index) => ({ ...wrap, hash: sha256(wraps[index]!) }))
		}
	};
	const entry = await signedEntry(complete, author.signing);
	const { commit: bytes, signature } = entry;
	return {
		author,
		entry,
		append: { type: 'append', commit: bytes, signature, pages, wraps, previousKey }
	};
}

/** A new space; `random` of 32 bytes makes it another one. */
export async function stageOf(start: Start, random: Uint8Array): Promise<Stage> {
	const stage = new Stage(random);
	const { chain } = stage;
	const { owner, removed, editor } = cast.actor;
	await stage.take(owner, chain.firstCommit({ audit: true }));
	const standing = (['actor', 'target'] as const).flatMap((side) =>
		targets
			.filter((who) => !(side === 'actor' && who === 'owner'))
			.map((who) => adding(cast[side][who], roleOf(who), kindOf(who)))
	);
	const [viewer, auditor] = cast.leavers;
	const leaving = [adding(removed, 'editor'), adding(viewer, 'viewer'), adding(auditor, 'auditor')];
	await stage.take(owner, chain.change(owner, [...standing, ...leaving]));
	await stage.take(removed, chain.draft(removed, { pages: [pageIn(1), pageIn(1)] }));
	await stage.take(owner, chain.change(owner, [removing(removed)]));
	await stage.take(editor, chain.draft(editor, { pages: [pageIn(2)] }));
	await prepare(stage, start);
	return stage;
}

async function prepare(stage: Stage, start: Start): Promise<void> {
	const { chain } = stage;
	const { owner } = cast.actor;
	const [viewer, auditor] = cast.leavers;
	if (start === 'an epoch owed') await stage.take(viewer, chain.leaving(viewer));
	if (start === 'an audit key owed') await stage.take(auditor, chain.leaving(auditor));
	if (start === 'no other owner') {
		await stage.take(owner, chain.change(owner, [removing(cast.target.owner)]));
	}
	if (start !== 'links not allowed') return;
	const links = (['link editor', 'link viewer'] as const).flatMap((who) =>
		[cast.actor[who], cast.target[who]].map((link) => removing(link, 'link'))
	);
	const linksOff = { ...settings, linksAllowed: false };
	await stage.take(owner, chain.change(owner, links, { settings: linksOff }));
}
