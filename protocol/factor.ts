// What an edge keeps of a second factor so that it can judge answers. The account log signs its hash;
// the bytes travel beside the log. Of a passkey they are public; of the others only the edge has them.
//
//   factor data = CBOR, by kind:
//   totp          [ 1, secret (20) ]
//   webauthn      [ 1, credential id (16–1,023), COSE_Key, synced, [ transport (text) … ] ]
//   backup_codes  [ 1, [ hash (32) … ] ]                    ten, none twice
//   sms           [ 1, salt (16), telephone number (text) ] E.164 with its +
//
// Transports stand in the order of `passkeyTransports`, each once.
import { toHex } from './bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import { isPhoneNumber } from './factor-answer.ts';
import type { FactorKind } from './factor-kind.ts';
import {
	backupCodesPerAccount,
	hashBytes,
	maxCredentialIdBytes,
	maxFactorDataBytes,
	maxPasskeyKeyBytes,
	minCredentialIdBytes,
	smsSaltBytes,
	totpSecretBytes
} from './limits.ts';
import { passkeyTransports, type PasskeyTransport } from './passkey.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, parseEach } from './shape.ts';

export type FactorData =
	| {
			readonly kind: 'totp';
			/** 20 bytes. */
			readonly secret: Uint8Array;
	  }
	| {
			readonly kind: 'webauthn';
			/** 16 to 1,023 bytes. */
			readonly credentialId: Uint8Array;
			/** COSE_Key; crypto/edge/cose-key.ts judges it. */
			readonly publicKey: Uint8Array;
			/** Synced between devices; never changes. */
			readonly isBackupEligible: boolean;
			readonly transports: readonly PasskeyTransport[];
	  }
	| {
			readonly kind: 'backup_codes';
			/** SHA-256 of each, as crypto/backup-codes.ts makes it, 32 bytes. */
			readonly hashes: readonly Uint8Array[];
	  }
	| {
			readonly kind: 'sms';
			/** 16 random bytes: without it the hash would tell a number to whoever tries all. */
			readonly salt: Uint8Array;
			/** E.164: + and 7 to 15 digits. */
			readonly number: string;
	  };

export type FactorDataOf<Kind extends FactorKind> = Extract<FactorData, { readonly kind: Kind }>;

const version = 1;

/** Canonical bytes. */
export function encodeFactorData(data: FactorData): Uint8Array {
	switch (data.kind) {
		case 'totp':
			return encodeCbor([version, data.secret]);
		case 'webauthn':
			return encodeCbor([
				...[version, data.credentialId, data.publicKey, data.isBackupEligible],
				passkeyTransports.filter((known) => data.transports.includes(known))
			]);
		case 'backup_codes':
			return encodeCbor([version, data.hashes]);
		case 'sms':
			return encodeCbor([version, data.salt, data.number]);
	}
}

/** Reads the form of a factor's data; nothing in it is judged. */
export function parseFactorData<Kind extends FactorKind>(
	kind: Kind,
	bytes: Uint8Array
): Result<FactorDataOf<Kind>, 'malformed'> {
	if (bytes.length > maxFactorDataBytes) return err('malformed');
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value)) return err('malformed');
	const [first, ...fields] = decoded.value;
	const data = first === version ? parseFields(kind, fields) : null;
	// Of the kind that was asked for; TypeScript can't follow the parameter.
	return data === null ? err('malformed') : ok(data as FactorDataOf<Kind>);
}

function parseFields(kind: FactorKind, fields: readonly Cbor[]): FactorData | null {
	switch (kind) {
		case 'totp': {
			const [secret] = fields;
			return fields.length === 1 && isBytes(secret, totpSecretBytes) ? { kind, secret } : null;
		}
		case 'webauthn':
			return parsePasskey(fields);
		case 'backup_codes': {
			const hashes = parseEach(fields[0], backupCodesPerAccount, (hash) =>
				isBytes(hash, hashBytes) ? hash : null
			);
			if (fields.length !== 1 || hashes?.length !== backupCodesPerAccount) return null;
			return new Set(hashes.map(toHex)).size === hashes.length ? { kind, hashes } : null;
		}
		case 'sms': {
			const [salt, number] = fields;
			if (fields.length !== 2 || !isBytes(salt, smsSaltBytes)) return null;
			return isPhoneNumber(number) ? { kind, salt, number } : null;
		}
	}
}

function parsePasskey(fields: readonly Cbor[]): FactorData | null {
	const [credentialId, publicKey, isBackupEligible, list] = fields;
	if (fields.length !== 4 || !isBytes(credentialId) || !isBytes(publicKey)) return null;
	const { length } = credentialId;
	if (length < minCredentialIdBytes || length > maxCredentialIdBytes) return null;
	if (publicKey.length === 0 || publicKey.length > maxPasskeyKeyBytes) return null;
	const transports = parseEach(list, passkeyTransports.length, transportOf);
	if (typeof isBackupEligible !== 'boolean' || transports === null) return null;
	const isInOrder = passkeyTransports
		.filter((known) => transports.includes(known))
		.every((known, index) => known === transports[index]);
	const isEachOnce = new Set(transports).size === transports.length;
	if (!isInOrder || !isEachOnce) return null;
	return { kind: 'webauthn', credentialId, publicKey, isBackupEligible, transports };
}

const transportOf = (value: Cbor): PasskeyTransport | null =>
	passkeyTransports.find((known) => known === value) ?? null;
