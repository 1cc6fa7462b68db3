// What may happen around share links in a world: owners make and take back, whoever has one opens it.
import type { LinkId } from '../../protocol/ids.ts';
import type { LinkTerms, SharedLink } from './link-board.ts';
import { ownersAt, type Act, type Seat } from './space-seats.ts';
import type { SpaceWorld } from './space-world.ts';

const maxReaders = 3;
const lifetimesMs = [20_000, 300_000, 7_200_000] as const;

export const linkActs: readonly Act[] = [
	[5, makeLink],
	[2, revokeLink],
	[7, openLink],
	[2, closeReader]
];

const linksOf = (world: SpaceWorld, { tab, account }: Seat) =>
	tab.links({
		handle: 'an owner',
		keyring: { linkOf: (link: LinkId) => world.links.entryOf(account, link) } as never,
		write: async (entries) => {
			const kept = await world.time.lagging({ ok: true, value: undefined } as const);
			if (!tab.isOver) world.links.note(account, entries);
			return kept;
		}
	});

function termsOf({ time, links }: SpaceWorld): LinkTerms {
	const label = String(links.announced);
	const lifetimeMs = time.happens(0.5) ? null : (time.chance.of(lifetimesMs) ?? null);
	return {
		label,
		expiresAtMs: lifetimeMs === null ? null : time.nowMs + lifetimeMs,
		openings: time.happens(0.7) ? null : 1 + time.chance.below(2),
		passphrase: time.happens(0.05) ? `only for those who know ${label}` : null
	};
}

function makeLink(world: SpaceWorld): void {
	const seat = world.time.chance.of(ownersAt(world));
	if (seat === undefined) return;
	const terms = termsOf(world);
	world.links.announce(terms);
	void linksOf(world, seat)
		.create(seat.place.space, { ...terms })
		.then((made) => {
			world.tell(`link made: ${made.ok ? 'done' : made.error.code}`);
			const link = world.links.labelled(terms.label);
			if (made.ok && link !== undefined) link.isMade = true;
		});
}

function revokeLink(world: SpaceWorld): void {
	const seat = world.time.chance.of(ownersAt(world));
	const link = world.time.chance.of(
		world.links.all.filter(
			({ space, isMade, isRevoked }) => isMade && !isRevoked && space === seat?.place.space
		)
	);
	if (seat === undefined || link === undefined) return;
	void linksOf(world, seat)
		.revoke(link.space, link.entry.link)
		.then((taken) => {
			world.tell(`link taken back: ${taken.ok ? 'done' : taken.error.code}`);
			if (taken.ok) link.isRevoked = true;
		});
}

function openLink(world: SpaceWorld): void {
	const link = world.time.chance.of(world.links.all);
	if (link === undefined || world.readers.size >= maxReaders) return;
	const isGuess = link.terms.passphrase !== null && world.time.happens(0.3);
	void openAs(world, link, isGuess ? 'some other words' : link.terms.passphrase);
}

async function openAs(
	world: SpaceWorld,
	link: SharedLink,
	passphrase: string | null
): Promise<void> {
	const reader = world.reader(link);
	const opened = await reader.open(passphrase);
	world.tell(`link opened: ${opened.ok ? 'done' : opened.error.code}`);
	if (!opened.ok) {
		reader.crash();
		world.readers.delete(reader);
	} else if (passphrase !== link.terms.passphrase) {
		world.problem(`${reader.name} came in without its passphrase`);
	}
}

function closeReader(world: SpaceWorld): void {
	const reader = world.time.chance.of([...world.readers]);
	if (reader === undefined) return;
	world.readers.delete(reader);
	if (world.time.happens(0.5)) reader.crash();
	else void reader.close();
}
