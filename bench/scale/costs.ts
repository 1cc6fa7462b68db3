// What the simulated edge writes, reads and computes for each thing: taken apart from what was counted
// and measured (measured.json), so that the simulation can put it together in other ways.
import { snapshotEveryCommits } from '../../durable-objects/limits.ts';
import type { Counts } from '../counting/edge.ts';
import type { Operations } from '../counting/operations.ts';
import type { Measured } from './measure.ts';

export interface RowCost {
	readonly rowsRead: number;
	readonly rowsWritten: number;
}

export interface Costs {
	/** A login that ends the session before, in the Account; and for each space of that session. */
	readonly login: RowCost & { readonly alarmsSet: number };
	/** For each space: told of the end, opened anew; in the Account, and in the Space itself. */
	readonly accountPerSpace: RowCost;
	readonly spacePerOpening: RowCost;
	readonly refresh: RowCost;
	/** A socket of a session that had opened the space before. */
	readonly accountPerConnect: RowCost;
	readonly spacePerConnect: RowCost;
	readonly edit: RowCost;
	/** An object that is made anew in memory. A space reads two rows for each commit of its tail, too. */
	readonly wakeRowsRead: {
		readonly account: number;
		readonly space: number;
		readonly limiter: number;
		readonly deployment: number;
	};
	readonly rowsReadPerTailCommit: number;
	/** The tables of a Limiter that had forgotten its network. */
	readonly limiterSchemaRows: number;
	/** Frames of a client whose socket opens: what it wants to be sent stands in the address. */
	readonly framesPerConnect: number;
	readonly editMs: number;
	readonly listenerMs: number;
	readonly connectMs: number;
	readonly loginMs: number;
	readonly refreshMs: number;
	readonly takeMs: number;
	readonly wakeMs: number;
	readonly bytesPerEdit: number;
}

const firstSpaces = 2;
const rowsReadPerTailCommit = 2;

/** Per thousand edits; the tail behind the snapshot is what is left over. */
const tailAfterEdits = ({ edits }: Operations): number =>
	(edits + genesisAndFirst) % snapshotEveryCommits;
const genesisAndFirst = 3;

const rowsOf = (counts: Counts, name: string): RowCost => ({
	rowsRead: counts[name]?.rowsRead ?? 0,
	rowsWritten: counts[name]?.rowsWritten ?? 0
});
const combine = (a: RowCost, b: RowCost, of: (a: number, b: number) => number): RowCost => ({
	rowsRead: of(a.rowsRead, b.rowsRead),
	rowsWritten: of(a.rowsWritten, b.rowsWritten)
});

export function costsOf({ operations, cpu, bytesPerEdit }: Measured): Costs {
	const { open, openMore, moreSpaces, refresh, connect, connectAsleep, edit } = operations;
	const perSpace = (name: string) =>
		combine(rowsOf(openMore, name), rowsOf(open, name), (more, few) => (more - few) / moreSpaces);
	const accountPerSpace = perSpace('Account');
	const login = combine(
		rowsOf(open, 'Account'),
		accountPerSpace,
		(all, each) => all - firstSpaces * each
	);
	const woken = (name: string) =>
		rowsOf(connectAsleep, name).rowsRead - rowsOf(connect, name).rowsRead;
	const tailRows = rowsReadPerTailCommit * tailAfterEdits(operations);
	return {
		login: { ...login, alarmsSet: Math.round(open['Account']?.alarmsSet ?? 0) },
		accountPerSpace,
		spacePerOpening: combine(rowsOf(open, 'Space'), none, (all) => all / firstSpaces),
		refresh: rowsOf(refresh, 'Account'),
		accountPerConnect: rowsOf(connect, 'Account'),
		spacePerConnect: rowsOf(connect, 'Space'),
		edit: rowsOf(edit, 'Space'),
		wakeRowsRead: {
			account: woken('Account'),
			space: Math.max(0, woken('Space') - tailRows),
			limiter: woken('Limiter'),
			deployment: rowsOf(connectAsleep, 'Deployment').rowsRead
		},
		rowsReadPerTailCommit,
		limiterSchemaRows,
		framesPerConnect: Math.round((open['Space']?.frames ?? 0) / firstSpaces),
		editMs: cpu.editMs.median,
		listenerMs: Math.max(0, cpu.listenerMs.median),
		connectMs: cpu.connectMs.median,
		loginMs: cpu.loginMs.median,
		refreshMs: cpu.refreshMs.median,
		takeMs: cpu.takeMs.median,
		wakeMs: Math.max(0, cpu.wakeMs.median),
		bytesPerEdit
	};
}

const none: RowCost = { rowsRead: 0, rowsWritten: 0 };
/** Held by test/durable-objects/limiter.test.ts. */
const limiterSchemaRows = 6;
