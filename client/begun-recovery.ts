// What a device keeps of a recovery that it began, from the words to the login that ends it: sealed under
// a key of this device. The words and the new password are not in it: they are typed again.
import { open, seal } from '../crypto/client/aead.ts';
import { deriveProfileKey } from '../crypto/client/device-key.ts';
import { sha256 } from '../crypto/hash.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type DeviceId,
	type RecoveryId
} from '../protocol/ids.ts';
import { localRecordAad, recoveryCodeInput } from '../protocol/labels.ts';
import { recoveryAuthenticatorBytes } from '../protocol/limits.ts';
import { isArray, isBytes, isUint } from '../protocol/shape.ts';
import type { StoredRecovery } from './store.ts';

export interface KeptRecovery {
	readonly handle: string;
	/** Whom the recovery's writes name, and the login after it. */
	readonly writer: DeviceId;
	/** Opens nothing; with this device's key it asks how far the recovery is. */
	readonly authenticator: Uint8Array;
	/** By this device's clock, before the edge was asked. */
	readonly startedAtMs: number;
	/** As the edge said; null before its first answer. */
	readonly begun: { readonly recovery: RecoveryId; readonly readyAtMs: number } | null;
	readonly isFinishing: boolean;
}

type Keys = Pick<StoredRecovery, 'device' | 'deviceSecret'>;

const aadOf = ({ device }: Keys): Uint8Array => localRecordAad(device, 'recovery', 'recovery');

export async function sealKeptRecovery(keys: Keys, kept: KeptRecovery): Promise<Uint8Array> {
	const { begun } = kept;
	const plaintext = encodeCbor([
		...[1, kept.handle, bytesOfId(kept.writer), kept.authenticator, kept.startedAtMs],
		begun && [bytesOfId(begun.recovery), begun.readyAtMs],
		kept.isFinishing
	]);
	return seal(await deriveProfileKey(keys.deviceSecret), { plaintext, aad: aadOf(keys) });
}

/** Null for what this device did not seal. */
export async function openKeptRecovery(stored: StoredRecovery): Promise<KeptRecovery | null> {
	const key = await deriveProfileKey(stored.deviceSecret);
	const opened = await open(key, { sealed: stored.sealed, aad: aadOf(stored) });
	const decoded = opened.ok ? decodeCbor(opened.value) : opened;
	if (!decoded.ok || !isArray(decoded.value, 7)) return null;
	const [version, handle, writer, authenticator, startedAtMs, answer, isFinishing] = decoded.value;
	if (version !== 1 || typeof handle !== 'string' || !isBytes(writer, idBytes)) return null;
	if (!isBytes(authenticator, recoveryAuthenticatorBytes) || !isUint(startedAtMs)) return null;
	if (typeof isFinishing !== 'boolean') return null;
	const own = { handle, writer: idFromBytes<DeviceId>(writer), authenticator, startedAtMs };
	if (answer === null) return { ...own, begun: null, isFinishing };
	if (!isArray(answer, 2)) return null;
	const [recovery, readyAtMs] = answer;
	if (!isBytes(recovery, idBytes) || !isUint(readyAtMs)) return null;
	const begun = { recovery: idFromBytes<RecoveryId>(recovery), readyAtMs };
	return { ...own, begun, isFinishing };
}

/** Six digits by which people tell one recovery, on one device, from any other. */
export function recoveryDigits(recovery: RecoveryId, thumbprint: Uint8Array): string {
	const hash = sha256(recoveryCodeInput(recovery, thumbprint));
	const number = new DataView(hash.buffer, hash.byteOffset).getUint32(0);
	return String(number % 1_000_000).padStart(6, '0');
}
