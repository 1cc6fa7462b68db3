// What must be right about a new account before it is written down.
import { sha256 } from '../crypto/hash.ts';
import type { Identity } from '../crypto/identity.ts';
import { verifySignature } from '../crypto/signature.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { accountWriteInput } from '../protocol/labels.ts';

/** One for each way of unlocking, and one of them by password: else nobody could log in. */
export function areKeyslots(keyslots: readonly Uint8Array[]): boolean {
	const kindsBySlot = new Map<string, string>();
	for (const bytes of keyslots) {
		const keyslot = parseKeyslot(bytes);
		if (!keyslot.ok) return false;
		kindsBySlot.set(toBase64Url(keyslot.value.slot), keyslot.value.kind);
	}
	return kindsBySlot.size === keyslots.length && [...kindsBySlot.values()].includes('password');
}

/** Whether the identity itself signs that the account begins like this, here. */
export function isSignedCreation(
	identity: Identity,
	creation: {
		readonly body: Uint8Array;
		readonly incarnation: Uint8Array;
		readonly signature: Uint8Array;
	}
): Promise<boolean> {
	const input = accountWriteInput({
		account: identity.account,
		incarnation: creation.incarnation,
		count: 1,
		action: 'create',
		bodyHash: sha256(creation.body)
	});
	return verifySignature(identity.entry.body.signingKey, input, creation.signature);
}
