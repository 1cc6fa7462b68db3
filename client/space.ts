// One space, as the engine's users see it: its items, their search, import, and how its syncing
// stands. Every change goes through the outbox first; what is shown follows.
import { applyUpdate, encodeStateAsUpdate } from 'yjs';
import { randomBytes } from '../crypto/random.ts';
import type { Role } from '../protocol/commit.ts';
import {
	idFromBytes,
	type AccountId,
	type InviteId,
	type ItemId,
	type LinkId,
	type SpaceId
} from '../protocol/ids.ts';
import type { Change, SpaceKind } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { ActivityEntry } from './activity.ts';
import type {
	AccessLogPart,
	Contact,
	EpochStatus,
	Invitation,
	ItemHistory,
	ItemVersion,
	OtherHeartbeat,
	ShareLink,
	SpaceMember,
	SpacePolicy,
	SpaceSharing
} from './api-sharing.ts';
import type { Answer, Space } from './api.ts';
import { fail, type TacetError } from './errors.ts';
import {
	importFiles,
	type ImportFile,
	type ImportProgress,
	type ImportReport
} from './import-files.ts';
import { rewriteText } from './item-doc.ts';
import { makeSeed, type Items, type ItemSummary, type ItemText } from './items.ts';
import type { OpenItem, OpenState, SaveFault } from './open-item.ts';
import type { OwnIdentity } from './own-selves.ts';
import type { PutBackPlan, PutBackReport } from './put-back.ts';
import type { Search, SearchHit } from './search.ts';
import type { SyncStatus } from './status.ts';

/** What sharing knows of a space, and does with it. */
export interface SpaceView {
	readonly name: string;
	readonly kind: SpaceKind;
	readonly role: Role | null;
	readonly ownIdentity: OwnIdentity;
	readonly members: readonly SpaceMember[];
	readonly epoch: EpochStatus;
	readonly heartbeats: readonly OtherHeartbeat[];
	readonly policy: SpacePolicy;
	activity(limit: number): readonly ActivityEntry[];
}
export type SpaceActions = Omit<SpaceSharing, keyof SpaceView>;

export interface SpaceParts {
	readonly id: SpaceId;
	readonly view: SpaceView;
	readonly actions: SpaceActions;
	readonly items: Items;
	readonly search: Search;
	readonly write: (changes: readonly Change[]) => Promise<Result<void, SaveFault>>;
	readonly status: () => SyncStatus;
	readonly syncNow: () => void;
	readonly nowMs: () => number;
}

const newItemId = (): ItemId => idFromBytes<ItemId>(randomBytes(16));

export class OpenSpace implements Space {
	readonly #parts: SpaceParts;
	readonly #listeners = new Set<() => void>();
	/** Flushing one that was closed does nothing. */
	readonly #opened = new Set<OpenItem>();

	constructor(parts: SpaceParts) {
		this.#parts = parts;
	}

	get id(): SpaceId {
		return this.#parts.id;
	}

	get items(): readonly ItemSummary[] {
		return this.#parts.items.list;
	}

	get trashed(): readonly ItemSummary[] {
		return this.#parts.items.trashed;
	}

