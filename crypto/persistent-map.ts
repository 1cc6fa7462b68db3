// A map of which each change makes a new version, while older ones stay as they are and go on being
// asked. Versions share what they have in common: a change costs about the same in a map of two as in
// one of a thousand, which a copy of the whole for every entry of a log does not.

/** How many changed keys a version copies at most before it makes one table of all of them. */
const maxChanged = 32;

/** One version. Iterates as a Map does, in the order in which keys came first. */
export class PersistentMap<Key, Value> implements Iterable<readonly [Key, Value]> {
	readonly #table: ReadonlyMap<Key, Value>;
	/** What is newer than the table. */
	readonly #changed: ReadonlyMap<Key, Value>;

	/** @param table becomes this version's own; whoever made it changes it no more. */
	constructor(
		table: ReadonlyMap<Key, Value> = new Map(),
		changed: ReadonlyMap<Key, Value> = new Map()
	) {
		const isShort = changed.size <= maxChanged;
		this.#table = isShort ? table : new Map([...table, ...changed]);
		this.#changed = isShort ? changed : new Map();
	}

	get(key: Key): Value | undefined {
		return this.#changed.has(key) ? this.#changed.get(key) : this.#table.get(key);
	}

	/** The version in which `key` has this value. */
	with(key: Key, value: Value): PersistentMap<Key, Value> {
		return new PersistentMap(this.#table, new Map(this.#changed).set(key, value));
	}

	[Symbol.iterator](): Iterator<readonly [Key, Value]> {
		return new Map([...this.#table, ...this.#changed])[Symbol.iterator]();
	}
}
