// An account that is written to by its own keys, and records as its edge would keep them.
import {
	accountHead,
	identityInForce,
	judgeAccountWrite,
	type AccountFault,
	type AccountState
} from '../../crypto/account-log.ts';
import { signAccountWrite } from '../../crypto/client/sign-account-write.ts';
import { sha256 } from '../../crypto/hash.ts';
import { createIdentity, renewIdentity, type Identity } from '../../crypto/identity.ts';
import { importSigningKey, verifyProof, type SigningKey } from '../../crypto/signature.ts';
import type {
	AccountAction,
	AccountPolicy,
	AccountWrite,
	Factor,
	KitFacts,
	Material,
	PasswordFacts,
	SignedAccountWrite,
	SlotFacts
} from '../../protocol/account-write.ts';
import type { FactorKind } from '../../protocol/factor-kind.ts';
import { idFromBytes, type DeviceId, type FactorId } from '../../protocol/ids.ts';
import { encodeKeyslot } from '../../protocol/keyslot.ts';
import type { KeyslotKind } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { kemKeyOf } from './log-fixture.ts';

export interface OwnKeys {
	readonly identity: Identity;
	readonly signing: SigningKey;
}

/** An identity and those that renew it, one after another. */
export async function makeIdentities(seed: number, count: number): Promise<readonly OwnKeys[]> {
	const made: OwnKeys[] = [];
	for (let index = 0; index < count; index++) {
		const fill = seed + index;
		const signing = await importSigningKey(new Uint8Array(32).fill(fill));
		const kemKey = kemKeyOf(fill);
		const before = made.at(-1);
		const identity =
			before === undefined
				? await createIdentity({ signing, kemKey })
				: await renewIdentity(before.identity, {
						...{ signing, kemKey, previousKey: before.signing.privateKey }
					});
		made.push({ identity, signing });
	}
	return made;
}

/** Signed by `before` and by itself, as if another identity with its keys had stood there. */
export async function makeAstray(before: OwnKeys, fill: number): Promise<OwnKeys> {
	const signing = await importSigningKey(new Uint8Array(32).fill(fill));
	const previous = { ...before.identity, hash: new Uint8Array(32).fill(fill) };
	const previousKey = before.signing.privateKey;
	const identity = await renewIdentity(previous, { signing, kemKey: kemKeyOf(fill), previousKey });
	return { identity, signing };
}

const filled = (length: number, fill: number): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => (fill >> (8 * (index % 4))) & 0xff);

export const deviceOf = (fill: number): DeviceId => idFromBytes<DeviceId>(filled(16, fill));
export const factorOf = (fill: number, kind: FactorKind = 'totp'): Factor => ({
	...{ factor: idFromBytes<FactorId>(filled(16, fill)), kind, hash: filled(32, fill) }
});

/** A keyslot that nobody opens; another `fill` is another slot. */
export const keyslotOf = (kind: KeyslotKind, fill: number, generation = 1): Uint8Array =>
	encodeKeyslot({ kind, slot: filled(16, fill), generation, record: filled(104, fill) });
export const slotFactsOf = (kind: KeyslotKind, fill: number, generation = 1): SlotFacts => ({
	slot: filled(16, fill),
	hash: sha256(keyslotOf(kind, fill, generation))
});

export const registrationRecordOf = (fill: number): Uint8Array => filled(192, fill);
export const passwordOf = (fill: number, generation = 1): PasswordFacts => ({
	...slotFactsOf('password', fill, generation),
	...{ recordHash: sha256(registrationRecordOf(fill)), usesAccountKey: false }
});
export const kitOf = (fill: number, confirmed: boolean, generation = 1): KitFacts => ({
	...slotFactsOf('recovery', fill, generation),
	...{ authenticatorHash: filled(32, fill), confirmed }
});
export const materialOf = (fill: number, generation = 1, confirmed = false): Material => ({
	password: passwordOf(fill, generation),
	kit: kitOf(fill + 1, confirmed, generation),
	passkeys: []
});
export const openPolicy: AccountPolicy = { suffices: [], sessionCap: 3, recoveryDelayDays: 1 };

export const createOf = ({ identity }: OwnKeys, material = materialOf(1)): AccountAction => ({
	...{ type: 'create', handleHash: filled(32, 9), identityEntry: identity.bytes },
	...{ material, policy: openPolicy }
});
export const renewalBy = ({ identity }: OwnKeys, material: Material): AccountAction => ({
	...{ type: 'identity', identityEntry: identity.bytes, material },
	previousRoot: filled(115, identity.entry.body.n)
});

/** An account's own devices, and its edge: writes are judged before they are taken. */
export class AccountAuthor {
	readonly keys: readonly OwnKeys[];
	readonly writes: SignedAccountWrite[] = [];
	state: AccountState | null = null;

	constructor(keys: readonly OwnKeys[]) {
		this.keys = keys;
	}

	/** With one write: password, unconfirmed kit, no second step. */
	static async create(keys: readonly OwnKeys[]): Promise<AccountAuthor> {
		const author = new AccountAuthor(keys);
		const created = await author.add(createOf(keys[0]!));
		if (!created.ok) throw new Error(created.error);
		return author;
	}

	get current(): AccountState {
		if (this.state === null) throw new Error('no account yet');
		return this.state;
	}

	/** The key of the identity in force. */
	get signing(): SigningKey {
		const { state } = this;
		const place = state === null ? 0 : identityInForce(state).entry.body.n - 1;
		return this.keys[place]!.signing;
	}

	draft(action: AccountAction): AccountWrite {
		const head = this.state && accountHead(this.state);
		return {
			account: this.keys[0]!.identity.account,
			n: (head?.n ?? 0) + 1,
			previous: head?.hash ?? new Uint8Array(32),
			device: deviceOf(1),
			timeMs: 1_764_000_000_000,
			action
		};
	}

	sign(write: AccountWrite, signing: SigningKey = this.signing): Promise<SignedAccountWrite> {
		return signAccountWrite(signing.privateKey, write);
	}

	/** As an edge does. */
	async take(signed: SignedAccountWrite): Promise<Result<AccountState, AccountFault>> {
		const judged = judgeAccountWrite(this.state, signed);
		if (!judged.ok) return judged;
		const good = await Promise.all(judged.value.proofs.map(verifyProof));
		if (good.includes(false)) return err('signature_invalid');
		this.state = judged.value.state;
		this.writes.push(signed);
		return ok(this.state);
	}

	async add(action: AccountAction): Promise<Result<AccountState, AccountFault>> {
		return this.take(await this.sign(this.draft(action)));
	}

	/** The same account, to be gone on with in another way. */
	branch(): AccountAuthor {
		const branch = new AccountAuthor(this.keys);
		branch.writes.push(...this.writes);
		branch.state = this.state;
		return branch;
	}
}
