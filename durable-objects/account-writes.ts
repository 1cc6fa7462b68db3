// What the edge does with a write of an account log besides keeping it: sessions that it ends, end with
// it; whoever has the account open hears of it; an account that was deleted leaves nothing.
import { accountHead } from '../crypto/account-log.ts';
import { parseAccountWrite, type AccountAction } from '../protocol/account-write.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { SessionId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { AccountLog, JudgedChange } from './account-log.ts';
import { malformed, type Answer } from './account-parts.ts';
import type { StoredSession } from './account-session-store.ts';
import { recordsOf, signedWriteOf } from './request-bytes.ts';

export interface AccountWritesParts {
	readonly log: AccountLog;
	/** Ends sessions in the transaction of the write. */
	readonly drop: (which: (session: StoredSession) => boolean) => void;
	/** Tells those that have to hear of sessions that ended. */
	readonly tellEndings: () => Promise<void>;
	/** Something of the account changed: its devices ask for it. */
	readonly announce: () => void;
	/** After everybody was told. */
	readonly erase: () => Promise<void>;
}

export class AccountWrites {
	readonly #parts: AccountWritesParts;

	constructor(parts: AccountWritesParts) {
		this.#parts = parts;
	}

	async write(own: SessionId, request: RequestOf<'accountWrite'>): Answer<'accountWrite'> {
		const { log } = this.#parts;
		const signed = signedWriteOf(request);
		const parsed = parseAccountWrite(signed.write);
		if (!parsed.ok) return malformed;
		// Taken before, and the answer lost.
		if (log.holds(signed)) return ok(answerOf(log));
		const { action } = parsed.value;
		// A factor counts once it was proven here, and a recovery is begun elsewhere.
		if (action.type === 'factor_add' || action.type === 'recovery') {
			return err({ code: 'forbidden' });
		}
		const judged = await log.judge([signed], recordsOf(request));
		return judged.ok ? this.#keep(own, judged.value) : judged;
	}

	/** Of a log that this edge has forgotten the end of. What stands already is passed over. */
	async putBack(own: SessionId, request: RequestOf<'accountPutBack'>): Answer<'accountPutBack'> {
		const { log } = this.#parts;
		const writes = request.writes.map(signedWriteOf);
		const missing = writes.slice(writes.findLastIndex((signed) => log.holds(signed)) + 1);
		if (missing.length === 0) return ok(answerOf(log));
		const judged = await log.judge(missing, recordsOf(request));
		return judged.ok ? this.#keep(own, judged.value) : judged;
	}

	async #keep(
		own: SessionId,
		change: JudgedChange
	): Promise<Result<ResponseOf<'accountWrite'>, Refusal>> {
		const { log, drop, tellEndings, announce, erase } = this.#parts;
		const head = accountHead(change.after);
		const actions = change.writes.map(actionOf);
		const kept = log.keep(change, () => {
			drop((session) => actions.some((action) => endsBy(action, session, own)));
		});
		if (!kept.ok) return kept;
		await tellEndings();
		if (change.after.isDeleted) await erase();
		else announce();
		return ok({ head: { n: head.n, hash: toBase64Url(head.hash) } });
	}
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

/** Whether a write ends a session. Who writes goes on, but for a device that is removed. */
function endsBy(action: AccountAction, { id, device }: StoredSession, own: SessionId): boolean {
	switch (action.type) {
		case 'password':
		case 'identity':
		case 'recovery':
			return id !== own;
		case 'device_remove':
			return device === action.device;
		case 'delete':
			return true;
		default:
			return false;
	}
}
