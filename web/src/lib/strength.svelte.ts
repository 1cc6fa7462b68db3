// How strong a typed password is, as it is typed.
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
	#worker: Worker | null = null;
	#asked = 0;
	#waiting = new Map<number, (strength: Strength | null) => void>();

	async ask(password: string, handle: string): Promise<Strength | null> {
		const question = ++this.#asked;
		this.answer = null;
		if (password === '') return null;
		const worker = await this.#start();
		if (worker === null) return null;
		const answered = new Promise<Strength | null>((resolve) =>
			this.#waiting.set(question, resolve)
		);
		worker.postMessage({ question, password, others: [handle] } satisfies StrengthQuestion);
		return await answered;
	}

	stop(): void {
		this.#worker?.terminate();
		this.#worker = null;
	}

	#fail(): void {
		this.failed = true;
		for (const answer of this.#waiting.values()) answer(null);
		this.#waiting.clear();
	}

	async #start(): Promise<Worker | null> {
		if (this.#worker !== null) return this.#worker;
		const { startStrengthWorker } = await import('./workers.ts');
		this.#worker ??= this.#listen(startStrengthWorker());
		return this.#worker;
	}

	#listen(worker: Worker): Worker {
		worker.addEventListener('message', (event: MessageEvent<Strength>) => {
			this.#waiting.get(event.data.question)?.(event.data);
			this.#waiting.delete(event.data.question);
			if (event.data.question === this.#asked) this.answer = event.data;
		});
		worker.addEventListener('error', () => this.#fail());
		return worker;
	}
}
