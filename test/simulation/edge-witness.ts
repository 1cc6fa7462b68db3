// Hears all that the edge of a simulation says, and to whom, while it says it: nobody is given what
// is not theirs to have at that moment. It asks the log as it stands, and none of the edge's code.
import type { Attachment } from '../../durable-objects/space-sockets.ts';
import type { Refusal } from '../../protocol/errors.ts';
import { parseSpaceFrame, type Entry } from '../../protocol/frames.ts';
import type { LinkId, SpaceId } from '../../protocol/ids.ts';
import type { Result } from '../../protocol/result.ts';
import type { LinkBoard } from './link-board.ts';
import type { Eavesdropper } from './simulated-edge.ts';
import { reads, type Standing } from './space-log.ts';

export interface EdgeWitnessParts {
	readonly logOf: (space: SpaceId) => readonly Standing[];
	readonly links: LinkBoard;
	/** Whether the edge has told a space that the session ended. */
	readonly hasEnded: (space: SpaceId, to: Attachment) => boolean;
	readonly nowMs: () => number;
	readonly problem: (what: string) => void;
}

/** What of a frame somebody may be forbidden to have. */
interface Given {
	readonly log: boolean;
	readonly content: boolean;
	readonly entries: readonly Entry[];
}

const opens: readonly string[] = ['linkStart', 'linkFinish'];

export class EdgeWitness implements Eavesdropper {
	readonly #parts: EdgeWitnessParts;

	constructor(parts: EdgeWitnessParts) {
		this.#parts = parts;
	}

	onFrame(space: SpaceId, to: Attachment, frame: Uint8Array): void {
		const { logOf, problem, links, nowMs, hasEnded } = this.#parts;
		const given = givenBy(frame);
		if (!given.log) return;
		const say = (what: string): void => {
			problem(`${to.account}${to.link === null ? '' : ' by a link'} is given ${what}`);
		};
		const log = logOf(space);
		const role = log.at(-1)?.roles.get(to.account);
		if (role === undefined) say('entries, and is no member');
		if (given.content && !reads(role)) say(`content, as ${role ?? 'nobody'}`);
		if (hasEnded(space, to)) say('entries, in a session that has ended');
		if (to.link !== null && links.of(to.link)?.hasExpired(nowMs()) === true) {
			say('entries, after the link expired');
		}
		for (const { seq, wraps } of given.entries) {
			const headers = log[seq - 1]?.commit.admin?.wraps ?? [];
			const isOthers = wraps.some(({ index }) => headers[index]?.recipient !== to.account);
			if (isOthers) say('a key that is wrapped for another');
		}
	}

	onAnswer(route: string, request: unknown, answer: Result<unknown, Refusal>): void {
		if (!answer.ok || !opens.includes(route)) return;
		const { opening } = answer.value as { readonly opening?: unknown };
		if (route === 'linkStart' && opening === null) return;
		const { links, problem, nowMs, logOf } = this.#parts;
		const link = links.of((request as { readonly link: LinkId }).link);
		if (link === undefined) {
			problem('a link opens that nobody made');
			return;
		}
		const name = `link ${link.terms.label}`;
		if (link.isUsedUp) problem(`${name} opens once too often`);
		link.opened += 1;
		if (link.isRevoked) problem(`${name} opens after it was taken back`);
		if (link.hasExpired(nowMs())) problem(`${name} opens after it expired`);
		if (!reads(logOf(link.space).at(-1)?.roles.get(link.account))) {
			problem(`${name} opens, and reads nothing by the log`);
		}
	}
}

function givenBy(bytes: Uint8Array): Given {
	const frame = parseSpaceFrame(bytes);
	if (!frame.ok) throw new Error('the edge says what nobody can read');
	if (frame.value.type === 'pages') {
		const content = frame.value.pages.some(({ page }) => page !== null);
		return { log: frame.value.pages.length > 0, content, entries: [] };
	}
	if (frame.value.type !== 'entries') return { log: false, content: false, entries: [] };
	const { entries } = frame.value;
	const content = entries.some(
		({ pages, previousKey }) => previousKey !== null || pages.some((page) => page !== null)
	);
	return { log: entries.length > 0, content, entries };
}
