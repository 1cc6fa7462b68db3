// SQL of a space's invitations. Synchronous; only for a space that has entries, and so tables.
import type { AccountId, InviteId } from '../protocol/ids.ts';

export interface StoredClaim {
	readonly account: AccountId;
	/** The identity entry that claims. */
	readonly identity: Uint8Array;
	readonly mac: Uint8Array;
	/** Sealed. */
	readonly name: Uint8Array;
	readonly claimedAtMs: number;
}

export interface StoredInvite {
	readonly invite: InviteId;
	/** Sealed. */
	readonly record: Uint8Array;
	readonly expiresAtMs: number;
	readonly claim: StoredClaim | null;
	readonly isContested: boolean;
}

type InviteRow = {
	invite: string;
	record: ArrayBuffer;
	expires_at_ms: number;
	claim_account: string | null;
	claim_identity: ArrayBuffer | null;
	claim_mac: ArrayBuffer | null;
	claim_name: ArrayBuffer | null;
	claimed_at_ms: number | null;
	contested: number;
};

const columns = `invite, record, expires_at_ms, claim_account, claim_identity, claim_mac, claim_name,
	claimed_at_ms, contested`;

export class SpaceInviteStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	load(invite: InviteId): StoredInvite | null {
		const [row] = this.#sql
			.exec<InviteRow>(`SELECT ${columns} FROM invites WHERE invite = ?`, invite)
			.toArray();
		return row === undefined ? null : inviteOf(row);
	}

	loadAll(): StoredInvite[] {
		return this.#sql
			.exec<InviteRow>(`SELECT ${columns} FROM invites ORDER BY expires_at_ms`)
			.toArray()
			.map(inviteOf);
	}

	count(): number {
		return this.#sql.exec<{ n: number }>('SELECT count(*) AS n FROM invites').one().n;
	}

	add({ invite, record, expiresAtMs }: StoredInvite): void {
		this.#sql.exec(
			'INSERT INTO invites VALUES (?, ?, ?, NULL, NULL, NULL, NULL, NULL, 0)',
			...[invite, record, expiresAtMs]
		);
	}

	claim(invite: InviteId, claim: StoredClaim): void {
		const { account, identity, mac, name, claimedAtMs } = claim;
		this.#sql.exec(
			`UPDATE invites SET claim_account = ?, claim_identity = ?, claim_mac = ?, claim_name = ?,
				claimed_at_ms = ? WHERE invite = ?`,
			...[account, identity, mac, name, claimedAtMs, invite]
		);
	}

	contest(invite: InviteId): void {
		this.#sql.exec('UPDATE invites SET contested = 1 WHERE invite = ?', invite);
	}

	/** Answers whether there was one. */
	remove(invite: InviteId): boolean {
		return this.#sql.exec('DELETE FROM invites WHERE invite = ?', invite).rowsWritten > 0;
	}

	/** Answers whether there were any. */
	removeExpired(nowMs: number): boolean {
		return this.#sql.exec('DELETE FROM invites WHERE expires_at_ms <= ?', nowMs).rowsWritten > 0;
	}

	nextExpiryMs(): number | null {
		return this.#sql
			.exec<{ expires: number | null }>('SELECT min(expires_at_ms) AS expires FROM invites')
			.one().expires;
	}
}

const inviteOf = (row: InviteRow): StoredInvite => ({
	invite: row.invite as InviteId,
	record: new Uint8Array(row.record),
	expiresAtMs: row.expires_at_ms,
	claim: claimOf(row),
	isContested: row.contested === 1
});

/** Its columns are set together. */
function claimOf(row: InviteRow): StoredClaim | null {
	const { claim_account, claim_identity, claim_mac, claim_name, claimed_at_ms } = row;
	if (claim_account === null || claim_identity === null || claim_mac === null) return null;
	if (claim_name === null || claimed_at_ms === null) return null;
	return {
		account: claim_account as AccountId,
		identity: new Uint8Array(claim_identity),
		mac: new Uint8Array(claim_mac),
		name: new Uint8Array(claim_name),
		claimedAtMs: claimed_at_ms
	};
}
