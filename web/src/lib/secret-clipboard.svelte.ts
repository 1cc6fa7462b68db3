// Secrets that a person copies. The clipboard is open to whatever else runs there, and may be kept by it for
// long: so a secret is taken out again after a minute, or when Tacet locks. But only where the browser lets
// the page see that it is still there: what somebody copied since is theirs.
import { on } from 'svelte/events';

const keptMs = 60_000;

/** What becomes of what was copied. `null`: the browser did not let it be copied. */
export type Copied = 'cleared_later' | 'stays' | null;

export class SecretClipboard {
	/** What was copied last, and not cleared: it can be, by the person. */
	held = $state<string | null>(null);
	#timer: ReturnType<typeof setTimeout> | undefined;
	#offFocus: (() => void) | null = null;

	async copy(secret: string): Promise<Copied> {
		this.#forget();
		try {
			await navigator.clipboard.writeText(secret);
		} catch {
			return null;
		}
		this.held = secret;
		this.#timer = setTimeout(() => void this.clearIfHeld(), keptMs);
		return (await mayRead()) ? 'cleared_later' : 'stays';
	}

	/** By the person’s own wish: whatever is there. */
	async clear(): Promise<void> {
		this.#forget();
		await navigator.clipboard.writeText('').catch(() => undefined);
	}

	/** Where it is the secret that lies there, and the page may look. */
	async clearIfHeld(): Promise<void> {
		const { held } = this;
		if (held === null || !(await mayRead())) return;
		// A page that is not in front can’t look: it does when it comes back.
		if (!document.hasFocus()) {
			this.#offFocus ??= on(window, 'focus', () => void this.clearIfHeld());
			return;
		}
		try {
			const isThere = (await navigator.clipboard.readText()) === held;
			if (isThere) await navigator.clipboard.writeText('');
			this.#forget();
		} catch {
			// Not in front any more: at the next focus, or never.
		}
	}

	/** At the lock. */
	async end(): Promise<void> {
		await this.clearIfHeld();
		if (this.#offFocus === null) this.#forget();
	}

	#forget(): void {
		clearTimeout(this.#timer);
		this.#offFocus?.();
		this.#offFocus = null;
		this.held = null;
	}
}

/** Without asking the person for it: a dialog at that place would frighten, and teach to say yes. */
async function mayRead(): Promise<boolean> {
	try {
		const { state } = await navigator.permissions.query({
			name: 'clipboard-read' as PermissionName
		});
		return state === 'granted';
	} catch {
		// Not every browser knows that permission.
		return false;
	}
}
