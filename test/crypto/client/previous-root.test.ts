// The root before a renewal: opened by the root after it, at its place, and by nothing else.
import { expect, test } from 'vitest';
import { generateRoot } from '../../../crypto/client/account-keys.ts';
import { openPreviousRoot, sealPreviousRoot } from '../../../crypto/client/previous-root.ts';
import { createSecret, type RootSecret } from '../../../crypto/client/secret.ts';
import { idFromBytes, type AccountId } from '../../../protocol/ids.ts';
import { maxPreviousRootBytes } from '../../../protocol/limits.ts';

const account = idFromBytes<AccountId>(new Uint8Array(16).fill(7));
const place = { account, n: 2 };
const failed = { ok: false, error: 'open_failed' };
const keyringHead = { seq: 9, hash: new Uint8Array(32).fill(3) };
const before = (): RootSecret => createSecret(new Uint8Array(32).fill(5));

test('opens by the root after it, with the head of the keyring', async () => {
	const root = generateRoot();
	const sealed = await sealPreviousRoot(root, { root: before(), keyringHead }, place);
	expect(sealed.length).toBeLessThanOrEqual(maxPreviousRootBytes);
	const opened = await openPreviousRoot(root, sealed, place);
	if (!opened.ok) throw new Error(opened.error);
	expect(opened.value.root.reveal()).toEqual(before().reveal());
	expect(opened.value.keyringHead).toEqual(keyringHead);
});

test('opens by no other root, the one before among them, for no other account or number, and changed nowhere', async () => {
	const root = generateRoot();
	const sealed = await sealPreviousRoot(root, { root: before(), keyringHead }, place);
	expect(await openPreviousRoot(before(), sealed, place)).toEqual(failed);
	expect(await openPreviousRoot(generateRoot(), sealed, place)).toEqual(failed);
	expect(await openPreviousRoot(root, sealed, { account, n: 3 })).toEqual(failed);
	const other = idFromBytes<AccountId>(new Uint8Array(16).fill(8));
	expect(await openPreviousRoot(root, sealed, { account: other, n: 2 })).toEqual(failed);
	for (let index = 0; index < sealed.length; index += 1) {
		const changed = sealed.slice();
		changed[index]! ^= 1;
		expect(await openPreviousRoot(root, changed, place)).toEqual(failed);
	}
	expect(await openPreviousRoot(root, sealed.subarray(1), place)).toEqual(failed);
	expect(await openPreviousRoot(root, new Uint8Array(), place)).toEqual(failed);
});
