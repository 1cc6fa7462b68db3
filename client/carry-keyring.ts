// After a renewal the keyring is another one, and begins by saying what the one before it said: up to where
// the renewal says that it ended, and nothing of what somebody who still has its root wrote there later.
// Any device of the account does this, from its own store or the edge's; done twice it says the same.
import type { CryptoPort, NewSpace, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { Keyring } from './keyring.ts';
import type { OwnKeyring } from './own-keyring.ts';
import type { Content } from './receive.ts';
import type { SpaceSync } from './sync.ts';
import type { Seq } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface CarryParts {
	readonly crypto: CryptoPort;
	readonly me: UnlockedAccount;
	readonly keyring: OwnKeyring;
	/** Of another keyring than that: it is read, and not written to. */
	readonly syncOf: (space: NewSpace, content: Content) => SpaceSync;
}

/** Answers once all that the keyring before said stands on the log of this one. */
export async function carryKeyring({
	crypto,
	me,
	keyring,
	syncOf
}: CarryParts): Promise<Result<null, TacetError>> {
	const before = await crypto.previousKeyring();
	const { account, identityHash } = me;
	const isCarried = () => keyring.known.hasCarried(identityHash);
	if (before === null || isCarried()) return ok(null);
	const known = new Keyring();
	const sync = syncOf(before, upTo(known, before.head.seq));
	try {
		await crypto.openKeyringEpoch(before.space);
		const loaded = await sync.load();
		if (!loaded.ok) return fail(loaded.error);
		// Nothing is reached that does not lead there.
		sync.expect(before.head);
		await sync.lead();
		const read = await sync.until(() => sync.caughtUp);
		if (!read.ok) return read;
	} finally {
		await sync.close();
	}
	if (!isCarried()) {
		const entries = [...known.toCarry, { type: 'carried', account, identityHash } as const];
		const written = await keyring.write(entries);
		if (!written.ok) return written;
	}
	return keyring.sync.until(isCarried);
}

/** Reads what stands up to `seq`, and drops the rest. */
const upTo = (known: Keyring, last: Seq): Content => ({
	applyPages: (pages) => {
		known.applyPages(pages.filter(({ seq }) => seq <= last));
	},
	applyOutbox: () => undefined,
	removeOutbox: () => undefined,
	itemsOf: (page) => known.itemsOf(page),
	missing: () => null,
	release: () => undefined,
	freedBy: () => []
});
