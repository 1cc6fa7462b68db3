// Short notices at the foot of the page, with at most one thing to do.
export interface Toast {
	readonly id: number;
	readonly text: string;
	readonly tone: 'plain' | 'wax';
	readonly action: { readonly label: string; readonly run: () => void } | null;
}

type NewToast = Pick<Toast, 'text'> & Partial<Pick<Toast, 'tone' | 'action'>>;

const plainMs = 6_000;
/** Undo must be reachable by keyboard and switch device too. */
const actionMs = 12_000;

export class Toasts {
	list = $state.raw<readonly Toast[]>([]);
	#lastId = 0;
	#timers = new Map<number, ReturnType<typeof setTimeout>>();

	show(toast: NewToast): void {
		const shown: Toast = { tone: 'plain', action: null, ...toast, id: ++this.#lastId };
		this.list = [...this.list.slice(-2), shown];
		this.#startTimer(shown);
	}

	dismiss(id: number): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
		this.list = this.list.filter((toast) => toast.id !== id);
	}

	/** When notes are locked: notices name them. */
	clear(): void {
		for (const { id } of this.list) this.dismiss(id);
	}

	run(toast: Toast): void {
		this.dismiss(toast.id);
		toast.action?.run();
	}

	/** The newest thing that can be undone, for the keyboard. */
	get latestAction(): Toast | undefined {
		return this.list.findLast((toast) => toast.action !== null);
	}

	pause(): void {
		for (const timer of this.#timers.values()) clearTimeout(timer);
		this.#timers.clear();
	}

	resume(): void {
		for (const toast of this.list) if (!this.#timers.has(toast.id)) this.#startTimer(toast);
	}

	#startTimer(toast: Toast): void {
		const lastsMs = toast.action === null ? plainMs : actionMs;
		this.#timers.set(
			toast.id,
			setTimeout(() => this.dismiss(toast.id), lastsMs)
		);
	}
}
