// An account, its edge and its devices by chance: what the rules of the account log take is held
// against a model that knows nothing of them, and whatever an edge can make of writes that were
// signed is shown to devices that remember different parts of the log.
import type * as accountLog from '../../crypto/account-log.ts';
import type { AccountState } from '../../crypto/account-log.ts';
import { signAccountWrite } from '../../crypto/client/sign-account-write.ts';
import { verifyProof } from '../../crypto/signature.ts';
import { equalBytes, toHex } from '../../protocol/bytes.ts';
import type { AccountWrite, SignedAccountWrite } from '../../protocol/account-write.ts';
import {
	deviceOf,
	factorOf,
	keyslotOf,
	registrationRecordOf,
	type OwnKeys
} from '../crypto/account-fixture.ts';
import {
	AccountActs,
	materialIn,
	type AccountPeople,
	type Model,
	type Proposal
} from './account-acts.ts';
import { chanceOf, type Chance } from './chance.ts';

export type AccountCode = Pick<
	typeof accountLog,
	| 'accountHead'
	| 'compareHeads'
	| 'judgeAccountWrite'
	| 'judgeRecords'
	| 'knownHead'
	| 'knownLog'
	| 'replayAccountLog'
>;
/** A write that was signed at the same place as another one, which came first. */
interface Loser {
	readonly n: number;
	readonly signed: SignedAccountWrite;
}

/** What a device remembers: all of the log up to some write, or a head alone. */
interface Memory {
	readonly writes: readonly SignedAccountWrite[];
	readonly state: AccountState;
	readonly isHeadOnly: boolean;
}
const sameWrite = (a: SignedAccountWrite, b: SignedAccountWrite): boolean =>
	equalBytes(a.write, b.write) && equalBytes(a.signature, b.signature);
/** One text for what is the same, in whatever order it was put together. */
const textOf = (value: unknown): string =>
	JSON.stringify(value, (_, inner: unknown) => {
		if (inner instanceof Uint8Array) return toHex(inner);
		if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
		return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
	});
export class AccountWorld {
	readonly #code: AccountCode;
	readonly #chance: Chance;
	readonly #keys: readonly OwnKeys[];
	readonly #acts: AccountActs;
	readonly tally = new Map<string, number>();
	readonly #writes: SignedAccountWrite[] = [];
	readonly #states: AccountState[] = [];
	readonly #losers: Loser[] = [];
	readonly #memories: Memory[] = [];
	#model: Model | null = null;

	constructor(seed: number, code: AccountCode, people: AccountPeople) {
		this.#code = code;
		this.#chance = chanceOf(seed);
		this.#keys = people.keys;
		this.#acts = new AccountActs(this.#chance, people);
	}

	async step(): Promise<void> {
		const chance = this.#chance;
		if (this.#model === null) {
			for (const proposal of this.#acts.beginnings()) await this.#propose(proposal);
			return;
		}
		await this.#propose(this.#acts.next(this.#model, this.#writes.length));
		if (chance.below(3) === 0) await this.#remember();
		if (chance.below(2) === 0) await this.#lie();
		this.#lieAboutRecords();
	}

	#count(what: string): void {
		this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
	}

