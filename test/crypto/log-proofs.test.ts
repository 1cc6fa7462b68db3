import { describe, expect, test } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { keysMatch, pagesMatch, parseEntry } from '../../crypto/log-rules.ts';
import { verifyProof, type SigningKey } from '../../crypto/signature.ts';
import { encodeCommit, type Commit } from '../../protocol/commit.ts';
import { maxCommitBytes } from '../../protocol/limits.ts';
import {
	ada,
	eve,
	lin,
	vic,
	zoe,
	adding,
	bare,
	Chain,
	entryOf,
	hashOf,
	pageIn,
	removing,
	setting,
	signedEntry,
	unsigned,
	world,
	writing
} from './log-fixture.ts';

/** Whether parsing, the rules and the proofs all let it pass; the first that didn't, by its name. */
async function outcomeOf(chain: Chain, commit: Uint8Array, signature: Uint8Array): Promise<string> {
	const entry = parseEntry({ commit, signature });
	if (!entry.ok) return `form ${entry.error}`;
	const before = chain.entries.length;
	const copy = new Chain(chain.creator, chain.genesis);
	for (const good of chain.entries.slice(0, before)) copy.offer(good);
	const judged = copy.offer(entry.value);
	if (!judged.ok) return 'rule';
	for (const proof of judged.value.proofs) if (!(await verifyProof(proof))) return 'proof';
	return 'accepted';
}

async function flipEachByte(chain: Chain, commit: Commit, key: SigningKey, stride = 1) {
	const entry = await signedEntry(commit, key);
	expect(await outcomeOf(chain, entry.commit, entry.signature)).toBe('accepted');
	const outcomes = new Map<string, number>();
	for (const field of ['commit', 'signature'] as const) {
		for (let index = 0; index < entry[field].length; index += stride) {
			const changed = { commit: entry.commit.slice(), signature: entry.signature.slice() };
			changed[field][index]! ^= 1 << index % 8;
			const outcome = await outcomeOf(chain, changed.commit, changed.signature);
			outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
		}
	}
	return outcomes;
}

describe('signatures', () => {
	test('a signed page commit with any byte changed is refused, by form, rule or proof', async () => {
		const chain = new Chain(ada);
		chain.take(chain.firstCommit());
		const commit = chain.draft(ada, { pages: [pageIn(1)] });
		const outcomes = await flipEachByte(chain, commit, ada.signing);
		expect(outcomes.get('accepted')).toBeUndefined();
		// One name for every bad form: what was wrong with it can't be told from outside.
		expect([...outcomes.keys()].sort()).toEqual(['form malformed', 'proof', 'rule']);
	});

	test('a first commit with any byte changed is refused', async () => {
		const chain = new Chain(ada);
		const outcomes = await flipEachByte(chain, chain.firstCommit(), ada.signing, 3);
		expect(outcomes.get('accepted')).toBeUndefined();
	});

	test('each identity that a commit brings must be signed by its own key', async () => {
		const chain = world();
		const forged = zoe.identity.bytes.slice();
		forged[forged.length - 2]! ^= 1;
		const member = { ...adding(zoe, 'viewer'), identityEntry: forged };
		const entry = await signedEntry(chain.change(ada, [member]), ada.signing);
		expect(await outcomeOf(chain, entry.commit, entry.signature)).toBe('proof');
	});

	test('a signature by a key that was replaced, or by anyone else, is no proof', async () => {
		const chain = world();
		chain.take(
			chain.change(ada, [adding({ account: eve.account, identity: eve.renewed }, 'editor')])
		);
		const commit = chain.draft(eve, { pages: [pageIn(2)], identity: eve.renewed });
		const outcomes = await Promise.all(
			[eve.renewedSigning, eve.signing, ada.signing].map(async (key) => {
				const { commit: bytes, signature } = await signedEntry(commit, key);
				return outcomeOf(chain, bytes, signature);
			})
		);
		expect(outcomes).toEqual(['accepted', 'proof', 'proof']);
	});

	test('the author’s proof comes first, one for each new identity follows', () => {
		const chain = world();
		const judged = chain.judge(
			chain.change(ada, [adding(zoe, 'viewer'), setting(vic, 'editor'), removing(lin, 'link')])
		);
		const keys = judged.ok ? judged.value.proofs.map(({ publicKey }) => publicKey) : [];
		expect(keys).toEqual([ada.signing.publicKey, zoe.signing.publicKey]);
	});

	test('the head covers the signature too', () => {
		const [one, other] = [world(), world()];
		const commit = writing(one);
		one.take(commit);
		other.offer(entryOf(commit, unsigned.slice().fill(6)));
		expect(other.state.head.seq).toBe(one.state.head.seq);
		expect(other.state.head.hash).not.toEqual(one.state.head.hash);
	});
});

