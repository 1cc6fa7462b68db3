import { expect, test } from 'vitest';
import { deriveLinkIdentity } from '../../../crypto/client/link-identity.ts';
import { unwrapEpochKey, wrapEpochKey } from '../../../crypto/client/space-keys.ts';
import { epochKeyCommitment } from '../../../crypto/client/key-commitment.ts';
import { createSecret, type EpochKey } from '../../../crypto/client/secret.ts';
import { openIdentity } from '../../../crypto/identity.ts';
import { sign, verifySignature } from '../../../crypto/signature.ts';
import { toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { valueOf } from '../vectors.ts';
import { exportKeyOf, otherSecret, personOf, secret, space } from './link-samples.ts';

test('a share link has one identity for each secret and passphrase', async () => {
	const { identity } = await deriveLinkIdentity(secret, null);
	const again = await deriveLinkIdentity(secret, null);
	expect(again.identity.bytes).toEqual(identity.bytes);
	expect(toHex(identity.hash)).toBe(locked.open);
	const guarded = await deriveLinkIdentity(secret, exportKeyOf(1));
	expect(toHex(guarded.identity.hash)).toBe(locked.guarded);
	const others = [
		guarded,
		await deriveLinkIdentity(secret, exportKeyOf(2)),
		await deriveLinkIdentity(otherSecret, null)
	];
	const accounts = [identity.account, ...others.map((other) => other.identity.account)];
	expect(new Set(accounts).size).toBe(4);
});

test('the identity of a share link is one that others accept and its keys belong to', async () => {
	const { identity, keys } = await deriveLinkIdentity(secret, exportKeyOf(1));
	const opened = valueOf(await openIdentity(identity.bytes));
	expect(opened.account).toBe(identity.account);
	expect(opened.account).toBe(toHex(identity.hash.subarray(0, 16)));
	const message = utf8Encode('hello');
	const signature = await sign(keys.signing.privateKey, message);
	expect(await verifySignature(opened.entry.body.signingKey, message, signature)).toBe(true);
	expect(keys.signing.privateKey.extractable).toBe(false);
});

test('a share link opens the wrap that is made for it, and none made for another', async () => {
	const ada = await personOf(1);
	const { identity, keys } = await deriveLinkIdentity(secret, null);
	const epochKey: EpochKey = createSecret(new Uint8Array(32).fill(7));
	const context = {
		...{ kind: 'content' as const, space, number: 1 },
		...{ recipient: identity.account, recipientIdentity: identity.hash },
		...{ sender: ada.identity.account, senderIdentity: ada.identity.hash }
	};
	const wrap = await wrapEpochKey(epochKey, identity.entry.body.kemKey, context);
	const commitment = epochKeyCommitment(epochKey, space, 1);
	const opened = await unwrapEpochKey(keys.kem.seed, { wrap, context, commitment });
	expect(valueOf(opened).reveal()).toEqual(epochKey.reveal());
	const other = await deriveLinkIdentity(secret, exportKeyOf(1));
	expect((await unwrapEpochKey(other.keys.kem.seed, { wrap, context, commitment })).ok).toBe(false);
});

const locked = {
	open: '5402957c49babbcf4702eb06081248e61e3585126d8c03014302b9c81b73e634',
	guarded: '972444981243d02a75366f72d2251ed8c7763b90f9896de9311b4f388b1be2ea'
};
