// Where the cursor stood in the notes that were open when the account locked, so that a person goes on
// where they were. Positions are Yjs's own, which hold while others write; the record is sealed, and
// each place in it is good once.
import * as Y from 'yjs';
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import { bytesOfId, idBytes, idFromBytes, type ItemId, type SpaceId } from '../protocol/ids.ts';
import { isArray, isBytes, parseEach } from '../protocol/shape.ts';
import type { OpenItem } from './open-item.ts';
import { SealedRecord, type SealedRecordParts } from './sealed-record.ts';
import type { Tabs } from './tabs.ts';

/** A selection; a cursor alone has two equal ends. UTF-16 units from the text's beginning. */
export interface Cursor {
	readonly field: 'title' | 'body';
	readonly anchor: number;
	readonly head: number;
}

/** Where a note's cursor is now; null while it has none. */
export interface CursorSource {
	readonly space: SpaceId;
	readonly item: OpenItem;
	readonly cursor: () => Cursor | null;
}

interface Place {
	readonly space: SpaceId;
	readonly item: ItemId;
	readonly field: Cursor['field'];
	/** Encoded relative positions. */
	readonly anchor: Uint8Array;
	readonly head: Uint8Array;
}

/** One for each tab that was open, of the last ones. */
const maxPlaces = 8;
const fields = ['title', 'body'] as const;

export class Cursors {
	readonly #record: SealedRecord;
	readonly #tabs: Tabs;
	#source: CursorSource | null = null;

	constructor(parts: SealedRecordParts & { readonly tabs: Tabs }) {
		this.#record = new SealedRecord('cursors', parts);
		this.#tabs = parts.tabs;
	}

	/** A note is shown, whose cursor is worth keeping; ends with the answer. */
	follow(source: CursorSource): () => void {
		this.#source = source;
		return () => {
			if (this.#source === source) this.#source = null;
		};
	}

	/** Keeps where the cursor is. What it needs of the page it takes before it returns. */
	async save(): Promise<void> {
		const place = this.#source === null ? null : placeOf(this.#source);
		if (place === null) return;
		await this.#tabs.alone('cursors', async () => {
			const others = (await this.#load()).filter((one) => !isOf(one, place.space, place.item));
			await this.#record.save(encodePlaces([place, ...others].slice(0, maxPlaces)));
		});
	}

	/** Where the cursor of a note was kept last, and not asked for since. */
	async recall(space: SpaceId, item: OpenItem): Promise<Cursor | null> {
		const kept = await this.#tabs.alone('cursors', async () => {
			const places = await this.#load();
			const found = places.find((one) => isOf(one, space, item.id)) ?? null;
			const others = places.filter((one) => one !== found);
			if (found !== null) await this.#record.save(encodePlaces(others));
			return found;
		});
		return kept === null ? null : cursorIn(item, kept);
	}

	async #load(): Promise<readonly Place[]> {
		const bytes = await this.#record.load();
		return bytes === null ? [] : (parsePlaces(bytes) ?? []);
	}
}

const isOf = (place: Place, space: SpaceId, item: ItemId): boolean =>
	place.space === space && place.item === item;

function placeOf({ space, item, cursor }: CursorSource): Place | null {
	const now = item.isClosed ? null : cursor();
	if (now === null) return null;
	const text = item[now.field];
	const at = (index: number): Uint8Array =>
		Y.encodeRelativePosition(
			Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length), -1)
		);
	return { space, item: item.id, field: now.field, anchor: at(now.anchor), head: at(now.head) };
}

function cursorIn(item: OpenItem, { field, anchor, head }: Place): Cursor | null {
	const [from, to] = [anchor, head].map((bytes) => {
		const position = Y.decodeRelativePosition(bytes);
		const found = Y.createAbsolutePositionFromRelativePosition(position, item.doc);
		return found?.type === item[field] ? found.index : null;
	});
	return from == null || to == null ? null : { field, anchor: from, head: to };
}

const encodePlaces = (places: readonly Place[]): Uint8Array =>
	encodeCbor([
		1,
		places.map(({ space, item, field, anchor, head }) => [
			bytesOfId(space),
			bytesOfId(item),
			fields.indexOf(field),
			anchor,
			head
		])
	]);

function parsePlaces(bytes: Uint8Array): readonly Place[] | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 2) || decoded.value[0] !== 1) return null;
	return parseEach(decoded.value[1], maxPlaces, parsePlace);
}

function parsePlace(value: Cbor): Place | null {
	if (!isArray(value, 5)) return null;
	const [space, item, index, anchor, head] = value;
	const field = typeof index === 'number' ? fields[index] : undefined;
	if (!isBytes(space, idBytes) || !isBytes(item, idBytes) || field === undefined) return null;
	if (!isBytes(anchor) || !isBytes(head)) return null;
	return {
		...{ space: idFromBytes<SpaceId>(space), item: idFromBytes<ItemId>(item) },
		...{ field, anchor, head }
	};
}
