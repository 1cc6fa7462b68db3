// An account write: a signed change of what the edge keeps for an account. Writes are a chain, the
// account log: each names the head that the one before it led to. Rules: crypto/account-log.ts.
//
//   write  = CBOR [ 'tacet/1 account write', account (16), n >= 1, head before (32), device (16),
//                   time in ms, action (text), body ]          the head before the first is zeros
//   action   body
//   create         [ handle hash (32), identity entry, material, policy ]            n = 1
//   password       password
//   kit            kit
//   keyslot_add    passkey
//   keyslot_remove [ slot (16) ]
//   identity       [ identity entry, material, previous-root record (41–256) ]
//   recovery       material
//   factor_add     [ factor (16), kind (text), hash (32) ]
//   factor_remove  [ factor (16) ]
//   policy         policy
//   device_remove  [ device (16) ]
//   delete         [ ]
//
//   material = [ password, kit, [ passkey … ] ]                           no slot twice
//   password = [ H(OPAQUE record) (32), uses an account key, slot (16), H(keyslot) (32) ]
//   kit      = [ slot (16), H(keyslot) (32), H(authenticator) (32), confirmed ]
//   passkey  = [ slot (16), H(keyslot) (32) ]
//   policy   = [ [ kind of factor … ], sessions at a time 1–20, recovery delay 0–30 days ]
//
// The signature is Ed25519 over these bytes, by the identity in force before the write; that of
// 'create' by the identity in it. Kinds of factors stand in the order of `factorKinds`, each once.
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import { factorKinds, type FactorKind } from './factor-kind.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type FactorId
} from './ids.ts';
import { toHex } from './bytes.ts';
import { labels } from './labels.ts';
import {
	hashBytes,
	maxAccountWriteBytes,
	maxKeyslots,
	maxPreviousRootBytes,
	maxRecoveryDelayDays,
	maxSessionCap,
	sealOverheadBytes
} from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from './shape.ts';

/** Where an account log has come to. */
export interface AccountHead {
	/** Of the last write, from 1; 0 before the first. */
	readonly n: number;
	/** 32 bytes; before the first write, zeros. */
	readonly hash: Uint8Array;
}

/** A keyslot that stands, by hash: its bytes travel beside the log. */
export interface SlotFacts {
	/** 16 bytes: its id. */
	readonly slot: Uint8Array;
	/** SHA-256 of the keyslot, 32 bytes. */
	readonly hash: Uint8Array;
}

export interface PasswordFacts extends SlotFacts {
	/** SHA-256 of the OPAQUE registration record, 32 bytes. */
	readonly recordHash: Uint8Array;
	/** Whether an account key goes into the slot key: nobody can say that there is none. */
	readonly usesAccountKey: boolean;
}

/** The recovery code, as far as others may know of it. */
export interface KitFacts extends SlotFacts {
	/** SHA-256 of what its holder shows the edge, 32 bytes. */
	readonly authenticatorHash: Uint8Array;
	/** A person has shown that they have it on paper. */
	readonly confirmed: boolean;
}

/** Every way of unlocking that the edge keeps for an account, all of them to one root. */
export interface Material {
	readonly password: PasswordFacts;
	readonly kit: KitFacts;
	readonly passkeys: readonly SlotFacts[];
}

/** A second step of logins. */
export interface Factor {
	readonly factor: FactorId;
	readonly kind: FactorKind;
	/** SHA-256 of its data, 32 bytes; public, or with 128 random bits and more inside. */
	readonly hash: Uint8Array;
}

export interface AccountPolicy {
	/** Each suffices as the second step of a login; none: there is no second step. */
	readonly suffices: readonly FactorKind[];
	/** 1 to `maxSessionCap`. */
	readonly sessionCap: number;
	/** How long a recovery waits for an own device to object, in days; 0 to `maxRecoveryDelayDays`. */
	readonly recoveryDelayDays: number;
}

export type AccountAction =
	| {
			readonly type: 'create';
			/** The account's name at its deployment, 32 bytes: at another it has another. */
			readonly handleHash: Uint8Array;
			/** As protocol/identity.ts lays it out; judged by the rules. */
			readonly identityEntry: Uint8Array;
			readonly material: Material;
			readonly policy: AccountPolicy;
	  }
	| { readonly type: 'password'; readonly password: PasswordFacts }
	| { readonly type: 'kit'; readonly kit: KitFacts }
	/** Of a passkey. */
	| { readonly type: 'keyslot_add'; readonly passkey: SlotFacts }
	/** Of a passkey: the others can be replaced, and not removed. */
	| { readonly type: 'keyslot_remove'; readonly slot: Uint8Array }
	/** Another root, and thus every keyslot anew. */
	| {
			readonly type: 'identity';
			readonly identityEntry: Uint8Array;
			readonly material: Material;
			/** The root before, and where its keyring ended, sealed under the new root. */
			readonly previousRoot: Uint8Array;
	  }
	/** The same root, by the recovery code. */
	| { readonly type: 'recovery'; readonly material: Material }
	| { readonly type: 'factor_add'; readonly factor: Factor }
	| { readonly type: 'factor_remove'; readonly factor: FactorId }
	| { readonly type: 'policy'; readonly policy: AccountPolicy }
	| { readonly type: 'device_remove'; readonly device: DeviceId }
	| { readonly type: 'delete' };

