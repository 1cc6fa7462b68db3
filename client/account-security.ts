// What a person changes of their account, and what this device makes of changes elsewhere. A write is kept
// with its records before it is sent, and is the same bytes however often it is sent; what became of it is
// read off the account log, after a crash too. One tab at a time.
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import type { AccountHead } from '../protocol/account-write.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	openKnownAccount,
	readRest,
	requestOf,
	sealKnownAccount,
	type KnownAccount
} from './account-log.ts';
import type { AccountChange, AccountFacts, FormedChange } from './crypto-account-writes.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Session } from './session.ts';
import type { Profile, Store } from './store.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;

/** Of a passkey that was asked with its account's salt. */
export interface PasskeyOutput {
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	/** 32 bytes. */
	readonly prfOutput: Uint8Array;
}

export interface SecurityParts {
	readonly session: Session;
	readonly crypto: CryptoPort;
	readonly store: Pick<Store, 'loadProfile'>;
	/** One tab at a time. */
	readonly alone: <Value>(work: () => Promise<Value>) => Promise<Value>;
	/** Whom writes name. */
	readonly device: DeviceId;
	readonly nowMs: () => number;
	readonly updateProfile: (change: Partial<Profile>) => Answered<void>;
	/** Heads of the account's log that its devices have left in the keyring. */
	readonly keyringHeads: () => readonly AccountHead[];
	/** Leaves one there. */
	readonly noteHead: (head: AccountHead) => Promise<void>;
}

/** Answers after which nobody knows whether a write was taken. */
const isUnsettled = ({ code }: TacetError): boolean =>
	['offline', 'unavailable', 'internal', 'server_misbehaved', 'rate_limited', 'locked'].includes(
		code
	);

export class AccountSecurity {
	readonly #parts: SecurityParts;

	constructor(parts: SecurityParts) {
		this.#parts = parts;
	}

