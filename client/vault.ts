// An unlocked account at work: its keyring, its spaces, and which tab syncs them. What an
// interrupted sign-up left undone is done here: keyring and first space are made if they are absent.
import type { TacetOptions } from './api.ts';
import { AccountNews } from './account-news.ts';
import { AccountWatch } from './account-watch.ts';
import { AutoLock } from './auto-lock.ts';
import { Contacts } from './contacts.ts';
import type { CryptoPort, NewSpace, UnlockedAccount } from './crypto-port.ts';
import { randomRepairWaitMs } from './coverage.ts';
import { Cursors } from './cursors.ts';
import type { Desk, LeaderCalls } from './desk.ts';
import { fail, type TacetError } from './errors.ts';
import type { Http } from './http.ts';
import type { KnownSpace } from './keyring.ts';
import { Leader } from './leader.ts';
import { OwnKeyring } from './own-keyring.ts';
import type { Content } from './receive.ts';
import type { Session } from './session.ts';
import { Sharing } from './sharing.ts';
import { shownAccountKey } from './shown-account-key.ts';
import type { OpenSecurity } from './security-face.ts';
import type { OpenSpace } from './space.ts';
import type { SyncStatus } from './status.ts';
import { SpaceSync } from './sync.ts';
import type { TabMessage, Tabs } from './tabs.ts';
import { VaultSpace } from './vault-space.ts';
import { VaultSpaces } from './vault-spaces.ts';
import { VerifiedHeads } from './verified-heads.ts';
import type { Head } from '../protocol/commit.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface VaultParts {
	readonly options: TacetOptions;
	readonly nowMs: () => number;
	readonly tabs: Tabs;
	readonly http: Http;
	readonly crypto: CryptoPort;
	readonly session: Session;
	readonly me: UnlockedAccount;
	readonly handle: string;
	readonly device: DeviceId;
	/** 32 bytes: what this device has pinned. */
	readonly serverPublicKey: Uint8Array;
	/** Of the keyring, handed over when this device was linked: another one has verified it. */
	readonly keyringHead: Head | null;
	/** Changes the stored profile, which other tabs may have changed meanwhile. */
	readonly updateProfile: OpenSecurity['updateProfile'];
	/** What `state` shows of the account changed. */
	readonly onChange: () => void;
	/** Nobody has used the account for a while: locks all tabs. */
	readonly lock: () => Promise<void>;
	/** Something of the account changed at the edge. */
	readonly onAccount: () => void;
	/** This device's profile was copied: its next login takes a new id. */
	readonly onCopied: () => void;
}

/** How often an account that waits to be let in looks whether it was. */
const joinIntervalMs = 15_000;

