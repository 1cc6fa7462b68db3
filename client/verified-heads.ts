// How far this device has verified its spaces and its account's log: said in the keyring, so that the
// account's other devices hold the edge to it.
import type { OwnKeyring } from './own-keyring.ts';
import type { VaultSpace } from './vault-space.ts';
import type { AccountHead } from '../protocol/account-write.ts';
import type { AccountId } from '../protocol/ids.ts';

/** Heads of spaces go to the keyring at most this often, and when the vault is locked. */
const intervalMs = 5 * 60_000;
/** Locking waits for that no longer than this. */
const timeoutMs = 2_000;

export interface VerifiedHeadsParts {
	readonly account: AccountId;
	readonly keyring: OwnKeyring;
	readonly spaces: () => readonly VaultSpace[];
	/** Whether this tab syncs: only that one says anything of spaces. */
	readonly isLeading: () => boolean;
	readonly nowMs: () => number;
}

export class VerifiedHeads {
	readonly #parts: VerifiedHeadsParts;
	#writtenAtMs: number;

	constructor(parts: VerifiedHeadsParts) {
		this.#parts = parts;
		this.#writtenAtMs = parts.nowMs();
	}

	async noteAccount(head: AccountHead): Promise<void> {
		const { keyring, account } = this.#parts;
		const isKnown = keyring.known.accountHeads.some(({ n }) => n >= head.n);
		if (isKnown || !keyring.isConfirmed) return;
		await keyring.write([{ type: 'account', account, head }]);
	}

	/** A space may have been verified further. */
	look(): void {
		const isDue = this.#parts.nowMs() - this.#writtenAtMs >= intervalMs;
		if (isDue && this.#unsaid.length > 0) void this.#write();
	}

	async close(): Promise<void> {
		if (this.#unsaid.length > 0) await withinMs(timeoutMs, this.#write());
	}

	/** Spaces of which this device has verified more than the keyring says. */
	get #unsaid(): readonly VaultSpace[] {
		const { keyring, spaces, isLeading } = this.#parts;
		if (!isLeading() || !keyring.sync.caughtUp) return [];
		return spaces().filter(({ id, sync }) => {
			const known = keyring.known.headOf(id)?.seq ?? 1;
			return sync.caughtUp && sync.head.seq > known;
		});
	}

	async #write(): Promise<void> {
		const { keyring, nowMs } = this.#parts;
		const entries = this.#unsaid.map(({ id, sync }) => {
			const { seq, hash } = sync.head;
			return { type: 'head', space: id, seq, hash: hash.slice() } as const;
		});
		this.#writtenAtMs = nowMs();
		const written = await keyring.write(entries);
		if (written.ok) await keyring.sync.until(() => keyring.sync.status.waiting === 0);
	}
}

async function withinMs(limitMs: number, work: Promise<void>): Promise<void> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, limitMs);
	});
	await Promise.race([work, late]);
	clearTimeout(timer);
}
