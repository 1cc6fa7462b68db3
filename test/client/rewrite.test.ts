// Who takes turns at writing pages again: one job after another, each as long as there is something to do.
import { expect, test } from 'vitest';
import { Rewriter, type RewriteJob, type RewriterParts } from '../../client/rewrite.ts';
import { idFromBytes, type AccountId } from '../../protocol/ids.ts';

const account = idFromBytes<AccountId>(new Uint8Array(16));
const members = new Map([[account, { role: 'owner' }]]);

/** Has nothing to say, and finds that out once it is asked. */
function emptyJob(asked: () => void): RewriteJob {
	let isDue = true;
	return {
		patience: 1,
		get isDue() {
			return isDue;
		},
		gather: () => {
			isDue = false;
			asked();
			return Promise.resolve(null);
		}
	};
}

test('a job that finds nothing to say leaves its turn to the next one, though the log stands still', async () => {
	const asked: string[] = [];
	const { promise: sealed, resolve } = Promise.withResolvers<undefined>();
	const packing = emptyJob(() => asked.push('packing'));
	const sealing = emptyJob(() => {
		asked.push('sealing');
		resolve(undefined);
	});
	const parts = {
		account,
		chain: { state: { members, openEpoch: 1, epochOwed: false } },
		pages: { knows: () => true },
		pusher: { isBusy: false },
		repairWaitMs: () => 0,
		mayWrite: () => true,
		isOneself: () => true,
		isReady: () => true,
		pull: () => {
			rewriter.caughtUp();
		}
	} as unknown as RewriterParts;
	const rewriter = new Rewriter(parts, [packing, sealing]);
	rewriter.caughtUp();
	await sealed;
	rewriter.stop();
	expect(asked).toEqual(['packing', 'sealing']);
});
