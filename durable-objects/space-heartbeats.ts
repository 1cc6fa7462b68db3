// Heartbeats of a space's members: taken only if they say what this edge has served, so that nobody
// can be framed by one, and kept as long as their member stands on the log.
import { heartbeatProof } from '../crypto/heartbeat.ts';
import type { LogHistory } from '../crypto/log-rules.ts';
import { readsAudit, type LogState } from '../crypto/log-state.ts';
import { verifyProof } from '../crypto/signature.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import { parseHeartbeat, type Heartbeat, type SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { AccountId } from '../protocol/ids.ts';
import { maxHeartbeatsPerFrame } from '../protocol/limits.ts';
import { err, type Result } from '../protocol/result.ts';
import { maxHeartbeatDevicesPerAccount } from './limits.ts';
import type { SpaceEvents } from './space-events.ts';
import type { SpaceHeartbeatStore } from './space-heartbeat-store.ts';
import type { Attachment } from './space-sockets.ts';

/** By whom and against what a heartbeat is judged. */
interface Arriving {
	readonly from: Attachment;
	readonly state: LogState;
	readonly history: LogHistory;
	readonly events: SpaceEvents;
}

/** Whether it is of this space and device, by its member, and on this chain. */
export async function judgeHeartbeat(
	signed: SignedHeartbeat,
	{ from, state, history, events }: Arriving
): Promise<Result<Heartbeat, WireErrorCode>> {
	const parsed = parseHeartbeat(signed.body);
	if (!parsed.ok) return parsed;
	const { space, account, device, head, audit } = parsed.value;
	const member = state.members.get(from.account);
	const isOwn = space === state.space && account === from.account && device === from.device;
	// A link is opened by many, who share its keys: what one of them has seen says nothing.
	if (!isOwn || member === undefined || member.kind === 'link') return err('forbidden');
	if (audit !== null && !readsAudit(member.role)) return err('forbidden');
	const served = history.headAt(head.seq);
	if (served === undefined || !equalBytes(served, head.hash)) return err('unknown_head');
	if (audit !== null && events.contradicts(audit)) return err('unknown_head');
	const isGood = await verifyProof(heartbeatProof(member.identity, signed));
	return isGood ? parsed : err('forbidden');
}

export class SpaceHeartbeats {
	readonly #store: SpaceHeartbeatStore;

	constructor(store: SpaceHeartbeatStore) {
		this.#store = store;
	}

	/** Keeps what was judged, unless the device has been further. Answers whether it was kept. */
	take(signed: SignedHeartbeat, { account, device, head }: Heartbeat, nowMs: number): boolean {
		const newest = this.#store.newest(account, device);
		if (newest !== null && head.seq < newest) return false;
		const { seq } = head;
		this.#store.save({ ...signed, account, device, seq, receivedAtMs: nowMs });
		if (newest === null) this.#store.keepNewest(account, maxHeartbeatDevicesPerAccount);
		return true;
	}

	/** What a socket is given once it has caught up: the newest of every other device of a member. */
	othersOf({ account, device }: Attachment, { members }: LogState): SignedHeartbeat[] {
		return this.#store
			.loadOthers(account, device)
			.filter((heartbeat) => members.has(heartbeat.account))
			.slice(0, maxHeartbeatsPerFrame)
			.map(({ body, signature }) => ({ body, signature }));
	}

	removeAccounts(accounts: ReadonlySet<AccountId>): void {
		for (const account of accounts) this.#store.removeAccount(account);
	}
}
