// Earlier versions of an item. What live pages say of it is at hand; what they replaced, by
// compaction or under a new key, is asked from the edge, one such commit after another, for as long as
// it is kept there. Nothing is remembered beyond the view that asked.
import type * as Y from 'yjs';
import type { PageId } from '../protocol/commit.ts';
import type { AccountId, ItemId, SpaceId } from '../protocol/ids.ts';
import type { Seed } from '../protocol/page.ts';
import { ok } from '../protocol/result.ts';
import type { ItemHistory, ItemVersion } from './api-sharing.ts';
import type { Answer } from './api.ts';
import { pageName, type PageName } from './chain.ts';
import type { Desk } from './desk.ts';
import { fail } from './errors.ts';
import { applyUpdate, bodyOf, makeDoc, titleOf } from './item-doc.ts';
import type { PastPage } from './past-pages.ts';
import type { VaultSpace } from './vault-space.ts';

/** What one author writes without a longer pause than this, in ms, is one version. */
const pauseMs = 5 * 60_000;

/** A step that takes away more characters than this ends a turn: what was there can be had again. */
const cutCharacters = 20;

/** What a page said of the item. */
interface Part {
	readonly page: PageId;
	/** Where it counts as placed: what restates others knew the log up to what its author had seen. */
	readonly after: number;
	/** Null: it says again what others may have written. */
	readonly author: AccountId | null;
	/** Pages that its commit replaced; empty unless it restates them. */
	readonly replaced: readonly PageId[];
	readonly seeds: readonly Seed[];
	readonly updates: readonly { readonly update: Uint8Array; readonly timeMs: number }[];
}

/** A view of an item's past, as far back as it was asked for. */
export async function openHistory(desk: Desk, space: SpaceId, item: ItemId): Answer<ItemHistory> {
	const open = desk.spaceOf(space);
	if (open === null || !open.items.has(item)) return fail('not_found');
	const past = new ItemPast(desk, open, item);
	return past.begin();
}

class ItemPast {
	readonly #desk: Desk;
	readonly #space: VaultSpace;
	readonly #item: ItemId;
	#parts: readonly Part[] = [];
	/** Pages that were read, so that none is asked for twice. */
	readonly #read = new Set<PageName>();
	/** Commits of which nothing earlier is kept any more. */
	readonly #ends = new Set<number>();

	constructor(desk: Desk, space: VaultSpace, item: ItemId) {
		this.#desk = desk;
		this.#space = space;
		this.#item = item;
	}

	async begin(): Answer<ItemHistory> {
		const read = await this.#readPages(this.#space.items.pagesOf(this.#item));
		if (!read.ok) return read;
		this.#parts = [...read.value.values()].flatMap((page) => this.#partOf(page));
		return ok(this.#view());
	}

	#readPages(pages: readonly PageId[]) {
		const { id, sync } = this.#space;
		for (const page of pages) this.#read.add(pageName(page));
		return sync.past.read(pages, (absent) =>
			this.#desk.call('fetchPages', { space: id, pages: absent })
		);
	}

	#partOf(read: PastPage | null): readonly Part[] {
		if (read === null) return [];
		const { page, commit, changes, restatedMs } = read;
		const own = changes.filter(({ item }) => item === this.#item);
		const isRestated = restatedMs !== null && commit.supersedes.length > 0;
		if (own.length === 0 && !isRestated) return [];
		const timeMs = restatedMs ?? commit.timeMs;
		const part: Part = {
			page,
			after: restatedMs === null ? page.seq : commit.seen.seq,
			author: isRestated ? null : commit.author,
			replaced: isRestated ? commit.supersedes : [],
			seeds: own.flatMap((change) => (change.type === 'seed' ? [change.seed] : [])),
			updates: own.flatMap((change) =>
				change.type === 'update'
					? [{ update: change.update, timeMs: change.writtenMs ?? timeMs }]
					: []
			)
		};
		return own.length === 0 ? [] : [part];
	}

