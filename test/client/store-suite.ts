// What every store must do. Run against memory in Node and against IndexedDB in Chromium.
import { describe, expect, it } from 'vitest';
import { generateAccountKey, importAccountKey } from '../../crypto/client/account-key.ts';
import type { OutboxRow, PendingCommit, Profile, Store, StoredEntry } from '../../client/store.ts';
import type { DeviceId, SpaceId } from '../../protocol/ids.ts';
import type { Result } from '../../protocol/result.ts';

const space = '00'.repeat(16) as SpaceId;
const otherSpace = 'ff'.repeat(16) as SpaceId;
const device = '0d'.repeat(16) as DeviceId;

export const bytesOf = (length: number, fill: number): Uint8Array =>
	new Uint8Array(length).fill(fill);

export function valueOf<Value>(result: Result<Value, unknown>): Value {
	if (!result.ok) throw new Error(`refused: ${String(result.error)}`);
	return result.value;
}

export const entryOf = (seq: number, pages: readonly (Uint8Array | null)[]): StoredEntry => ({
	seq,
	commit: bytesOf(50, seq),
	signature: bytesOf(64, seq),
	head: bytesOf(32, seq),
	pages,
	keys: bytesOf(0, 0)
});

const pendingOf = (count: number, outboxIds: readonly number[]): PendingCommit => ({
	space,
	count,
	commit: bytesOf(60, count),
	signature: bytesOf(64, count),
	pages: [bytesOf(128, count)],
	wraps: [],
	previousKey: null,
	outboxIds
});

const logOf = (entries: readonly StoredEntry[]): Parameters<Store['applyLog']>[0] => ({
	space,
	entries,
	sealedState: bytesOf(9, entries.length),
	superseded: [],
	settledCounts: []
});

const profileOf = async (): Promise<Profile> => ({
	device,
	deviceKey: await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
		'sign',
		'verify'
	]),
	deviceSecret: await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
		'encrypt',
		'decrypt'
	]),
	sealedName: bytesOf(40, 1),
	sealedAccount: bytesOf(400, 5),
	pinnedServerKey: bytesOf(32, 2),
	deviceKeyslot: { salt: bytesOf(16, 3), keyslot: bytesOf(72, 4) },
	accountKey: { key: await importAccountKey(generateAccountKey()), sealed: bytesOf(56, 6) },
	nextAccountKey: null,
	sealedPasskeys: bytesOf(90, 5),
	sealedSession: null
});

const rowOf = (fill: number, inSpace = space): Omit<OutboxRow, 'id'> => ({
	space: inSpace,
	sealed: bytesOf(20, fill),
	changes: 1
});