export class Vault {
	readonly #parts: VaultParts;
	readonly #keyring: OwnKeyring;
	readonly #contacts: Contacts;
	readonly #leader: Leader;
	readonly sharing: Sharing;
	/** For what changes the account. */
	readonly security: OpenSecurity;
	readonly accountWatch: AccountWatch;
	readonly autoLock: AutoLock;
	readonly cursors: Cursors;
	readonly accountNews: AccountNews;
	readonly #spaces: VaultSpaces;
	readonly #heads: VerifiedHeads;
	#first: OpenSpace | null = null;
	#leading = false;
	#connected = false;
	#closed = false;
	/** The keys may end: what still waits for them would wait for ever. */
	#closeCalls: () => void = () => undefined;
	readonly #whenClosed = new Promise<ReturnType<typeof fail>>((resolve) => {
		this.#closeCalls = () => {
			resolve(fail('locked'));
		};
	});
	#joinTimer: ReturnType<typeof setTimeout> | undefined;
	#copied = false;

	constructor(parts: VaultParts, keyringSpace: NewSpace) {
		this.#parts = parts;
		const { crypto, options, device, nowMs, tabs, lock } = parts;
		const { store, channel } = options;
		this.autoLock = new AutoLock({ store, crypto, channel, nowMs, lock });
		this.cursors = new Cursors({ store, crypto, tabs });
		this.accountWatch = new AccountWatch({
			ask: parts.onAccount,
			tell: (fault) => {
				tabs.tell({ type: 'account_fault', fault });
			},
			onChange: parts.onChange
		});
		this.accountNews = new AccountNews(tabs, parts.onAccount);
		this.#keyring = new OwnKeyring({
			...{ space: keyringSpace, crypto, store: options.store, device, nowMs },
			deviceName: options.deviceName ?? 'A device',
			renewedTo: parts.me.earlierHashes.length === 0 ? null : parts.me.identityHash,
			syncOf: (content, onChange) => this.#syncOf(keyringSpace, content, onChange, () => true),
			onHead: (space, head) => this.#spaces.get(space)?.sync.expect(head),
			onChange: () => {
				this.#keyringChanged();
			},
			onStatus: () => {
				this.#judgeKeyring();
			},
			onConfirmed: () => {
				for (const { sync } of this.#spaces.all) sync.push();
			}
		});
		this.#spaces = new VaultSpaces({
			...{ crypto, store: options.store, device },
			keyring: () => this.#keyring,
			spaceOf: (known) => this.#spaceOf(known),
			isConnected: () => this.#connected,
			onChange: parts.onChange
		});
		this.#heads = new VerifiedHeads({
			...{ account: parts.me.account, keyring: this.#keyring, nowMs },
			spaces: () => this.#spaces.all,
			isLeading: () => this.#leading
		});
		this.#contacts = new Contacts({
			...parts,
			keyring: this.#keyring.known,
			write: (entries) => this.#keyring.write(entries),
			onChange: () => {
				this.#changed();
			}
		});
		const desk = this.#desk();
		this.security = {
			...{ desk, store: options.store, updateProfile: parts.updateProfile },
			alone: (work) => parts.tabs.alone('account', work),
			keyringEnd: () => this.#keyring.end(),
			noteHead: (head) => this.#heads.noteAccount(head),
			onJudged: (code) => {
				this.accountWatch.note(code);
			}
		};
		this.sharing = new Sharing({
			desk,
			keyring: this.#keyring,
			serverPublicKey: parts.serverPublicKey,
			accountKey: () => shownAccountKey({ store, crypto }),
			spaces: () => this.#spaces.listed.map(({ space }) => space)
		});
		this.#leader = new Leader({
			desk,
			keyring: this.#keyring,
			invitations: this.sharing.invitations,
			...{ store: options.store, repairWaitMs: options.repairWaitMs ?? randomRepairWaitMs },
			mayWrite: (space) => this.#mayWrite(space),
			onMade: (space) => {
				this.#spaces.noteMade(space);
			},
			lead: () => this.#lead(),
			syncOf: (known, content, mayWrite) => this.#syncOf(known, content, () => undefined, mayWrite)
		});
	}

	#desk(): Desk {
		const { options, nowMs, http, session, crypto, me, handle, device } = this.#parts;
		return {
			...{ origin: options.origin, nowMs, http, session, crypto, me, handle, device },
			keyring: this.#keyring.known,
			contacts: this.#contacts,
			write: (entries) => this.#keyring.write(entries),
			spaceOf: (space) => this.#spaces.get(space) ?? null,
			call: (name, input) => this.#call(name, input),
			createSpace: async (input) => {
				const made = await this.#call('createSpace', input);
				return made.ok ? this.#spaces.opened(made.value.space) : made;
			},
			changed: () => {
				this.#changed();
			}
		};
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

	/** The account's first space. */
	get space(): OpenSpace {
		const first = this.#spaces.listed[0]?.space ?? this.#first;
		if (first === null) throw new Error('the vault is not open');
		this.#first = first;
		return first;
	}

	/** Changes that do not stand on any log yet. */
	get waiting(): number {
		return this.#spaces.all.reduce((sum, { sync }) => sum + sync.status.waiting, 0);
	}

	async #open(): Promise<Result<null, TacetError>> {
		const loaded = await this.#keyring.load();
		if (!loaded.ok) return loaded;
		const { keyringHead } = this.#parts;
		if (keyringHead !== null) this.#keyring.expect(keyringHead);
		const elected = this.#elect();
		const isKnown = this.#keyring.known.firstSpace !== null;
		if (!isKnown) {
			await elected;
			const first = await this.#firstSpace();
			if (!first.ok) return first;
		}
		const opened = await this.#spaces.reconcile();
		await this.#spaces.endAhead();
		if (!opened.ok) return opened;
		if (isKnown) void elected.then(() => this.#lead());
		else await this.#lead();
		return ok(null);
	}

	#elect(): Promise<void> {
		return new Promise((resolve) => {
			this.#parts.tabs.elect(() => {
				this.#leading = true;
				resolve();
			});
		});
	}

	/** From the account's keyring; made now if there is none: then nothing was ever written. */
	async #firstSpace(): Promise<Result<null, TacetError>> {
		if (!this.#keyring.isToBeCarried) this.#spaces.openAhead();
		await this.#keyring.lead();
		const begun = await this.#keyring.begin();
		const carried = begun.ok ? await this.#leader.carry() : begun;
		if (!carried.ok || this.#keyring.known.firstSpace !== null) return carried;
		await this.#spaces.endAhead();
		const made = await this.#leader.found(null);
		return made.ok ? ok(null) : made;
	}

	/** This tab syncs from now on. */
	async #lead(): Promise<void> {
		await this.#keyring.sync.loadFault();
		if (this.#keyring.isDistrusted || this.#closed) {
			this.#changed();
			return;
		}
		const [first, ...others] = this.#spaces.listed;
		await first?.sync.lead();
		this.#connected = true;
		await Promise.all(others.map(({ sync }) => sync.lead()));
		await this.#keyring.lead();
		void this.#leader.carryOn();
		this.#awaitJoining();
	}

	/** An edge that was caught with the keyring is asked for nothing else. */
	#judgeKeyring(): void {
		const { caughtUp, status } = this.#keyring.sync;
		const { isDistrusted } = this.#keyring;
		const isOnline = status.connection === 'online';
		if (this.#leading) this.accountWatch.look({ isOnline, caughtUp, isDistrusted });
		if (!this.#keyring.isDistrusted) return;
		for (const { sync } of this.#spaces.all) sync.stop();
		void this.#spaces.endAhead();
		this.#changed();
	}

	#keyringChanged(): void {
		if (this.#first === null && this.#spaces.all.length === 0) return;
		void this.#spaces.reconcile();
		this.#awaitJoining();
		for (const space of this.#spaces.all) this.#leader.noteStatus(space);
		this.#changed();
	}

	#changed(): void {
		for (const space of this.#spaces.all) space.changed();
		this.#parts.onChange();
	}

	#spaceOf(known: KnownSpace): VaultSpace {
		const { nowMs, crypto, options } = this.#parts;
		return new VaultSpace({
			known,
			contacts: this.#contacts,
			...{ nowMs, crypto, store: options.store },
			syncOf: (content, onChange) =>
				this.#syncOf(known, content, onChange, () => this.#mayWrite(known.space)),
			actions: this.sharing.actionsOf(known.space),
			status: (space) => this.#status(space),
			syncNow: () => {
				this.syncNow();
			},
			name: () => this.#keyring.known.nameOf(known.space),
			onStatus: (space) => {
				this.#noteStatus(space);
			},
			onListed: () => {
				this.#parts.onChange();
			}
		});
	}

	#syncOf(
		known: KnownSpace,
		content: Content,
		onChange: () => void,
		mayWrite: () => boolean
	): SpaceSync {
		const { options, crypto, me, device, nowMs, session, tabs } = this.#parts;
		const { space } = known;
		return new SpaceSync({
			origin: options.origin,
			WebSocket: options.WebSocket ?? WebSocket,
			token: (refused) => session.accessToken(refused),
			proofs: session.proofs,
			space,
			genesisHash: known.genesisHash,
			me,
			device,
			store: options.store,
			crypto,
			content,
			nowMs,
			mayWrite,
			isNamed: () => this.#spaces.get(space) !== undefined,
			repairWaitMs: options.repairWaitMs ?? randomRepairWaitMs,
			onChange,
			onNotice: onChange,
			onAccount: () => {
				this.accountNews.heard();
			},
			onStored: (settled) => {
				tabs.tell({ type: 'stored', space, settled });
			}
		});
	}

	/** Until it is confirmed, a device writes to what it made itself. */
	#mayWrite(space: SpaceId): boolean {
		return this.#keyring.isConfirmed || this.#spaces.wasMadeHere(space);
	}

	async #call<Name extends keyof LeaderCalls>(
		name: Name,
		input: LeaderCalls[Name]['input']
	): Promise<Result<LeaderCalls[Name]['answer'], TacetError>> {
		const call = this.#leading ? this.#leader.run(name, input) : this.#parts.tabs.call(name, input);
		const answer = await Promise.race([this.#whenClosed, call]).catch((error: unknown) => {
			// Keys that are gone can't finish what was begun with them.
			if (this.#closed) return fail('locked');
			throw error;
		});
		// Both ends are this build's, which a profile's tabs share.
		return answer as Result<LeaderCalls[Name]['answer'], TacetError>;
	}

	/** Another tab has something done here. */
	async answerCall({ call, name, input }: TabMessage & { readonly type: 'call' }): Promise<void> {
		if (!this.#leading) return;
		const { tabs } = this.#parts;
		tabs.tell({ type: 'call_taken', call });
		tabs.tell({ type: 'call_done', call, answer: await this.#leader.run(name, input) });
	}

	#awaitJoining(): void {
		clearTimeout(this.#joinTimer);
		if (!this.#connected || this.#closed) return;
		if (this.sharing.invitations.waiting.length === 0) return;
		this.#joinTimer = setTimeout(() => {
			void this.#leader.checkJoining().finally(() => {
				this.#awaitJoining();
			});
		}, joinIntervalMs);
	}

	/** A tab that does not sync shows the status of the one that does. */
	#status({ sync, leaderStatus }: VaultSpace): SyncStatus {
		const { trust, puttingBack } = this.#keyring.sync.status;
		const own = this.#keyring.isDistrusted ? { ...sync.status, trust, puttingBack } : sync.status;
		if (this.#leading || leaderStatus === null) return own;
		const { waiting, savedOnDevice, setAside, setAsideAuthors } = own;
		return { ...leaderStatus, waiting, savedOnDevice, setAside, setAsideAuthors };
	}

	#noteStatus(space: VaultSpace): void {
		if (this.#spaces.get(space.id) !== space) return;
		const { status } = space.sync;
		if (this.#leading) this.#parts.tabs.tell({ type: 'status', space: space.id, status });
		this.#leader.noteStatus(space);
		if (status.problem === 'device_copied' && !this.#copied) {
			this.#copied = true;
			this.#parts.onCopied();
		}
		space.changed();
		this.#heads.look();
	}

	/** Another tab stored entries or rows. */
	stored(space: SpaceId, settled: readonly number[]): void {
		if (space === this.#keyring.space) void this.#keyring.sync.look(settled);
		else this.#spaces.stored(space, settled);
	}

	/** What the syncing tab says about itself. */
	leaderStatus(space: SpaceId, status: SyncStatus): void {
		const open = this.#spaces.get(space);
		if (this.#leading || open === undefined) return;
		open.leaderStatus = status;
		open.changed();
	}

	syncNow(): void {
		if (!this.#leading) {
			this.#parts.tabs.tell({ type: 'sync_now' });
			return;
		}
		for (const { sync } of this.#spaces.all) sync.retryNow();
		this.#keyring.sync.retryNow();
		void this.#leader.checkJoining();
	}

	/** Saves what was typed a moment ago, so that `waiting` counts it. */
	async flush(): Promise<void> {
		await Promise.all(this.#spaces.all.map(({ space }) => space.flush()));
	}

	/** Ends everything; keys are the caller's to end. Tries to leave the newest heads behind. */
	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#joinTimer);
		this.autoLock.close();
		this.accountNews.close();
		// Before whoever shows the note is gone.
		const cursors = this.cursors.save();
		try {
			await Promise.allSettled([this.#leader.close(), this.#spaces.settle(), cursors]);
			await this.flush();
			await this.#heads.close();
		} finally {
			await Promise.all([this.#spaces.close(), this.#keyring.close()]);
			this.#parts.tabs.resign();
			this.#leading = false;
			this.#closeCalls();
		}
	}
}
