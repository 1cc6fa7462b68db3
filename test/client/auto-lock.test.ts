import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AutoLock } from '../../client/auto-lock.ts';
import type { CryptoPort } from '../../client/crypto-port.ts';
import { createMemoryStore } from '../../client/memory-store.ts';

const minuteMs = 60_000;

/** Seals by turning every byte over: what is asked here is when it locks, not how records are sealed. */
const turned = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff);
const sealing = {
	sealLocal: (records: readonly { readonly plaintext: Uint8Array }[]) =>
		Promise.resolve(records.map(({ plaintext }) => turned(plaintext))),
	openLocal: (records: readonly { readonly sealed: Uint8Array }[]) =>
		Promise.resolve(records.map(({ sealed }) => turned(sealed)))
} as unknown as CryptoPort;

/** Channels that deliver at once, so that no test waits for a message. */
function newChannels(): (name: string) => BroadcastChannel {
	const ears = new Map<EventTarget, () => void>();
	return () => {
		const ear = new EventTarget();
		ears.set(ear, () => undefined);
		return Object.assign(ear, {
			postMessage(data: unknown) {
				for (const other of ears.keys()) {
					if (other !== ear) other.dispatchEvent(new MessageEvent('message', { data }));
				}
			},
			close: () => ears.delete(ear)
		}) as unknown as BroadcastChannel;
	};
}

function newProfile() {
	const store = createMemoryStore();
	const channel = newChannels();
	const locks = vi.fn(() => Promise.resolve());
	const tab = () =>
		new AutoLock({ store, crypto: sealing, channel, nowMs: () => Date.now(), lock: locks });
	return { store, locks, tab };
}

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

describe('an unlocked account', () => {
	test('locks after a quarter of an hour in which nobody did anything, and not before', async () => {
		const { locks, tab } = newProfile();
		const only = tab();
		only.watch();
		await vi.advanceTimersByTimeAsync(14 * minuteMs);
		only.used();
		await vi.advanceTimersByTimeAsync(15 * minuteMs - 1);
		expect(locks).not.toHaveBeenCalled();
		await vi.advanceTimersByTimeAsync(1_000);
		expect(locks).toHaveBeenCalledOnce();
	});

	test('counts the use of every tab for all, and locks them together', async () => {
		const { locks, tab } = newProfile();
		const [used, left] = [tab(), tab()];
		used.watch();
		left.watch();
		for (let minutes = 0; minutes < 40; minutes += 4) {
			await vi.advanceTimersByTimeAsync(4 * minuteMs);
			used.used();
		}
		expect(locks).not.toHaveBeenCalled();
		await vi.advanceTimersByTimeAsync(16 * minuteMs);
		// Each of them found it by itself; the engine's lock tells the others, and is had once.
		expect(locks).toHaveBeenCalledTimes(2);
	});

	test('locks when it is seen again after its timers stood still', async () => {
		const { locks, tab } = newProfile();
		const only = tab();
		only.watch();
		vi.setSystemTime(Date.now() + 16 * minuteMs);
		expect(locks).not.toHaveBeenCalled();
		only.look();
		await vi.advanceTimersByTimeAsync(100);
		expect(locks).toHaveBeenCalledOnce();
	});

	test('locks before it takes the first key of whoever comes too late', () => {
		const { locks, tab } = newProfile();
		const only = tab();
		only.watch();
		vi.setSystemTime(Date.now() + 16 * minuteMs);
		only.used();
		expect(locks).toHaveBeenCalledOnce();
	});

	test('hears of the use of other tabs before it judges, though it was frozen', async () => {
		const { locks, tab } = newProfile();
		const [frozen, used] = [tab(), tab()];
		frozen.watch();
		used.watch();
		vi.setSystemTime(Date.now() + 14 * minuteMs);
		frozen.look();
		used.used();
		vi.setSystemTime(Date.now() + 2 * minuteMs);
		await vi.advanceTimersByTimeAsync(100);
		expect(locks).not.toHaveBeenCalled();
	});

	test('locks when the device slept, unless it is never to lock', async () => {
		const { locks, tab } = newProfile();
		const only = tab();
		only.watch();
		only.slept();
		expect(locks).toHaveBeenCalledOnce();
		await only.choose({ idleMinutes: null, whenTabCloses: false });
		only.slept();
		expect(locks).toHaveBeenCalledOnce();
	});

	test('never locks while no page watches, or after that ended', async () => {
		const { locks, tab } = newProfile();
		const only = tab();
		await vi.advanceTimersByTimeAsync(60 * minuteMs);
		only.watch()();
		await vi.advanceTimersByTimeAsync(60 * minuteMs);
		expect(locks).not.toHaveBeenCalled();
	});
});

describe('the choice', () => {
	test('holds for all tabs at once, and for those that open later', async () => {
		const { locks, tab } = newProfile();
		const [here, there] = [tab(), tab()];
		here.watch();
		there.watch();
		await here.choose({ idleMinutes: 1, whenTabCloses: true });
		await vi.advanceTimersByTimeAsync(0);
		expect(there.choice).toEqual({ idleMinutes: 1, whenTabCloses: true });
		const later = tab();
		await later.whenLoaded;
		expect(later.choice).toEqual({ idleMinutes: 1, whenTabCloses: true });
		await vi.advanceTimersByTimeAsync(minuteMs + 1_000);
		expect(locks).toHaveBeenCalledTimes(2);
		later.tabCloses();
		expect(locks).toHaveBeenCalledTimes(3);
	});

	test('that nobody has sealed here does not count', async () => {
		const { store, tab } = newProfile();
		for (const bytes of [[], [0x83, 1, 0xf6], [0x83, 1, 2, 0], [0x83, 2, 0xf6, 0]]) {
			await store.saveRecord('auto-lock', turned(new Uint8Array(bytes)));
			const one = tab();
			await one.whenLoaded;
			expect(one.choice.idleMinutes).toBe(15);
		}
	});
});