/** `create` gives a store over an empty place of its own. */
export function storeSuite(name: string, create: () => Store): void {
	describe(name, () => {
		it('is empty at first', async () => {
			const store = create();
			expect(valueOf(await store.loadProfile())).toBeNull();
			expect(valueOf(await store.loadState(space))).toBeNull();
			expect(valueOf(await store.loadEntries(space, 0, 10))).toEqual([]);
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
			expect(valueOf(await store.loadPending(space))).toEqual([]);
			expect(valueOf(await store.loadRecord('settings'))).toBeNull();
		});

		it('keeps the profile with keys that sign and can not be taken out', async () => {
			const store = create();
			const profile = await profileOf();
			valueOf(await store.saveProfile(profile));
			const loaded = valueOf(await store.loadProfile());
			expect(loaded?.device).toBe(device);
			expect(loaded?.deviceKeyslot?.salt).toEqual(bytesOf(16, 3));
			const key = loaded?.deviceKey.privateKey as CryptoKey;
			expect(key.extractable).toBe(false);
			const accountKey = loaded?.accountKey;
			expect([accountKey?.key.extractable, accountKey?.sealed.length]).toEqual([false, 56]);
			if (accountKey) await crypto.subtle.sign('HMAC', accountKey.key, new Uint8Array(64));
			const signing = { name: 'ECDSA', hash: 'SHA-256' };
			const text = new Uint8Array([1, 2, 3]);
			const signature = await crypto.subtle.sign(signing, key, text);
			const { publicKey } = profile.deviceKey;
			expect(await crypto.subtle.verify(signing, publicKey, signature, text)).toBe(true);
		});

		it('gives entries in order, after a place, and no more than asked for', async () => {
			const store = create();
			const entries = Array.from({ length: 300 }, (_, index) =>
				entryOf(index + 1, [bytesOf(10, index % 256)])
			);
			valueOf(await store.applyLog(logOf(entries.slice(0, 200))));
			valueOf(await store.applyLog(logOf(entries.slice(200))));
			valueOf(await store.applyLog({ ...logOf([entryOf(1, [])]), space: otherSpace }));
			expect(valueOf(await store.loadEntries(space, 0, 1_000))).toEqual(entries);
			const some = valueOf(await store.loadEntries(space, 254, 3));
			expect(some.map(({ seq }) => seq)).toEqual([255, 256, 257]);
			expect(valueOf(await store.loadEntries(space, 300, 3))).toEqual([]);
			expect(valueOf(await store.loadEntries(space, 0, 0))).toEqual([]);
			expect(valueOf(await store.loadState(space))).toEqual(bytesOf(9, 100));
			expect(valueOf(await store.loadEntries(otherSpace, 0, 9))).toHaveLength(1);
		});

		it('drops the bytes of superseded pages and keeps their entry', async () => {
			const store = create();
			const pages = [bytesOf(10, 1), bytesOf(10, 2), bytesOf(10, 3)];
			valueOf(await store.applyLog(logOf([entryOf(1, pages)])));
			const superseded = [
				{ seq: 1, index: 0 },
				{ seq: 1, index: 2 },
				{ seq: 2, index: 0 },
				{ seq: 9, index: 0 }
			];
			valueOf(await store.applyLog({ ...logOf([entryOf(2, [bytesOf(5, 5)])]), superseded }));
			const loaded = valueOf(await store.loadEntries(space, 0, 9));
			expect(loaded).toEqual([entryOf(1, [null, bytesOf(10, 2), null]), entryOf(2, [null])]);
		});

		it('fills in pages that were missing', async () => {
			const store = create();
			valueOf(await store.applyLog(logOf([entryOf(1, [null, null]), entryOf(2, [null])])));
			const filled = [
				{ seq: 1, index: 1, page: bytesOf(7, 7) },
				{ seq: 2, index: 0, page: bytesOf(8, 8) },
				{ seq: 3, index: 0, page: bytesOf(9, 9) }
			];
			valueOf(await store.fillPages(space, filled));
			const loaded = valueOf(await store.loadEntries(space, 0, 9));
			expect(loaded).toEqual([entryOf(1, [null, bytesOf(7, 7)]), entryOf(2, [bytesOf(8, 8)])]);
		});

		it('numbers outbox rows upwards and never gives a number twice', async () => {
			const store = create();
			const first = valueOf(await store.addToOutbox([rowOf(1), rowOf(2, otherSpace), rowOf(3)]));
			expect(first).toEqual(first.toSorted((a, b) => a - b));
			expect(new Set(first).size).toBe(3);
			const [one = 0, , three = 0] = first;
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([
				{ id: one, ...rowOf(1) },
				{ id: three, ...rowOf(3) }
			]);
			expect(valueOf(await store.loadOutbox(space, one))).toHaveLength(1);
			valueOf(await store.dropFromOutbox(first));
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
			const [later] = valueOf(await store.addToOutbox([rowOf(4)]));
			expect(later).toBeGreaterThan(three);
		});

		it('settles a pending commit together with the rows that it carried', async () => {
			const store = create();
			const ids = valueOf(await store.addToOutbox([rowOf(1), rowOf(2), rowOf(3)]));
			const [one = 0, two = 0, three = 0] = ids;
			valueOf(await store.savePending([pendingOf(1, [one, two]), pendingOf(2, [three])]));
			valueOf(await store.applyLog({ ...logOf([entryOf(1, [])]), settledCounts: [1, 7] }));
			expect(valueOf(await store.loadPending(space))).toEqual([pendingOf(2, [three])]);
			const waiting = valueOf(await store.loadOutbox(space, 0));
			expect(waiting.map(({ id }) => id)).toEqual([three]);
		});

		it('keeps rows and the commit that was formed of them together', async () => {
			const store = create();
			const formed = pendingOf(1, []);
			const ids = valueOf(await store.addToOutbox([rowOf(1), rowOf(2)], formed));
			expect(valueOf(await store.loadPending(space))).toEqual([pendingOf(1, ids)]);
			expect(valueOf(await store.loadOutbox(space, 0)).map(({ id }) => id)).toEqual(ids);
			await expect(store.addToOutbox([rowOf(3)], formed)).rejects.toThrow(RangeError);
			expect(valueOf(await store.loadOutbox(space, 0))).toHaveLength(2);
			valueOf(await store.applyLog({ ...logOf([entryOf(1, [])]), settledCounts: [1] }));
			expect(valueOf(await store.loadPending(space))).toEqual([]);
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
		});

		it('gives pending commits by count, and keeps the rows of those given up', async () => {
			const store = create();
			const [id = 0] = valueOf(await store.addToOutbox([rowOf(1)]));
			const formed = [pendingOf(300, [id]), pendingOf(2, []), pendingOf(10, [])];
			valueOf(await store.savePending(formed));
			const counts = valueOf(await store.loadPending(space)).map(({ count }) => count);
			expect(counts).toEqual([2, 10, 300]);
			expect(valueOf(await store.loadPending(otherSpace))).toEqual([]);
			valueOf(await store.dropPending(space, [300, 2]));
			const left = valueOf(await store.loadPending(space));
			expect(left.map(({ count }) => count)).toEqual([10]);
			expect(valueOf(await store.loadOutbox(space, 0))).toHaveLength(1);
		});

		it('throws for a count that is pending already, and keeps nothing of that call', async () => {
			const store = create();
			valueOf(await store.savePending([pendingOf(1, [])]));
			const again = store.savePending([pendingOf(2, []), pendingOf(1, [])]);
			await expect(again).rejects.toThrow(RangeError);
			const kept = valueOf(await store.loadPending(space));
			expect(kept.map(({ count }) => count)).toEqual([1]);
		});

		it('keeps and removes records by name', async () => {
			const store = create();
			valueOf(await store.saveRecord('settings', bytesOf(4, 1)));
			valueOf(await store.saveRecord('draft', bytesOf(4, 2)));
			valueOf(await store.saveRecord('settings', bytesOf(4, 3)));
			expect(valueOf(await store.loadRecord('settings'))).toEqual(bytesOf(4, 3));
			valueOf(await store.saveRecord('settings', null));
			expect(valueOf(await store.loadRecord('settings'))).toBeNull();
			expect(valueOf(await store.loadRecord('draft'))).toEqual(bytesOf(4, 2));
		});

		it('keeps a page, not the frame that it was cut from', async () => {
			const store = create();
			const frame = bytesOf(100_000, 1);
			valueOf(await store.applyLog(logOf([entryOf(1, [frame.subarray(10, 20)])])));
			const [entry] = valueOf(await store.loadEntries(space, 0, 1));
			expect(entry?.pages[0]).toEqual(bytesOf(10, 1));
			expect(entry?.pages[0]?.buffer.byteLength).toBe(10);
		});

		it('forgets everything when it is erased, and goes on', async () => {
			const store = create();
			valueOf(await store.saveProfile(await profileOf()));
			valueOf(await store.applyLog(logOf([entryOf(1, [])])));
			const [before = 0] = valueOf(await store.addToOutbox([rowOf(1)]));
			valueOf(await store.savePending([pendingOf(1, [])]));
			valueOf(await store.saveRecord('draft', bytesOf(1, 1)));
			valueOf(await store.erase());
			expect(valueOf(await store.loadProfile())).toBeNull();
			expect(valueOf(await store.loadState(space))).toBeNull();
			expect(valueOf(await store.loadEntries(space, 0, 9))).toEqual([]);
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
			expect(valueOf(await store.loadPending(space))).toEqual([]);
			expect(valueOf(await store.loadRecord('draft'))).toBeNull();
			const [after = 0] = valueOf(await store.addToOutbox([rowOf(1)]));
			expect(after).toBeGreaterThan(before);
		});

		it('answers store_unavailable once it is closed', async () => {
			const store = create();
			valueOf(await store.saveRecord('draft', bytesOf(1, 1)));
			store.close();
			const refused = { ok: false, error: 'store_unavailable' };
			expect(await store.loadRecord('draft')).toEqual(refused);
			expect(await store.saveRecord('draft', bytesOf(1, 2))).toEqual(refused);
		});
	});
}
