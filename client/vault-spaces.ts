// Which spaces of an unlocked account are open in this tab: those that its keyring names, until they are
// left. A device that does not know yet what the keyring says asks for the account's first space at the
// same time: its id follows from the root. What comes is held, and read once the keyring names it.
import { equalBytes } from '../protocol/bytes.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { KnownSpace } from './keyring.ts';
import type { OwnKeyring } from './own-keyring.ts';
import type { OpenSpace } from './space.ts';
import { wasMadeBy } from './standing.ts';
import type { Store } from './store.ts';
import type { VaultSpace } from './vault-space.ts';

export interface VaultSpacesParts {
	readonly crypto: CryptoPort;
	readonly store: Store;
	readonly device: DeviceId;
	readonly keyring: () => OwnKeyring;
	readonly spaceOf: (known: KnownSpace) => VaultSpace;
	/** Whether this tab syncs what is open. */
	readonly isConnected: () => boolean;
	/** Others are open now. */
	readonly onChange: () => void;
}

export class VaultSpaces {
	readonly #parts: VaultSpacesParts;
	readonly #open = new Map<SpaceId, VaultSpace>();
	/** Being read from this device's store. */
	readonly #opening = new Map<SpaceId, VaultSpace>();
	readonly #madeHere = new Set<SpaceId>();
	/** Why a space that the keyring names could not be opened; tried again with the next. */
	readonly #unopened = new Map<SpaceId, TacetError>();
	/** Of a space that is being opened. */
	readonly #waiters = new Set<() => void>();
	/** Asked for before the keyring was read, and named by nothing yet. */
	#ahead: Promise<VaultSpace> | null = null;
	#reconciling: Promise<Result<null, TacetError>> = Promise.resolve(ok(null));
	#closed = false;

	constructor(parts: VaultSpacesParts) {
		this.#parts = parts;
	}

	get(space: SpaceId): VaultSpace | undefined {
		return this.#open.get(space);
	}

	get all(): readonly VaultSpace[] {
		return [...this.#open.values()];
	}

	/** In the order in which they came to the account. */
	get listed(): readonly VaultSpace[] {
		return this.#parts.keyring().known.spaces.flatMap(({ space }) => this.#open.get(space) ?? []);
	}

	/** Its first entry was formed on this device. */
	wasMadeHere(space: SpaceId): boolean {
		return this.#madeHere.has(space);
	}

	noteMade(space: SpaceId): void {
		this.#madeHere.add(space);
	}

	/** Asks for the account's first space while the keyring's log is on its way. */
	openAhead(): void {
		this.#ahead ??= this.#openAhead();
	}

	async #openAhead(): Promise<VaultSpace> {
		const space = this.#parts.spaceOf(await this.#parts.crypto.firstSpace());
		space.sync.hold();
		if ((await space.load()).ok && !this.#closed) await space.sync.lead();
		return space;
	}

	/** The keyring was read, and names it not: what has come is dropped unread. */
	async endAhead(): Promise<void> {
		const ahead = this.#ahead;
		this.#ahead = null;
		await (await ahead)?.close();
	}

	async #takeAhead({ space, genesisHash }: KnownSpace): Promise<VaultSpace | null> {
		const ahead = await this.#ahead;
		const isSame = ahead?.id === space && equalBytes(ahead.known.genesisHash, genesisHash);
		// An edge that was caught with the keyring is believed nothing that it sent besides.
		if (!isSame || this.#ahead === null || this.#parts.keyring().isDistrusted) return null;
		this.#ahead = null;
		return ahead;
	}

	/** Opens the spaces that the keyring names, and closes those that were left. */
	reconcile(): Promise<Result<null, TacetError>> {
		const next = (): Promise<Result<null, TacetError>> => this.#openAndClose();
		this.#reconciling = this.#reconciling.then(next, next);
		return this.#reconciling;
	}

	async #openAndClose(): Promise<Result<null, TacetError>> {
		if (this.#closed) return fail('locked');
		const { known: keyring } = this.#parts.keyring();
		const known = keyring.spaces.filter(({ space }) => !this.#open.has(space));
		this.#unopened.clear();
		const opened = await Promise.all(
			known.map(async (space) => {
				const done = await this.#openSpace(space);
				if (!done.ok) this.#unopened.set(space.space, done.error);
				return done;
			})
		);
		const left = this.all.filter(({ id }) => keyring.hasLeft(id));
		for (const space of left) {
			this.#open.delete(space.id);
			await space.close();
		}
		if (known.length + left.length > 0) this.#parts.onChange();
		this.#wake();
		return opened.find(({ ok: isOpen }) => !isOpen) ?? ok(null);
	}

	async #openSpace(known: KnownSpace): Promise<Result<null, TacetError>> {
		const { device, store, spaceOf, keyring, isConnected } = this.#parts;
		if (await wasMadeBy(device, known.space, store)) this.#madeHere.add(known.space);
		const ahead = await this.#takeAhead(known);
		const space = ahead ?? spaceOf(known);
		this.#opening.set(known.space, space);
		for (const head of keyring().known.headsOf(known.space)) space.sync.expect(head);
		const loaded = ahead === null ? await space.load() : ok(null);
		this.#opening.delete(known.space);
		if (this.#closed || !loaded.ok) {
			await space.close();
			return fail(loaded.ok ? 'locked' : loaded.error);
		}
		this.#open.set(known.space, space);
		if (ahead !== null) space.sync.release();
		if (isConnected() && !keyring().isDistrusted) await space.sync.lead();
		return ok(null);
	}

	/** A space that the keyring has just named, once it is open in this tab. */
	opened(space: SpaceId): Promise<Result<OpenSpace, TacetError>> {
		return new Promise((resolve) => {
			const look = (): void => {
				const open = this.#open.get(space);
				const fault = this.#closed ? { code: 'locked' as const } : this.#unopened.get(space);
				if (open === undefined && fault === undefined) return;
				this.#waiters.delete(look);
				if (open !== undefined) resolve(ok(open.space));
				else if (fault !== undefined) resolve(err(fault));
			};
			this.#waiters.add(look);
			look();
		});
	}

	#wake(): void {
		for (const look of [...this.#waiters]) look();
	}

	/** Another tab stored entries or rows: also of a space that is being read. */
	stored(space: SpaceId, settled: readonly number[]): void {
		const { sync } = this.#open.get(space) ?? this.#opening.get(space) ?? {};
		void sync?.look(settled);
	}

	/** Nothing is opened any more; ends when nothing is being opened. */
	async settle(): Promise<void> {
		this.#closed = true;
		this.#wake();
		await Promise.allSettled([this.#reconciling]);
	}

	async close(): Promise<void> {
		await Promise.all([...this.all.map((space) => space.close()), this.endAhead()]);
	}
}
