// Requests: an invitation sent to an account by its handle. Signed by its sender, who is named
// inside only, then sealed to the recipient's identity: the edge learns neither the space nor the
// invitation. Source: docs/formats.md, Request.
import type { InviteId, SpaceId } from '../../protocol/ids.ts';
import {
	encodeRequest,
	encodeRequestBody,
	parseRequest,
	type ParsedRequest,
	type RequestBody
} from '../../protocol/invite.ts';
import { requestInfo, requestSigningInput } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { sealTo } from '../hpke.ts';
import { openIdentity, type Identity } from '../identity.ts';
import { pad, unpad } from '../padding.ts';
import { sign, verifySignature } from '../signature.ts';
import { openSealedTo } from './hpke.ts';
import type { KemSeed } from './secret.ts';

/** A request whose sender's entry and signature are good. */
export interface OpenedRequest {
	readonly space: SpaceId;
	readonly invite: InviteId;
	/** The invitation's secret, 32 bytes. */
	readonly secret: Uint8Array;
	/** Judged by itself: whether it is the person one means, pins and safety words say. */
	readonly sender: Identity;
	/** As the sender wrote it: no more than a claim. */
	readonly senderName: string;
}

/**
 * Signs and seals a request.
 *
 * @param recipient whose entry passed `openIdentity`.
 * @param body `senderEntry` is the sender's newest identity entry.
 * @param privateKey of that entry.
 * @returns about 2.8 kB, under `maxRequestBytes`.
 */
export async function sealRequest(
	recipient: Identity,
	body: RequestBody,
	privateKey: CryptoKey
): Promise<Uint8Array> {
	const { account, hash, entry } = recipient;
	const bodyBytes = encodeRequestBody(body);
	const signature = await sign(privateKey, requestSigningInput(account, hash, bodyBytes));
	const plaintext = pad(encodeRequest(bodyBytes, signature));
	const sealed = await sealTo(entry.body.kemKey, { info: requestInfo(account, hash), plaintext });
	plaintext.fill(0);
	return sealed;
}

/**
 * Opens a request, and verifies that the identity that it names sent it to this recipient.
 *
 * @param own the recipient's identity, and the seed of its KEM key.
 * @param sealed as received, any length.
 * @returns what it says; `open_failed` for another recipient, every change, and a sender's entry or
 * signature that is not good, alike.
 */
export async function openRequest(
	own: { readonly identity: Identity; readonly seed: KemSeed },
	sealed: Uint8Array
): Promise<Result<OpenedRequest, 'open_failed'>> {
	const info = requestInfo(own.identity.account, own.identity.hash);
	const opened = await openSealedTo(own.seed, { info, sealed });
	if (!opened.ok) return opened;
	const content = unpad(opened.value);
	opened.value.fill(0);
	const request = content.ok ? parseRequest(content.value) : content;
	const sender = request.ok ? await senderOf(request.value, own.identity) : null;
	if (!request.ok || sender === null) return err('open_failed');
	const { space, invite, secret, senderName } = request.value;
	return ok({ space, invite, secret, sender, senderName });
}

async function senderOf(request: ParsedRequest, recipient: Identity): Promise<Identity | null> {
	const sender = await openIdentity(request.senderEntry);
	if (!sender.ok) return null;
	const { signingKey } = sender.value.entry.body;
	const input = requestSigningInput(recipient.account, recipient.hash, request.bodyBytes);
	return (await verifySignature(signingKey, input, request.signature)) ? sender.value : null;
}
