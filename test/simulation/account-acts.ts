// What is done to an account by chance, and whether an honest edge takes it: by a model that knows
// nothing of the rules of the account log.
import {
	type AccountAction,
	type AccountWrite,
	type Material
} from '../../protocol/account-write.ts';
import { factorKinds, type FactorKind } from '../../protocol/factor-kind.ts';
import { encodeIdentityEntry } from '../../protocol/identity.ts';
import { maxFactors, maxKeyslots } from '../../protocol/limits.ts';
import {
	createOf,
	deviceOf,
	factorOf,
	kitOf,
	passwordOf,
	renewalBy,
	slotFactsOf,
	type OwnKeys
} from '../crypto/account-fixture.ts';
import type { Chance } from './chance.ts';

/** An account as plain numbers: each names a slot, a record, a code, a factor or a device. */
export interface Model {
	readonly password: number;
	readonly kit: number;
	readonly confirmed: boolean;
	readonly passkeys: readonly number[];
	readonly factors: readonly (readonly [number, FactorKind])[];
	readonly suffices: readonly FactorKind[];
	readonly sessionCap: number;
	readonly removed: readonly number[];
	/** Which of the account's identities is in force, from 1; its root is in the keyslots. */
	readonly generation: number;
	readonly isDeleted: boolean;
}

export interface Proposal {
	readonly what: string;
	readonly action: AccountAction;
	/** What the account then is; null if no honest edge takes it. */
	readonly next: Model | null;
	/** Whose key signs; left out: the one in force. */
	readonly signer?: OwnKeys;
	readonly place?: Partial<AccountWrite>;
}
export interface AccountPeople {
	/** The account's identity, and those that renew it. */
	readonly keys: readonly OwnKeys[];
	/** In place of the first, the second and so on renewal: signed alike, but after no identity that is. */
	readonly astray: readonly OwnKeys[];
	readonly strangers: readonly OwnKeys[];
}
export const first: Model = {
	...{ password: 1, kit: 2, confirmed: false, passkeys: [], factors: [], suffices: [] },
	...{ sessionCap: 3, removed: [], generation: 1, isDeleted: false }
};

export const materialIn = (model: Model): Material => ({
	password: passwordOf(model.password, model.generation),
	kit: kitOf(model.kit, model.confirmed, model.generation),
	passkeys: model.passkeys.map((fill) => slotFactsOf('passkey', fill, model.generation))
});
const waysOf = ({ confirmed, passkeys }: Model): number => 1 + Number(confirmed) + passkeys.length;
/** The others are used up, or somebody else's to give away. */
const lasting: ReadonlySet<FactorKind> = new Set(['totp', 'webauthn']);

export class AccountActs {
	readonly #chance: Chance;
	readonly #keys: readonly OwnKeys[];
	readonly #strangers: readonly OwnKeys[];
	readonly #astray: readonly OwnKeys[];
	#fill = 10;

	constructor(chance: Chance, people: AccountPeople) {
		this.#chance = chance;
		this.#keys = people.keys;
		this.#strangers = people.strangers;
		this.#astray = people.astray;
	}

	/** Rises with each act. */
	get timeMs(): number {
		return this.#fill;
	}

