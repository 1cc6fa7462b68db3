// What a person changes of their account, and what this device makes of changes elsewhere. Every change
// goes one way: read and judged, formed, kept with its records, sent, remembered, and noted in the keyring.
// A write is the same bytes however often it is sent; what became of it is read off the account log, after
// a crash too. One tab at a time.
import { equalBytes, fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { parseAccountWrite, type AccountHead } from '../protocol/account-write.ts';
import type { Head } from '../protocol/commit.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import {
	openKnownAccount,
	readRest,
	requestOf,
	sealKnownAccount,
	type FactorRecord,
	type FormedWrite,
	type KnownAccount
} from './account-log.ts';
import { giveBack } from './account-put-back.ts';
import type { AccountChange, AccountFacts } from './crypto-account-writes.ts';
import type { AccountLogFault } from './crypto-account.ts';
import type { Paper } from './account.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { OpenSecurity } from './security-face.ts';
import type { Session } from './session.ts';
import { shownAccountKey } from './shown-account-key.ts';
import type { Profile, Store } from './store.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;

/** What travels beside a write that adds a factor, and shows that it works. */
export type BroughtFactor = NonNullable<RequestOf<'accountWrite'>['factor']>;

/** What the log says, verified, and what the edge says beside it. */
export interface ReadAccount {
	readonly facts: AccountFacts;
	readonly answer: ResponseOf<'accountRead'>;
}

interface Settled {
	readonly known: KnownAccount;
	readonly answer: ResponseOf<'accountRead'>;
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
	/** Where the keyring ends, when all that was said in it stands there. */
	readonly keyringEnd: () => Answered<Head>;
	/** Leaves one there. */
	readonly noteHead: (head: AccountHead) => Promise<void>;
	/** Hears whether the edge shows the account that is known: null if it does, else why not. */
	readonly onJudged: (code: AccountLogFault | null) => void;
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
	read(): Answered<ReadAccount> {
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			if (!settled.ok) return settled;
			const { known, answer } = settled.value;
			return ok({ facts: await this.#parts.crypto.account.describe(known), answer });
		});
	}

