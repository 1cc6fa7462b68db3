import { describe, expect, test } from 'vitest';
import {
	accountObjectName,
	hashHandle,
	limiterObjectName,
	parseNetwork
} from '../../../crypto/edge/keyed-name.ts';
import { toHex } from '../../../protocol/bytes.ts';
import { parseHandle } from '../../../protocol/handle.ts';
import { valueOf } from '../vectors.ts';

const key = new Uint8Array(32).fill(1);
const networkOf = (address: string) => toHex(valueOf(parseNetwork(address)));

describe('the name of an Account', () => {
	test('depends on key and handle, and on how the handle is typed only up to normalisation', () => {
		const nameOf = (typed: string, under = key) =>
			accountObjectName(hashHandle(under, valueOf(parseHandle(typed))));
		expect(nameOf('Alice')).toMatch(/^[0-9a-f]{64}$/);
		expect(nameOf(' ＡＬＩＣＥ ')).toBe(nameOf('alice'));
		expect(nameOf('alice2')).not.toBe(nameOf('alice'));
		expect(nameOf('alice', new Uint8Array(32).fill(2))).not.toBe(nameOf('alice'));
	});
});

describe('the name of a Limiter', () => {
	test('is one per IPv4 address', () => {
		expect(networkOf('192.0.2.1')).toBe('c0000201');
		expect(limiterObjectName(key, '192.0.2.1')).not.toEqual(limiterObjectName(key, '192.0.2.2'));
	});

	test('is one per /64 of IPv6, however the address is written', () => {
		const expected = '20010db800000000';
		for (const address of [
			'2001:db8::1',
			'2001:DB8:0:0:ffff:ffff:ffff:ffff',
			'2001:0db8:0000:0000::',
			'2001:db8::192.0.2.1'
		]) {
			expect(networkOf(address)).toBe(expected);
		}
		expect(networkOf('2001:db8:0:1::1')).toBe('20010db800000001');
		expect(networkOf('::1')).toBe('0000000000000000');
		expect(networkOf('::')).toBe('0000000000000000');
	});

	test('of an IPv4-mapped address is that of the IPv4 one', () => {
		expect(networkOf('::ffff:192.0.2.1')).toBe('c0000201');
		expect(networkOf('::FFFF:c000:201')).toBe('c0000201');
	});

	test('is refused for what is no address', () => {
		for (const address of [
			...['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.a', '1.2.3.-4'],
			...[':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::12345', 'g::1'],
			...['1:2:3:4:5:6:7::8', 'fe80::1%eth0', '1.2.3.4::', '::1.2.3', 'localhost']
		]) {
			expect(parseNetwork(address), address).toEqual({ ok: false, error: 'malformed' });
		}
	});

	test('tells networks apart from each other and depends on the key', () => {
		const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1', '::'];
		const names = addresses.map((address) => valueOf(limiterObjectName(key, address)));
		expect(new Set(names).size).toBe(addresses.length);
		expect(limiterObjectName(new Uint8Array(32), '::')).not.toEqual(limiterObjectName(key, '::'));
	});
});
