// Passkeys inside the crypto core: the root sealed under what one answers, and opened by it again.
import type { Identity } from '../crypto/identity.ts';
import {
	derivePasskeySlotKey,
	openKeyslot,
	sealPasskeyKeyslot,
	type PrfOutput
} from '../crypto/client/keyslots.ts';
import { createSecret, type RootSecret } from '../crypto/client/secret.ts';
import { passkeySlotId } from '../crypto/passkey-id.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId } from '../protocol/ids.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import type { KnownAccount } from './account-log.ts';
import { stateOf } from './crypto-account.ts';
import { openPasswordSlot, type LoginKeys } from './crypto-keyslots.ts';

/** A passkey that has just been asked. */
export interface PasskeyAnswered {
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	/** Of the PRF extension, 32 bytes: overwritten by the core. */
	readonly output: Uint8Array;
}

/** Seals the root that a login opens; null if it is not the root that is in use. */
export async function sealForPasskey(
	keys: LoginKeys,
	identity: Identity,
	input: PasskeyAnswered & {
		readonly known: KnownAccount;
		readonly isOwn: (root: RootSecret) => Promise<boolean>;
	}
): Promise<Uint8Array | null> {
	const { account } = identity;
	const slotKey = derivePasskeySlotKey(secretOf(input));
	input.output.fill(0);
	const state = await stateOf(input.known);
	const opened = await openPasswordSlot(keys, state, input.known.keyslots);
	try {
		if (opened === null) return null;
		const { root } = opened;
		if (!(await input.isOwn(root))) return null;
		const slot = passkeySlotId(input.credentialId);
		const generation = state.identities.length;
		return await sealPasskeyKeyslot(slotKey, root, { account, slot, generation });
	} finally {
		opened?.root.wipe();
		slotKey.wipe();
	}
}

/** The slot says which passkey opens it, and is bound to the root inside: another's opens nothing. */
export async function openByPasskey(
	account: AccountId,
	keyslot: Uint8Array,
	answered: PasskeyAnswered
): Promise<RootSecret | null> {
	const slotKey = derivePasskeySlotKey(secretOf(answered));
	answered.output.fill(0);
	const parsed = parseKeyslot(keyslot);
	const isOwn =
		parsed.ok &&
		parsed.value.kind === 'passkey' &&
		equalBytes(parsed.value.slot, passkeySlotId(answered.credentialId));
	const root = isOwn ? await openKeyslot(slotKey, account, keyslot) : null;
	slotKey.wipe();
	return root?.ok === true ? root.value : null;
}

const secretOf = ({ output }: PasskeyAnswered): PrfOutput => createSecret(output);
