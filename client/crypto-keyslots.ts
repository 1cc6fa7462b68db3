// Keyslots inside the crypto core: the root sealed under each way of unlocking, and opened again.
import type { AccountState } from '../crypto/account-log.ts';
import { stretchPassword } from '../crypto/client/argon2.ts';
import { deriveDeviceSecret } from '../crypto/client/device-key.ts';
import {
	deriveDeviceSlotKey,
	derivePasswordSlotKey,
	deriveRecoverySlotKey,
	openKeyslot,
	sealKeyslot
} from '../crypto/client/keyslots.ts';
import type { ExportKey } from '../crypto/client/opaque-client.ts';
import type { PreparedPassword } from '../crypto/client/password.ts';
import { formatRecoveryCode, generateRecoveryEntropy } from '../crypto/client/recovery-code.ts';
import type { RootSecret } from '../crypto/client/secret.ts';
import { randomBytes } from '../crypto/random.ts';
import type { KitFacts } from '../protocol/account-write.ts';
import type { AccountId } from '../protocol/ids.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { kitFactsOf } from './crypto-account.ts';
import type { OfflineSlot } from './crypto-port.ts';
import type { HeldAccountKey } from './store.ts';

export interface FirstKeyslots {
	readonly password: Uint8Array;
	readonly kit: Uint8Array;
	/** Nobody has shown yet that they have the code. */
	readonly kitFacts: KitFacts;
	readonly recoveryCode: readonly string[];
}

export async function sealFirstKeyslots(
	root: RootSecret,
	account: AccountId,
	{ exportKey, accountKey }: PasswordKeys
): Promise<FirstKeyslots> {
	const entropy = generateRecoveryEntropy();
	const passwordKey = await derivePasswordSlotKey(exportKey, accountKey);
	const recoveryKey = deriveRecoverySlotKey(entropy);
	const [password, kit] = await Promise.all([
		sealKeyslot(passwordKey, root, { account, kind: 'password', generation: 1 }),
		sealKeyslot(recoveryKey, root, { account, kind: 'recovery', generation: 1 })
	]);
	const recoveryCode = formatRecoveryCode(entropy).split(' ');
	const kitFacts = kitFactsOf(kit, entropy, false);
	passwordKey.wipe();
	recoveryKey.wipe();
	entropy.wipe();
	return { password, kit, kitFacts, recoveryCode };
}

/** What opens the keyslot of a password. */
export interface PasswordKeys {
	readonly exportKey: ExportKey;
	readonly accountKey: CryptoKey | null;
}

/** Seals the root under a password, for an account that is there already. */
export async function sealPasswordSlot(
	root: RootSecret,
	{ exportKey, accountKey }: PasswordKeys,
	{ account, identities }: Pick<AccountState, 'account' | 'identities'>
): Promise<Uint8Array> {
	const slotKey = await derivePasswordSlotKey(exportKey, accountKey);
	const place = { account, kind: 'password', generation: identities.length } as const;
	const keyslot = await sealKeyslot(slotKey, root, place);
	slotKey.wipe();
	return keyslot;
}

/** What a login left, and what this device keeps. */
export interface LoginKeys {
	readonly exportKey: ExportKey;
	/** More than one while a write that brings another is under way. */
	readonly accountKeys: readonly HeldAccountKey[];
}

/** What a password opened. The caller wipes the root. */
export interface OpenedByPassword {
	readonly root: RootSecret;
	/** That it took; null where the account has none. */
	readonly accountKey: HeldAccountKey | null;
}

/** Null for other keys, and for a keyslot that was changed. Tries what the log says, and nothing else. */
export async function openPasswordSlot(
	{ exportKey, accountKeys }: LoginKeys,
	{ account, material }: AccountState,
	keyslots: readonly Uint8Array[]
): Promise<OpenedByPassword | null> {
	for (const accountKey of material.password.usesAccountKey ? accountKeys : [null]) {
		const keys = { exportKey, accountKey: accountKey?.key ?? null };
		const root = await openPasswordSlotBy(keys, account, keyslots);
		if (root !== null) return { root, accountKey };
	}
	return null;
}

/** By these very keys. */
export async function openPasswordSlotBy(
	{ exportKey, accountKey }: PasswordKeys,
	account: AccountId,
	keyslots: readonly Uint8Array[]
): Promise<RootSecret | null> {
	const slotKey = await derivePasswordSlotKey(exportKey, accountKey);
	try {
		for (const keyslot of keyslots) {
			const parsed = parseKeyslot(keyslot);
			if (!parsed.ok || parsed.value.kind !== 'password') continue;
			const opened = await openKeyslot(slotKey, account, keyslot);
			if (opened.ok) return opened.value;
		}
		return null;
	} finally {
		slotKey.wipe();
	}
}

export async function sealOfflineSlot(
	root: RootSecret,
	input: {
		readonly account: AccountId;
		readonly password: PreparedPassword;
		readonly key: CryptoKey;
	}
): Promise<OfflineSlot> {
	const salt = randomBytes(16);
	const slotKey = await deriveOfflineSlotKey({ password: input.password, salt, key: input.key });
	const place = { account: input.account, kind: 'device', generation: 1 } as const;
	const keyslot = await sealKeyslot(slotKey, root, place);
	slotKey.wipe();
	return { salt, keyslot };
}

export async function deriveOfflineSlotKey(input: {
	readonly password: PreparedPassword;
	readonly salt: Uint8Array;
	readonly key: CryptoKey;
}) {
	const stretched = await stretchPassword(input.password, input.salt);
	const deviceSecret = await deriveDeviceSecret(input.key);
	const slotKey = deriveDeviceSlotKey(stretched, deviceSecret);
	stretched.fill(0);
	deviceSecret.wipe();
	return slotKey;
}
