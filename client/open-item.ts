// An item that somebody edits. The first keystroke after a pause is saved by the sink at once; what
// is typed on becomes a change twice a second, so that others see it soon and it costs few rows. What
// others write arrives in the same document, under another origin, so that an undo
// never takes back the work of others.
import * as Y from 'yjs';
import type { ItemId } from '../protocol/ids.ts';
import { maxNoteBytes } from '../protocol/limits.ts';
import { encodeChange, type Change } from '../protocol/page.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { applyUpdate, bodyOf, remoteOrigin, titleOf } from './item-doc.ts';
import { fitsUtf8 } from './item-text.ts';
import { fitsPage } from './outbox-pack.ts';
import type { StoreFault } from './store.ts';

/** `forbidden`: this account may read here, and no more. */
export type SaveFault = StoreFault | 'note_too_large' | 'locked' | 'forbidden';

/** `failed`: what was typed is kept in the document, and tried again at the next edit or flush. */
export type OpenState = 'saved' | 'unsaved' | { readonly failed: SaveFault };

export interface OpenSink {
	/** Resolves when the changes are in this device's store. */
	save(changes: readonly Change[]): Promise<Result<void, SaveFault>>;
	onState?(state: OpenState): void;
}

interface OpenItemOptions {
	readonly sink: OpenSink;
	readonly onClose: () => void;
}

/** Between two saves while typing goes on; after a pause of this length the next is at once. */
const betweenSavesMs = 500;

export class OpenItem {
	readonly id: ItemId;
	readonly doc: Y.Doc;
	readonly title: Y.Text;
	readonly body: Y.Text;
	readonly #sink: OpenSink;
	readonly #onClose: () => void;
	/** Local updates that are not saved yet, in order. */
	#unsaved: Uint8Array[] = [];
	#savedVector: Uint8Array;
	#savedLength: number;
	#state: OpenState = 'saved';
	#saving: Promise<Result<void, SaveFault>> = Promise.resolve(ok(undefined));
	/** Runs until the next save may be. */
	#pause: ReturnType<typeof setTimeout> | undefined;
	#closed = false;

	constructor(id: ItemId, doc: Y.Doc, options: OpenItemOptions) {
		this.id = id;
		this.doc = doc;
		this.title = titleOf(doc);
		this.body = bodyOf(doc);
		this.#sink = options.sink;
		this.#onClose = options.onClose;
		this.#savedVector = Y.encodeStateVector(doc);
		this.#savedLength = this.#length;
		doc.on('update', this.#note);
	}

	get state(): OpenState {
		return this.#state;
	}

	get isClosed(): boolean {
		return this.#closed;
	}

	/** Saves at once what was typed so far. Call it when the page goes away. */
	flush(): Promise<Result<void, SaveFault>> {
		clearTimeout(this.#pause);
		this.#pause = undefined;
		const save = (): Promise<Result<void, SaveFault>> => this.#save();
		this.#saving = this.#saving.then(save, save);
		return this.#saving;
	}

	/** Saves, and lets go of the document; stays open if saving fails, so that nothing is lost. */
	async close(): Promise<Result<void, SaveFault>> {
		if (this.#closed) return ok(undefined);
		do {
			const saved = await this.flush();
			if (!saved.ok) return saved;
		} while (this.#unsaved.length > 0);
		this.#closed = true;
		this.doc.off('update', this.#note);
		this.#onClose();
		this.doc.destroy();
		return ok(undefined);
	}

	/** Brings a change that is saved already: another device's, another tab's, or this one's. */
	receive(update: Uint8Array): void {
		applyUpdate(this.doc, update);
	}

	readonly #note = (update: Uint8Array, origin: unknown): void => {
		if (origin === remoteOrigin) return;
		this.#unsaved.push(update);
		this.#setState('unsaved');
		if (this.#pause !== undefined) return;
		// Not before this turn is over: a person's one edit may be several of the document's.
		void this.flush();
		this.#startPause();
	};

	#startPause(): void {
		this.#pause = setTimeout(() => {
			this.#pause = undefined;
			if (this.#unsaved.length === 0) return;
			void this.flush();
			this.#startPause();
		}, betweenSavesMs);
	}

	async #save(): Promise<Result<void, SaveFault>> {
		const count = this.#unsaved.length;
		if (count === 0) return ok(undefined);
		const vector = Y.encodeStateVector(this.doc);
		const length = this.#length;
		const change = this.#change();
		const saved = change.ok ? await this.#sink.save([change.value]) : change;
		if (!saved.ok) {
			this.#setState({ failed: saved.error });
			return saved;
		}
		this.#unsaved.splice(0, count);
		this.#savedVector = vector;
		this.#savedLength = length;
		if (this.#unsaved.length === 0) this.#setState('saved');
		return ok(undefined);
	}

	#change(): Result<Change, 'note_too_large'> {
		if (this.#hasOutgrown) return err('note_too_large');
		const merged = this.#changeOf(Y.mergeUpdates(this.#unsaved));
		if (merged) return ok(merged);
		// Without what was typed and deleted again since the last save, it may fit.
		const difference = this.#changeOf(Y.encodeStateAsUpdate(this.doc, this.#savedVector));
		return difference ? ok(difference) : err('note_too_large');
	}

	#changeOf(update: Uint8Array): Change | null {
		const change: Change = { type: 'update', item: this.id, update };
		return fitsPage(encodeChange(change)) ? change : null;
	}

	/** Too large, and larger than it was: two edits may together make a note that must shrink. */
	get #hasOutgrown(): boolean {
		const length = this.#length;
		if (length <= this.#savedLength || length * 3 <= maxNoteBytes) return false;
		return !fitsUtf8([this.title.toJSON(), this.body.toJSON()], maxNoteBytes);
	}

	get #length(): number {
		return this.title.length + this.body.length;
	}

	#setState(state: OpenState): void {
		if (state === this.#state) return;
		this.#state = state;
		this.#sink.onState?.(state);
	}
}