	#expect(isSo: boolean, what: string): void {
		if (!isSo) throw new Error(what);
	}

	get #own(): OwnKeys {
		return this.#keys[(this.#model?.generation ?? 1) - 1]!;
	}
	#sign({ action, signer, place }: Proposal): Promise<SignedAccountWrite> {
		const state = this.#states.at(-1);
		const head = state === undefined ? null : this.#code.accountHead(state);
		const write: AccountWrite = {
			...{ account: this.#keys[0]!.identity.account, n: (head?.n ?? 0) + 1, action },
			...{
				previous: head?.hash ?? new Uint8Array(32),
				device: deviceOf(1),
				timeMs: this.#acts.timeMs
			},
			...place
		};
		return signAccountWrite((signer ?? this.#own).signing.privateKey, write);
	}

	/** As an edge judges it; the one that came first stands, and the other was signed none the less. */
	async #propose(proposal: Proposal): Promise<void> {
		const { what, next } = proposal;
		const signed = await this.#sign(proposal);
		const state = this.#states.at(-1) ?? null;
		const judged = this.#code.judgeAccountWrite(state, signed);
		const good = judged.ok && (await Promise.all(judged.value.proofs.map(verifyProof)));
		const isTaken = good !== false && !good.includes(false);
		this.#expect(isTaken === (next !== null), `${what} is ${isTaken ? 'taken' : 'refused'}`);
		this.#count(next === null ? `refused: ${what}` : what);
		if (!judged.ok || next === null) return;
		if (this.#writes.length > 0 && this.#chance.below(6) === 0) {
			this.#losers.push({ n: this.#writes.length + 1, signed });
			return;
		}
		this.#model = next;
		this.#writes.push(signed);
		this.#states.push(judged.value.state);
		this.#compare(judged.value.state, next);
	}

	/** Whether the state is what the model says. */
	#compare(state: AccountState, model: Model): void {
		const said = textOf([
			state.material,
			state.factors,
			[state.policy.suffices, state.policy.sessionCap],
			[...state.removedDevices],
			[state.identities.length, state.isDeleted, state.heads.length]
		]);
		const meant = textOf([
			materialIn(model),
			model.factors.map(([fill, kind]) => factorOf(fill, kind)),
			[model.suffices, model.sessionCap],
			model.removed.map(deviceOf),
			[model.generation, model.isDeleted, this.#writes.length]
		]);
		this.#expect(said === meant, `the state is ${said}, and not ${meant}`);
	}

	/** A device reads the log, from the beginning or from what another one knew. */
	async #remember(): Promise<void> {
		const known = this.#chance.of(this.#memories);
		const upTo = 1 + this.#chance.below(this.#writes.length);
		const from = known !== undefined && known.writes.length <= upTo ? known : null;
		const rest = this.#writes.slice(from?.writes.length ?? 0, upTo);
		const replayed = await this.#code.replayAccountLog(rest, from?.state ?? null);
		this.#expect(replayed.ok, 'an honest log is refused');
		if (!replayed.ok) return;
		const isSame = textOf(replayed.value) === textOf(this.#states[upTo - 1]);
		this.#expect(isSame, 'a device and the edge disagree');
		const isHeadOnly = this.#chance.below(3) === 0;
		const writes = this.#writes.slice(0, upTo);
		this.#memories.push({ writes, state: replayed.value, isHeadOnly });
	}

	/** The edge shows something, to a device that remembers something. */
	async #lie(): Promise<void> {
		const memory = this.#chance.of(this.#memories);
		if (memory === undefined) return;
		const served = this.#served();
		const replayed = await this.#code.replayAccountLog(served);
		const isLog = this.#isLog(served);
		this.#expect(replayed.ok === isLog, `what nobody signed so is ${isLog ? 'refused' : 'taken'}`);
		this.#count(isLog ? 'shown a log' : 'shown what is none');
		if (!replayed.ok) return;
		const { knownHead, knownLog, accountHead, compareHeads } = this.#code;
		const known = memory.isHeadOnly ? knownHead(accountHead(memory.state)) : knownLog(memory.state);
		const found = compareHeads(known, knownLog(replayed.value));
		const meant = this.#relation(memory, served);
		this.#expect(found === meant, `what is ${meant} is called ${found}`);
		this.#count(`shown as ${found}`);
	}

	/** Byte by byte: what the rules must come to by hashes. */
	#relation({ writes, isHeadOnly }: Memory, served: readonly SignedAccountWrite[]): string {
		const common = Math.min(writes.length, served.length);
		const differs = writes.slice(0, common).some((own, index) => !sameWrite(own, served[index]!));
		if (served.length < writes.length) return differs && !isHeadOnly ? 'fork' : 'reverted';
		if (differs) return 'fork';
		return served.length > writes.length ? 'newer' : 'same';
	}

	#served(): SignedAccountWrite[] {
		const chance = this.#chance;
		const writes = [...this.#writes];
		const at = chance.below(writes.length);
		const loser = chance.of(this.#losers);
		switch (chance.below(10)) {
			case 0:
				return writes.slice(0, at);
			case 1:
				writes.splice(at, 1);
				return writes;
			case 2:
				writes.splice(at, 0, writes[chance.below(writes.length)]!);
				return writes;
			case 3: {
				const other = chance.below(writes.length);
				[writes[at], writes[other]] = [writes[other]!, writes[at]!];
				return writes;
			}
			case 4:
				writes[at] = this.#flipped(writes[at]!);
				return writes;
			case 5:
				writes[at] = { ...writes[at]!, signature: writes[chance.below(writes.length)]!.signature };
				return writes;
			case 6:
			case 7:
				return loser === undefined ? writes : [...writes.slice(0, loser.n - 1), loser.signed];
			case 8:
				// A fork that is joined again: what follows names the head of the other one.
				if (loser !== undefined && loser.n <= writes.length) writes[loser.n - 1] = loser.signed;
				return writes;
			default:
				return writes;
		}
	}

	#flipped({ write, signature }: SignedAccountWrite): SignedAccountWrite {
		const bytes = this.#chance.below(4) === 0 ? signature : write;
		const copy = bytes.slice();
		copy[this.#chance.below(copy.length)]! ^= 1 << this.#chance.below(8);
		return bytes === write ? { write: copy, signature } : { write, signature: copy };
	}

	/** Whether each of these was signed to stand where it stands, after those before it. */
	#isLog(served: readonly SignedAccountWrite[]): boolean {
		const differs = served.findIndex((write, index) => {
			const own = this.#writes[index];
			return own === undefined || !sameWrite(own, write);
		});
		if (differs < 0) return served.length > 0;
		const isLast = differs === served.length - 1;
		return (
			isLast &&
			this.#losers.some(({ n, signed }) => n === differs + 1 && sameWrite(signed, served[differs]!))
		);
	}

	/** Records that are in force, or that some write made once, or none. */
	#lieAboutRecords(): void {
		const [model, state] = [this.#model, this.#states.at(-1)];
		if (model === null || state === undefined) return;
		const chance = this.#chance;
		const { password, kit, passkeys, generation } = model;
		const keyslots = [
			keyslotOf('password', password, generation),
			keyslotOf('recovery', kit, generation),
			...passkeys.map((fill) => keyslotOf('passkey', fill, generation))
		];
		const at = chance.below(keyslots.length);
		const lies: readonly (readonly [boolean, () => void])[] = [
			[true, () => keyslots.reverse()],
			[false, () => keyslots.splice(at, 1)],
			[false, () => keyslots.push(keyslots[at]!)],
			[false, () => keyslots.push(keyslotOf('passkey', 9, generation))],
			[false, () => (keyslots[0] = keyslotOf('password', password + 1_000, generation))],
			[false, () => (keyslots[0] = keyslotOf('password', password, generation + 1))],
			[false, () => (keyslots[0] = keyslots[1]!)]
		];
		const [isTrue, lie] = chance.of(lies)!;
		lie();
		const isOld = chance.below(3) === 0;
		const registrationRecord = registrationRecordOf(isOld ? password + 1_000 : password);
		const judged = this.#code.judgeRecords(state, { registrationRecord, keyslots });
		const isMeant = isTrue && !isOld;
		this.#expect(
			judged.ok === isMeant,
			`records ${isMeant ? 'in force are refused' : 'are taken'}`
		);
		this.#count(isMeant ? 'records' : 'records lied about');
	}
}
