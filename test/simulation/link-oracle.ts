// What must be true of the share links of a world that has come to rest. That none was opened, and
// nobody given anything, when it was not to be, was seen while it happened (edge-witness.ts).
import type { LinkView } from '../../client/api-sharing.ts';
import type { ItemText } from '../../client/items.ts';
import type { SharedLink } from './link-board.ts';
import type { LinkReader } from './link-reader.ts';
import { reads } from './space-log.ts';
import { notesOf, notToBeRead, textOf, type Judged, type Note } from './space-notes.ts';

const openingMs = 120_000;
/** Opened anew once everything rests; more show nothing more. */
const mostOpened = 2;

export async function linkFaults(judged: Judged): Promise<readonly string[]> {
	const { world, place } = judged;
	const faults: string[] = [];
	for (const reader of world.readers) {
		if (reader.link.space === place.space) faults.push(...(await readerFaults(reader, judged)));
	}
	const own = world.links.all.filter(({ space }) => space === place.space);
	faults.push(...own.flatMap((link) => standingFaults(link, judged)));
	const open = own.filter((link) => link.isMade && isLive(link, judged));
	for (const link of open.slice(-mostOpened)) faults.push(...(await openingFaults(link, judged)));
	return faults;
}

/** By all that was said of it, and by the log: with a minute to spare. */
function isLive(link: SharedLink, { world, place }: Judged): boolean {
	const role = place.log.at(-1)?.roles.get(link.account);
	const endsSoon = link.hasExpired(world.time.nowMs + 600_000);
	return reads(role) && !link.isRevoked && !link.isUsedUp && !endsSoon;
}

/** What its owner was told of a link is so on the log. */
function standingFaults(link: SharedLink, { place }: Judged): readonly string[] {
	const name = `link ${link.terms.label}`;
	const wasMember = place.log.some(({ roles }) => roles.has(link.account));
	const isMember = place.log.at(-1)?.roles.has(link.account) === true;
	return [
		...(link.isMade && !wasMember ? [`${name} was made, and stands nowhere`] : []),
		...(link.isRevoked && isMember ? [`${name} was taken back, and still has its key`] : [])
	];
}

async function readerFaults(reader: LinkReader, judged: Judged): Promise<readonly string[]> {
	if (reader.view === null) return [];
	const { trust } = reader.view.space.sync;
	const { account } = reader.link;
	const text = textOf(await notesIn(reader.view));
	return [
		...(trust.state === 'not_trusted' ? [`${reader.name} trusts nobody: ${trust.fault}`] : []),
		...notToBeRead(text, { account }, judged).map((name) => `${reader.name} reads ${name}`)
	];
}

/** A link that stands opens, and shows what everybody sees. */
async function openingFaults(link: SharedLink, judged: Judged): Promise<readonly string[]> {
	const { world, shown } = judged;
	const reader = world.reader(link);
	let answer: string | null = null;
	void reader.open(link.terms.passphrase).then((opened) => {
		answer = opened.ok ? 'opened' : opened.error.code;
	});
	await world.time.run(world.time.nowMs + openingMs, () => answer !== null);
	if (reader.view === null)
		return frozenIs(link, answer) ? [] : [`${reader.name}: ${String(answer)}`];
	world.tell('links opened at rest');
	const own = JSON.stringify(await notesIn(reader.view));
	const expected = JSON.stringify(shown);
	return own === expected ? [] : [`${reader.name} shows ${own} instead of ${expected}`];
}

/** Too many wrong guesses are no fault. */
const frozenIs = ({ terms }: SharedLink, answer: string | null): boolean =>
	answer === 'link_frozen' && terms.passphrase !== null;

async function notesIn({ space }: LinkView): Promise<readonly Note[]> {
	const texts = new Map<string, ItemText>();
	for (const { id } of [...space.items, ...space.trashed]) {
		const text = await space.read(id);
		if (text.ok) texts.set(id, text.value);
	}
	return notesOf({
		list: space.items,
		trashed: space.trashed,
		read: (id) => texts.get(id) ?? null
	});
}
