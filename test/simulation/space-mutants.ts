// What is taken out of the client, the edge or the rules of both, and what must come of it.
import type { SourceChange } from '../changed-sources.ts';

export interface Mutant {
	readonly without: string;
	readonly changes: readonly SourceChange[];
	/** What a world says of it. */
	readonly fault: RegExp;
	/** Seeds that came out wrong: tried before others, which are many. */
	readonly seeds: readonly number[];
	/** Tried where there is time to wait for it. */
	readonly isRare?: true;
}

export const mutants: readonly Mutant[] = [
	{
		without: 'a client that keeps what it wrote until it is settled',
		changes: [
			{
				file: 'client/outbox.ts',
				from: 'for (const commit of pending) this.#keep(commit);\n\t\treturn ok(pending);',
				to: 'await this.#options.store.dropFromOutbox(pending.flatMap((each) => each.outboxIds));\n\t\tfor (const commit of pending) this.#keep(commit);\n\t\treturn ok(pending);'
			}
		],
		fault: /never came to the log/,
		seeds: [73, 103, 122]
	},
	{
		without: 'a commit that is kept before it is sent',
		changes: [
			{
				file: 'client/push.ts',
				from: 'outbox.write(changes, nowMs(), next);',
				to: 'outbox.write(changes, nowMs(), { ...next, early: (commit) => this.#send(commit) });'
			},
			{
				file: 'client/outbox.ts',
				from: 'const formed = await forming;',
				to: 'const formed = await forming;\n\t\tif (formed) next.early(formed);\n\t\tif (formed) await new Promise((kept) => setTimeout(kept, 500));'
			}
		],
		fault: /believes that it was copied|stands on the log twice/,
		seeds: [4]
	},
	{
		without: 'a count that is kept with the changes that it stands for',
		changes: [
			{
				file: 'client/memory-store.ts',
				from: 'formed === undefined ? [] : [{ ...formed, outboxIds }]',
				to: '[]'
			}
		],
		fault: /believes that it was copied|stands on the log twice/,
		seeds: [1]
	},
	{
		without: 'a tab that asks, as it takes over, what the one before it has settled',
		changes: [
			{
				file: 'client/sync.ts',
				from: 'const settled = looked.ok ? await this.#outbox.dropSettled() : looked;',
				to: 'const settled = looked.ok ? ok<readonly number[]>([]) : looked;'
			}
		],
		fault: /stands on the log twice/,
		seeds: [53, 182],
		isRare: true
	},
	{
		without: 'a new epoch in the commit that takes reading from somebody (rule 8a)',
		changes: [
			{ file: 'client/admin-draft.ts', from: 'content.lost ||', to: '' },
			{
				file: 'crypto/log-membership.ts',
				from: ' || anyLost(state.members, members, readsContent)',
				to: ''
			}
		],
		fault: /brings pages that .* can read/,
		seeds: [2, 5]
	},
	{
		without: 'an edge that asks for the role of whoever it gives pages to',
		changes: [
			{
				file: 'durable-objects/space-log.ts',
				from: 'readsContent: role !== undefined && readsContent(role)',
				to: 'readsContent: role !== undefined'
			}
		],
		fault: /is given content, as auditor/,
		seeds: [5, 6]
	},
	{
		without: 'an edge that counts how often a share link may be opened',
		changes: [
			{
				file: 'durable-objects/space-links.ts',
				from: 'link.openingsLeft === 0 || hasExpired(link, nowMs)',
				to: 'hasExpired(link, nowMs)'
			}
		],
		fault: /opens once too often/,
		seeds: [49, 80],
		isRare: true
	}
];
