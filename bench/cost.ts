// W8: what edits, an import and the opening of the page cost, in what the platform bills and in
// dollars; what a thousand people cost a month, and how much the free plan carries a day. Requests,
// frames and rows are counted on the counting edge; two of its figures (1,000 edits, an import) are
// counted by rows.ts in another way, too.
import { countOperations, type Operations } from './counting/operations.ts';
import { prices } from './prices.ts';
import { billDollars, carriedByFreePlan, listDollars, plus, times, usageOf } from './usage.ts';
import type { Carried, Usage } from './usage.ts';

export interface CostFigures {
	readonly operations: Operations;
	readonly perThousandEdits: Usage;
	readonly perImport: Usage;
	readonly perOpening: Usage;
	readonly dollarsPerThousandEdits: number;
	readonly dollarsPerImport: number;
	readonly dollarsPerThousandOpenings: number;
	readonly person: typeof assumedPerson;
	/** A thousand such people, 30 days: list price, nothing included; and a bill. */
	readonly monthOfThousand: Usage;
	readonly storageDollarsOfThousand: number;
	readonly listDollarsOfThousand: number;
	readonly billDollarsOfThousand: number;
	/** Edits a day, nobody opening the page. */
	readonly freePlanEdits: Carried;
	readonly freePlanPeople: Carried;
}

/** Assumed, as nobody uses it yet: a day of one person with one device and the first space only. */
export const assumedPerson = {
	edits: 30,
	openings: 3,
	/** Of each opening: its token runs out, both sockets close and are opened again. */
	renewals: 1,
	/** Of the keyring and the space, each device once a day: a frame and a row. */
	heartbeats: 2,
	storedGigabytes: 0.02
} as const;

export const heartbeat: Usage = usageOf({
	Space: {
		...{ calls: 0, frames: 1, alarms: 0, alarmsSet: 0 },
		...{ wakes: 0, rowsRead: 2, rowsWritten: 1 }
	}
});

const days = 30;
const people = 1_000;

export const measureCost = async (): Promise<CostFigures> => costOf(await countOperations());

export function costOf(operations: Operations): CostFigures {
	const { edit, importNotes, openAlone, refresh, connect } = operations;
	const [edited, imported, opened] = [usageOf(edit), usageOf(importNotes), usageOf(openAlone)];
	const renewed = plus(usageOf(refresh), times(usageOf(connect), 2));
	const { edits, openings, renewals, heartbeats, storedGigabytes } = assumedPerson;
	const personDay = plus(
		times(edited, edits),
		times(plus(opened, times(renewed, renewals)), openings),
		times(heartbeat, heartbeats)
	);
	const month = times(personDay, people * days);
	const gigabytes = storedGigabytes * people;
	const storage = gigabytes * prices.gigabyteMonth;
	return {
		operations,
		perThousandEdits: times(edited, 1_000),
		perImport: imported,
		perOpening: opened,
		dollarsPerThousandEdits: listDollars(edited) * 1_000,
		dollarsPerImport: listDollars(imported),
		dollarsPerThousandOpenings: listDollars(opened) * 1_000,
		person: assumedPerson,
		monthOfThousand: month,
		storageDollarsOfThousand: storage,
		listDollarsOfThousand: listDollars(month) + storage,
		billDollarsOfThousand: billDollars(month, gigabytes),
		freePlanEdits: carriedByFreePlan(edited),
		freePlanPeople: carriedByFreePlan(personDay)
	};
}
