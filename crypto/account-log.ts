// The rules of an account log: what makes an account write count, and what an account then consists
// of. The edge judges a write before it keeps it, every own device judges all of them before it
// believes what it is shown. Source: docs/formats.md, Account log.
//
// Synchronous like the rules of spaces: signatures come back as proofs, and no write counts until
// its proofs are good.
import { equalBytes, toHex } from '../protocol/bytes.ts';
import {
	hasDistinctSlots,
	parseAccountWrite,
	slotsOf,
	type AccountAction,
	type AccountHead,
	type AccountPolicy,
	type Factor,
	type Material,
	type SignedAccountWrite
} from '../protocol/account-write.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { accountHeadInput, identitySigningInput } from '../protocol/labels.ts';
import { hashBytes, maxFactors, maxKeyslots } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { sha256 } from './hash.ts';
import { identityProof, readIdentity, type Identity } from './identity.ts';
import { VerifyKeys, verifySignature, type Proof } from './signature.ts';

/** What an account consists of after a write. */
export interface AccountState {
	readonly account: AccountId;
	/** Heads after each write; the first is that of write 1. */
	readonly heads: readonly [Uint8Array, ...Uint8Array[]];
	/** The identity log, oldest first. The last one is in force; its place is the root's generation. */
	readonly identities: readonly [Identity, ...Identity[]];
	/** One for each identity after the first: what its root opens of the one before. */
	readonly previousRoots: readonly Uint8Array[];
	readonly material: Material;
	readonly factors: readonly Factor[];
	readonly policy: AccountPolicy;
	readonly removedDevices: readonly DeviceId[];
	readonly isDeleted: boolean;
}

/** Why a write does not count. No honest edge keeps, or serves, one that has any. */
export type AccountFault =
	| 'malformed'
	| 'wrong_account'
	/** Not the number, or not the head before, that come next. */
	| 'not_next'
	/** An identity that is unusable, or does not directly renew the one in force. */
	| 'identity_wrong'
	| 'signature_invalid'
	/** A slot id twice, one that is not there, too many; or an old root or code kept on. */
	| 'keyslot_wrong'
	/** One mishap more, and nobody could open the account. */
	| 'too_few_ways'
	/** A factor twice, one that is not there, or too many. */
	| 'factor_wrong'
	/** Logins would ask for a second step that there is none of. */
	| 'factor_missing'
	| 'account_deleted';

export interface JudgedWrite {
	/** After the write. */
	readonly state: AccountState;
	/** Signatures that must be good for the write to count. */
	readonly proofs: readonly Proof[];
}

/** Where the log has come to. */
export const accountHead = ({ heads }: AccountState): AccountHead => ({
	n: heads.length,
	hash: heads.at(-1) ?? zeros
});

/** The head after `n` writes, 32 bytes; undefined beyond the newest. */
const accountHeadAt = ({ heads }: AccountState, n: number): Uint8Array | undefined =>
	n === 0 ? zeros : heads[n - 1];

/** The identity in force. */
export const identityInForce = ({ identities }: AccountState): Identity =>
	identities.at(-1) ?? identities[0];

const zeros = new Uint8Array(hashBytes);

/**
 * Judges the write that would stand next.
 *
 * @param state null before the first write.
 * @returns the state after it, with the proofs still to verify; or the first rule broken.
 */
export function judgeAccountWrite(
	state: AccountState | null,
	signed: SignedAccountWrite
): Result<JudgedWrite, AccountFault> {
	const parsed = parseAccountWrite(signed.write);
	if (!parsed.ok) return parsed;
	const { account, n, previous, action } = parsed.value;
	if (state?.isDeleted === true) return err('account_deleted');
	const before = state === null ? { n: 0, hash: zeros } : accountHead(state);
	if (n !== before.n + 1 || !equalBytes(previous, before.hash)) return err('not_next');
	const applied = state === null ? begin(action) : goOn(state, action);
	if (!applied.ok) return applied;
	const { next, proofs } = applied.value;
	if (account !== next.account) return err('wrong_account');
	const fault = faultOf(state, next);
	if (fault !== null) return err(fault);
	const head = sha256(accountHeadInput(signed.write, signed.signature));
	const signer = identityInForce(state ?? next);
	return ok({
		state: { ...next, heads: state === null ? [head] : [...state.heads, head] },
		proofs: [
			{
				publicKey: signer.entry.body.signingKey,
				message: signed.write,
				signature: signed.signature
			},
			...proofs
		]
	});
}

interface Applied {
	/** Its heads are still those before the write. */
	readonly next: AccountState;
	readonly proofs: readonly Proof[];
}

function begin(action: AccountAction): Result<Applied, AccountFault> {
	if (action.type !== 'create') return err('not_next');
	const identity = readIdentity(action.identityEntry);
	if (!identity.ok || identity.value.entry.body.n !== 1) return err('identity_wrong');
	return ok({
		next: {
			account: identity.value.account,
			heads: [zeros],
			identities: [identity.value],
			previousRoots: [],
			material: action.material,
			factors: [],
			policy: action.policy,
			removedDevices: [],
			isDeleted: false
		},
		proofs: [identityProof(identity.value)]
	});
}

