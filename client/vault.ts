// An unlocked account at work: its keyring, its first space, and which tab syncs them. What an
// interrupted sign-up left undone is done here: keyring and first space are made if they are absent.
import type { TacetOptions } from './api.ts';
import type { CryptoPort, NewSpace, UnlockedAccount } from './crypto-port.ts';
import { randomRepairWaitMs } from './coverage.ts';
import { fail, type TacetError } from './errors.ts';
import { Items } from './items.ts';
import { Keyring, keyringChange, type KnownSpace } from './keyring.ts';
import type { Content } from './receive.ts';
import { Search } from './search.ts';
import type { Session } from './session.ts';
import { OpenSpace } from './space.ts';
import type { SyncStatus } from './status.ts';
import { SpaceSync } from './sync.ts';
import type { Tabs } from './tabs.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface VaultParts {
	readonly options: TacetOptions;
	readonly nowMs: () => number;
	readonly tabs: Tabs;
	readonly crypto: CryptoPort;
	readonly session: Session;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	/** This device's profile was copied: its next login takes a new id. */
	readonly onCopied: () => void;
}

/** Verified heads go to the keyring at most this often, and when the vault is locked. */
const headIntervalMs = 5 * 60_000;
/** Locking waits for that no longer than this. */
const headTimeoutMs = 2_000;

export class Vault {
	readonly #parts: VaultParts;
	readonly #keyring: Keyring;
	readonly #keyringSpace: NewSpace;
	readonly #keyringSync: SpaceSync;
	#spaceSync: SpaceSync | null = null;
	#space: OpenSpace | null = null;
	#search: Search | null = null;
	#leading = false;
	#leaderStatus: SyncStatus | null = null;
	#headWrittenAtMs: number;
	#keyringBusy = false;
	#copied = false;