/** What an action says of the password; null where it leaves that as it is. */
export function passwordOf(action: AccountAction): PasswordFacts | null {
	if (action.type === 'password') return action.password;
	return 'material' in action ? action.material.password : null;
}

export interface AccountWrite {
	readonly account: AccountId;
	/** Place in the account log, from 1. */
	readonly n: number;
	/** Head before this write, 32 bytes. */
	readonly previous: Uint8Array;
	/** Where it was written. Shown to people; decides nothing. */
	readonly device: DeviceId;
	/** By that device's clock. Shown to people; decides nothing. */
	readonly timeMs: number;
	readonly action: AccountAction;
}

/** As it travels and is stored. */
export interface SignedAccountWrite {
	/** Canonical bytes, at most `maxAccountWriteBytes`. */
	readonly write: Uint8Array;
	/** 64 bytes. */
	readonly signature: Uint8Array;
}

/** The bytes that are signed. */
export const encodeAccountWrite = (write: AccountWrite): Uint8Array =>
	encodeCbor([
		labels.accountWrite,
		bytesOfId(write.account),
		write.n,
		write.previous,
		bytesOfId(write.device),
		write.timeMs,
		write.action.type,
		bodyForm(write.action)
	]);

/** Reads a write's form; crypto/account-log.ts judges whether it counts. */
export function parseAccountWrite(bytes: Uint8Array): Result<AccountWrite, 'malformed'> {
	if (bytes.length > maxAccountWriteBytes) return err('malformed');
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 8)) return err('malformed');
	const [label, account, n, previous, device, timeMs, type, body] = decoded.value;
	if (label !== labels.accountWrite || !isBytes(account, idBytes)) return err('malformed');
	if (!isCount(n) || !isBytes(previous, hashBytes)) return err('malformed');
	if (!isBytes(device, idBytes) || !isUint(timeMs) || !isArray(body)) return err('malformed');
	const action = parseAction(type, body);
	if (action === null || (action.type === 'create') !== (n === 1)) return err('malformed');
	return ok({
		account: idFromBytes<AccountId>(account),
		n,
		previous,
		device: idFromBytes<DeviceId>(device),
		timeMs,
		action
	});
}

const passwordForm = (facts: PasswordFacts): Cbor => [
	facts.recordHash,
	facts.usesAccountKey,
	facts.slot,
	facts.hash
];
const kitForm = (facts: KitFacts): Cbor => [
	facts.slot,
	facts.hash,
	facts.authenticatorHash,
	facts.confirmed
];
const passkeyForm = (facts: SlotFacts): Cbor => [facts.slot, facts.hash];
const materialForm = ({ password, kit, passkeys }: Material): Cbor => [
	passwordForm(password),
	kitForm(kit),
	passkeys.map(passkeyForm)
];
const policyForm = (policy: AccountPolicy): Cbor => [
	[...policy.suffices],
	policy.sessionCap,
	policy.recoveryDelayDays
];

function bodyForm(action: AccountAction): Cbor {
	switch (action.type) {
		case 'create':
			return [
				action.handleHash,
				action.identityEntry,
				materialForm(action.material),
				policyForm(action.policy)
			];
		case 'password':
			return passwordForm(action.password);
		case 'kit':
			return kitForm(action.kit);
		case 'keyslot_add':
			return passkeyForm(action.passkey);
		case 'keyslot_remove':
			return [action.slot];
		case 'identity':
			return [action.identityEntry, materialForm(action.material), action.previousRoot];
		case 'recovery':
			return materialForm(action.material);
		case 'factor_add':
			return [bytesOfId(action.factor.factor), action.factor.kind, action.factor.hash];
		case 'factor_remove':
			return [bytesOfId(action.factor)];
		case 'policy':
			return policyForm(action.policy);
		case 'device_remove':
			return [bytesOfId(action.device)];
		case 'delete':
			return [];
	}
}

type Body = readonly Cbor[];

