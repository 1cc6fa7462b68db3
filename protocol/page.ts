// What is inside a page once it is open: changes, each of which names its item.
//
//   page   = CBOR [ version 1, [ change … ] ]         at least one
//          | CBOR [ version 1, [ change … ], time in ms ]   restated: what an earlier page said then
//   change = [ item (16), 1, seed ]                   seed = [ created ms, title, body, path|null ]
//          | [ item (16), 2, Yjs update (bstr) ]      update format v1
//          | [ item (16), 2, Yjs update (bstr), written ms ]   that says again what others said
//          | [ item (16), 3 ]                         tombstone: the item is gone for good
//          | [ item (16), 4, entry ]                  keyring only: keyring-entry.ts
//          | [ space (16), 5, [ kind 0–1, name ] ]    what the space is called; the last one counts
//          | [ account (16), 5, [ 2, name ] ]         what a member is called there; likewise
//
// A seed is how an item begins: plain text, from which every device builds the same first Yjs
// structs when the item is opened. An item has one seed, the one placed first on the log.
import { concatBytes } from './bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import { bytesOfId, idBytes, idFromBytes, type ItemId } from './ids.ts';
import { keyringEntryForm, parseKeyringEntry, type KeyringEntry } from './keyring-entry.ts';
import { maxPagePlaintextBytes, maxSpaceNameCharacters } from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isUint, parseEach } from './shape.ts';

export interface Seed {
	readonly createdAtMs: number;
	readonly title: string;
	readonly body: string;
	/** Folder path of an imported note, '/' between folders; null if it was written here. */
	readonly path: string | null;
}
export type Change =
	| { readonly type: 'seed'; readonly item: ItemId; readonly seed: Seed }
	| {
			readonly type: 'update';
			readonly item: ItemId;
			readonly update: Uint8Array;
			/** When the newest part of it was said first; absent: when its page was. */
			readonly writtenMs?: number;
	  }
	| { readonly type: 'tombstone'; readonly item: ItemId }
	| { readonly type: 'keyring'; readonly item: ItemId; readonly entry: KeyringEntry }
	| {
			readonly type: 'name';
			/** The bytes of the space's id, or of the member's account. */
			readonly item: ItemId;
			/** A space of many items, one that was made to share a single one, or a member. */
			readonly kind: NameKind;
			readonly name: string;
	  };

export const spaceKinds = ['space', 'item'] as const;
export type SpaceKind = (typeof spaceKinds)[number];
/** What can be called something. */
export const nameKinds = [...spaceKinds, 'member'] as const;
export type NameKind = (typeof nameKinds)[number];

/** What a page says, and when it was said first if it restates an earlier page. */
export interface PageContent {
	readonly changes: readonly Change[];
	/** Milliseconds since 1970, from the commit that brought the changes first; null: this one. */
	readonly restatedMs: number | null;
}

function changeForm(change: Change): Cbor {
	const item = bytesOfId(change.item);
	switch (change.type) {
		case 'seed': {
			const { createdAtMs, title, body, path } = change.seed;
			return [item, 1, [createdAtMs, title, body, path]];
		}
		case 'update': {
			const { update, writtenMs } = change;
			return writtenMs === undefined ? [item, 2, update] : [item, 2, update, writtenMs];
		}
		case 'tombstone':
			return [item, 3];
		case 'keyring':
			return [item, 4, keyringEntryForm(change.entry)];
		case 'name':
			return [item, 5, [nameKinds.indexOf(change.kind), change.name]];
	}
}

/** Plaintext of a page. */
export const encodePage = (
	changes: readonly Change[],
	restatedMs: number | null = null
): Uint8Array => {
	const forms = changes.map(changeForm);
	return encodeCbor(restatedMs === null ? [1, forms] : [1, forms, restatedMs]);
};

/** The bytes of one change, as they stand in a page. */
export const encodeChange = (change: Change): Uint8Array => encodeCbor(changeForm(change));

/** Reads the bytes of one change. */
export function parseChangeBytes(bytes: Uint8Array): Result<Change, 'malformed'> {
	const decoded = decodeCbor(bytes);
	const change = decoded.ok ? parseChange(decoded.value) : null;
	return change === null ? err('malformed') : ok(change);
}