function goOn(state: AccountState, action: AccountAction): Result<Applied, AccountFault> {
	const { material, factors } = state;
	const changed = (change: Partial<AccountState>): Result<Applied, AccountFault> =>
		ok({ next: { ...state, ...change }, proofs: [] });
	switch (action.type) {
		case 'create':
			return err('not_next');
		case 'password':
			return changed({ material: { ...material, password: action.password } });
		case 'kit':
			return changed({ material: { ...material, kit: action.kit } });
		case 'keyslot_add':
			return changed({
				material: { ...material, passkeys: [...material.passkeys, action.passkey] }
			});
		case 'keyslot_remove': {
			const passkeys = material.passkeys.filter(({ slot }) => !equalBytes(slot, action.slot));
			if (passkeys.length === material.passkeys.length) return err('keyslot_wrong');
			return changed({ material: { ...material, passkeys } });
		}
		case 'identity':
			return renew(state, action);
		case 'recovery': {
			// The edge was shown the code's authenticator: the code has been used.
			const { authenticatorHash } = action.material.kit;
			const isUsed = equalBytes(authenticatorHash, material.kit.authenticatorHash);
			return isUsed ? err('keyslot_wrong') : changed({ material: action.material });
		}
		case 'factor_add':
			return changed({ factors: [...factors, action.factor] });
		case 'factor_remove': {
			const left = factors.filter(({ factor }) => factor !== action.factor);
			return left.length === factors.length ? err('factor_wrong') : changed({ factors: left });
		}
		case 'policy':
			return changed({ policy: action.policy });
		case 'device_remove':
			return changed({
				removedDevices: [...new Set([...state.removedDevices, action.device])]
			});
		case 'delete':
			return changed({ isDeleted: true });
	}
}

/** Another root: what sealed the one before must not open the account any more. */
function renew(
	state: AccountState,
	action: AccountAction & { readonly type: 'identity' }
): Result<Applied, AccountFault> {
	const previous = identityInForce(state);
	const identity = readIdentity(action.identityEntry);
	if (!identity.ok) return err('identity_wrong');
	const { body, bodyBytes, previousSignature } = identity.value.entry;
	if (body.n !== previous.entry.body.n + 1 || previousSignature === null) {
		return err('identity_wrong');
	}
	if (body.previousHash === null || !equalBytes(body.previousHash, previous.hash)) {
		return err('identity_wrong');
	}
	if (identity.value.account !== state.account) return err('identity_wrong');
	const old = new Set(slotsOf(state.material).map(({ hash }) => toHex(hash)));
	const isKept = slotsOf(action.material).some(({ hash }) => old.has(toHex(hash)));
	if (isKept) return err('keyslot_wrong');
	return ok({
		next: {
			...state,
			identities: [...state.identities, identity.value],
			previousRoots: [...state.previousRoots, action.previousRoot],
			material: action.material
		},
		proofs: [
			identityProof(identity.value),
			{
				publicKey: previous.entry.body.signingKey,
				message: identitySigningInput(bodyBytes),
				signature: previousSignature
			}
		]
	});
}

/** What must hold after every write, whatever it did. */
function faultOf(before: AccountState | null, after: AccountState): AccountFault | null {
	const { material, factors, policy } = after;
	const isFull = slotsOf(material).length > maxKeyslots;
	if (isFull || !hasDistinctSlots(material)) return 'keyslot_wrong';
	// Who had fewer before is not kept from getting on.
	const enough = before === null ? 1 : Math.min(2, waysToUnlock(before));
	if (waysToUnlock(after) < enough) return 'too_few_ways';
	const ids = new Set(factors.map(({ factor }) => factor));
	if (factors.length > maxFactors || ids.size < factors.length) return 'factor_wrong';
	// Backup codes are used up, and a telephone number is somebody else's to give away: by themselves
	// they lead to a login that nobody, or anybody, can finish.
	const lasting = factors.filter(({ kind }) => kind === 'totp' || kind === 'webauthn');
	const isOpen = policy.suffices.length === 0;
	const isServed = lasting.some(({ kind }) => policy.suffices.includes(kind));
	return isOpen || isServed ? null : 'factor_missing';
}

/** Ways of unlocking that do not hang on each other: a code that nobody wrote down is none. */
export const waysToUnlock = ({ material }: AccountState): number =>
	1 + (material.kit.confirmed ? 1 : 0) + material.passkeys.length;

export interface ReplayFault {
	/** Of the write that does not count. */
	readonly n: number;
	readonly fault: AccountFault;
}

/**
 * Judges writes one after another, their signatures included.
 *
 * @param from what was verified before, whose log they go on; null from the beginning.
 * @returns the state after the last; or the first write that does not count. `not_next` at the first
 * one after `from` says that this is another log. No write from the beginning is no account: `not_next`.
 */
