// What the screens behind the lock share: the spaces, the search, and what a person does to notes.
import type { AccountNews } from '../../../client/account-news.ts';
import type { AutoLock } from '../../../client/auto-lock.ts';
import type { Cursors } from '../../../client/cursors.ts';
import { createSubscriber } from 'svelte/reactivity';
import type {
	AccountOverview,
	ItemSummary,
	AccountFault,
	LoginDoubt,
	Space,
	SyncStatus,
	TacetError,
	Usage
} from '../../../client/index.ts';
import type { FactorsOverview } from '../../../client/api-factors.ts';
import type {
	DeviceStanding,
	Joining,
	KitStanding,
	OwnDevice
} from '../../../client/api-sharing.ts';
import type { DeviceId, ItemId } from '../../../protocol/ids.ts';
import type { AccountFacts } from '../../../client/crypto-account-writes.ts';
import type { TacetSecurity } from '../../../client/security-face.ts';
import { deviceLines, lineTitle, type DeviceLine } from './account-words.ts';
import type { App } from './app.svelte.ts';
import { ImportRun } from './import-run.svelte.ts';
import { Inbox } from './inbox.svelte.ts';
import { errorWords } from './messages.ts';
import { paced } from '../../../client/paced.ts';
import { renewalProgress, type RenewalProgress } from '../../../client/renewal-progress.ts';
import { itemHref, listHref } from './place.svelte.ts';
import { SecretClipboard } from './secret-clipboard.svelte.ts';
import { StepUp } from './step-up.svelte.ts';
import { Asked, spaceName } from './sharing.svelte.ts';
import {
	isRemoved,
	mayWrite,
	MergedList,
	mergedSync,
	searchAll,
	type ListRow,
	type Placed
} from './spaces.ts';
import { titleOf } from './titles.ts';

const maxHits = 200;
/** A list that thousands come into is drawn so often. */
const bulkGapMs = 150;

export type DialogName =
	| 'palette'
	| 'keys'
	| 'sync'
	| 'log-out'
	| 'share'
	| 'share-note'
	| 'spaces'
	| 'new-space'
	| 'move'
	| 'unconfirmed'
	| 'repair'
	| 'link-device'
	| 'check-kit';

