// The private halves of a space's audit keys, as they were wrapped to this account: of each that was
// set while it was an owner or auditor. None is ever handed on, so that whoever came later reads events
// from their own first key on. The wraps are opened where events are read.
import type { WrapContext } from '../protocol/labels.ts';
import type { SpaceId } from '../protocol/ids.ts';
import type { UnlockedAccount } from './crypto-port.ts';
import type { ReceivedEntry } from './pages.ts';

/** An audit key, as a verified commit gave it to this account. */
export interface AuditGrant {
	readonly number: number;
	/** As the log pins it, 1,216 bytes. */
	readonly publicKey: Uint8Array;
	readonly wrap: Uint8Array;
	readonly context: WrapContext;
}

export class AuditKeys {
	readonly #space: SpaceId;
	readonly #me: UnlockedAccount;
	readonly #publicKeys = new Map<number, Uint8Array>();
	readonly #grants = new Map<number, AuditGrant>();

	constructor(space: SpaceId, me: UnlockedAccount) {
		this.#space = space;
		this.#me = me;
	}

	/** Oldest first. */
	get grants(): readonly AuditGrant[] {
		return [...this.#grants.values()];
	}

	/**
	 * Takes up what a verified entry gives to this account.
	 *
	 * @param self the own identity that it goes to; null: it is none of this account's.
	 */
	learn({ commit, wraps }: ReceivedEntry, self: Uint8Array | null): void {
		const { admin, author, identity } = commit;
		if (admin?.audit) this.#publicKeys.set(admin.audit.number, admin.audit.publicKey);
		for (const { index, wrap } of wraps) {
			const header = admin?.wraps[index];
			if (header?.kind !== 'audit' || header.recipient !== this.#me.account) continue;
			if (self === null) continue;
			const { kind, number, recipient } = header;
			const publicKey = this.#publicKeys.get(number);
			if (publicKey === undefined) continue;
			const context = {
				...{ kind, number, recipient, space: this.#space },
				recipientIdentity: self,
				sender: author,
				senderIdentity: identity
			};
			this.#grants.set(number, { number, publicKey, wrap, context });
		}
	}
}
