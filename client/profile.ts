// What this device keeps about its account while locked, and how it is sealed: the name under a key
// of the device, the session under the account's local key.
import { open, seal } from '../crypto/client/aead.ts';
import { deriveProfileKey } from '../crypto/client/device-key.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type SessionId
} from '../protocol/ids.ts';
import { localRecordAad } from '../protocol/labels.ts';
import { isArray, isBytes, isUint } from '../protocol/shape.ts';
import type { Profile } from './store.ts';

/** Whose profile this is. */
export interface ProfileName {
	readonly account: AccountId;
	readonly handle: string;
	/** The newest identity entry that this device has accepted. */
	readonly identity: Uint8Array;
	/** Whom commits name: the profile's own id, or a later one after this profile was copied. */
	readonly writer: DeviceId;
}

/** A logged-in device, as the edge gave it. */
export interface SessionFacts {
	readonly id: SessionId;
	/** Whom commits of this session name. */
	readonly device: DeviceId;
	readonly accessToken: string;
	/** By this device's clock: how long ago that was decides, not what the edge's clock says. */
	readonly receivedAtMs: number;
	readonly refreshToken: string;
}

type NameKeys = Pick<Profile, 'device' | 'deviceSecret'>;

const nameAad = ({ device }: NameKeys): Uint8Array => localRecordAad(device, 'profile', 'name');

export async function sealName(keys: NameKeys, name: ProfileName): Promise<Uint8Array> {
	const plaintext = encodeCbor([
		1,
		bytesOfId(name.account),
		name.handle,
		name.identity,
		bytesOfId(name.writer)
	]);
	return seal(await deriveProfileKey(keys.deviceSecret), { plaintext, aad: nameAad(keys) });
}

export async function openName(profile: Profile): Promise<ProfileName | null> {
	const key = await deriveProfileKey(profile.deviceSecret);
	const opened = await open(key, { sealed: profile.sealedName, aad: nameAad(profile) });
	const decoded = opened.ok ? decodeCbor(opened.value) : opened;
	if (!decoded.ok || !isArray(decoded.value, 5)) return null;
	const [version, account, handle, identity, writer] = decoded.value;
	if (version !== 1 || !isBytes(account, idBytes)) return null;
	if (typeof handle !== 'string' || !isBytes(identity)) return null;
	if (!isBytes(writer, idBytes)) return null;
	return {
		account: idFromBytes<AccountId>(account),
		handle,
		identity,
		writer: idFromBytes<DeviceId>(writer)
	};
}

export const encodeSession = (session: SessionFacts): Uint8Array =>
	encodeCbor([
		1,
		bytesOfId(session.id),
		bytesOfId(session.device),
		session.accessToken,
		session.receivedAtMs,
		session.refreshToken
	]);

export function parseSession(bytes: Uint8Array): SessionFacts | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 6)) return null;
	const [version, id, device, accessToken, receivedAtMs, refreshToken] = decoded.value;
	if (version !== 1 || !isBytes(id, idBytes) || !isBytes(device, idBytes)) return null;
	if (typeof accessToken !== 'string' || !isUint(receivedAtMs)) return null;
	if (typeof refreshToken !== 'string') return null;
	return {
		id: idFromBytes<SessionId>(id),
		device: idFromBytes<DeviceId>(device),
		accessToken,
		receivedAtMs,
		refreshToken
	};
}

/** A device's key pair: P-256, the private half non-extractable. */
export const generateDeviceKeyPair = (): Promise<CryptoKeyPair> =>
	crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);

export interface DeviceJwk {
	readonly kty: 'EC';
	readonly crv: 'P-256';
	readonly x: string;
	readonly y: string;
}

/** The public half as it goes to the edge: the uncompressed point of SEC 1 §2.3.3, cut in two. */
export async function deviceJwk(pair: CryptoKeyPair): Promise<DeviceJwk> {
	const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
	const x = toBase64Url(point.subarray(1, 33));
	const y = toBase64Url(point.subarray(33, 65));
	return { kty: 'EC', crv: 'P-256', x, y };
}