	/**
	 * Makes one write stand. `last_factor`, `too_few_ways` and the like where it would break a rule of the
	 * log: then nothing was signed.
	 *
	 * @param brought with a factor that is added.
	 */
	change(change: AccountChange, brought: BroughtFactor | null = null): Answered<void> {
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			return settled.ok ? this.#write(profile, settled.value.known, change, brought) : settled;
		});
	}

	/** `step_up_needed` unless the session is fresh; a person then shows who they are, and asks again. */
	async changePassword(password: string): Answered<void> {
		const { crypto } = this.#parts;
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			if (!settled.ok) return settled;
			const response = await this.#startPassword(password);
			if (!response.ok) return response;
			const offline = profile.deviceKeyslot === null ? null : profile.deviceSecret;
			const { pinnedServerKey } = profile;
			const keys = { pinnedServerKey, offline };
			const change = { type: 'password', response: response.value, ...keys } as const;
			const written = await this.#write(profile, settled.value.known, change, null);
			// It opened the keyslot of before.
			if (written.ok) await crypto.forgetLogin();
			return written;
		});
	}

	/** RFC 9807 §5.2.1 and §5.2.2. */
	async #startPassword(password: string): Answered<Uint8Array> {
		const { crypto, session } = this.#parts;
		const request = await crypto.account.startPassword(password);
		if (!request.ok) return fail(request.error);
		const registrationRequest = toBase64Url(request.value);
		const answered = await session.call('passwordStart', { registrationRequest });
		if (!answered.ok) return answered;
		const response = fromBase64Url(answered.value.registrationResponse);
		return response.ok ? response : fail('server_misbehaved');
	}

	/**
	 * Another root for the account, under another password and another recovery code: 12 words. Nothing is
	 * changed before {@link finishRenewal} is given these.
	 */
	startRenewal(password: string): Answered<Paper> {
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			if (!settled.ok) return settled;
			const response = await this.#startPassword(password);
			if (!response.ok) return response;
			const { known } = settled.value;
			const { account } = this.#parts.crypto;
			const made = await account.newRoot(known, response.value);
			return made.ok ? made : fail(codeOf(made.error));
		});
	}

	/**
	 * Puts that root in force, and ends every other session. `wrong_code` for other words. The keys that are
	 * open here are those of before: whoever asks locks now.
	 */
	finishRenewal(words: string): Answered<void> {
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			if (!settled.ok) {
				// It was taken, and the answer lost.
				return settled.error.code === 'account_renewed' ? ok(undefined) : settled;
			}
			const keyringHead = await this.#parts.keyringEnd();
			if (!keyringHead.ok) return keyringHead;
			const change = { type: 'renew', words, keyringHead: keyringHead.value } as const;
			return this.#write(profile, settled.value.known, change, null);
		});
	}

	/** Nothing has changed. */
	async cancelRenewal(): Answered<void> {
		await this.#parts.crypto.account.dropNewRoot();
		return ok(undefined);
	}

	/**
	 * Another recovery code: 12 words. The one before is good until {@link confirmKit} is given these, and
	 * so nothing is changed by a crash.
	 */
	newKit(): Answered<Paper> {
		return this.#alone(async (profile) => {
			const settled = await this.#settle(profile);
			if (!settled.ok) return settled;
			const { known } = settled.value;
			const { account } = this.#parts.crypto;
			const made = await account.newKit(known);
			if (!made.ok) return fail(codeOf(made.error));
			const shown = await account.showAccountKey(known);
			if (!shown.ok) return fail(codeOf(shown.error));
			return ok({ recoveryCode: made.value, accountKey: shown.value });
		});
	}

	/** As it is written down; null if the account has none. `step_up_needed` before it is shown. */
	showAccountKey(): Answered<string | null> {
		return shownAccountKey(this.#parts);
	}

	/** One that nobody has yet, as it is written down. It counts from {@link setAccountKey} on. */
	async newAccountKey(): Answered<string> {
		const { crypto } = this.#parts;
		// Before somebody writes it down.
		if (!(await crypto.mayOpenRoot())) return fail('step_up_needed');
		return ok(await crypto.account.newAccountKey());
	}

	/**
	 * Asks every device that logs in from now on for this account key, as {@link newAccountKey} made it; or
	 * for none any more, with null. As with a new password, all other sessions end.
	 */
	async setAccountKey(accountKey: string | null): Answered<void> {
		const written = await this.change({ type: 'account_key', accountKey });
		// It opened the keyslot of before.
		if (written.ok) await this.#parts.crypto.forgetLogin();
		return written;
	}

	/**
	 * The code in force, or the one just made: from now on it is a way in, which is written once.
	 * `wrong_code` for other words; null if some of those in force, which are known here, were right.
	 */
	confirmKit(words: string | null): Answered<void> {
		return this.#alone(async (profile) => {
			const known = await openKnownAccount(profile);
			const { kit } = await this.#parts.crypto.account.describe(known);
			// Without a network, too, then.
			if (words === null && kit.confirmed) return ok(undefined);
			const settled = await this.#settle(profile);
			if (!settled.ok) return settled;
			return this.#write(profile, settled.value.known, { type: 'kit_confirm', words }, null);
		});
	}

	removeDevice(device: DeviceId): Answered<void> {
		return this.change({ type: 'device_remove', device });
	}

	/** Nothing is left of it at the edge; what is on this device is the caller's to erase. */
	deleteAccount(): Answered<void> {
		return this.change({ type: 'delete' });
	}

	/**
	 * Gives an edge that has lost the end of the log that end again, byte for byte. Whatever else it lacks is
	 * `account_reverted` still: the device that made it can give it back.
	 */
	putBack(): Answered<void> {
		return this.#alone(async (profile) => {
			const { session, crypto } = this.#parts;
			const known = await openKnownAccount(profile);
			const read = (after: number) => session.call('accountRead', { after });
			const answered = await read(known.writes.length);
			const shown = answered.ok ? await readRest(answered.value, read) : answered;
			if (!shown.ok) return shown;
			const putBack = (request: RequestOf<'accountPutBack'>) =>
				session.call('accountPutBack', request);
			const given = await giveBack({ crypto, read, putBack }, known, shown.value);
			if (!given.ok) return given;
			const settled = await this.#settle(profile);
			return settled.ok ? ok(undefined) : settled;
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
	async #settle(profile: Profile): Answered<Settled> {
		const read = await this.#read(profile, await openKnownAccount(profile));
		if (!read.ok || read.value.known.pending === null) return read;
		const { known, answer } = read.value;
		const sent = await this.#resend(read.value.known.pending);
		if (sent.ok || sent.error.code === 'stale_count') return this.#read(profile, known);
		if (isUnsettled(sent.error) || sent.error.code === 'step_up_needed') return sent;
		const dropped = { ...known, pending: null };
		const saved = await this.#save(profile, dropped);
		return saved.ok ? ok({ known: dropped, answer }) : saved;
	}

	/**
	 * What showed that a factor works was good once: its write is made anew. A renewal whose root went with
	 * the core that made it is begun anew, by a person.
	 */
	async #resend(pending: FormedWrite): Answered<unknown> {
		const parsed = parseAccountWrite(pending.write);
		const isOver = parsed.ok && ['factor_add', 'identity'].includes(parsed.value.action.type);
		if (isOver) return fail('refused');
		return this.#parts.session.call('accountWrite', { ...requestOf(pending), factor: null });
	}

	async #read(profile: Profile, known: KnownAccount): Answered<Settled> {
		const { session, crypto, keyringHeads, onJudged } = this.#parts;
		const ask = (after: number) => session.call('accountRead', { after });
		const answered = await ask(known.writes.length);
		if (!answered.ok) return answered;
		const shown = await readRest(answered.value, ask);
		if (!shown.ok) return shown;
		const judged = await crypto.account.judge(known, shown.value);
		const fault = judged.ok
			? await crypto.account.faultBy(judged.value, keyringHeads())
			: judged.error;
		// Not the edge's fault: it goes on under another key.
		if (fault === 'account_renewed') return fail(fault);
		onJudged(fault);
		if (!judged.ok) return fail(judged.error);
		if (fault !== null) return fail(fault);
		const isNew =
			judged.value.writes.length > known.writes.length || judged.value.pending !== known.pending;
		const saved = isNew ? await this.#saveRead(profile, known, judged.value) : ok(undefined);
		if (!saved.ok) return saved;
		const { n, hash } = shown.value.head;
		await this.#parts.noteHead({ n, hash });
		return ok({ known: judged.value, answer: answered.value });
	}

	async #write(
		profile: Profile,
		known: KnownAccount,
		change: AccountChange,
		brought: BroughtFactor | null
	): Answered<void> {
		const { session, crypto, device, nowMs } = this.#parts;
		const place = { device, timeMs: nowMs() };
		const formed = await crypto.account.form(known, change, place);
		if (!formed.ok) {
			return formed.error === 'kit_is_confirmed' ? ok(undefined) : fail(codeOf(formed.error));
		}
		const { formed: pending, known: after, offlineSlot, accountKey } = formed.value;
		// What will open the account stays behind with it: nobody else has it, if this stops here.
		const kept = await this.#save(
			profile,
			{ ...known, pending },
			accountKey ? { nextAccountKey: accountKey } : {}
		);
		if (!kept.ok) return kept;
		const sent = await session.call('accountWrite', { ...requestOf(pending), factor: brought });
		if (!sent.ok) {
			if (isUnsettled(sent.error)) return sent;
			const dropped = await this.#save(
				profile,
				{ ...known, pending: null },
				{ nextAccountKey: null }
			);
			return dropped.ok ? sent : dropped;
		}
		const remembered = { ...after, factors: [...after.factors, ...recordOf(change, brought)] };
		const slots = {
			...(offlineSlot && { deviceKeyslot: offlineSlot }),
			...(accountKey !== undefined && { accountKey, nextAccountKey: null })
		};
		if (change.type === 'renew') {
			// They open the root of before.
			const none = { deviceKeyslot: null, sealedPasskeys: null };
			return this.#save(profile, remembered, { ...slots, ...none });
		}
		const saved = await this.#save(profile, remembered, slots);
		if (!saved.ok) return saved;
		const { head } = await crypto.account.describe(after);
		await this.#parts.noteHead(head);
		return ok(undefined);
	}

	/** The password of before opens nothing any more, not even offline. */
	#saveRead(profile: Profile, before: KnownAccount, now: KnownAccount): Answered<void> {
		const isOther = !equalBytes(before.registrationRecord, now.registrationRecord);
		return this.#save(profile, now, isOther ? { deviceKeyslot: null } : {});
	}

	async #save(
		profile: Profile,
		known: KnownAccount,
		slots: Partial<
			Pick<Profile, 'deviceKeyslot' | 'sealedPasskeys' | 'accountKey' | 'nextAccountKey'>
		> = {}
	): Answered<void> {
		return this.#parts.updateProfile({
			sealedAccount: await sealKnownAccount(profile, known),
			...slots
		});
	}
}

/** What may be shown to anybody of a factor that was added; secrets and numbers are the edge's alone. */
function recordOf(change: AccountChange, brought: BroughtFactor | null): readonly FactorRecord[] {
	if (change.type !== 'factor_add' || brought === null) return [];
	const { factor, kind } = change.factor;
	if (kind !== 'webauthn' && kind !== 'backup_codes') return [];
	const data = fromBase64Url(brought.data);
	return data.ok ? [{ factor, data: data.value }] : [];
}

/** Of the account that is open. */
export function securityOf({ desk, ...places }: OpenSecurity) {
	const { session, crypto, device, nowMs, keyring } = desk;
	return new AccountSecurity({
		...{ ...places, session, crypto, device, nowMs },
		keyringHeads: () => keyring.accountHeads
	});
}

/** A rule of the log that a write would break: it is not signed. */
function codeOf(fault: string): TacetError['code'] {
	switch (fault) {
		case 'step_up_needed':
		case 'wrong_code':
		case 'server_key_changed':
		case 'too_few_ways':
		case 'account_key_mistyped':
			return fault;
		case 'malformed':
			return 'server_misbehaved';
		case 'factor_missing':
			return 'last_factor';
		default:
			return 'refused';
	}
}
