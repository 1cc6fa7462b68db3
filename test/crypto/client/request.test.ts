import { describe, expect, test } from 'vitest';
import { openRequest, sealRequest } from '../../../crypto/client/request.ts';
import { sealTo } from '../../../crypto/hpke.ts';
import { createIdentity, renewIdentity } from '../../../crypto/identity.ts';
import { pad } from '../../../crypto/padding.ts';
import { sign } from '../../../crypto/signature.ts';
import { toHex } from '../../../protocol/bytes.ts';
import { encodeRequest, encodeRequestBody, type RequestBody } from '../../../protocol/invite.ts';
import { requestInfo, requestSigningInput } from '../../../protocol/labels.ts';
import { maxRequestBytes } from '../../../protocol/limits.ts';
import { encodeIdentityEntry } from '../../../protocol/identity.ts';
import { flipped, valueOf } from '../vectors.ts';
import { failed, invite, personOf, secret, space, spoilt } from './link-samples.ts';

const ada = await personOf(1);
const bob = await personOf(2);
const eve = await personOf(3);
const ownOf = ({ identity, kem }: typeof ada) => ({ identity, seed: kem.seed });
const body: RequestBody = {
	...{ space, invite, secret, senderEntry: ada.identity.bytes, senderName: 'ada' }
};

/** What `bob` opens when a request was put together in another way. */
async function opened(parts: {
	readonly bodyBytes: Uint8Array;
	readonly signature: Uint8Array;
	readonly padded?: boolean;
}) {
	const { account, hash, entry } = bob.identity;
	const request = encodeRequest(parts.bodyBytes, parts.signature);
	const plaintext = parts.padded === false ? request : pad(request);
	const info = requestInfo(account, hash);
	return openRequest(ownOf(bob), await sealTo(entry.body.kemKey, { info, plaintext }));
}

const signedFor = (recipient: typeof bob, bodyBytes: Uint8Array, signer = ada) =>
	sign(
		signer.signing.privateKey,
		requestSigningInput(recipient.identity.account, recipient.identity.hash, bodyBytes)
	);

describe('a request', () => {
	test('says to its recipient what was sent, and by whom', async () => {
		const sealed = await sealRequest(bob.identity, body, ada.signing.privateKey);
		expect(sealed.length).toBeLessThanOrEqual(maxRequestBytes);
		const request = valueOf(await openRequest(ownOf(bob), sealed));
		const { sender, ...said } = request;
		expect(said).toEqual({ space, invite, secret, senderName: 'ada' });
		expect(sender.account).toBe(ada.identity.account);
		expect(toHex(sender.hash)).toBe(toHex(ada.identity.hash));
	});

	test('of a sender whose identity was renewed, with the longest name, fits its limit', async () => {
		const next = await personOf(4);
		const renewed = await renewIdentity(ada.identity, {
			...{ signing: next.signing, kemKey: next.kem.publicKey },
			previousKey: ada.signing.privateKey
		});
		const longest = { ...body, senderEntry: renewed.bytes, senderName: '\uffff'.repeat(128) };
		const sealed = await sealRequest(bob.identity, longest, next.signing.privateKey);
		expect(sealed.length).toBeLessThanOrEqual(maxRequestBytes);
		const request = valueOf(await openRequest(ownOf(bob), sealed));
		expect(request.sender.account).toBe(ada.identity.account);
		expect(request.sender.entry.body.n).toBe(2);
	});

	test('opens for nobody else, and not under an identity that its recipient had before', async () => {
		const sealed = await sealRequest(bob.identity, body, ada.signing.privateKey);
		expect(await openRequest(ownOf(eve), sealed)).toEqual(failed);
		const pretended = { identity: eve.identity, seed: bob.kem.seed };
		expect(await openRequest(pretended, sealed)).toEqual(failed);
		const renewed = await createIdentity({ signing: eve.signing, kemKey: bob.kem.publicKey });
		expect(await openRequest({ identity: renewed, seed: bob.kem.seed }, sealed)).toEqual(failed);
	});

	test('opens no more once any byte changed, was cut off or added', async () => {
		const sealed = await sealRequest(bob.identity, body, ada.signing.privateKey);
		for (const bytes of spoilt(sealed, 13)) {
			expect(await openRequest(ownOf(bob), bytes)).toEqual(failed);
		}
	});

	test('is refused when anybody else signed it, or it was signed for somebody else', async () => {
		const bodyBytes = encodeRequestBody(body);
		const signature = await signedFor(bob, bodyBytes);
		expect((await opened({ bodyBytes, signature })).ok).toBe(true);
		expect(await opened({ bodyBytes, signature, padded: false })).toEqual(failed);
		const forged = await signedFor(bob, bodyBytes, eve);
		expect(await opened({ bodyBytes, signature: forged })).toEqual(failed);
		const forEve = await signedFor(eve, bodyBytes);
		expect(await opened({ bodyBytes, signature: forEve })).toEqual(failed);
		for (let index = 0; index < signature.length; index += 7) {
			const changed = { bodyBytes, signature: flipped(signature, index) };
			expect(await opened(changed)).toEqual(failed);
		}
		const other = encodeRequestBody({ ...body, senderName: 'eve' });
		expect(await opened({ bodyBytes: other, signature })).toEqual(failed);
	});

	test('with an entry of its sender that does not vouch for itself is refused', async () => {
		const { entry } = ada.identity;
		const unvouched = encodeIdentityEntry({ ...entry, signature: flipped(entry.signature, 3) });
		for (const senderEntry of [unvouched, new Uint8Array(), eve.identity.bytes]) {
			const bodyBytes = encodeRequestBody({ ...body, senderEntry });
			const signature = await signedFor(bob, bodyBytes);
			expect(await opened({ bodyBytes, signature })).toEqual(failed);
		}
	});
});