export class DeskState {
	readonly app: App;
	/** The account's first space. */
	readonly home: Space;
	readonly importRun: ImportRun;
	readonly inbox: Inbox;
	/** What is asked for after the password, and what suffices. */
	readonly factors: Asked<FactorsOverview>;
	readonly stepUp: StepUp;
	/** What the edge says of the account; asked for by the pages about it. */
	readonly account: Asked<AccountOverview>;
	/** What the account's own log says of it, verified. */
	readonly facts: Asked<AccountFacts>;
	/** Room on the server. */
	readonly usage: Asked<Usage>;
	readonly clipboard = new SecretClipboard();
	query = $state('');
	/** The note that was just made: its title takes the focus. */
	made: ItemId | null = null;
	/** The note that was opened by keyboard: its text takes the focus. */
	entered: ItemId | null = null;
	dialog = $state<DialogName | null>(null);
	/** What the dialogs of sharing are about. */
	subject = $state.raw<{ readonly space: Space; readonly item: ItemId | null } | null>(null);
	#subscriptions = new WeakMap<Space, () => void>();
	#list = new MergedList(
		({ items }) => items,
		({ updatedAtMs }) => updatedAtMs
	);
	#trash = new MergedList(
		({ trashed }) => trashed,
		({ trashedAtMs, updatedAtMs }) => trashedAtMs ?? updatedAtMs
	);

	readonly autoLock: AutoLock;
	readonly cursors: Cursors;
	readonly accountNews: AccountNews;
	/** The first note that is opened gets its cursor back. */
	recalls = true;

	constructor(app: App, home: Space) {
		const { state } = app;
		if (state.phase !== 'unlocked') throw new Error('a desk is for an unlocked account');
		this.autoLock = state.autoLock;
		this.cursors = state.cursors;
		this.accountNews = state.accountNews;
		this.app = app;
		this.home = home;
		this.importRun = new ImportRun(home);
		this.factors = new Asked(() => this.security.factors());
		this.stepUp = new StepUp(app);
		this.account = new Asked(() => app.tacet.account());
		this.facts = new Asked(() => this.security.read());
		this.usage = new Asked(() => app.tacet.usage());
		this.inbox = new Inbox(() => app.tacet.requests());
	}

	/** All of them, the first one first; whoever looks is told when one of them has changed. */
	get spaces(): readonly Space[] {
		const { state } = this.app;
		const known = state.phase === 'unlocked' ? state.spaces : [];
		const spaces = [this.home, ...known.filter(({ id }) => id !== this.home.id)];
		for (const space of spaces) this.live(space);
		return spaces;
	}

	/** The same space; whoever looks at it is told when it has changed. */
	live(space: Space): Space {
		const known = this.#subscriptions.get(space);
		const subscribe =
			known ??
			createSubscriber((update) =>
				space.subscribe(paced(update, () => (this.#isBulk(space) ? bulkGapMs : 0)))
			);
		if (!known) space.prepareSearch();
		this.#subscriptions.set(space, subscribe);
		subscribe();
		return space;
	}

	#isBulk({ sync }: Space): boolean {
		return this.importRun.running || sync.pulling !== null;
	}

	/** Those with a list of their own. A single note that is shared shows among all the others. */
	get named(): readonly Space[] {
		return this.spaces.filter((space) => space.kind === 'space' || isRemoved(space));
	}

	get writable(): readonly Space[] {
		return this.spaces.filter((space) => space.kind === 'space' && mayWrite(space));
	}

	/** The space whose list is shown; null for all notes. */
	get chosen(): Space | null {
		const { view } = this.app.place;
		if (view.name !== 'notes' || view.space === null) return null;
		return this.spaces.find(({ id }) => id === view.space) ?? null;
	}

	/** Where a new note goes. */
	get target(): Space {
		const { chosen } = this;
		return chosen !== null && mayWrite(chosen) ? chosen : this.home;
	}

	get #listed(): readonly Space[] {
		const { chosen } = this;
		return chosen === null ? this.spaces.filter((space) => !isRemoved(space)) : [chosen];
	}

	/** Those of the spaces looked at in which an owner's fault stops this device. */
	get faulted(): readonly Space[] {
		const { open } = this;
		const seen = open === null ? this.#listed : [this.live(open.space)];
		return seen.filter(({ sync }) => sync.ownerFaults.length > 0);
	}

	get items(): readonly ListRow[] {
		return this.#list.of(this.#listed);
	}

	/** Of all spaces, whichever is shown. */
	get total(): number {
		const here = this.spaces.filter((space) => !isRemoved(space));
		return here.reduce((sum, { items }) => sum + items.length, 0);
	}

	get trashed(): readonly ListRow[] {
		return this.#trash.of(this.spaces.filter((space) => !isRemoved(space)));
	}

	/** The note that is open, and the space it lies in. */
	get open(): Placed | null {
		const { view } = this.app.place;
		if (view.name !== 'notes' || view.item === null) return null;
		const { item: id, itemSpace } = view;
		const spaces = this.spaces;
		const space =
			itemSpace === null
				? spaces.find((one) => one.items.some((item) => item.id === id))
				: spaces.find((one) => one.id === itemSpace);
		return { space: space ?? this.home, id };
	}

	get sync(): SyncStatus {
		const { open } = this;
		return open?.space.sync ?? mergedSync(this.#listed) ?? this.home.sync;
	}

	/** The notes to list: all of them, or those that the search finds. */
	get rows(): readonly ListRow[] {
		return this.query.trim() === '' ? this.items : this.search(this.query, maxHits);
	}

	search(query: string, limit: number): readonly ListRow[] {
		return searchAll(this.#listed, query, limit);
	}

	get joining(): readonly Joining[] {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.joining : [];
	}

	get devices(): readonly OwnDevice[] {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.devices : [];
	}

	/** This device, as commits and the list of devices name it. */
	get device(): DeviceId | null {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.device : null;
	}

	/** As its person calls it. */
	nameOf(device: DeviceId): string {
		const known = this.devices.find((one) => one.device === device);
		return lineTitle({ name: known?.name ?? null, device });
	}

	/** What this device's login was not asked; null for nothing. */
	get loginDoubt(): LoginDoubt | null {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.loginDoubt : null;
	}

	/** The server shows less of the account than is known, or another one. */
	get accountFault(): AccountFault | null {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.accountFault : null;
	}

	get standing(): DeviceStanding {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.standing : { state: 'confirmed' };
	}

	/** This one first; without those that were removed. */
	get deviceLines(): readonly DeviceLine[] {
		const removed = this.facts.value?.removedDevices ?? [];
		const kept = this.devices.filter(({ device }) => !removed.includes(device));
		return deviceLines(kept, this.account.value?.sessions ?? []);
	}

	get security(): TacetSecurity {
		return this.app.tacet.security;
	}

	get kit(): KitStanding | null {
		const { state } = this.app;
		return state.phase === 'unlocked' ? state.kit : null;
	}

	/** How far the account's renewal is; null if there was none. */
	get renewal(): RenewalProgress | null {
		const { state } = this.app;
		if (state.phase !== 'unlocked') return null;
		const { standing, renewal } = state;
		return renewalProgress({ spaces: this.spaces, standing, renewal });
	}

	hrefOf({ space, item }: Pick<ListRow, 'space' | 'item'>): string {
		return itemHref(item.id, space.id, this.chosen?.id ?? null);
	}

	find({ space, id }: Placed): ItemSummary | undefined {
		return this.live(space).items.find((item) => item.id === id);
	}

	isTrashed({ space, id }: Placed): boolean {
		return this.live(space).trashed.some((item) => item.id === id);
	}

	async newNote(): Promise<void> {
		const { target, chosen } = this;
		const made = await target.create({});
		if (!made.ok) {
			this.refuse(made.error);
			return;
		}
		this.query = '';
		this.made = made.value;
		const list = chosen?.id === target.id ? target.id : null;
		this.app.place.go(itemHref(made.value, target.id, list));
		if (chosen === null || chosen.id === target.id) return;
		const text = `You can’t write in ‘${spaceName(chosen)}’: the note is in ‘${spaceName(target)}’.`;
		this.app.toasts.show({ text });
	}

	share(space: Space): void {
		this.#followInto(space);
		this.subject = { space, item: null };
		this.dialog = 'share';
	}

	/** The open note has just moved into a space of its own. */
	#followInto(space: Space): void {
		const { open } = this;
		const only = space.kind === 'item' ? space.items[0] : undefined;
		if (open === null || only === undefined || open.space.id === space.id) return;
		if (this.find(open) !== undefined || this.isTrashed(open)) return;
		this.app.place.replace(itemHref(only.id, space.id));
	}

	/** A note that has a space of its own is shared with that; else the person chooses. */
	shareNote(space: Space, item: ItemId): void {
		if (space.kind === 'item') return this.share(space);
		this.subject = { space, item };
		this.dialog = 'share-note';
	}

	move({ space, id }: Placed): void {
		this.subject = { space, item: id };
		this.dialog = 'move';
	}

	/** What to do with a space that is not trusted any more. */
	repair(space: Space): void {
		this.subject = { space, item: null };
		this.dialog = 'repair';
	}

	/** Out of a note that is gone from where it was. */
	leaveNote({ space, id }: Placed): void {
		const { open } = this;
		if (open?.id !== id || open.space.id !== space.id) return;
		this.app.place.replace(listHref(this.chosen?.id ?? null));
	}

	async trash(placed: Placed): Promise<void> {
		const item = this.find(placed);
		const done = await placed.space.trash(placed.id);
		if (!done.ok) {
			this.refuse(done.error);
			return;
		}
		this.leaveNote(placed);
		this.app.toasts.show({
			text: `‘${titleOf(item ?? { title: '' })}’ is in the trash.`,
			action: { label: 'Undo', run: () => void this.restore(placed, { open: true }) }
		});
	}

	async restore(placed: Placed, { open }: { readonly open: boolean }): Promise<void> {
		const done = await placed.space.restore(placed.id);
		if (!done.ok) this.refuse(done.error);
		else if (open) this.app.place.go(itemHref(placed.id, placed.space.id));
		else this.app.toasts.show({ text: 'The note is back among your notes.' });
	}

	async deleteForever({ space, id }: Placed): Promise<void> {
		const done = await space.deleteForever(id);
		if (!done.ok) this.refuse(done.error);
		else this.app.toasts.show({ text: 'Deleted for ever.' });
	}

	refuse(error: TacetError): void {
		const { what, then } = errorWords[error.code];
		this.app.toasts.show({ text: `${what} ${then}`, tone: 'wax' });
	}
}
