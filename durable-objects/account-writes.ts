// What the edge does with a write of an account log besides keeping it: sessions that it ends, end with
// it; the account's owner hears of it; an account that was deleted leaves nothing.
import { accountHead, type AccountState } from '../crypto/account-log.ts';
import type { AccessClaims } from '../crypto/edge/session-token.ts';
import {
	parseAccountWrite,
	passwordOf,
	type AccountAction,
	type PasswordFacts
} from '../protocol/account-write.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { FactorId, SessionId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { SecurityEventKind } from '../protocol/security-event.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { AccountLog, JudgedChange } from './account-log.ts';
import type { AccountFactors, FactorSubject } from './account-factors.ts';
import type { StoredFactor } from './account-factor-store.ts';
import type { RequestPlace } from './account-login.ts';
import { malformed, type Answer } from './account-parts.ts';
import type { StoredSession } from './account-session-store.ts';
import { decodeText, recordsOf, signedWriteOf } from './request-bytes.ts';

export interface AccountWritesParts {
	readonly log: AccountLog;
	/** Ends sessions in the transaction of the write. */
	readonly drop: (which: (session: StoredSession) => boolean) => void;
	/** Ends the oldest beside `own`, if more live than may; in the same transaction. */
	readonly dropBeyond: (cap: number, own: SessionId | null) => void;
	/** For the account's owner to hear of; in the same transaction. */
	readonly note: (kind: SecurityEventKind, own: SessionId | null) => void;
	/** Tells those that have to hear of sessions that ended. */
	readonly tellEndings: () => Promise<void>;
	/** After everybody was told. */
	readonly erase: () => Promise<void>;
	readonly factors: AccountFactors;
}

export class AccountWrites {
	readonly #parts: AccountWritesParts;

	constructor(parts: AccountWritesParts) {
		this.#parts = parts;
	}

	async write(
		claims: AccessClaims,
		request: RequestOf<'accountWrite'>,
		{ origin }: RequestPlace
	): Answer<'accountWrite'> {
		const { log } = this.#parts;
		const signed = signedWriteOf(request);
		const parsed = parseAccountWrite(signed.write);
		if (!parsed.ok) return malformed;
		// Taken before, and the answer lost.
		if (log.holds(signed)) return ok(answerOf(log));
		const { action } = parsed.value;
		// A recovery is begun elsewhere.
		if (action.type === 'recovery') return err({ code: 'forbidden' });
		if ((action.type === 'factor_add') !== (request.factor !== null)) return malformed;
		const judged = await log.judge([signed], recordsOf(request));
		if (!judged.ok) return judged;
		const proven = await this.#prove(action, request.factor, subjectOf(claims, origin));
		return proven.ok ? this.#keep(claims.session, judged.value, proven.value) : proven;
	}

	startPasskey(claims: AccessClaims, { origin }: RequestPlace): Answer<'passkeyStart'> {
		const challenge = this.#parts.factors.challenge(subjectOf(claims, origin));
		const answer = challenge.ok ? ok({ challenge: toBase64Url(challenge.value) }) : challenge;
		return Promise.resolve(answer);
	}

	async startSms(
		claims: AccessClaims,
		{ number }: RequestOf<'smsStart'>,
		{ origin }: RequestPlace
	): Answer<'smsStart'> {
		const sent = await this.#parts.factors.sendTo(subjectOf(claims, origin), number);
		return sent.ok ? ok({}) : sent;
	}