/** The same bytes as {@link encodePage}, from changes that are encoded already. */
export const joinChanges = (encoded: readonly Uint8Array[]): Uint8Array =>
	concatBytes(...pageParts(encoded));

/** The same, still in parts that follow each other. */
export const pageParts = (encoded: readonly Uint8Array[]): readonly Uint8Array[] => [
	...pageHead(encoded.length),
	...encoded
];

/** The same for a page that says again what others said. */
export function joinRestated(encoded: readonly Uint8Array[], restatedMs: number): Uint8Array {
	const [, list = new Uint8Array()] = pageHead(encoded.length);
	return concatBytes(Uint8Array.of(0x83, 0x01), list, ...encoded, encodeCbor(restatedMs));
}

/** Bytes of the page that {@link joinChanges} gives for `count` changes of `bytes` together. */
export const joinedPageBytes = (count: number, bytes: number): number =>
	bytes + 2 + (count < 24 ? 1 : count < 0x1_00 ? 2 : count < 0x1_00_00 ? 3 : 5);

/** CBOR array of two, version 1, array of `count`: RFC 8949 §3.1, major type 4. */
function pageHead(count: number): readonly Uint8Array[] {
	const head = encodeCbor(count);
	head[0] = (head[0] ?? 0) | 0x80;
	return [Uint8Array.of(0x82, 0x01), head];
}

/** Reads an opened page; anything unexpected makes the whole page `malformed`. */
export function parsePage(plaintext: Uint8Array): Result<PageContent, 'malformed'> {
	if (plaintext.length > maxPagePlaintextBytes) return err('malformed');
	const decoded = decodeCbor(plaintext);
	if (!decoded.ok || !isArray(decoded.value) || decoded.value[0] !== 1) return err('malformed');
	const [, list, restatedMs] = decoded.value;
	if (decoded.value.length !== 2 && (decoded.value.length !== 3 || !isUint(restatedMs))) {
		return err('malformed');
	}
	const changes = parseEach(list, maxPagePlaintextBytes, parseChange);
	if (changes === null || changes.length === 0) return err('malformed');
	return ok({ changes, restatedMs: isUint(restatedMs) ? restatedMs : null });
}

function parseChange(value: Cbor): Change | null {
	if (!isArray(value) || !isBytes(value[0], idBytes)) return null;
	const item = idFromBytes<ItemId>(value[0]);
	const [, kind, body] = value;
	if (kind === 3) return value.length === 2 ? { type: 'tombstone', item } : null;
	if (kind === 2) return parseUpdate(item, value);
	if (value.length !== 3) return null;
	if (kind === 1) {
		const seed = parseSeed(body);
		return seed && { type: 'seed', item, seed };
	}
	if (kind === 5) return parseName(item, body);
	if (kind !== 4) return null;
	const entry = parseKeyringEntry(body);
	return entry && { type: 'keyring', item, entry };
}

function parseUpdate(item: ItemId, value: readonly Cbor[]): Change | null {
	const [, , update, writtenMs] = value;
	if (!isBytes(update)) return null;
	if (value.length === 3) return { type: 'update', item, update };
	if (value.length !== 4 || !isUint(writtenMs)) return null;
	return { type: 'update', item, update, writtenMs };
}

function parseSeed(value: Cbor | undefined): Seed | null {
	if (!isArray(value, 4)) return null;
	const [createdAtMs, title, body, path] = value;
	if (!isUint(createdAtMs) || typeof title !== 'string' || typeof body !== 'string') return null;
	if (path !== null && typeof path !== 'string') return null;
	return { createdAtMs, title, body, path: path ?? null };
}

function parseName(item: ItemId, value: Cbor | undefined): Change | null {
	if (!isArray(value, 2)) return null;
	const [kindNumber, name] = value;
	const kind = isUint(kindNumber) ? nameKinds[kindNumber] : undefined;
	if (kind === undefined || typeof name !== 'string') return null;
	return name.length <= 2 * maxSpaceNameCharacters ? { type: 'name', item, kind, name } : null;
}
