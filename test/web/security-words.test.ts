// What a page says of sessions and events: places, and what is worth a notice.
import { describe, expect, test } from 'vitest';
import { securityEventKinds, type SecurityEvent } from '../../protocol/security-event.ts';
import { idFromBytes, type DeviceId } from '../../protocol/ids.ts';
import { placeWords } from '../../web/src/lib/account-words.ts';
import { eventWords, isLoud, whereWords } from '../../web/src/lib/security-words.ts';

const idOf = (byte: number): DeviceId => idFromBytes<DeviceId>(new Uint8Array(16).fill(byte));
const [here, other] = [idOf(1), idOf(2)];
const minuteMs = 60_000;
const event = (change: Partial<SecurityEvent>): SecurityEvent => ({
	...{ kind: 'logged_in', atMs: 1_000 * minuteMs, device: other, place: null },
	...change
});
const known = (addedAtMs: number) => [
	{ device: other, name: 'The phone', addedAtMs, isThis: false }
];

describe('a place', () => {
	test('is said by town and country, by country alone, or not at all', () => {
		expect(placeWords({ country: 'FR', city: 'Lyon' })).toBe('near Lyon, France');
		expect(placeWords({ country: 'FR', city: null })).toBe('in France');
		expect(placeWords(null)).toBe('');
	});

	test('that is no country is what the platform means by it', () => {
		expect(placeWords({ country: 'T1', city: null })).toBe('over Tor');
		expect(placeWords({ country: 'XX', city: null })).toBe('');
	});

	test('stands after the device, if there is one', () => {
		const place = { country: 'FR', city: 'Lyon' };
		expect(whereWords(event({ place }), () => 'The phone')).toBe('The phone · near Lyon, France');
		expect(whereWords(event({ place, device: null }), () => 'The phone')).toBe('near Lyon, France');
		expect(whereWords(event({ device: null }), () => 'The phone')).toBe('');
	});
});

describe('a notice', () => {
	test('is given of a login by a device that is new, or that nobody has named', () => {
		expect(isLoud(event({}), [], here)).toBe(true);
		expect(isLoud(event({}), known(999 * minuteMs), here)).toBe(true);
		expect(isLoud(event({}), known(1_001 * minuteMs), here)).toBe(true);
	});

	test('is not given of a login by a device that has long been known, or by this one', () => {
		expect(isLoud(event({}), known(900 * minuteMs), here)).toBe(false);
		expect(isLoud(event({ device: here }), [], here)).toBe(false);
	});

	test('is given of a session that was used from two places, this one’s too', () => {
		expect(isLoud(event({ kind: 'refresh_reused', device: here }), [], here)).toBe(true);
	});

	test('is given of a wrong second step by a device that nobody knows, not of a slip by one', () => {
		expect(isLoud(event({ kind: 'factor_refused', device: null }), [], here)).toBe(true);
		expect(isLoud(event({ kind: 'factor_refused', device: other }), known(0), here)).toBe(false);
	});

	test('has words for every kind of event', () => {
		for (const kind of securityEventKinds) expect(eventWords[kind]).toMatch(/^[A-Z].{8,}$/);
	});
});
