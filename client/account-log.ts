// What this device remembers of its account's own log: every write, the records in force, and a write
// that may be on its way. Sealed under the profile key, so that it can be held against what an edge shows
// before anything is opened. Judging is the crypto core's (crypto-account.ts).
import { open, seal } from '../crypto/client/aead.ts';
import { deriveProfileKey } from '../crypto/client/device-key.ts';
import {
	parseAccountWrite,
	passwordOf,
	type SignedAccountWrite
} from '../protocol/account-write.ts';
import { equalBytes, fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import { bytesOfId, idBytes, idFromBytes, type AccountId, type FactorId } from '../protocol/ids.ts';
import { localRecordAad } from '../protocol/labels.ts';
import { maxFactors, maxKeyslots, signatureBytes } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, parseEach } from '../protocol/shape.ts';
import type { TacetError } from './errors.ts';
import type { Profile } from './store.ts';

/** A write with what it brings: final bytes, the same however often they are sent. */
export interface FormedWrite extends SignedAccountWrite {
	/** Null where the one in force stays. */
	readonly registrationRecord: Uint8Array | null;
	/** Those that are new. */
	readonly keyslots: readonly Uint8Array[];
}

/** What an edge needs to ask for a factor, and its owner may show to anybody: passkeys, backup codes' hashes. */
export interface FactorRecord {
	readonly factor: FactorId;
	/** Bound by its hash in the log. */
	readonly data: Uint8Array;
}

export interface KnownAccount {
	/** All of them, in order; verified before they were kept. */
	readonly writes: readonly SignedAccountWrite[];
	/** In force after the last, as all of the keyslots are. */
	readonly registrationRecord: Uint8Array;
	readonly keyslots: readonly Uint8Array[];
	/** Of factors in force, those that came by here. */
	readonly factors: readonly FactorRecord[];
	/** Kept before it is sent, until it is known what became of it. */
	readonly pending: FormedWrite | null;
}

/** What an edge says of an account. Nothing of it is judged yet. */
export interface ShownAccount {
	readonly account: AccountId;
	/** 32 bytes. */
	readonly handleHash: Uint8Array;
	readonly head: { readonly n: number; readonly hash: Uint8Array };
	/** After those that are known here. */
	readonly writes: readonly SignedAccountWrite[];
	readonly registrationRecord: Uint8Array;
	readonly keyslots: readonly Uint8Array[];
	readonly factors: readonly FactorRecord[];
}

type Keys = Pick<Profile, 'device' | 'deviceSecret'>;

const aadOf = ({ device }: Keys): Uint8Array => localRecordAad(device, 'profile', 'account');

export async function sealKnownAccount(keys: Keys, known: KnownAccount): Promise<Uint8Array> {
	const { pending } = known;
	const plaintext = encodeCbor([
		1,
		known.writes.map(({ write, signature }) => [write, signature]),
		known.registrationRecord,
		[...known.keyslots],
		known.factors.map(({ factor, data }) => [bytesOfId(factor), data]),
		pending && [pending.write, pending.signature, pending.registrationRecord, [...pending.keyslots]]
	]);
	return seal(await deriveProfileKey(keys.deviceSecret), { plaintext, aad: aadOf(keys) });
}

/** Whether the account was given another password since then. */
export function hasNewPassword({ writes }: KnownAccount, sinceMs: number): boolean {
	let record: Uint8Array | null = null;
	for (const { write } of writes) {
		const parsed = parseAccountWrite(write);
		const password = parsed.ok ? passwordOf(parsed.value.action) : null;
		if (!parsed.ok || password === null) continue;
		const isOther = record !== null && !equalBytes(record, password.recordHash);
		if (isOther && parsed.value.timeMs >= sinceMs) return true;
		record = password.recordHash;
	}
	return false;
}

/** Throws for what this device did not seal: its own store is broken. */
export async function openKnownAccount(profile: Profile): Promise<KnownAccount> {
	const key = await deriveProfileKey(profile.deviceSecret);
	const opened = await open(key, { sealed: profile.sealedAccount, aad: aadOf(profile) });
	const decoded = opened.ok ? decodeCbor(opened.value) : opened;
	const known = decoded.ok ? parseKnown(decoded.value) : null;
	if (known === null) throw new Error('what this device keeps of its account does not open');
	return known;
}

