// Two things at once, in every order that an edge can bring about: one of them is held at its first
// message, the other one runs to its end meanwhile, and then the first goes on; then again with the
// second message held, until the first has no more of them.
import type { ClientFrame, SpaceFrame } from '../../protocol/frames.ts';
import type { Lie, Line } from './liar.ts';

export interface Gate {
	readonly opened: Promise<void>;
	readonly open: () => void;
}

export function newGate(): Gate {
	let open = (): void => undefined;
	const opened = new Promise<void>((resolve) => {
		open = resolve;
	});
	return {
		opened,
		open: () => {
			open();
		}
	};
}

/** What is held: requests and answers on their way, and frames about what is changed or read. */
export interface Hold extends Lie {
	readonly reached: Promise<void>;
	readonly isReached: boolean;
	release(): void;
}

const isOfNote = ({ type }: ClientFrame | SpaceFrame): boolean =>
	type !== 'beat' && type !== 'heartbeats' && type !== 'notice';

/** Holds message `number`, from 1, and whatever comes after it. */
export function holding(number: number): Hold {
	const reached = newGate();
	const released = newGate();
	const waiting: (() => void)[] = [];
	let passed = 0;
	let isReached = false;
	let isReleased = false;
	const isHeld = (): boolean => {
		if (isReleased) return false;
		passed += 1;
		if (passed < number) return false;
		isReached = true;
		reached.open();
		return true;
	};
	const heldFrame = (frame: ClientFrame | SpaceFrame, pass: () => void): [] | undefined => {
		if (!isReached && !isOfNote(frame)) return undefined;
		if (!isHeld()) return undefined;
		waiting.push(pass);
		return [];
	};
	return {
		reached: reached.opened,
		get isReached() {
			return isReached;
		},
		release() {
			isReleased = true;
			for (const pass of waiting.splice(0)) pass();
			released.open();
		},
		async asking() {
			if (isHeld()) await released.opened;
		},
		async raw(_, answer) {
			if (isHeld()) await released.opened;
			return answer;
		},
		toEdge: (frame: ClientFrame, line: Line) =>
			heldFrame(frame, () => {
				line.pass(frame);
			}),
		toClient: (frame: SpaceFrame, line: Line) =>
			heldFrame(frame, () => {
				line.tell(frame);
			})
	};
}

/** `begin` sets up anew, and gives what to hold, what to do meanwhile, and what must hold after. */
export async function inEveryOrder<One, Other>(
	begin: () => Promise<{
		readonly hold: (lie: Lie) => void;
		readonly one: () => Promise<One>;
		readonly other: () => Promise<Other>;
		readonly afterwards: (one: One, other: Other) => Promise<void>;
	}>
): Promise<number> {
	for (let number = 1; ; number++) {
		const { hold, one, other, afterwards } = await begin();
		const held = holding(number);
		hold(held);
		const first = one();
		await Promise.race([held.reached, first]);
		const second = await other();
		held.release();
		const answered = await first;
		hold({});
		await afterwards(answered, second);
		if (!held.isReached) return number - 1;
	}
}