	/** A factor counts once somebody has shown here that it works. */
	async #prove(
		action: AccountAction,
		brought: RequestOf<'accountWrite'>['factor'],
		subject: FactorSubject
	): Promise<Result<readonly StoredFactor[], Refusal>> {
		if (action.type !== 'factor_add' || brought === null) return ok([]);
		const { data, proof } = brought;
		const shown = { data: decodeText(data), proof };
		const proven = await this.#parts.factors.prove(subject, action.factor, shown);
		return proven.ok ? ok([proven.value]) : proven;
	}

	/** A write that was taken before: its answer may have been lost. Null if it was not. */
	answerIfHeld(request: RequestOf<'recoveryFinish'>): ResponseOf<'accountWrite'> | null {
		const { log } = this.#parts;
		return log.holds(signedWriteOf(request)) ? answerOf(log) : null;
	}

	/**
	 * The write of a recovery, which ends every session.
	 *
	 * @param besides done in the transaction of the write.
	 */
	async recover(
		request: RequestOf<'recoveryFinish'>,
		besides: () => void
	): Answer<'recoveryFinish'> {
		const signed = signedWriteOf(request);
		const parsed = parseAccountWrite(signed.write);
		if (!parsed.ok) return malformed;
		if (parsed.value.action.type !== 'recovery') return err({ code: 'forbidden' });
		const judged = await this.#parts.log.judge([signed], recordsOf(request));
		return judged.ok ? this.#keep(null, judged.value, [], besides) : judged;
	}

	/** Of a log that this edge has forgotten the end of. What stands already is passed over. */
	async putBack(
		claims: AccessClaims,
		request: RequestOf<'accountPutBack'>
	): Answer<'accountPutBack'> {
		const { log } = this.#parts;
		const writes = request.writes.map(signedWriteOf);
		const missing = writes.slice(writes.findLastIndex((signed) => log.holds(signed)) + 1);
		if (missing.length === 0) return ok(answerOf(log));
		const judged = await log.judge(missing, recordsOf(request));
		if (!judged.ok) return judged;
		const brought = request.factors.map(({ factor, data }) => ({ factor, data: decodeText(data) }));
		const factors = this.#parts.factors.putBack(judged.value.after.factors, brought);
		return factors.ok ? this.#keep(claims.session, judged.value, factors.value) : factors;
	}

	async #keep(
		own: SessionId | null,
		change: JudgedChange,
		added: readonly StoredFactor[],
		besides: () => void = () => undefined
	): Promise<Result<ResponseOf<'accountWrite'>, Refusal>> {
		const { log, drop, dropBeyond, note, tellEndings, erase, factors } = this.#parts;
		const head = accountHead(change.after);
		const actions = change.writes.map(actionOf);
		const kept = log.keep(change, () => {
			const { before } = change;
			let password = before?.material.password ?? null;
			for (const action of actions) {
				const kind = eventOf(action, password);
				if (kind !== null) note(kind, own);
				password = passwordOf(action) ?? password;
			}
			drop((session) => actions.some((action) => endsBy({ action, before }, session, own)));
			dropBeyond(change.after.policy.sessionCap, own);
			for (const factor of added) factors.add(factor);
			factors.keepOnly(change.after.factors);
			besides();
		});
		if (!kept.ok) return kept;
		await tellEndings();
		if (change.after.isDeleted) await erase();
		return ok({ head: { n: head.n, hash: toBase64Url(head.hash) } });
	}
}

/** Who adds a factor has shown already who they are: nothing is guessed. */
const subjectOf = ({ account, session, device }: AccessClaims, origin: string): FactorSubject => ({
	...{ account, purpose: 'add', holder: session, origin, knownDevice: device }
});

const kindOfAction: Readonly<Record<AccountAction['type'], SecurityEventKind | null>> = {
	create: null,
	password: 'password_changed',
	kit: 'kit_changed',
	keyslot_add: 'keyslot_added',
	keyslot_remove: 'keyslot_removed',
	identity: 'identity_renewed',
	recovery: 'recovery_done',
	factor_add: 'factor_added',
	factor_remove: 'factor_removed',
	policy: 'policy_changed',
	device_remove: 'device_removed',
	delete: null
};

/** @param before the password in force. One whose OPAQUE record stays is given an account key, or none. */
function eventOf(action: AccountAction, before: PasswordFacts | null): SecurityEventKind | null {
	if (action.type !== 'password' || before === null) return kindOfAction[action.type];
	const { recordHash, usesAccountKey } = action.password;
	if (!equalBytes(recordHash, before.recordHash)) return 'password_changed';
	return usesAccountKey ? 'account_key_set' : 'account_key_removed';
}

function answerOf(log: AccountLog): ResponseOf<'accountWrite'> {
	const { n, hash } = log.head;
	return { head: { n, hash: toBase64Url(hash) } };
}

function actionOf(signed: JudgedChange['writes'][number]): AccountAction {
	const parsed = parseAccountWrite(signed.write);
	if (!parsed.ok) throw new Error('a write that counts can be read');
	return parsed.value.action;
}

const kindOf = (factor: FactorId, state: AccountState | null): FactorKind | undefined =>
	state?.factors.find((known) => known.factor === factor)?.kind;

/** Whether a write ends a session. Who writes goes on, but for a device that is removed. */
function endsBy(
	{ action, before }: { readonly action: AccountAction; readonly before: AccountState | null },
	{ id, device }: StoredSession,
	own: SessionId | null
): boolean {
	switch (action.type) {
		case 'password':
		case 'identity':
		case 'recovery':
			return id !== own;
		case 'device_remove':
			return device === action.device;
		case 'factor_remove':
			// Whoever took it may have used it. A set of codes that is used up is replaced, and no sign of that.
			return id !== own && kindOf(action.factor, before) !== 'backup_codes';
		case 'delete':
			return true;
		default:
			return false;
	}
}
