// A client's side of a measurement. Each system brings a program that hands its client to
// `runClient`; that program runs as a process of its own, and is told by messages what to do.
import { makeNotes, editText, parseEdit, type BenchNote } from './notes.ts';

export interface PeerClient {
	/** Not measured: an account, a connection, whatever stands before the first note. */
	signUp(url: string): Promise<void>;
	/** Resolves when the server has acknowledged every note. Answers with what `logIn` needs. */
	push(notes: readonly BenchNote[]): Promise<unknown>;
	/** Not measured: gets hold of the keys on a fresh device. */
	logIn(url: string, credentials: unknown): Promise<void>;
	/** Resolves when all are readable; answers with how many are equal to what was written. */
	pull(notes: readonly BenchNote[]): Promise<number>;
	/** Calls `onBody` with a note's new text, from now on. */
	watch(notes: readonly BenchNote[], onBody: (body: unknown) => void): Promise<void>;
	/** Not measured: as a person does who opens a note before typing. */
	openForEdit?(notes: readonly BenchNote[]): Promise<void>;
	edit(index: number, body: string): Promise<void> | void;
}

export type Order =
	| { readonly do: 'push'; readonly url: string; readonly count: number }
	| {
			readonly do: 'pull';
			readonly url: string;
			readonly count: number;
			readonly credentials: unknown;
	  }
	| { readonly do: 'watch'; readonly count: number }
	| { readonly do: 'edit'; readonly count: number; readonly everyMs: number };

export type Report =
	| { readonly done: 'ready' }
	| { readonly done: 'push'; readonly ms: number; readonly credentials: unknown }
	| { readonly done: 'pull'; readonly ms: number; readonly equal: number }
	| { readonly done: 'watch' }
	| { readonly done: 'edit' }
	| { readonly done: 'seen'; readonly latenciesMs: readonly number[] }
	| { readonly done: 'failed'; readonly why: string };

/** One clock for all processes of this machine. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const tell = (report: Report): void => void process.send?.(report);

export function runClient(client: PeerClient): void {
	process.on('message', (order: Order) => {
		carryOut(client, order).then(tell, (error: unknown) => {
			tell({ done: 'failed', why: error instanceof Error ? (error.stack ?? '') : String(error) });
		});
	});
	process.on('disconnect', () => process.exit());
	tell({ done: 'ready' });
}

async function carryOut(client: PeerClient, order: Order): Promise<Report> {
	const notes = makeNotes(order.count);
	switch (order.do) {
		case 'push': {
			await client.signUp(order.url);
			const startedMs = nowMs();
			const credentials = await client.push(notes);
			return { done: 'push', ms: nowMs() - startedMs, credentials };
		}
		case 'pull': {
			await client.logIn(order.url, order.credentials);
			const startedMs = nowMs();
			const equal = await client.pull(notes);
			return { done: 'pull', ms: nowMs() - startedMs, equal };
		}
		case 'watch':
			await client.watch(notes, latenciesOf(order.count));
			return { done: 'watch' };
		case 'edit':
			await client.openForEdit?.(notes);
			for (const index of notes.keys()) {
				await client.edit(index, editText(index, nowMs()));
				await new Promise((resolve) => setTimeout(resolve, order.everyMs));
			}
			return { done: 'edit' };
	}
}

/** Reports once every edit was seen. */
function latenciesOf(count: number): (body: unknown) => void {
	const seen = new Map<number, number>();
	return (body) => {
		const edit = parseEdit(body);
		if (edit === null || seen.has(edit.index)) return;
		seen.set(edit.index, nowMs() - edit.atMs);
		if (seen.size === count) tell({ done: 'seen', latenciesMs: [...seen.values()] });
	};
}