export async function replayAccountLog(
	writes: readonly SignedAccountWrite[],
	from: AccountState | null = null
): Promise<Result<AccountState, ReplayFault>> {
	const keys = new VerifyKeys();
	let state = from;
	for (const signed of writes) {
		const n = (state?.heads.length ?? 0) + 1;
		const judged = judgeAccountWrite(state, signed);
		if (!judged.ok) return err({ n, fault: judged.error });
		const good = await Promise.all(
			judged.value.proofs.map(({ publicKey, message, signature }) =>
				verifySignature(publicKey, message, signature, keys)
			)
		);
		if (good.includes(false)) return err({ n, fault: 'signature_invalid' });
		state = judged.value.state;
	}
	return state === null ? err({ n: 1, fault: 'not_next' }) : ok(state);
}

/** A log as far as somebody remembers it. */
export interface KnownAccountLog {
	readonly head: AccountHead;
	/** The head after `n` writes; undefined where it is not known. */
	headAt(n: number): Uint8Array | undefined;
}

/** A log that was verified here, as what is remembered of it. */
export const knownLog = (state: AccountState): KnownAccountLog => ({
	head: accountHead(state),
	headAt: (n) => accountHeadAt(state, n)
});

/** A head alone, as another device left it in the keyring, or an edge shows it before the writes. */
export const knownHead = (head: AccountHead): KnownAccountLog => ({
	head,
	headAt: (n) => (n === head.n ? head.hash : undefined)
});

/**
 * What a log that is served is to one that is remembered, as far as heads of both are known where they
 * must be the same.
 *
 * - `newer`: it goes on from there. `same`: it is the same one.
 * - `reverted`: it ends before. An edge that lost the rest can be given it again, byte for byte.
 * - `fork`: another write stands where one is remembered. Nothing mends that.
 */
export function compareHeads(
	known: KnownAccountLog,
	served: KnownAccountLog
): 'same' | 'newer' | 'reverted' | 'fork' {
	const common = Math.min(known.head.n, served.head.n);
	const [ours, theirs] = [known.headAt(common), served.headAt(common)];
	if (ours !== undefined && theirs !== undefined && !equalBytes(ours, theirs)) return 'fork';
	if (served.head.n === known.head.n) return 'same';
	return served.head.n > known.head.n ? 'newer' : 'reverted';
}

/** Whether this very write stands on the log: it was taken, and the answer lost. */
export function standsOnLog(state: AccountState, signed: SignedAccountWrite): boolean {
	const parsed = parseAccountWrite(signed.write);
	const head = parsed.ok ? accountHeadAt(state, parsed.value.n) : undefined;
	return (
		head !== undefined && equalBytes(head, sha256(accountHeadInput(signed.write, signed.signature)))
	);
}

/** What travels beside the log, and is bound by hash. */
export interface AccountRecords {
	/** OPAQUE's, 192 bytes; null where it is not shown. */
	readonly registrationRecord: Uint8Array | null;
	readonly keyslots: readonly Uint8Array[];
}

/**
 * Whether records are those in force: every keyslot once, and no other.
 *
 * @returns `record_unknown` for one that no write made, or that a later one replaced;
 * `record_missing` if one is left out.
 */
export function judgeRecords(
	state: AccountState,
	{ registrationRecord, keyslots }: AccountRecords
): Result<null, 'record_unknown' | 'record_missing'> {
	const { material } = state;
	if (
		registrationRecord !== null &&
		!equalBytes(sha256(registrationRecord), material.password.recordHash)
	) {
		return err('record_unknown');
	}
	if (!keyslots.every((keyslot) => isKeyslotInForce(state, keyslot))) return err('record_unknown');
	const shown = new Set(keyslots.map((keyslot) => toHex(sha256(keyslot))));
	if (shown.size < keyslots.length) return err('record_unknown');
	return shown.size < slotsOf(material).length ? err('record_missing') : ok(null);
}

/** Its hash stands in the log, and what it says of itself is what stands there. */
function isKeyslotInForce(state: AccountState, bytes: Uint8Array): boolean {
	const keyslot = parseKeyslot(bytes);
	if (!keyslot.ok || keyslot.value.generation !== state.identities.length) return false;
	const { password, kit, passkeys } = state.material;
	const standing = {
		password: [password],
		recovery: [kit],
		passkey: passkeys,
		// Kept on its device, and nowhere else.
		device: []
	}[keyslot.value.kind];
	const hash = sha256(bytes);
	return standing.some(
		(facts) => equalBytes(facts.slot, keyslot.value.slot) && equalBytes(facts.hash, hash)
	);
}

/** What an honest edge answers to a write that breaks a rule. */
export function wireCodeOfAccountFault(fault: AccountFault): WireErrorCode {
	switch (fault) {
		case 'not_next':
			return 'stale_count';
		case 'wrong_account':
		case 'identity_wrong':
		case 'signature_invalid':
		case 'too_few_ways':
		case 'factor_missing':
			return 'forbidden';
		case 'malformed':
		case 'keyslot_wrong':
		case 'factor_wrong':
			return 'malformed';
		case 'account_deleted':
			return 'not_found';
	}
}
