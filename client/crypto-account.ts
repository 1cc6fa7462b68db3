// The account log inside the crypto core: what an edge shows is judged here before anything is opened.
// What a person changes is formed in crypto-account-writes.ts.
import {
	deriveRecoveryAuthenticator,
	recoveryAuthenticatorHash
} from '../crypto/client/recovery-authenticator.ts';
import type { RecoveryEntropy } from '../crypto/client/recovery-code.ts';
import { signAccountWrite } from '../crypto/client/sign-account-write.ts';
import {
	accountHead,
	compareHeads,
	judgeAccountWrite,
	judgeRecords,
	knownHead,
	knownLog,
	replayAccountLog,
	standsOnLog,
	type AccountState,
	type KnownAccountLog
} from '../crypto/account-log.ts';
import { sha256 } from '../crypto/hash.ts';
import type { Identity } from '../crypto/identity.ts';
import {
	parseAccountWrite,
	type AccountAction,
	type AccountPolicy,
	type Factor,
	type KitFacts,
	type PasswordFacts,
	type SignedAccountWrite,
	type SlotFacts
} from '../protocol/account-write.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import { hashBytes, maxSessionsPerAccount } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { FactorRecord, KnownAccount, ShownAccount } from './account-log.ts';

export type AccountLogFault =
	/** An older account than the one that this device knows: its end is missing. */
	| 'account_reverted'
	/** Another write stands where this device knows one. */
	| 'account_forked'
	/** No account's log, or records that it did not make. */
	| 'server_misbehaved';

export interface JudgedAccount {
	readonly state: AccountState;
	/** To be remembered. */
	readonly known: KnownAccount;
}

/** Null where what is served is what is known, or goes on from it. */
export function headFault(
	known: KnownAccountLog,
	served: KnownAccountLog
): 'account_reverted' | 'account_forked' | null {
	const found = compareHeads(known, served);
	if (found === 'fork') return 'account_forked';
	return found === 'reverted' ? 'account_reverted' : null;
}

/** Holds what an edge shows against the rules, and against what this device knows. */
export async function judgeShown(
	known: KnownAccount | null,
	shown: ShownAccount
): Promise<Result<JudgedAccount, AccountLogFault>> {
	const before = known && (await stateOf(known));
	const atHead = before && headFault(knownLog(before), knownHead(shown.head));
	if (atHead !== null) return err(atHead);
	const replayed = await replayAccountLog(shown.writes, before);
	if (!replayed.ok) {
		const { n, fault } = replayed.error;
		const isOther = fault === 'not_next' && before !== null && n === before.heads.length + 1;
		return err(isOther ? 'account_forked' : 'server_misbehaved');
	}
	const state = replayed.value;
	const writes = [...(known?.writes ?? []), ...shown.writes];
	const { n, hash } = accountHead(state);
	if (n !== shown.head.n || !equalBytes(hash, shown.head.hash)) return err('server_misbehaved');
	if (state.account !== shown.account || state.isDeleted) return err('server_misbehaved');
	const name = handleHashOf(writes);
	if (name === null || !equalBytes(name, shown.handleHash)) return err('server_misbehaved');
	if (!judgeRecords(state, shown).ok) return err('server_misbehaved');
	const { registrationRecord, keyslots } = shown;
	const pending = known?.pending ?? null;
	return ok({
		state,
		known: {
			...{ writes, registrationRecord, keyslots, pending: stillPending(state, pending) },
			factors: recordsInForce(state, [...(known?.factors ?? []), ...shown.factors])
		}
	});
}

/** Of factors that the account has, one record each: what the log says that it is. */
export function recordsInForce(
	{ factors }: AccountState,
	records: readonly FactorRecord[]
): readonly FactorRecord[] {
	return factors.flatMap(({ factor, hash }) => {
		const found = records.find(
			(record) => record.factor === factor && equalBytes(sha256(record.data), hash)
		);
		return found === undefined ? [] : [found];
	});
}

/** A write that stands by now, or can stand no more, is done with. */
function stillPending<Write extends SignedAccountWrite>(
	state: AccountState,
	pending: Write | null
): Write | null {
	if (pending === null || standsOnLog(state, pending)) return null;
	return judgeAccountWrite(state, pending).ok ? pending : null;
}

/** After the last write that is known. This device has verified them all, and sealed them. */
export async function stateOf({ writes }: Pick<KnownAccount, 'writes'>): Promise<AccountState> {
	const replayed = await replayAccountLog(writes);
	if (!replayed.ok) throw new Error('what this device keeps of its account does not count');
	return replayed.value;
}

/** The account's name at its deployment. */
function handleHashOf([first]: readonly SignedAccountWrite[]): Uint8Array | null {
	const parsed = first && parseAccountWrite(first.write);
	if (parsed?.ok !== true || parsed.value.action.type !== 'create') return null;
	return parsed.value.action.handleHash;
}

/** Of a new account: no second step, and a recovery waits for a day. */
export const firstPolicy: AccountPolicy = {
	suffices: [],
	sessionCap: maxSessionsPerAccount,
	recoveryDelayDays: 1
};

/** What the log says of a keyslot that was sealed here. */
export function slotFactsOf(bytes: Uint8Array): SlotFacts {
	const keyslot = parseKeyslot(bytes);
	if (!keyslot.ok) throw new TypeError('a keyslot that was sealed here has its form');
	return { slot: keyslot.value.slot, hash: sha256(bytes) };
}

export const passwordFactsOf = (
	keyslot: Uint8Array,
	registrationRecord: Uint8Array,
	usesAccountKey: boolean
): PasswordFacts => ({
	...slotFactsOf(keyslot),
	recordHash: sha256(registrationRecord),
	usesAccountKey
});

export function kitFactsOf(
	keyslot: Uint8Array,
	entropy: RecoveryEntropy,
	confirmed: boolean
): KitFacts {
	const authenticator = deriveRecoveryAuthenticator(entropy);
	const authenticatorHash = recoveryAuthenticatorHash(authenticator);
	authenticator.fill(0);
	return { ...slotFactsOf(keyslot), authenticatorHash, confirmed };
}

/** What logins ask for, and with what, as the log says. */
export interface AccountSteps {
	readonly factors: readonly Factor[];
	readonly policy: AccountPolicy;
}

/** Where a write is made. */
export interface WritePlace {
	readonly device: DeviceId;
	readonly timeMs: number;
}

/** The first write of an account. */
export function signCreation(
	signingKey: CryptoKey,
	identity: Identity,
	creation: Omit<AccountAction & { readonly type: 'create' }, 'type' | 'identityEntry' | 'policy'> &
		WritePlace
): Promise<SignedAccountWrite> {
	const { device, timeMs, handleHash, material } = creation;
	return signAccountWrite(signingKey, {
		...{ account: identity.account, n: 1, previous: new Uint8Array(hashBytes), device, timeMs },
		action: {
			...{ type: 'create', handleHash, identityEntry: identity.bytes, material },
			policy: firstPolicy
		}
	});
}
