// What the screens behind the lock share: the space, the search, and what a person does to notes.
import { createSubscriber } from 'svelte/reactivity';
import type { ItemSummary, SearchHit, Space, SyncStatus } from '../../../client/index.ts';
import type { Role } from '../../../protocol/commit.ts';
import type { ItemId } from '../../../protocol/ids.ts';
import type { App } from './app.svelte.ts';
import { ImportRun } from './import-run.svelte.ts';
import { errorWords } from './messages.ts';
import { itemHref, notesHref } from './place.svelte.ts';

const maxHits = 200;

export interface ListRow {
	readonly item: ItemSummary;
	readonly hit: SearchHit | null;
}

/** The last two folders that an imported note came from: many notes are called README. */
export const folderOf = (item: ItemSummary): string =>
	item.path?.split('/').slice(-2).join('/') ?? '';

export const titleOf = (item: { readonly title: string }): string => item.title || 'Untitled';

export class DeskState {
	readonly app: App;
	readonly space: Space;
	readonly importRun: ImportRun;
	query = $state('');
	/** The note that was just made: its title takes the focus. */
	made: ItemId | null = null;
	/** The note that was opened by keyboard: its text takes the focus. */
	entered: ItemId | null = null;
	dialog = $state<'palette' | 'keys' | 'sync' | 'log-out' | 'share' | 'share-note' | null>(null);
	/** What the dialogs of sharing are about. */
	subject = $state.raw<{ readonly space: Space; readonly item: ItemId | null } | null>(null);
	#subscribe: () => void;

	constructor(app: App, space: Space) {
		this.app = app;
		this.space = space;
		this.importRun = new ImportRun(space);
		this.#subscribe = createSubscriber((update) => space.subscribe(update));
	}

	get items(): readonly ItemSummary[] {
		this.#subscribe();
		return this.space.items;
	}

	get trashed(): readonly ItemSummary[] {
		this.#subscribe();
		return this.space.trashed;
	}

	get sync(): SyncStatus {
		this.#subscribe();
		return this.space.sync;
	}

	/** Null once this account is no member any more. */
	get role(): Role | null {
		this.#subscribe();
		return this.space.role;
	}

	/** The notes to list: all of them, or those that the search finds. */
	get rows(): readonly ListRow[] {
		const { items, query } = this;
		if (query.trim() === '') return items.map((item) => ({ item, hit: null }));
		const itemsById = new Map(items.map((item) => [item.id, item]));
		return this.space.search(query, maxHits).flatMap((hit) => {
			const item = itemsById.get(hit.id);
			return item === undefined ? [] : [{ item, hit }];
		});
	}

	find(id: ItemId): ItemSummary | undefined {
		return this.items.find((item) => item.id === id);
	}

	async newNote(): Promise<void> {
		const made = await this.space.create({});
		if (!made.ok) {
			this.#refuse(made.error);
			return;
		}
		this.query = '';
		this.made = made.value;
		this.app.place.go(itemHref(made.value));
	}

	share(space: Space): void {
		this.subject = { space, item: null };
		this.dialog = 'share';
	}

	/** A note that has a space of its own is shared with that; else the person chooses. */
	shareNote(space: Space, item: ItemId): void {
		if (space.kind === 'item') return this.share(space);
		this.subject = { space, item };
		this.dialog = 'share-note';
	}

	async trash(id: ItemId): Promise<void> {
		const item = this.find(id);
		const done = await this.space.trash(id);
		if (!done.ok) {
			this.#refuse(done.error);
			return;
		}
		const { view } = this.app.place;
		if (view.name === 'notes' && view.item === id) this.app.place.replace(notesHref);
		this.app.toasts.show({
			text: `‘${titleOf(item ?? { title: '' })}’ is in the trash.`,
			action: { label: 'Undo', run: () => void this.restore(id, { open: true }) }
		});
	}

	async restore(id: ItemId, { open }: { readonly open: boolean }): Promise<void> {
		const done = await this.space.restore(id);
		if (!done.ok) this.#refuse(done.error);
		else if (open) this.app.place.go(itemHref(id));
		else this.app.toasts.show({ text: 'The note is back among your notes.' });
	}

	async deleteForever(id: ItemId): Promise<void> {
		const done = await this.space.deleteForever(id);
		if (!done.ok) this.#refuse(done.error);
		else this.app.toasts.show({ text: 'Deleted for ever.' });
	}

	#refuse(error: { readonly code: keyof typeof errorWords }): void {
		const { what, then } = errorWords[error.code];
		this.app.toasts.show({ text: `${what} ${then}`, tone: 'wax' });
	}
}