function parseAction(type: Cbor | undefined, body: Body): AccountAction | null {
	switch (type) {
		case 'create':
			return parseCreate(body);
		case 'password': {
			const password = parsePassword(body);
			return password && { type, password };
		}
		case 'kit': {
			const kit = parseKit(body);
			return kit && { type, kit };
		}
		case 'keyslot_add': {
			const passkey = parsePasskey(body);
			return passkey && { type, passkey };
		}
		case 'keyslot_remove': {
			const slot = only(body);
			return isBytes(slot, idBytes) ? { type, slot } : null;
		}
		case 'identity': {
			const [identityEntry, rest, previousRoot] = body;
			const material = parseMaterial(rest);
			if (body.length !== 3 || !isBytes(identityEntry) || material === null) return null;
			if (!isBytes(previousRoot) || previousRoot.length <= sealOverheadBytes) return null;
			if (previousRoot.length > maxPreviousRootBytes) return null;
			return { type, identityEntry, material, previousRoot };
		}
		case 'recovery': {
			const material = parseMaterial(body);
			return material && { type, material };
		}
		case 'factor_add': {
			const factor = parseFactor(body);
			return factor && { type, factor };
		}
		case 'factor_remove': {
			const factor = only(body);
			return isBytes(factor, idBytes) ? { type, factor: idFromBytes<FactorId>(factor) } : null;
		}
		case 'policy': {
			const policy = parsePolicy(body);
			return policy && { type, policy };
		}
		case 'device_remove': {
			const device = only(body);
			return isBytes(device, idBytes) ? { type, device: idFromBytes<DeviceId>(device) } : null;
		}
		case 'delete':
			return body.length === 0 ? { type } : null;
		default:
			return null;
	}
}

const only = (body: Body): Cbor | undefined => (body.length === 1 ? body[0] : undefined);

function parseCreate(body: Body): AccountAction | null {
	const [handleHash, identityEntry, ...rest] = body;
	const [material, policy] = [parseMaterial(rest[0]), parsePolicy(rest[1])];
	if (body.length !== 4 || material === null || policy === null) return null;
	if (!isBytes(handleHash, hashBytes) || !isBytes(identityEntry)) return null;
	return { type: 'create', handleHash, identityEntry, material, policy };
}

function parseMaterial(value: Cbor | undefined): Material | null {
	if (!isArray(value, 3)) return null;
	const [password, kit] = [parsePassword(value[0]), parseKit(value[1])];
	const passkeys = parseEach(value[2], maxKeyslots - 2, parsePasskey);
	if (password === null || kit === null || passkeys === null) return null;
	const material = { password, kit, passkeys };
	return hasDistinctSlots(material) ? material : null;
}

/** Every keyslot of an account, the password's first. */
export const slotsOf = ({ password, kit, passkeys }: Material): readonly SlotFacts[] => [
	password,
	kit,
	...passkeys
];

/** Whether no slot id stands there twice. */
export function hasDistinctSlots(material: Material): boolean {
	const slots = slotsOf(material);
	return new Set(slots.map(({ slot }) => toHex(slot))).size === slots.length;
}

function parsePassword(value: Cbor | undefined): PasswordFacts | null {
	if (!isArray(value, 4)) return null;
	const [recordHash, usesAccountKey, slot, hash] = value;
	if (!isBytes(recordHash, hashBytes) || typeof usesAccountKey !== 'boolean') return null;
	if (!isBytes(slot, idBytes) || !isBytes(hash, hashBytes)) return null;
	return { recordHash, usesAccountKey, slot, hash };
}

function parseKit(value: Cbor | undefined): KitFacts | null {
	if (!isArray(value, 4)) return null;
	const [slot, hash, authenticatorHash, confirmed] = value;
	if (!isBytes(slot, idBytes) || !isBytes(hash, hashBytes)) return null;
	if (!isBytes(authenticatorHash, hashBytes) || typeof confirmed !== 'boolean') return null;
	return { slot, hash, authenticatorHash, confirmed };
}

function parsePasskey(value: Cbor | undefined): SlotFacts | null {
	if (!isArray(value, 2)) return null;
	const [slot, hash] = value;
	return isBytes(slot, idBytes) && isBytes(hash, hashBytes) ? { slot, hash } : null;
}

function parseFactor(body: Body): Factor | null {
	const [factor, kind, hash] = body;
	if (body.length !== 3 || !isBytes(factor, idBytes) || !isFactorKind(kind)) return null;
	return isBytes(hash, hashBytes) ? { factor: idFromBytes<FactorId>(factor), kind, hash } : null;
}

const isFactorKind = (value: Cbor | undefined): value is FactorKind =>
	factorKinds.some((kind) => kind === value);

function parsePolicy(value: Cbor | undefined): AccountPolicy | null {
	if (!isArray(value, 3)) return null;
	const [kinds, sessionCap, recoveryDelayDays] = value;
	const suffices = parseEach(kinds, factorKinds.length, (kind) =>
		isFactorKind(kind) ? kind : null
	);
	if (suffices === null || !isInOrder(suffices)) return null;
	if (!isCount(sessionCap) || sessionCap > maxSessionCap) return null;
	if (!isUint(recoveryDelayDays) || recoveryDelayDays > maxRecoveryDelayDays) return null;
	return { suffices, sessionCap, recoveryDelayDays };
}

const isInOrder = (kinds: readonly FactorKind[]): boolean =>
	kinds.every((kind, index) => {
		const before = kinds[index - 1];
		return before === undefined || factorKinds.indexOf(before) < factorKinds.indexOf(kind);
	});
