// A space in which very many are at once: every commit goes through one object, which writes it and
// passes it on to everybody who listens.
import { objectRequestsPerSecond } from '../prices.ts';
import { maxMembers } from '../../protocol/limits.ts';
import { maxSocketsPerSpace } from '../../durable-objects/limits.ts';
import type { Costs } from './costs.ts';
import { runQueue } from './queue.ts';
import type { Summary } from './histogram.ts';

export interface HotFigures {
	readonly members: number;
	/** Whether today's limits let so many in. */
	readonly allowed: boolean;
	readonly typing: number;
	readonly commitsPerSecond: number;
	/** Processor time of one commit, everybody listening. */
	readonly commitMs: number;
	readonly load: number;
	readonly delayMs: Summary;
	readonly framesOutPerSecond: number;
	/** How many may type at once until the processor, and until what the platform says, is reached. */
	readonly typingAtProcessorLimit: number;
	readonly typingAtPlatformLimit: number;
}

/** Of a person who types: rows.ts counts 62 commits in half a minute. */
export interface Typing {
	readonly commitsPerSecond: number;
}

const seconds = 600;

export function simulateHot(
	costs: Costs,
	{ commitsPerSecond: each }: Typing,
	at: { readonly members: number; readonly typing: number; readonly seed: number }
): HotFigures {
	const { members, typing, seed } = at;
	const commitMs = costs.editMs + costs.listenerMs * (members - 1);
	const commitsPerSecond = typing * each;
	const { load, delayMs } = runQueue({
		...{ perSecond: commitsPerSecond, serviceMs: commitMs, seconds, seed }
	});
	const platform = objectRequestsPerSecond.writing.from;
	return {
		...{ members, typing, commitsPerSecond, load, delayMs },
		allowed: members <= maxMembers && members <= maxSocketsPerSpace,
		commitMs: Number(commitMs.toFixed(3)),
		framesOutPerSecond: Math.round(commitsPerSecond * (members - 1)),
		typingAtProcessorLimit: Math.floor(1_000 / commitMs / each),
		typingAtPlatformLimit: Math.floor(platform / each)
	};
}
