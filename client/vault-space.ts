// One space of an unlocked account: its log, its items, their search, and what of it is shown.
import type { ActivityEntry } from './activity.ts';
import { settingsOf } from './admin-draft.ts';
import type {
	EpochStatus,
	OtherHeartbeat,
	SpaceMember,
	SpacePolicy,
	UnconfirmedName
} from './api-sharing.ts';
import type { Contacts } from './contacts.ts';
import type { CryptoPort } from './crypto-port.ts';
import { Items } from './items.ts';
import type { KnownSpace } from './keyring.ts';
import type { SaveFault } from './open-item.ts';
import type { OwnIdentity } from './own-selves.ts';
import type { Content } from './receive.ts';
import { keptIndexOf } from './search-kept.ts';
import { nextTask, Search } from './search.ts';
import { OpenSpace, type SpaceActions, type SpaceView } from './space.ts';
import type { SyncStatus } from './status.ts';
import type { Store, StoreFault } from './store.ts';
import type { SpaceSync } from './sync.ts';
import type { Member } from '../crypto/log-state.ts';
import type { Role } from '../protocol/commit.ts';
import { parseHandle } from '../protocol/handle.ts';
import {
	bytesOfId,
	idFromBytes,
	type AccountId,
	type ItemId,
	type SpaceId
} from '../protocol/ids.ts';
import type { Change, SpaceKind } from '../protocol/page.ts';
import { err, type Result } from '../protocol/result.ts';

export interface VaultSpaceParts {
	readonly known: KnownSpace;
	readonly contacts: Contacts;
	readonly nowMs: () => number;
	/** For what is kept beside the log. */
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly syncOf: (content: Content, onChange: () => void) => SpaceSync;
	readonly actions: SpaceActions;
	/** As this tab, or the one that syncs, sees it. */
	readonly status: (space: VaultSpace) => SyncStatus;
	readonly syncNow: () => void;
	/** What it is called before any of its pages was opened. */
	readonly name: () => string;
	readonly onStatus: (space: VaultSpace) => void;
	/** What a list of spaces says of it changed. */
	readonly onListed: () => void;
}

export class VaultSpace implements SpaceView {
	readonly #parts: VaultSpaceParts;
	readonly items: Items;
	readonly sync: SpaceSync;
	readonly space: OpenSpace;
	readonly #search: Search;
	/** Of another tab, which syncs. */
	leaderStatus: SyncStatus | null = null;
	#members: readonly SpaceMember[] | null = null;
	#listed = '';

	constructor(parts: VaultSpaceParts) {
		this.#parts = parts;
		this.items = new Items({
			onChange: (ids) => {
				this.#search.changed(ids);
				this.changed();
			}
		});
		this.#search = new Search(this.items, { kept: keptIndexOf(parts.known.space, parts) });
		this.sync = parts.syncOf(this.items, () => {
			parts.onStatus(this);
		});
		this.sync.events.look = async () => {
			await parts.actions.accessLog();
		};
		this.space = new OpenSpace({
			id: parts.known.space,
			items: this.items,
			search: this.#search,
			write: (changes) => this.write(changes),
			status: () => parts.status(this),
			syncNow: parts.syncNow,
			nowMs: parts.nowMs,
			view: this,
			actions: parts.actions
		});
	}

	get id(): SpaceId {
		return this.#parts.known.space;
	}

	get known(): KnownSpace {
		return this.#parts.known;
	}

	/** What is shown first is sorted before anybody looks, and the page has a turn before it draws. */
	async load(): Promise<Result<null, StoreFault>> {
		const loaded = await this.sync.load();
		if (this.items.list.length > 0) await nextTask();
		return loaded;
	}

	/** Something readable changed. */
	changed(): void {
		this.#members = null;
		this.space.changed();
		const listed = JSON.stringify([this.name, this.kind, this.role, this.ownIdentity]);
		if (listed === this.#listed) return;
		this.#listed = listed;
		this.#parts.onListed();
	}

	/** What the log would refuse is refused at once: nobody types what can't be sent. */
	write(changes: readonly Change[]): Promise<Result<void, SaveFault>> {
		return this.mayEdit ? this.sync.write(changes) : Promise.resolve(err('forbidden'));
	}

	/** Before anything of the log is here, its first pull decides. */
	get mayEdit(): boolean {
		const { role } = this;
		return this.sync.head.seq === 0 || role === 'owner' || role === 'editor';
	}

	get name(): string {
		return this.items.name?.name ?? this.#parts.name();
	}

	get kind(): SpaceKind {
		return this.items.name?.kind ?? 'space';
	}

	get role(): Role | null {
		return this.sync.role;
	}

	get ownIdentity(): OwnIdentity {
		return this.sync.selfThere;
	}

	get members(): readonly SpaceMember[] {
		this.#members ??= [...this.sync.members.values()].map((member) => this.#describe(member));
		return this.#members;
	}

	#describe({ account, role, kind, identity }: Member): SpaceMember {
		const given = this.#nameGiven(account);
		const hearsay = given?.isTaken === false ? given.name : null;
		const { hash } = identity;
		const contact = this.#parts.contacts.contact({ account, hash, handle: null, hearsay });
		const unconfirmedName = contact.handle === null ? given : null;
		const heartbeatAtMs = this.#heartbeatOf(account);
		const isOther = kind === 'person' && contact.identity !== 'own';
		const renewed = isOther ? this.#parts.contacts.renewed(account, hash) : null;
		return { ...contact, unconfirmedName, role, kind, renewed, heartbeatAtMs };
	}

	#nameGiven(account: AccountId): UnconfirmedName | null {
		const handle = parseHandle(this.items.memberName(account) ?? '');
		if (!handle.ok) return null;
		const name = handle.value;
		const isTwice = [...this.sync.members.keys()].some(
			(other) => other !== account && this.items.memberName(other) === name
		);
		return { name, isTaken: isTwice || this.#parts.contacts.isNameOfOther(account, name) };
	}

	/** What nobody has written down yet of who is here, and this account knows. */
	get unsaidNames(): readonly Change[] {
		return this.members.flatMap(({ account, kind, handle }): readonly Change[] => {
			if (kind !== 'person' || handle === null) return [];
			const name = parseHandle(handle);
			if (!name.ok || this.items.memberName(account) === name.value) return [];
			const item = idFromBytes<ItemId>(bytesOfId(account));
			return [{ type: 'name', item, kind: 'member', name: name.value }];
		});
	}

	#heartbeatOf(account: AccountId): number | null {
		const times = this.heartbeats.flatMap((beat) =>
			beat.account === account ? [beat.timeMs] : []
		);
		return times.length === 0 ? null : Math.max(...times);
	}

	get epoch(): EpochStatus {
		return this.#parts.status(this).epoch;
	}

	get heartbeats(): readonly OtherHeartbeat[] {
		return this.#parts.status(this).heartbeats;
	}

	get policy(): SpacePolicy {
		return settingsOf(this.sync.state);
	}

	activity(limit: number): readonly ActivityEntry[] {
		return this.sync.activity(limit);
	}

	/** Whether somebody would be left to own it without this account. */
	hasOtherOwner(account: AccountId): boolean {
		return [...this.sync.members.values()].some(
			(member) => member.role === 'owner' && member.account !== account
		);
	}

	async close(): Promise<void> {
		await this.sync.close();
		this.#search.close();
	}
}
