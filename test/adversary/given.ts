// What a device was given of a log: which signed bytes of pages reached it, and what those pages
// say. What it may show follows from that, and from nothing else.
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Chain, pageName, type PageName } from '../../client/chain.ts';
import { Pages } from '../../client/pages.ts';
import type { Store } from '../../client/store.ts';
import { sha256 } from '../../crypto/hash.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { equalBytes } from '../../protocol/bytes.ts';
import { parseCommit, type Commit } from '../../protocol/commit.ts';
import { parseSpaceFrame, type Entry, type SignedCommit } from '../../protocol/frames.ts';
import type { Seq } from '../../protocol/ids.ts';
import { encodeChange } from '../../protocol/page.ts';
import type { Told } from './liar.ts';
import type { World } from './world.ts';

export interface Given {
	/** Pages whose signed bytes came with their entry, however often that came. */
	readonly surely: ReadonlySet<PageName>;
	/** Pages whose signed bytes came at all. */
	readonly possibly: ReadonlySet<PageName>;
}

interface PageSays {
	readonly items: ReadonlySet<string>;
	/** Words of a history are unique: each was written by one page. */
	readonly words: readonly string[];
}

const commitOf = ({ commit }: SignedCommit): Commit => {
	const parsed = parseCommit(commit);
	if (!parsed.ok) throw new Error('an honest log is well-formed');
	return parsed.value;
};

/** What reached a device that held everything until `from`, out of all that it was told. */
export function givenTo(world: World, told: readonly Told[], from: Seq): Given {
	const deliveries = new Map<PageName, boolean[]>();
	const possibly = new Set<PageName>();
	const headers = new Map<PageName, Commit['pages'][number]>();
	for (const entry of world.entries) {
		for (const [index, header] of commitOf(entry).pages.entries()) {
			const name = pageName({ seq: entry.seq, index });
			headers.set(name, header);
			if (entry.seq <= from) deliveries.set(name, [true]);
			if (entry.seq <= from) possibly.add(name);
		}
	}
	const note = (name: PageName, page: Uint8Array | null): boolean => {
		const header = headers.get(name);
		const isSigned = page !== null && header && equalBytes(sha256(page), header.hash);
		if (isSigned) possibly.add(name);
		return isSigned === true;
	};
	for (const { space, message } of told) {
		const frame = typeof message === 'string' ? null : parseSpaceFrame(message);
		if (space !== world.space || !frame?.ok) continue;
		if (frame.value.type === 'pages') {
			for (const { page, ...place } of frame.value.pages) note(pageName(place), page);
		}
		if (frame.value.type !== 'entries') continue;
		for (const entry of frame.value.entries.filter((given) => isOf(world, given))) {
			for (const index of commitOf(entry).pages.keys()) {
				const name = pageName({ seq: entry.seq, index });
				const came = note(name, entry.pages[index] ?? null);
				deliveries.set(name, [...(deliveries.get(name) ?? []), came]);
			}
		}
	}
	const surely = [...deliveries].filter(([, came]) => came.every(Boolean));
	return { possibly, surely: new Set(surely.map(([name]) => name)) };
}

const isOf = ({ entries }: World, given: Entry): boolean => {
	const own = entries[given.seq - 1];
	return (
		own !== undefined &&
		equalBytes(own.commit, given.commit) &&
		equalBytes(own.signature, given.signature)
	);
};

/** Pages that were live at a place of the log. */
export function liveAt({ entries }: World, until: Seq): ReadonlySet<PageName> {
	const live = new Set<PageName>();
	for (const entry of entries.slice(0, until)) {
		const { pages, supersedes } = commitOf(entry);
		for (const index of pages.keys()) live.add(pageName({ seq: entry.seq, index }));
		for (const page of supersedes) live.delete(pageName(page));
	}
	return live;
}

const saidIn = new WeakMap<World['entries'], Promise<ReadonlyMap<PageName, PageSays>>>();

/** What each page says that an honest device of this member ever read. */
export function pagesOf(world: World): Promise<ReadonlyMap<PageName, PageSays>> {
	const said = saidIn.get(world.entries) ?? readPages(world);
	saidIn.set(world.entries, said);
	return said;
}

async function readPages(world: World): Promise<ReadonlyMap<PageName, PageSays>> {
	const { keys, space, entries } = world;
	const core = startCryptoInProcess(() => Promise.resolve(opaqueModule));
	const me = await core.port.takeKeys({
		...keys,
		kemSeed: keys.kemSeed.slice(),
		keyringEpochKey: keys.keyringEpochKey.slice()
	});
	const pages = new Pages(space, core.port, me);
	const chain = new Chain(space);
	const { judged } = chain.try(entries);
	chain.accept(judged);
	const bytes = await bytesOf(world);
	const received = judged.map(({ seq, commit }, position) => ({
		...{ seq, commit },
		pages: commit.pages.map((_, index) => bytes.get(pageName({ seq, index })) ?? null),
		wraps: entries[position]?.wraps ?? [],
		previousKey: entries[position]?.previousKey ?? null
	}));
	await pages.learnKeys(received, chain.state);
	const placed = await pages.open(received);
	core.end();
	const text = new TextDecoder();
	return new Map(
		placed.map(({ changes, ...place }) => [
			pageName(place),
			{
				items: new Set(changes.map(({ item }) => item)),
				words: changes.flatMap((change) => wordsOf(text.decode(encodeChange(change))))
			}
		])
	);
}

/** An honest edge gives nothing any more of what is superseded: a device that was there has it. */
async function bytesOf({ stores, space }: World): Promise<ReadonlyMap<PageName, Uint8Array>> {
	const bytes = new Map<PageName, Uint8Array>();
	const keep = async (store: Store): Promise<void> => {
		const loaded = await store.loadEntries(space, 0, 1_000_000);
		if (!loaded.ok) throw new Error('a store in memory can be read');
		for (const { seq, pages } of loaded.value) {
			for (const [index, page] of pages.entries()) {
				if (page !== null) bytes.set(pageName({ seq, index }), page);
			}
		}
	};
	for (const store of stores.values()) await keep(store);
	return bytes;
}

export const wordsOf = (text: string): readonly string[] => text.match(/word\w+/g) ?? [];