	#fresh(): number {
		return ++this.#fill;
	}

	/** Some that create nothing, and then one that does. */
	beginnings(): readonly Proposal[] {
		const [own, renewed] = this.#keys as [OwnKeys, OwnKeys];
		const [stranger] = this.#strangers as [OwnKeys];
		const { identity, signing } = own;
		const { entry } = identity;
		const bytes = encodeIdentityEntry({ ...entry, signature: new Uint8Array(64) });
		const unsigned = { signing, identity: { ...identity, bytes } };
		const forbidden = (what: string, by: OwnKeys, more: Partial<Proposal> = {}): Proposal => ({
			...{ what, action: createOf(by), next: null, ...more }
		});
		return [
			forbidden('a creation of somebody else’s', stranger),
			forbidden('a creation by a renewal', renewed, { signer: renewed }),
			forbidden('a creation by an entry that is not signed', unsigned),
			forbidden('a creation signed by another', own, { signer: stranger }),
			{ what: 'a creation', action: createOf(own), next: first }
		];
	}

	/** @param at how many writes there are. */
	next(model: Model, at: number): Proposal {
		const chance = this.#chance;
		const lawful = this.#change(model);
		if (model.isDeleted) return { ...lawful, what: 'after the end', next: null };
		if (chance.below(5) > 0) return lawful;
		const twists: readonly Partial<Proposal>[] = [
			{ what: 'signed by a stranger', signer: this.#strangers[0]! },
			{
				what: 'signed by another identity',
				signer: this.#keys[(model.generation + chance.below(3)) % 4]!
			},
			{ what: 'at a later place', place: { n: at + 2 } },
			{ what: 'at the same place', place: { n: at } },
			{ what: 'after another head', place: { previous: new Uint8Array(32).fill(7) } },
			{
				what: 'of another account',
				place: { account: this.#strangers[0]!.identity.account }
			}
		];
		const twist = chance.of(twists)!;
		// A write at place 1 is a creation, by its form.
		if (twist.place?.n === 1) return lawful;
		return { ...lawful, ...twist, next: null };
	}

	/** One change, and whether it is lawful by the model. */
	#change(model: Model): Proposal {
		const chance = this.#chance;
		const changes: readonly (() => Proposal)[] = [
			() => this.#password(model),
			() => this.#kit(model),
			() => this.#addPasskey(model),
			() => this.#addPasskey(model),
			() => this.#removePasskey(model),
			() => this.#renew(model),
			() => this.#recover(model),
			() => this.#addFactor(model),
			() => this.#removeFactor(model),
			() => this.#setPolicy(model),
			() => this.#removeDevice(model),
			() =>
				chance.below(6) > 0
					? this.#setPolicy(model)
					: { what: 'delete', action: { type: 'delete' }, next: { ...model, isDeleted: true } }
		];
		const proposal = chance.of(changes)!();
		const { next } = proposal;
		if (next === null) return proposal;
		const isLower = waysOf(next) < Math.min(2, waysOf(model));
		const kinds = next.factors.map(([, kind]) => kind).filter((kind) => lasting.has(kind));
		const isShut = next.suffices.length > 0 && !kinds.some((kind) => next.suffices.includes(kind));
		return isLower || isShut
			? {
					...proposal,
					what: `${proposal.what}, ${isLower ? 'one way left' : 'no factor left'}`,
					next: null
				}
			: proposal;
	}

	#password(model: Model): Proposal {
		const isTaken = this.#chance.below(4) === 0;
		const password = isTaken ? model.kit : this.#fresh();
		return {
			what: isTaken ? 'password in the slot of the code' : 'password',
			action: { type: 'password', password: passwordOf(password, model.generation) },
			next: isTaken ? null : { ...model, password }
		};
	}

	#kit(model: Model): Proposal {
		const confirmed = this.#chance.below(2) === 0;
		const place = this.#chance.below(4);
		const kit = place === 0 ? model.password : place === 1 ? model.kit : this.#fresh();
		return {
			what: place === 0 ? 'code in the slot of the password' : 'kit',
			action: { type: 'kit', kit: kitOf(kit, confirmed, model.generation) },
			next: place === 0 ? null : { ...model, kit, confirmed }
		};
	}

	#addPasskey(model: Model): Proposal {
		const known = this.#chance.below(4) === 0 ? this.#chance.of(model.passkeys) : undefined;
		const passkey = known ?? this.#fresh();
		const isFull = model.passkeys.length + 2 >= maxKeyslots;
		const isRefused = known !== undefined || isFull;
		return {
			what: isFull ? 'one passkey too many' : known === undefined ? 'passkey' : 'passkey twice',
			action: { type: 'keyslot_add', passkey: slotFactsOf('passkey', passkey, model.generation) },
			next: isRefused ? null : { ...model, passkeys: [...model.passkeys, passkey] }
		};
	}

	#removePasskey(model: Model): Proposal {
		const known = this.#chance.of(model.passkeys);
		const isUnknown = known === undefined || this.#chance.below(4) === 0;
		const fill = isUnknown ? this.#chance.of([model.password, model.kit, 9])! : known;
		return {
			what: isUnknown ? 'removal of what is no passkey' : 'passkey removed',
			action: { type: 'keyslot_remove', slot: slotFactsOf('passkey', fill).slot },
			next: isUnknown
				? null
				: { ...model, passkeys: model.passkeys.filter((other) => other !== fill) }
		};
	}

	#renew(model: Model): Proposal {
		const generation = model.generation + 1;
		const confirmed = this.#chance.below(3) > 0;
		const next: Model = {
			...{ ...model, generation, confirmed, passkeys: [] },
			...{ password: this.#fresh(), kit: this.#fresh() }
		};
		const own = this.#keys[generation - 1];
		if (own === undefined) return this.#removeDevice(model);
		const material = materialIn(next);
		const lawful = { what: 'identity', action: renewalBy(own, material), next };
		const { identity, signing } = own;
		const halfSigned = (change: 'signature' | 'previousSignature'): OwnKeys => {
			const bytes = encodeIdentityEntry({
				...identity.entry,
				[change]: new Uint8Array(64).fill(1)
			});
			return { signing, identity: { ...identity, bytes } };
		};
		const wrong = (what: string, by: OwnKeys, more: Partial<Proposal> = {}): Proposal => ({
			...{ what, action: renewalBy(by, material), next: null, ...more }
		});
		const password = passwordOf(model.password, model.generation);
		const skipped = this.#keys[generation];
		return this.#chance.of<Proposal>([
			...[lawful, lawful, lawful, lawful],
			wrong('identity that signs for itself', own, { signer: own }),
			wrong('identity of a stranger', this.#strangers[1]!),
			wrong('identity in force, again', this.#keys[model.generation - 1]!),
			wrong('identity after none that is', this.#astray[generation - 2]!),
			wrong('identity that does not sign itself', halfSigned('signature')),
			wrong('identity that the one before does not sign', halfSigned('previousSignature')),
			skipped === undefined ? lawful : wrong('identity that leaves one out', skipped),
			{
				...{ what: 'identity with a keyslot of before', next: null },
				action: renewalBy(own, { ...material, password })
			}
		])!;
	}

	#recover(model: Model): Proposal {
		const confirmed = this.#chance.below(3) > 0;
		const isUsed = this.#chance.below(3) === 0;
		const next = { ...model, confirmed, password: this.#fresh(), kit: this.#fresh() };
		const material = materialIn(next);
		const { authenticatorHash } = kitOf(model.kit, false);
		const kit = isUsed ? { ...material.kit, authenticatorHash } : material.kit;
		return {
			what: isUsed ? 'recovery with the same code' : 'recovery',
			action: { type: 'recovery', material: { ...material, kit } },
			next: isUsed ? null : next
		};
	}

	#addFactor(model: Model): Proposal {
		const known = this.#chance.below(4) === 0 ? this.#chance.of(model.factors) : undefined;
		const fill = known?.[0] ?? this.#fresh();
		const kind = this.#chance.of(factorKinds)!;
		const isRefused = known !== undefined || model.factors.length >= maxFactors;
		return {
			what: known === undefined ? 'factor' : 'factor twice',
			action: { type: 'factor_add', factor: factorOf(fill, kind) },
			next: isRefused ? null : { ...model, factors: [...model.factors, [fill, kind]] }
		};
	}

	#removeFactor(model: Model): Proposal {
		const known = this.#chance.of(model.factors);
		const fill = known?.[0] ?? 9;
		return {
			what: known === undefined ? 'removal of no factor' : 'factor removed',
			action: { type: 'factor_remove', factor: factorOf(fill).factor },
			next:
				known === undefined
					? null
					: { ...model, factors: model.factors.filter((other) => other !== known) }
		};
	}

	#setPolicy(model: Model): Proposal {
		const suffices = factorKinds.filter(() => this.#chance.below(3) === 0);
		const sessionCap = 1 + this.#chance.below(20);
		const policy = { suffices, sessionCap, recoveryDelayDays: 1 };
		const next = { ...model, suffices, sessionCap };
		return { what: 'policy', action: { type: 'policy', policy }, next };
	}

	#removeDevice(model: Model): Proposal {
		const fill = this.#chance.below(5);
		const removed = [...new Set([...model.removed, fill])];
		return {
			what: 'device removed',
			action: { type: 'device_remove', device: deviceOf(fill) },
			next: { ...model, removed }
		};
	}
}