	constructor(parts: VaultParts, keyringSpace: NewSpace) {
		this.#parts = parts;
		this.#keyringSpace = keyringSpace;
		this.#headWrittenAtMs = parts.nowMs();
		this.#keyring = new Keyring((space, head) => {
			if (space === this.#space?.id) this.#spaceSync?.expect(head);
		});
		this.#keyringSync = this.#syncOf(keyringSpace, this.#keyring, () => {
			this.#judgeKeyring();
		});
	}

	/** Opens from this device's store; what is not there yet is asked from the edge, or made. */
	static async open(parts: VaultParts): Promise<Result<Vault, TacetError>> {
		const keyringSpace = await parts.crypto.keyringSpace();
		await parts.crypto.openKeyringEpoch(keyringSpace.space);
		const vault = new Vault(parts, keyringSpace);
		const opened = await vault.#open();
		if (opened.ok) return ok(vault);
		await vault.close();
		return opened;
	}

	get space(): OpenSpace {
		if (this.#space === null) throw new Error('the vault is not open');
		return this.#space;
	}

	get waiting(): number {
		return this.#spaceSync?.status.waiting ?? 0;
	}

	async #open(): Promise<Result<null, TacetError>> {
		const loaded = await this.#keyringSync.load();
		if (!loaded.ok) return fail(loaded.error);
		const elected = this.#elect();
		const known = this.#keyring.firstSpace;
		if (known !== null) {
			const opened = await this.#openSpace(known);
			if (!opened.ok) return opened;
			void elected.then(() => this.#lead());
			return ok(null);
		}
		await elected;
		const first = await this.#firstSpace();
		if (!first.ok) return first;
		const opened = await this.#openSpace(first.value);
		if (opened.ok) await this.#spaceSync?.lead();
		return opened;
	}

	#elect(): Promise<void> {
		return new Promise((resolve) => {
			this.#parts.tabs.elect(() => {
				this.#leading = true;
				resolve();
			});
		});
	}

	/** An edge that was caught with the keyring is asked for nothing else. */
	#judgeKeyring(): void {
		if (this.#spaceSync === null || !this.#keyringIsDistrusted) return;
		this.#spaceSync.stop();
		this.#space?.changed();
	}

	get #keyringIsDistrusted(): boolean {
		return this.#keyringSync.status.trust.state === 'not_trusted';
	}

	/** This tab syncs from now on. */
	async #lead(): Promise<void> {
		await this.#keyringSync.loadFault();
		if (this.#keyringIsDistrusted) {
			this.#space?.changed();
			return;
		}
		await this.#spaceSync?.lead();
		if (this.#spaceSync?.status.trust.state === 'not_trusted') return;
		await this.#withKeyring(() => Promise.resolve(ok(null)));
	}

	/** Connects the keyring for as long as `work` takes: it is needed rarely. */
	async #withKeyring(
		work: () => Promise<Result<null, TacetError>>
	): Promise<Result<null, TacetError>> {
		this.#keyringBusy = true;
		await this.#keyringSync.lead();
		const ready = await this.#keyringSync.until(() => this.#keyringSync.caughtUp);
		const done = ready.ok ? await work() : ready;
		this.#keyringSync.stop();
		this.#keyringBusy = false;
		return done;
	}

	/** From the account's keyring; made now if there is none: then nothing was ever written. */
	async #firstSpace(): Promise<Result<KnownSpace, TacetError>> {
		const done = await this.#withKeyring(async () => {
			const { crypto, device, nowMs } = this.#parts;
			const sync = this.#keyringSync;
			if (sync.head.seq === 0 && !sync.hasPending) {
				const space = this.#keyringSpace;
				const genesis = { space, kind: 'keyring', device, timeMs: nowMs() } as const;
				const made = await sync.createGenesis(await crypto.formGenesis(genesis));
				if (!made.ok) return fail(made.error);
			}
			const stands = await sync.until(() => sync.head.seq > 0);
			if (!stands.ok || this.#keyring.firstSpace !== null) return stands;
			return this.#createFirstSpace();
		});
		if (!done.ok) return done;
		const known = this.#keyring.firstSpace;
		return known === null ? fail('server_misbehaved') : ok(known);
	}

	/** The space stands before the keyring names it: what the keyring names must exist. */
	async #createFirstSpace(): Promise<Result<null, TacetError>> {
		const { crypto, device, nowMs } = this.#parts;
		const space = await crypto.newSpace();
		const genesis = { space, kind: 'items', device, timeMs: nowMs() } as const;
		const formed = await crypto.formGenesis(genesis);
		const sync = this.#syncOf(space, nothing, () => undefined);
		const made = await sync.createGenesis(formed);
		if (!made.ok) return fail(made.error);
		await sync.lead();
		const stands = await sync.until(() => sync.head.seq > 0);
		await sync.close();
		if (!stands.ok) return stands;
		const entry = {
			type: 'space',
			space: space.space,
			genesisHash: space.genesisHash,
			joinedAtMs: nowMs()
		} as const;
		const written = await this.#keyringSync.write([keyringChange(entry)]);
		if (!written.ok) return fail(written.error);
		return this.#keyringSync.until(() => this.#keyring.firstSpace !== null);
	}

	async #openSpace(known: KnownSpace): Promise<Result<null, TacetError>> {
		const items = new Items({
			onChange: (ids) => {
				this.#search?.changed(ids);
				this.#space?.changed();
			}
		});
		const search = new Search(items);
		const sync = this.#syncOf(known, items, () => {
			this.#noteStatus();
		});
		this.#search = search;
		this.#spaceSync = sync;
		for (const head of this.#keyring.headsOf(known.space)) sync.expect(head);
		const loaded = await sync.load();
		if (!loaded.ok) return fail(loaded.error);
		this.#space = new OpenSpace({
			id: known.space,
			items,
			search,
			write: (changes) => sync.write(changes),
			status: () => this.#status(sync),
			syncNow: () => {
				this.syncNow();
			},
			nowMs: this.#parts.nowMs
		});
		return ok(null);
	}

	#syncOf(known: KnownSpace, content: Content, onChange: () => void): SpaceSync {
		const { options, crypto, me, device, nowMs, session, tabs } = this.#parts;
		const { space } = known;
		return new SpaceSync({
			origin: options.origin,
			WebSocket: options.WebSocket ?? WebSocket,
			token: (refused) => session.accessToken(refused),
			space,
			genesisHash: known.genesisHash,
			me,
			device,
			store: options.store,
			crypto,
			content,
			nowMs,
			repairWaitMs: options.repairWaitMs ?? randomRepairWaitMs,
			onChange,
			onStored: (settled) => {
				tabs.tell({ type: 'stored', space, settled });
			}
		});
	}

	/** A tab that does not sync shows the status of the one that does. */
	#status(sync: SpaceSync): SyncStatus {
		const own = this.#keyringIsDistrusted
			? { ...sync.status, trust: this.#keyringSync.status.trust }
			: sync.status;
		if (this.#leading || this.#leaderStatus === null) return own;
		const { waiting, savedOnDevice, setAside, setAsideAuthors } = own;
		return { ...this.#leaderStatus, waiting, savedOnDevice, setAside, setAsideAuthors };
	}

	#noteStatus(): void {
		const sync = this.#spaceSync;
		if (sync === null || this.#space === null) return;
		const { status } = sync;
		if (this.#leading) this.#parts.tabs.tell({ type: 'status', space: this.space.id, status });
		if (status.problem === 'device_copied' && !this.#copied) {
			this.#copied = true;
			this.#parts.onCopied();
		}
		this.#space.changed();
		const due = this.#parts.nowMs() - this.#headWrittenAtMs >= headIntervalMs;
		if (due && this.#hasNewHead()) void this.#writeHead();
	}

	#hasNewHead(): boolean {
		const sync = this.#spaceSync;
		if (sync === null || !this.#leading || this.#keyringBusy || !sync.caughtUp) return false;
		return sync.head.seq > (this.#keyring.headOf(this.space.id)?.seq ?? 1);
	}

	/** Lets the account's other devices know how far this one has verified. */
	async #writeHead(): Promise<void> {
		const { seq, hash } = this.#spaceSync?.head ?? { seq: 0, hash: new Uint8Array() };
		const { id } = this.space;
		this.#headWrittenAtMs = this.#parts.nowMs();
		await this.#withKeyring(async () => {
			const entry = { type: 'head', space: id, seq, hash: hash.slice() } as const;
			const written = await this.#keyringSync.write([keyringChange(entry)]);
			if (!written.ok) return fail(written.error);
			return this.#keyringSync.until(() => this.#keyringSync.status.waiting === 0);
		});
	}

	/** Another tab stored entries or rows. */
	stored(space: SpaceId, settled: readonly number[]): void {
		if (space === this.#space?.id) void this.#spaceSync?.look(settled);
		else if (space === this.#keyringSpace.space) void this.#keyringSync.look(settled);
	}

	/** What the syncing tab says about itself. */
	leaderStatus(space: SpaceId, status: SyncStatus): void {
		if (this.#leading || space !== this.#space?.id) return;
		this.#leaderStatus = status;
		this.#space.changed();
	}

	syncNow(): void {
		if (this.#leading) this.#spaceSync?.retryNow();
		else this.#parts.tabs.tell({ type: 'sync_now' });
	}

	/** Saves what was typed a moment ago, so that `waiting` counts it. */
	async flush(): Promise<void> {
		await this.#space?.flush();
	}

	/** Ends everything; keys are the caller's to end. Tries to leave the newest head behind. */
	async close(): Promise<void> {
		try {
			await this.#space?.flush();
			if (this.#hasNewHead()) await withinMs(headTimeoutMs, this.#writeHead());
		} finally {
			await Promise.all([this.#spaceSync?.close(), this.#keyringSync.close()]);
			this.#search?.close();
			this.#parts.tabs.resign();
			this.#leading = false;
		}
	}
}

const nothing: Content = {
	applyPages: () => undefined,
	applyOutbox: () => undefined,
	removeOutbox: () => undefined,
	itemsOf: () => [],
	missing: () => null,
	release: () => undefined,
	freedBy: () => []
};

async function withinMs(timeoutMs: number, work: Promise<void>): Promise<void> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, timeoutMs);
	});
	await Promise.race([work, late]);
	clearTimeout(timer);
}