function parseKnown(value: Cbor): KnownAccount | null {
	if (!isArray(value, 6)) return null;
	const [version, writeList, registrationRecord, keyslotList, factorList, last] = value;
	const writes = parseEach(writeList, Number.MAX_SAFE_INTEGER, parseSigned);
	const keyslots = parseEach(keyslotList, maxKeyslots, parseBytes);
	const factors = parseEach(factorList, maxFactors, parseFactorRecord);
	if (version !== 1 || writes === null || keyslots === null || factors === null) return null;
	if (!isBytes(registrationRecord)) return null;
	const pending = last === null ? null : parseFormed(last);
	if (last !== null && pending === null) return null;
	return { writes, registrationRecord, keyslots, factors, pending };
}

function parseSigned(value: Cbor): SignedAccountWrite | null {
	if (!isArray(value, 2)) return null;
	const [write, signature] = value;
	return isBytes(write) && isBytes(signature, signatureBytes) ? { write, signature } : null;
}

function parseFormed(value: Cbor | undefined): FormedWrite | null {
	if (!isArray(value, 4)) return null;
	const [write, signature, registrationRecord, keyslotList] = value;
	const signed = parseSigned([write ?? null, signature ?? null]);
	const keyslots = parseEach(keyslotList, maxKeyslots, parseBytes);
	if (signed === null || keyslots === null) return null;
	if (registrationRecord === null) return { ...signed, registrationRecord, keyslots };
	return isBytes(registrationRecord) ? { ...signed, registrationRecord, keyslots } : null;
}

function parseFactorRecord(value: Cbor): FactorRecord | null {
	if (!isArray(value, 2)) return null;
	const [factor, data] = value;
	if (!isBytes(factor, idBytes) || !isBytes(data)) return null;
	return { factor: idFromBytes<FactorId>(factor), data };
}

const parseBytes = (value: Cbor): Uint8Array | null => (isBytes(value) ? value : null);

/** As a route answers: a login, or reading the account. */
export type AccountMaterial = Pick<
	ResponseOf<'accountRead'>,
	'account' | 'handleHash' | 'log' | 'registrationRecord' | 'keyslots' | 'factors'
>;

export const shownOf = (answer: AccountMaterial): ShownAccount => ({
	account: answer.account,
	handleHash: bytesOf(answer.handleHash),
	head: { n: answer.log.head.n, hash: bytesOf(answer.log.head.hash) },
	writes: answer.log.writes.map(({ write, signature }) => ({
		write: bytesOf(write),
		signature: bytesOf(signature)
	})),
	registrationRecord: bytesOf(answer.registrationRecord),
	keyslots: answer.keyslots.map(bytesOf),
	factors: answer.factors.flatMap(({ factor, data }) =>
		data === null ? [] : [{ factor, data: bytesOf(data) }]
	)
});

/** A long log comes in parts; `read` asks for what follows. */
export async function readRest(
	answer: AccountMaterial,
	read: (after: number) => Promise<Result<AccountMaterial, TacetError>>
): Promise<Result<ShownAccount, TacetError>> {
	let shown = shownOf(answer);
	const { n } = shown.head;
	let last = lastOf(shown);
	while (last !== null && last < n) {
		const more = await read(last);
		if (!more.ok) return more;
		const part = shownOf(more.value);
		const next = lastOf(part);
		// An edge that gives nothing more has not got what it says.
		if (next === null || next <= last) break;
		last = next;
		shown = { ...part, writes: [...shown.writes, ...part.writes] };
	}
	return ok(shown);
}

/** The number that the last write says that it has; null without one. */
function lastOf({ writes }: ShownAccount): number | null {
	const last = writes.at(-1);
	const parsed = last && parseAccountWrite(last.write);
	return parsed?.ok === true ? parsed.value.n : null;
}

/** As a route takes it. */
export const requestOf = (formed: FormedWrite): Omit<RequestOf<'accountWrite'>, 'factor'> => ({
	write: toBase64Url(formed.write),
	signature: toBase64Url(formed.signature),
	registrationRecord:
		formed.registrationRecord === null ? null : toBase64Url(formed.registrationRecord),
	keyslots: formed.keyslots.map(toBase64Url)
});

/** Text that a schema of protocol/ has let through. */
function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}
