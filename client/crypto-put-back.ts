// What an edge that was set back is given again of an account log: the writes that it lacks, byte for byte,
// in as few requests as hold them. After each the account is whole there, so that it does not matter where
// it ends: the records in force then are kept there already, or are known here. What stood in between and
// was replaced since is not asked for.
import { judgeAccountWrite, type AccountState } from '../crypto/account-log.ts';
import { sha256 } from '../crypto/hash.ts';
import { slotsOf } from '../protocol/account-write.ts';
import { toBase64Url, toHex } from '../protocol/bytes.ts';
import type { RequestOf } from '../protocol/http.ts';
import { maxAccountWritesPutBack, maxBodyBytes } from '../protocol/limits.ts';
import type { KnownAccount } from './account-log.ts';

export type PutBackRequest = RequestOf<'accountPutBack'>;

/**
 * @param from how many writes the edge has; they are the first ones known here.
 * @returns in order, none if it lacks none; null if too much lies between two states that can be whole.
 */
export function planAccountPutBack(
	known: KnownAccount,
	from: number
): readonly PutBackRequest[] | null {
	const states = statesOf(known);
	const own = new Set([
		toHex(sha256(known.registrationRecord)),
		...known.keyslots.map((keyslot) => toHex(sha256(keyslot)))
	]);
	const requests: PutBackRequest[] = [];
	let done = from;
	while (done < known.writes.length) {
		const before = states[done - 1];
		const there = new Set([...own, ...(before === undefined ? [] : recordsOf(before))]);
		let best: { readonly end: number; readonly request: PutBackRequest } | null = null;
		const last = Math.min(known.writes.length, done + maxAccountWritesPutBack);
		for (let end = done + 1; end <= last; end += 1) {
			const after = states[end - 1];
			if (after === undefined || !recordsOf(after).every((name) => there.has(name))) continue;
			const request = requestOf(known, done, after);
			if (JSON.stringify(request).length <= maxBodyBytes) best = { end, request };
		}
		if (best === null) return null;
		requests.push(best.request);
		done = best.end;
	}
	return requests;
}

/** After each write. This device has verified them all. */
function statesOf({ writes }: KnownAccount): readonly AccountState[] {
	const states: AccountState[] = [];
	for (const signed of writes) {
		const judged = judgeAccountWrite(states.at(-1) ?? null, signed);
		if (!judged.ok) throw new Error('what this device keeps of its account does not count');
		states.push(judged.value.state);
	}
	return states;
}

/** Of what has to be kept beside the log, the hashes, hex. */
const recordsOf = ({ material }: AccountState): readonly string[] =>
	[material.password.recordHash, ...slotsOf(material).map(({ hash }) => hash)].map(toHex);

/** What is known here of what is in force then. */
function requestOf(known: KnownAccount, from: number, after: AccountState): PutBackRequest {
	const inForce = new Set(recordsOf(after));
	const isInForce = (record: Uint8Array): boolean => inForce.has(toHex(sha256(record)));
	const { registrationRecord, keyslots, factors } = known;
	return {
		writes: known.writes.slice(from, after.heads.length).map(({ write, signature }) => ({
			write: toBase64Url(write),
			signature: toBase64Url(signature)
		})),
		registrationRecord: isInForce(registrationRecord) ? toBase64Url(registrationRecord) : null,
		keyslots: keyslots.filter(isInForce).map(toBase64Url),
		factors: factors
			.filter(({ factor }) => after.factors.some((other) => other.factor === factor))
			.map(({ factor, data }) => ({ factor, data: toBase64Url(data) }))
	};
}