	/**
	 * What the account consists of now. `account_reverted` and `account_forked` if the edge shows another
	 * account than this device, or another one, has verified: then nothing is changed, here or there.
	 */
	read(): Answered<AccountFacts> {
		return this.#alone(async (profile) => {
			const known = await this.#settle(profile);
			return known.ok ? ok(await this.#parts.crypto.account.describe(known.value)) : known;
		});
	}

	/** `step_up_needed` unless the session is fresh; a person then shows who they are, and asks again. */
	async changePassword(password: string): Answered<void> {
		const { crypto, session } = this.#parts;
		return this.#alone(async (profile) => {
			const known = await this.#settle(profile);
			if (!known.ok) return known;
			const request = await crypto.account.startPassword(password);
			if (!request.ok) return fail(request.error);
			const registrationRequest = toBase64Url(request.value);
			const answered = await session.call('passwordStart', { registrationRequest });
			if (!answered.ok) return answered;
			const response = fromBase64Url(answered.value.registrationResponse);
			if (!response.ok) return fail('server_misbehaved');
			const offline = profile.deviceKeyslot === null ? null : profile.deviceSecret;
			const change = { type: 'password', response: response.value, offline } as const;
			const written = await this.#write(profile, known.value, change);
			// It opened the keyslot of before.
			if (written.ok) await crypto.forgetLogin();
			return written.ok ? ok(undefined) : written;
		});
	}

	/**
	 * Another recovery code: 12 words. The one before is good until {@link confirmKit} is given these, and
	 * so nothing is changed by a crash.
	 */
	newKit(): Answered<{ readonly recoveryCode: readonly string[] }> {
		return this.#alone(async (profile) => {
			const known = await this.#settle(profile);
			if (!known.ok) return known;
			const made = await this.#parts.crypto.account.newKit(known.value);
			return made.ok ? ok({ recoveryCode: made.value }) : fail(codeOf(made.error));
		});
	}

	/** The code in force, or the one just made: from now on it is a way in. `wrong_code` for other words. */
	confirmKit(words: string): Answered<void> {
		return this.#done({ type: 'kit_confirm', words });
	}

	/** One more passkey that unlocks; `prfOutput` is overwritten. */
	addKeyslot(passkey: PasskeyOutput): Answered<void> {
		return this.#done({ type: 'keyslot_add', ...passkey });
	}

	removeKeyslot(slot: Uint8Array): Answered<void> {
		return this.#done({ type: 'keyslot_remove', slot });
	}

	removeDevice(device: DeviceId): Answered<void> {
		return this.#done({ type: 'device_remove', device });
	}

	/** Nothing is left of it at the edge; what is on this device is the caller's to erase. */
	deleteAccount(): Answered<void> {
		return this.#done({ type: 'delete' });
	}

	/** Gives an edge that has lost the end of the log that end again, byte for byte. */
	putBack(): Answered<void> {
		return this.#alone(async (profile) => {
			const known = await openKnownAccount(profile);
			const { session } = this.#parts;
			const answered = await session.call('accountRead', { after: known.writes.length });
			if (!answered.ok) return answered;
			const { n } = answered.value.log.head;
			const missing = known.writes.slice(n);
			if (missing.length === 0) return ok(undefined);
			const put = await session.call('accountPutBack', {
				writes: missing.map(({ write, signature }) => ({
					write: toBase64Url(write),
					signature: toBase64Url(signature)
				})),
				registrationRecord: toBase64Url(known.registrationRecord),
				keyslots: known.keyslots.map(toBase64Url),
				factors: []
			});
			return put.ok ? ok(undefined) : put;
		});
	}

	async #done(change: AccountChange): Answered<void> {
		const written = await this.#change(change);
		return written.ok ? ok(undefined) : written;
	}

	#change(change: AccountChange): Answered<FormedChange> {
		return this.#alone(async (profile) => {
			const known = await this.#settle(profile);
			return known.ok ? this.#write(profile, known.value, change) : known;
		});
	}

	async #alone<Value>(work: (profile: Profile) => Answered<Value>): Answered<Value> {
		const { alone, store, session } = this.#parts;
		const whole = alone(async () => {
			const profile = await store.loadProfile();
			if (!profile.ok) return fail(profile.error);
			return profile.value === null ? fail('signed_out') : work(profile.value);
		});
		// Keys that end meanwhile answer nothing any more.
		return session.untilEnd(whole);
	}

	/** Reads, judges and remembers; what was on its way is sent again, or dropped if it can't stand. */
	async #settle(profile: Profile): Answered<KnownAccount> {
		const read = await this.#read(profile, await openKnownAccount(profile));
		if (!read.ok || read.value.pending === null) return read;
		const { pending } = read.value;
		const sent = await this.#parts.session.call('accountWrite', {
			...requestOf(pending),
			factor: null
		});
		if (sent.ok || sent.error.code === 'stale_count') return this.#read(profile, read.value);
		if (isUnsettled(sent.error) || sent.error.code === 'step_up_needed') return sent;
		const known = { ...read.value, pending: null };
		const saved = await this.#save(profile, known);
		return saved.ok ? ok(known) : saved;
	}

	async #read(profile: Profile, known: KnownAccount): Answered<KnownAccount> {
		const { session, crypto, keyringHeads } = this.#parts;
		const ask = (after: number) => session.call('accountRead', { after });
		const answered = await ask(known.writes.length);
		if (!answered.ok) return answered;
		const shown = await readRest(answered.value, ask);
		if (!shown.ok) return shown;
		const judged = await crypto.account.judge(known, shown.value);
		if (!judged.ok) return fail(judged.error);
		const standing = await crypto.account.standsOn(judged.value, keyringHeads());
		if (standing === 'forked') return fail('account_forked');
		// Another device has seen more than this edge shows.
		if (standing === 'behind') return fail('account_reverted');
		const isNew =
			judged.value.writes.length > known.writes.length || judged.value.pending !== known.pending;
		const saved = isNew ? await this.#save(profile, judged.value) : ok(undefined);
		if (!saved.ok) return saved;
		const { n, hash } = shown.value.head;
		await this.#parts.noteHead({ n, hash });
		return judged;
	}

	async #write(
		profile: Profile,
		known: KnownAccount,
		change: AccountChange
	): Answered<FormedChange> {
		const { session, crypto, device, nowMs } = this.#parts;
		const place = { device, timeMs: nowMs() };
		const formed = await crypto.account.form(known, change, place);
		if (!formed.ok) return fail(codeOf(formed.error));
		const { formed: pending, known: after, offlineSlot } = formed.value;
		const kept = await this.#save(profile, { ...known, pending });
		if (!kept.ok) return kept;
		const sent = await session.call('accountWrite', { ...requestOf(pending), factor: null });
		if (!sent.ok) {
			if (isUnsettled(sent.error)) return sent;
			const dropped = await this.#save(profile, { ...known, pending: null });
			return dropped.ok ? sent : dropped;
		}
		const saved = await this.#save(profile, after, offlineSlot ?? undefined);
		if (!saved.ok) return saved;
		const { head } = await crypto.account.describe(after);
		await this.#parts.noteHead(head);
		return formed;
	}

	async #save(
		profile: Profile,
		known: KnownAccount,
		deviceKeyslot?: NonNullable<Profile['deviceKeyslot']>
	): Answered<void> {
		return this.#parts.updateProfile({
			sealedAccount: await sealKnownAccount(profile, known),
			...(deviceKeyslot && { deviceKeyslot })
		});
	}
}

/** A rule of the log that a write would break: it is not signed. */
function codeOf(fault: string): TacetError['code'] {
	switch (fault) {
		case 'step_up_needed':
		case 'wrong_code':
		case 'too_few_ways':
		case 'factor_missing':
			return fault;
		default:
			return 'refused';
	}
}
