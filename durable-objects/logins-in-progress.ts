// Logins between two of their messages, in memory only: for a while, and so many at once.
import { toBase64Url } from '../protocol/bytes.ts';
import { randomBytes } from '../crypto/random.ts';

interface Kept<Login> {
	readonly login: Login;
	readonly untilMs: number;
	/** Ends the login, and until then keeps the object from being put to sleep. */
	readonly timer: ReturnType<typeof setTimeout>;
}

/** As base64url, 16 random bytes. */
export const newLoginId = (): string => toBase64Url(randomBytes(16));

export class LoginsInProgress<Login> {
	readonly #keptById = new Map<string, Kept<Login>>();
	readonly #max: number;

	constructor(max: number) {
		this.#max = max;
	}

	/** Remembers a login; the oldest gives way when there are too many. */
	add(id: string, login: Login, untilMs: number): void {
		const [oldest] = this.#keptById.keys();
		if (oldest !== undefined && this.#keptById.size >= this.#max) this.take(oldest);
		const timer = setTimeout(() => this.take(id), Math.max(0, untilMs - Date.now()));
		this.#keptById.set(id, { login, untilMs, timer });
	}

	/** A login, which is gone then: of many answers at once, one has it. */
	take(id: string): { readonly login: Login; readonly untilMs: number } | null {
		const kept = this.#keptById.get(id);
		if (kept === undefined) return null;
		clearTimeout(kept.timer);
		this.#keptById.delete(id);
		return kept;
	}
}