	/** What says others again, and was not looked behind yet: the newest first. */
	get #next(): Part | undefined {
		return this.#parts
			.filter(({ replaced, page }) => replaced.length > 0 && !this.#ends.has(page.seq))
			.sort((a, b) => b.page.seq - a.page.seq)[0];
	}

	/** Looks behind one commit: its pages make room for those that they replaced, if these are kept. */
	async #earlier(): Answer<ItemHistory> {
		const next = this.#next;
		if (next === undefined) return ok(this.#view());
		const { seq } = next.page;
		const pages = next.replaced.filter((page) => !this.#read.has(pageName(page)));
		const read = await this.#readPages(pages);
		if (!read.ok) {
			for (const page of pages) this.#read.delete(pageName(page));
			return read;
		}
		const sources = pages.flatMap((page) => this.#partOf(read.value.get(pageName(page)) ?? null));
		const isWhole = pages.every((page) => read.value.get(pageName(page)) !== null);
		if (!isWhole) this.#ends.add(seq);
		const stays = this.#parts.filter(({ page }) => !isWhole || page.seq !== seq);
		this.#parts = [...stays, ...sources];
		return ok(this.#view());
	}

	#view(): ItemHistory {
		const earlier = this.#next !== undefined ? 'more' : this.#ends.size > 0 ? 'gone' : 'none';
		return {
			versions: versionsOf(this.#item, this.#parts),
			earlier,
			loadEarlier: () => this.#earlier()
		};
	}
}

interface Step {
	readonly author: AccountId | null;
	readonly timeMs: number;
	readonly update: Uint8Array | null;
}

/** What the item said after each author's turn, newest first. */
function versionsOf(item: ItemId, parts: readonly Part[]): readonly ItemVersion[] {
	const placed = [...parts].sort(
		(a, b) => a.after - b.after || a.page.seq - b.page.seq || a.page.index - b.page.index
	);
	const seeded = placed.find(({ seeds }) => seeds.length > 0);
	const seed = seeded?.seeds[0];
	if (seeded === undefined || seed === undefined) return [];
	const begun: Step = { author: seeded.author, timeMs: seed.createdAtMs, update: null };
	const steps = [begun, ...placed.flatMap(stepsOf)];
	const ends = turnEnds(item, seed, steps);
	const { doc } = makeDoc(item, seed, []);
	const versions: ItemVersion[] = [];
	for (const [position, step] of steps.entries()) {
		if (step.update !== null) applyUpdate(doc, step.update);
		if (!ends.has(position)) continue;
		const version = versionAt(doc, step);
		const before = versions.at(-1);
		if (before?.title !== version.title || before.body !== version.body) versions.push(version);
	}
	doc.destroy();
	return versions.reverse();
}

/** Positions of the steps after which somebody paused, or somebody else wrote, or much was cut. */
function turnEnds(item: ItemId, seed: Seed, steps: readonly Step[]): ReadonlySet<number> {
	const ends = new Set<number>();
	const { doc } = makeDoc(item, seed, []);
	let length = 0;
	for (const [position, step] of steps.entries()) {
		if (step.update !== null) applyUpdate(doc, step.update);
		const before = length;
		length = titleOf(doc).length + bodyOf(doc).length;
		if (length < before - cutCharacters) ends.add(position - 1);
		const next = steps[position + 1];
		if (next === undefined || !isSameTurn(step, next)) ends.add(position);
	}
	doc.destroy();
	return ends;
}

const stepsOf = ({ updates, author }: Part): readonly Step[] =>
	updates.map((update) => ({ ...update, author }));

/** What was joined is told from what one author wrote. */
const isSameTurn = (a: Step, b: Step): boolean =>
	a.author === b.author && (a.author === null || b.timeMs - a.timeMs < pauseMs);

const versionAt = (doc: Y.Doc, { author, timeMs }: Step): ItemVersion => ({
	...{ author, timeMs },
	title: titleOf(doc).toJSON(),
	body: bodyOf(doc).toJSON()
});