describe('form and bytes', () => {
	test('pages that are too much together are too large, though each is not', () => {
		const chain = world();
		const big = pageIn(1, { lengthBytes: 1_150_000 });
		const signature = unsigned;
		const bytes = encodeCommit(chain.draft(eve, { pages: [big, big] }));
		expect(parseEntry({ commit: bytes, signature })).toEqual({ ok: false, error: 'too_large' });
		const one = encodeCommit(chain.draft(eve, { pages: [big] }));
		expect(parseEntry({ commit: one, signature }).ok).toBe(true);
	});

	test('a commit beyond its limit is too large whatever it holds', () => {
		const commit = new Uint8Array(maxCommitBytes + 1);
		expect(parseEntry({ commit, signature: unsigned })).toEqual({ ok: false, error: 'too_large' });
		const within = parseEntry({ commit: commit.subarray(1), signature: unsigned });
		expect(within).toEqual({ ok: false, error: 'malformed' });
	});

	test('pages are those that were signed: number, order, length and hash', () => {
		const [a, b] = [pageIn(1, { hash: hashOf(1) }), pageIn(1, { hash: hashOf(2) })];
		const commit = world().draft(eve, { pages: [a, b] });
		expect(pagesMatch(commit, [a, b])).toBe(true);
		expect(pagesMatch(commit, [b, a])).toBe(false);
		expect(pagesMatch(commit, [a])).toBe(false);
		expect(pagesMatch(commit, [a, b, b])).toBe(false);
		expect(pagesMatch(commit, [a, { ...b, lengthBytes: 169 }])).toBe(false);
	});

	test('wraps and the previous key are those that were signed', () => {
		const [one, two, previous] = [hashOf(1), hashOf(2), hashOf(3)];
		const wrapOf = (bytes: Uint8Array) => ({
			...{ kind: 'content' as const, number: 2, recipient: ada.account },
			hash: sha256(bytes)
		});
		const epoch = { number: 2, commitment: hashOf(2), previousHash: sha256(previous) };
		const admin = { ...bare, epoch, wraps: [wrapOf(one), wrapOf(two)] };
		const commit = world().draft(ada, { admin });
		expect(keysMatch(commit, [one, two], previous)).toBe(true);
		expect(keysMatch(commit, [two, one], previous)).toBe(false);
		expect(keysMatch(commit, [one], previous)).toBe(false);
		expect(keysMatch(commit, [one, two, two], previous)).toBe(false);
		expect(keysMatch(commit, [one, two], one)).toBe(false);
		expect(keysMatch(commit, [one, two], null)).toBe(false);
		const absent = { ...admin, epoch: { ...epoch, previousHash: null } };
		expect(keysMatch({ ...commit, admin: absent }, [one, two], null)).toBe(true);
		expect(keysMatch({ ...commit, admin: absent }, [one, two], previous)).toBe(false);
		expect(keysMatch({ ...commit, admin: null }, [], null)).toBe(true);
		expect(keysMatch({ ...commit, admin: null }, [], previous)).toBe(false);
	});
});
