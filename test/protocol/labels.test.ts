import { expect, test } from 'vitest';
import { utf8Decode, utf8Encode } from '../../protocol/bytes.ts';
import { decodeCbor } from '../../protocol/cbor.ts';
import { derivationInfo, labels } from '../../protocol/labels.ts';
import { protocolVersion } from '../../protocol/version.ts';
import { arrayInputs, rawInputs } from './samples.ts';

const values = Object.values(labels);

test('PWD-13 labels are pairwise distinct, and all of this version', () => {
	expect(new Set(values).size).toBe(values.length);
	for (const label of values) {
		expect(label.startsWith(`tacet/${protocolVersion} `)).toBe(true);
		expect(label).toMatch(/^[ -~]+$/);
	}
});

test('a label in front of bytes is no beginning of another one, so that none can be read as it', () => {
	const raw = Object.keys(rawInputs).map((name) => labels[name as keyof typeof rawInputs]);
	for (const label of raw) {
		for (const other of raw) {
			if (other !== label) expect(other.startsWith(label)).toBe(false);
		}
	}
});

test('bytes after a label never begin with what would make it a longer label', () => {
	for (const [name, input] of Object.entries(rawInputs)) {
		const label = utf8Encode(labels[name as keyof typeof rawInputs]);
		expect(input.subarray(0, label.length)).toEqual(label);
		const longer = values.filter((other) => {
			const start = utf8Decode(input.subarray(0, utf8Encode(other).length));
			return start.ok && start.value === other;
		});
		expect(longer).toEqual([labels[name as keyof typeof rawInputs]]);
	}
});

test('a labelled array begins with its label, and with a byte that no label begins with', () => {
	const named = Object.entries(arrayInputs);
	for (const [name, input] of named) {
		const decoded = decodeCbor(input);
		const first = decoded.ok && Array.isArray(decoded.value) ? (decoded.value[0] as unknown) : null;
		expect(first).toBe(labels[name as keyof typeof arrayInputs]);
		expect(input[0]! >> 5).toBe(4);
	}
	for (const label of values) {
		expect(decodeCbor(derivationInfo(label))).toEqual({ ok: true, value: [label] });
		expect(utf8Encode(label)[0]! >> 5).not.toBe(4);
	}
});

test('labels that are only derivation infos have no longer array', () => {
	const used = new Set([...Object.keys(rawInputs), ...Object.keys(arrayInputs)]);
	const bare = Object.keys(labels).filter((name) => !used.has(name));
	for (const name of bare) expect(Object.keys(arrayInputs)).not.toContain(name);
	expect(bare.length + used.size).toBe(values.length);
});