	/** What was typed a moment ago and is not saved yet counts too. */
	get sync(): SyncStatus {
		const status = this.#parts.status();
		const isSaved = [...this.#opened].every(({ state }) => state === 'saved');
		return isSaved ? status : { ...status, savedOnDevice: false };
	}

	get name(): string {
		return this.#parts.view.name;
	}

	get kind(): SpaceKind {
		return this.#parts.view.kind;
	}

	get role(): Role | null {
		return this.#parts.view.role;
	}

	get ownIdentity(): OwnIdentity {
		return this.#parts.view.ownIdentity;
	}

	get members(): readonly SpaceMember[] {
		return this.#parts.view.members;
	}

	get epoch(): EpochStatus {
		return this.#parts.view.epoch;
	}

	get heartbeats(): readonly OtherHeartbeat[] {
		return this.#parts.view.heartbeats;
	}

	get policy(): SpacePolicy {
		return this.#parts.view.policy;
	}

	activity(limit: number): readonly ActivityEntry[] {
		return this.#parts.view.activity(limit);
	}

	history(item: ItemId): Answer<ItemHistory> {
		return this.#parts.actions.history(item);
	}

	accessLog(...input: Parameters<SpaceSharing['accessLog']>): Answer<AccessLogPart> {
		return this.#parts.actions.accessLog(...input);
	}

	rename(name: string): Answer<void> {
		return this.#parts.actions.rename(name);
	}

	changeRole(account: AccountId, role: Role): Answer<void> {
		return this.#parts.actions.changeRole(account, role);
	}

	remove(account: AccountId): Answer<void> {
		return this.#parts.actions.remove(account);
	}

	lookForRenewed(): Answer<void> {
		return this.#parts.actions.lookForRenewed();
	}

	letInRenewed(account: AccountId, safetyWords: readonly string[]): Answer<void> {
		return this.#parts.actions.letInRenewed(account, safetyWords);
	}

	leave(): Answer<void> {
		return this.#parts.actions.leave();
	}

	rotate(): Answer<void> {
		return this.#parts.actions.rotate();
	}

	destroy(): Answer<void> {
		return this.#parts.actions.destroy();
	}

	setPolicy(change: Partial<SpacePolicy>): Answer<void> {
		return this.#parts.actions.setPolicy(change);
	}

	continueInNewSpace(): Answer<Space> {
		return this.#parts.actions.continueInNewSpace();
	}

	planPutBack(): Answer<PutBackPlan> {
		return this.#parts.actions.planPutBack();
	}

	putBack(): Answer<PutBackReport> {
		return this.#parts.actions.putBack();
	}

	invitations(): Answer<readonly Invitation[]> {
		return this.#parts.actions.invitations();
	}

	invite(input: Parameters<SpaceActions['invite']>[0]): Answer<Invitation> {
		return this.#parts.actions.invite(input);
	}

	inviteHandle(input: Parameters<SpaceActions['inviteHandle']>[0]): Answer<Contact> {
		return this.#parts.actions.inviteHandle(input);
	}

	admit(invite: InviteId): Answer<void> {
		return this.#parts.actions.admit(invite);
	}

	revokeInvitation(invite: InviteId): Answer<void> {
		return this.#parts.actions.revokeInvitation(invite);
	}

	links(): Answer<readonly ShareLink[]> {
		return this.#parts.actions.links();
	}

	createLink(input: Parameters<SpaceActions['createLink']>[0]): Answer<ShareLink> {
		return this.#parts.actions.createLink(input);
	}

	revokeLink(link: LinkId): Answer<void> {
		return this.#parts.actions.revokeLink(link);
	}

	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	/** Something readable here changed. */
	changed(): void {
		for (const listener of [...this.#listeners]) listener();
	}

	async create(input: { readonly title?: string; readonly body?: string } = {}): Answer<ItemId> {
		const seed = makeSeed({ ...input, createdAtMs: this.#parts.nowMs() });
		if (!seed.ok) return fail(seed.error);
		const item = newItemId();
		const saved = await this.#write([{ type: 'seed', item, seed: seed.value }]);
		return saved.ok ? ok(item) : saved;
	}

	async open(
		item: ItemId,
		options: { readonly onState?: (state: OpenState) => void } = {}
	): Answer<OpenItem> {
		await this.#saveAgain();
		this.#forgetClosed();
		const opened = this.#parts.items.open(item, {
			save: this.#parts.write,
			onState: (state) => {
				options.onState?.(state);
				this.changed();
			}
		});
		if (opened === null) return fail('not_found');
		// What still could not be saved when it was left is shown again, and saved with what follows.
		for (const left of this.#opened) {
			if (left.id === item && left.state !== 'saved') {
				applyUpdate(opened.doc, encodeStateAsUpdate(left.doc));
			}
		}
		this.#opened.add(opened);
		return ok(opened);
	}

	/** Tries once more to save what could not be: notes that were left meanwhile, too. */
	async #saveAgain(): Promise<void> {
		const failed = [...this.#opened].filter(({ state }) => typeof state === 'object');
		await Promise.all(failed.map((item) => item.flush()));
	}

	/** Saves what was typed a moment ago, as before the keys go. */
	async flush(): Promise<void> {
		await Promise.all([...this.#opened].map((item) => item.flush()));
	}

	/** Lets go of the text of notes that were closed. */
	#forgetClosed(): void {
		for (const item of this.#opened) if (item.isClosed) this.#opened.delete(item);
	}

	read(item: ItemId): Answer<ItemText> {
		const text = this.#parts.items.read(item);
		return Promise.resolve(text === null ? fail('not_found') : ok(text));
	}

	/** As an edit, so that what others write meanwhile is merged with it. */
	async restoreVersion(item: ItemId, version: Pick<ItemVersion, 'title' | 'body'>): Answer<void> {
		const opened = await this.open(item);
		if (!opened.ok) return opened;
		const { doc, title, body } = opened.value;
		doc.transact(() => {
			rewriteText(title, version.title);
			rewriteText(body, version.body);
		});
		const saved = await opened.value.close();
		return saved.ok ? ok(undefined) : fail(saved.error);
	}

	trash(item: ItemId): Answer<void> {
		return this.#setTrashed(item, this.#parts.nowMs());
	}

	restore(item: ItemId): Answer<void> {
		return this.#setTrashed(item, null);
	}

	async #setTrashed(item: ItemId, trashedAtMs: number | null): Answer<void> {
		const change = this.#parts.items.trashChange(item, trashedAtMs);
		return change === null ? fail('not_found') : this.#write([change]);
	}

	async deleteForever(item: ItemId): Answer<void> {
		if (!this.#parts.items.has(item)) return fail('not_found');
		return this.#write([{ type: 'tombstone', item }]);
	}

	prepareSearch(): void {
		this.#parts.search.prepare();
	}

	search(query: string, limit?: number): readonly SearchHit[] {
		return this.#parts.search.query(query, limit);
	}

	importFiles(
		files: Iterable<ImportFile> | AsyncIterable<ImportFile>,
		options: {
			readonly signal?: AbortSignal;
			readonly onProgress?: (progress: ImportProgress) => void;
			readonly pagesAtOnce?: number;
		} = {}
	): Promise<ImportReport> {
		const imported = importFiles(files, {
			...options,
			existing: this.#parts.items.importLookup(),
			save: this.#parts.write,
			newItemId,
			nowMs: this.#parts.nowMs
		});
		return imported.finally(() => this.#saveAgain());
	}

	syncNow(): void {
		this.#parts.syncNow();
	}

	async #write(changes: readonly Change[]): Promise<Result<void, TacetError>> {
		const saved = await this.#parts.write(changes);
		if (!saved.ok) return fail(saved.error);
		void this.#saveAgain();
		return saved;
	}
}
