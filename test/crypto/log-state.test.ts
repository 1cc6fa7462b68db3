import { expect, test } from 'vitest';
import { judge, type ParsedEntry } from '../../crypto/log-rules.ts';
import { emptyLog, encodeLogState, parseLogState, type LogState } from '../../crypto/log-state.ts';
import {
	ada,
	adding,
	aud,
	bob,
	Chain,
	entryOf,
	eve,
	leftBy,
	openingOwed,
	pageIn,
	removing,
	setting,
	settings,
	vic,
	world,
	writing,
	zoe
} from './log-fixture.ts';

function reread(state: LogState): LogState {
	const parsed = parseLogState(encodeLogState(state));
	if (!parsed.ok) throw new Error(parsed.error);
	return parsed.value;
}

/** A history with everything in it that a state remembers. */
function longHistory(): readonly ParsedEntry[] {
	const chain = world();
	chain.take(chain.change(ada, [], { settings }));
	chain.take(chain.draft(eve, { device: eve.phone, pages: [pageIn(1)] }));
	chain.take(chain.leaving(vic));
	chain.take(openingOwed(chain));
	chain.take(chain.leaving(aud));
	chain.take(chain.change(bob, [setting(eve, 'viewer')], { audit: true }));
	chain.take(chain.change(ada, [removing(eve)]));
	chain.take(
		chain.change(ada, [adding({ account: eve.account, identity: eve.renewed }, 'editor')])
	);
	chain.take(chain.draft(eve, { identity: eve.renewed, pages: [pageIn(chain.state.openEpoch)] }));
	chain.take(chain.change(ada, [adding(zoe, 'viewer')]));
	return chain.entries;
}

test('a state read back from its bytes judges on exactly as the one that was written', () => {
	const history = new Chain(ada);
	let snapshot = emptyLog(history.space);
	for (const entry of longHistory()) {
		const fromSnapshot = judge(reread(snapshot), history, entry);
		const judged = history.offer(entry);
		expect(fromSnapshot).toEqual(judged);
		expect(judged.ok).toBe(true);
		snapshot = history.state;
		expect(reread(snapshot)).toEqual(snapshot);
		expect(encodeLogState(reread(snapshot))).toEqual(encodeLogState(snapshot));
	}
});

test('what a state refuses, its copy refuses for the same fault', () => {
	const chain = leftBy(vic, aud);
	const refused = [
		...[writing(chain), chain.draft(ada, { pages: [pageIn(1)] }), chain.leaving(zoe)],
		...[
			chain.change(ada, [adding(zoe, 'viewer')]),
			chain.draft(eve, { purge: [{ seq: 3, index: 0 }] })
		],
		...[writing(chain, { count: 1 }), writing(chain, { seen: { seq: 4, hash: chain.headAt(1)! } })]
	];
	const faults = refused.map((commit) => judge(chain.state, chain, entryOf(commit)));
	const again = refused.map((commit) => judge(reread(chain.state), chain, entryOf(commit)));
	expect(again).toEqual(faults);
	expect(faults.every((judged) => !judged.ok)).toBe(true);
});

test('everybody who took the same entries holds the same bytes', () => {
	const [one, two] = [new Chain(ada), new Chain(ada)];
	for (const entry of longHistory()) {
		one.offer(entry);
		two.state = reread(two.state);
		two.offer(entry);
	}
	expect(encodeLogState(two.state)).toEqual(encodeLogState(one.state));
});

test('bytes that are no snapshot are malformed, and nothing throws', () => {
	const bytes = encodeLogState(leftBy(vic).state);
	for (let length = 0; length < bytes.length; length += 61) {
		expect(parseLogState(bytes.subarray(0, length)).ok).toBe(false);
	}
	expect(parseLogState(new Uint8Array([...bytes, 0])).ok).toBe(false);
	const version = bytes.slice();
	version[1] = 2;
	expect(parseLogState(version)).toEqual({ ok: false, error: 'malformed' });
	for (let index = 0; index < bytes.length; index += 61) {
		const changed = bytes.slice();
		changed[index]! ^= 0x41;
		const parsed = parseLogState(changed);
		if (parsed.ok) expect(encodeLogState(parsed.value)).toEqual(changed);
	}
});
