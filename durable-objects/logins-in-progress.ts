// Logins between KE2 and KE3, in memory only: at most a minute long, and bounded.
import { toBase64Url } from '../protocol/bytes.ts';
import { loginStateTtlSeconds } from '../protocol/limits.ts';
import { randomBytes } from '../crypto/random.ts';
import { maxLoginsInProgress } from './limits.ts';

interface Login {
	readonly state: Uint8Array;
	/** Ends the login, and until then keeps the object from being put to sleep. */
	readonly timer: ReturnType<typeof setTimeout>;
}

export class LoginsInProgress {
	readonly #loginsById = new Map<string, Login>();

	/** Remembers a state; the oldest gives way when there are too many. Answers with its id. */
	add(state: Uint8Array): string {
		const [oldest] = this.#loginsById.keys();
		if (oldest !== undefined && this.#loginsById.size >= maxLoginsInProgress) this.take(oldest);
		const id = toBase64Url(randomBytes(16));
		const timer = setTimeout(() => this.take(id), loginStateTtlSeconds * 1_000);
		this.#loginsById.set(id, { state, timer });
		return id;
	}

	/** The state, which is good for one use. */
	take(id: string): Uint8Array | null {
		const login = this.#loginsById.get(id);
		if (login === undefined) return null;
		clearTimeout(login.timer);
		this.#loginsById.delete(id);
		return login.state;
	}
}
