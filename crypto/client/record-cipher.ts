// A key for XAES-256-GCM at work. The subkey of a record depends on the first 12 bytes of its nonce
// alone, and WebCrypto derives one in two waits. So what seals many records keeps those 12 bytes for a
// run of them, each with 12 fresh random bytes behind; and what opens many keeps the subkeys that it
// used last. Records are like any others. Source: docs/decisions/0022-runs-under-one-prefix.md.
import { sealOverheadBytes } from '../../protocol/limits.ts';
import { toHex } from '../../protocol/bytes.ts';
import { err, type Result } from '../../protocol/result.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import {
	deriveSubkey,
	layOutRecord,
	openUnder,
	prefixOf,
	sealLaidOut,
	xaesNonceBytes,
	xaesPrefixBytes,
	type OpenInput,
	type SealInput,
	type XaesKey
} from './aead.ts';

/**
 * Records that are sealed under one prefix. Deriving a subkey for each 256th costs next to nothing; and
 * that two of 256 random suffixes of 96 bits are the same has a probability below 2^-80.
 */
export const recordsPerPrefix = 256;

/** Subkeys kept of one key: of the runs that a space's devices are in, and some of those before. */
export const subkeysAtHand = 32;

/** Records that are sealed under one prefix. */
interface Run {
	/** 12 random bytes. */
	readonly prefix: Uint8Array;
	readonly subkey: Promise<CryptoKey>;
	/** The first 48 bits of each suffix that was used. */
	readonly used: Set<number>;
}

/**
 * Seals and opens records under one key, most of them in one wait for WebCrypto. Prefixes and subkeys
 * are in this object alone: it can't be cloned, so that another tab, worker or process with the same
 * key draws prefixes of its own.
 */
export class RecordCipher {
	readonly key: XaesKey;
	readonly #random: RandomSource;
	/** By prefix, the one used last at the end. */
	readonly #subkeys = new Map<string, Promise<CryptoKey>>();
	#run: Run | null = null;
	/** The run after this one, begun early: its subkey is there when it is needed. */
	#next: Run | null = null;

	/** @param random only for tests. */
	constructor(key: XaesKey, random: RandomSource = randomBytes) {
		this.key = key;
		this.#random = random;
	}

	/**
	 * Seals one record under a fresh nonce; any number may be under way.
	 *
	 * @returns 40 bytes more than the plaintext.
	 */
	async seal({ plaintext, aad }: SealInput): Promise<Uint8Array> {
		const record = layOutRecord(plaintext);
		await this.sealLaidOut(record, aad);
		return record;
	}

	/**
	 * Seals a record where it stands: `room (24) ‖ plaintext ‖ room (16)` becomes a sealed record. Until
	 * this resolves the bytes must stay as they are.
	 */
	async sealLaidOut(record: Uint8Array, aad: Uint8Array): Promise<void> {
		const run = this.#runWithRoom();
		record.set(run.prefix);
		record.set(this.#freshSuffix(run), xaesPrefixBytes);
		await sealLaidOut(await run.subkey, record, aad);
	}

	/** As `open` of aead.ts. */
	async open(input: OpenInput): Promise<Result<Uint8Array, 'open_failed'>> {
		if (input.sealed.length < sealOverheadBytes) return err('open_failed');
		return openUnder(await this.#subkeyOf(prefixOf(input.sealed)), input);
	}

	#runWithRoom(): Run {
		if (this.#run === null || this.#run.used.size >= recordsPerPrefix) {
			this.#run = this.#next ?? this.#beginRun();
			this.#next = null;
		}
		if (this.#run.used.size >= recordsPerPrefix / 2) this.#next ??= this.#beginRun();
		return this.#run;
	}

	#beginRun(): Run {
		const prefix = this.#random(xaesPrefixBytes);
		const run: Run = { prefix, subkey: this.#subkeyOf(prefix), used: new Set() };
		run.subkey.catch(() => {
			if (this.#run === run) this.#run = null;
			if (this.#next === run) this.#next = null;
		});
		return run;
	}

	/** Counted before anything is waited for. A generator that gives the same twice is not used. */
	#freshSuffix({ used }: Run): Uint8Array {
		for (let draw = 0; draw < 2; draw++) {
			const suffix = this.#random(xaesNonceBytes - xaesPrefixBytes);
			const view = new DataView(suffix.buffer, suffix.byteOffset);
			const head = view.getUint32(0) * 2 ** 16 + view.getUint16(4);
			if (used.has(head)) continue;
			used.add(head);
			return suffix;
		}
		throw new Error('the random generator repeats itself');
	}

	#subkeyOf(prefix: Uint8Array): Promise<CryptoKey> {
		const name = toHex(prefix);
		const subkey = this.#subkeys.get(name) ?? this.#derive(name, prefix);
		this.#subkeys.delete(name);
		this.#subkeys.set(name, subkey);
		if (this.#subkeys.size > subkeysAtHand) {
			for (const oldest of this.#subkeys.keys()) {
				this.#subkeys.delete(oldest);
				break;
			}
		}
		return subkey;
	}

	#derive(name: string, prefix: Uint8Array): Promise<CryptoKey> {
		const subkey = deriveSubkey(this.key, prefix);
		// What failed is tried anew; who waits for it is told.
		subkey.catch(() => this.#subkeys.delete(name));
		return subkey;
	}
}
