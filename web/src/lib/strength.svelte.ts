// How strong a typed password is, as it is typed.
import { minPasswordCharacters } from '../../../protocol/limits.ts';

export interface StrengthQuestion {
	readonly question: number;
	readonly password: string;
	/** Words that a guesser would try first: the handle. */
	readonly others: readonly string[];
}

export interface Strength {
	readonly question: number;
	/** 0 (guessed at once) to 4 (out of reach). */
	readonly score: number;
	readonly advice: readonly string[];
}

/** Below this, whoever steals a server with its secret could guess the password. */
export const leastScore = 3;

export const scoreWords = [
	'Guessed at once',
	'Very weak',
	'Weak',
	'Strong',
	'Very strong'
] as const;

export class StrengthMeter {
	/** Null until the newest question is answered. */
	answer = $state.raw<Strength | null>(null);
	failed = $state(false);
	/** While `judge` looks: a second click meanwhile is none. */
	judging = false;
	#worker: Worker | null = null;
	#asked = 0;
	#waiting = new Map<number, (strength: Strength | null) => void>();

	/** Null where it can't be judged: `failed` then, until the next question tries once more. */
	async ask(password: string, handle: string): Promise<Strength | null> {
		const question = ++this.#asked;
		this.answer = null;
		this.failed = false;
		if (password === '') return null;
		const worker = await this.#start();
		if (worker === null) return null;
		const answered = new Promise<Strength | null>((resolve) =>
			this.#waiting.set(question, resolve)
		);
		worker.postMessage({ question, password, others: [handle] } satisfies StrengthQuestion);
		return await answered;
	}

	/** For a password that is about to be used; 'unknown' where nothing could judge it. */
	async judge(password: string, handle: string): Promise<'strong' | 'weak' | 'unknown'> {
		if ([...password].length < minPasswordCharacters) return 'weak';
		this.judging = true;
		const answer = this.answer ?? (await this.ask(password, handle));
		this.judging = false;
		if (answer === null) return 'unknown';
		return answer.score >= leastScore ? 'strong' : 'weak';
	}

	stop(): void {
		this.#worker?.terminate();
		this.#worker = null;
	}

	#fail(): void {
		this.failed = true;
		this.stop();
		for (const answer of this.#waiting.values()) answer(null);
		this.#waiting.clear();
	}

	async #start(): Promise<Worker | null> {
		if (this.#worker !== null) return this.#worker;
		try {
			const { startStrengthWorker } = await import('./workers.ts');
			this.#worker ??= this.#listen(startStrengthWorker());
		} catch {
			this.#fail();
		}
		return this.#worker;
	}

	#listen(worker: Worker): Worker {
		worker.addEventListener('message', (event: MessageEvent<Strength>) => {
			this.#waiting.get(event.data.question)?.(event.data);
			this.#waiting.delete(event.data.question);
			if (event.data.question === this.#asked) this.answer = event.data;
		});
		worker.addEventListener('error', () => {
			if (worker === this.#worker) this.#fail();
		});
		return worker;
	}
}
