// A space under a lying edge, moved by a seeded source of chance: honest devices, a member who signs
// anything, a thief with one member's first key, and an edge that forks, replays, reorders and
// withholds. The rules are the real ones. Signatures are not: whoever signs puts the bytes into a
// table, and a proof is good when its key, message and signature stand there.
import { adding, Chain, type Person } from '../crypto/log-fixture.ts';
import type { Identity } from '../../crypto/identity.ts';
import { identityProof } from '../../crypto/identity.ts';
import {
	judge,
	parseEntry,
	type Judged,
	type ParsedEntry,
	type RuleFault
} from '../../crypto/log-rules.ts';
import { countKey, encodeLogState, type LogState } from '../../crypto/log-state.ts';
import { sha256 } from '../../crypto/hash.ts';
import type { Proof } from '../../crypto/signature.ts';
import { equalBytes, toHex } from '../../protocol/bytes.ts';
import { encodeCommit, type Commit } from '../../protocol/commit.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { commitSigningInput } from '../../protocol/labels.ts';
import { err, type Result } from '../../protocol/result.ts';
import { chanceOf, type Chance } from './chance.ts';
import { colludingAdmin, honestPlan, pageOf, roleFor, type Crowd } from './log-plans.ts';
import { Witness } from './log-witness.ts';

interface Device {
	readonly person: Person;
	readonly id: DeviceId;
	readonly chain: Chain;
	readonly witness: Witness;
	/** Hashes of what this device has signed: only these may stand under its counts. */
	readonly signed: Set<string>;
	pending: ParsedEntry | null;
	branch: number;
	fault: RuleFault | 'copy' | null;
}

/** What an honest author knew when they signed. */
export interface Intent {
	readonly seq: number;
	readonly head: Uint8Array;
}

export class LogWorld {
	readonly tally = new Map<string, number>();
	readonly #chance: Chance;
	readonly #people: readonly Person[];
	readonly #crowd: Crowd;
	readonly #colluder: Person;
	readonly #devices: Device[] = [];
	readonly #branches: Chain[] = [];
	readonly #pool: ParsedEntry[] = [];
	readonly #signatures = new Set<string>();
	readonly #intents = new Map<string, Intent>();
	readonly #stateAtHead = new Map<string, Uint8Array>();

	/** The first makes the space, the second co-owns it, the last colludes; others are of any kind. */
	constructor(seed: number, people: readonly Person[]) {
		this.#chance = chanceOf(seed);
		this.#people = people;
		this.#colluder = people.at(-1)!;
		const links = new Set(people.slice(3, -1).filter(() => this.#chance.next() < 0.5));
		const kindOf = (person: Person) => (links.has(person) ? ('link' as const) : 'person');
		this.#crowd = { people, kindOf };
		for (const { identity, renewed } of people) {
			for (const proof of [identityProof(identity), identityProof(renewed)]) this.#note(proof);
		}
		const [creator] = people;
		const edge = new Chain(creator!);
		const first = this.#sign(
			edge.firstCommit({ audit: this.#chance.next() < 0.5 }),
			creator!.identity
		);
		this.#append(edge, first);
		const changes = people.slice(1).map((person, index) => {
			const kind = kindOf(person);
			const rules = index === 0 || (person === this.#colluder && this.#chance.next() < 0.3);
			return adding(person, rules ? 'owner' : roleFor(kind, this.#chance), kind);
		});
		this.#append(edge, this.#sign(edge.change(creator!, changes), creator!.identity));
		this.#branches.push(edge);
		for (const person of people.slice(0, -1)) {
			const ids = this.#chance.next() < 0.5 ? [person.device] : [person.device, person.phone];
			for (const id of ids) this.#devices.push(this.#newDevice(person, id, edge));
		}
	}

	#newDevice(person: Person, id: DeviceId, edge: Chain): Device {
		const chain = new Chain(edge.creator, edge.genesis);
		const device: Device = {
			...{ person, id, chain, witness: new Witness(), signed: new Set<string>() },
			...{ pending: null, branch: 0, fault: null }
		};
		const creates = edge.entries.filter(({ parsed }) => parsed.device === id);
		for (const entry of creates) device.signed.add(toHex(entry.hash));
		for (const entry of edge.entries) this.#receive(device, entry);
		return device;
	}

	#count(what: string): void {
		this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
	}

	#note({ publicKey, message, signature }: Proof): void {
		this.#signatures.add(`${toHex(publicKey)} ${toHex(sha256(message))} ${toHex(signature)}`);
	}

	#isSigned({ publicKey, message, signature }: Proof): boolean {
		const row = `${toHex(publicKey)} ${toHex(sha256(message))} ${toHex(signature)}`;
		return this.#signatures.has(row);
	}

	#sign(commit: Commit, identity: Identity): ParsedEntry {
		const bytes = encodeCommit(commit);
		const { signingKey } = identity.entry.body;
		const digest = sha256(Uint8Array.from([...signingKey, ...bytes]));
		const signature = Uint8Array.from([...digest, ...digest]);
		this.#note({ publicKey: signingKey, message: commitSigningInput(bytes), signature });
		const entry = parseEntry({ commit: bytes, signature });
		if (!entry.ok) throw new Error(`a commit of the simulation is ${entry.error}`);
		return entry.value;
	}

	#judge(chain: Chain, entry: ParsedEntry): Result<Judged, RuleFault> {
		const judged = judge(chain.state, chain, entry);
		const signed = judged.ok && judged.value.proofs.every((proof) => this.#isSigned(proof));
		return judged.ok && !signed ? err('signature_invalid') : judged;
	}

	/** The edge appends what the rules let pass: anything else would be refused on sight. */
	#append(branch: Chain, entry: ParsedEntry): RuleFault | null {
		const judged = this.#judge(branch, entry);
		if (judged.ok) branch.put(entry, judged.value);
		else this.#count(`refused ${judged.error}`);
		return judged.ok ? null : judged.error;
	}

	#receive(device: Device, entry: ParsedEntry): void {
		const { chain } = device;
		const judged = this.#judge(chain, entry);
		if (!judged.ok) {
			device.fault = judged.error;
			this.#count(`fault ${judged.error}`);
			return;
		}
		const own = entry.parsed.author === device.person.account && entry.parsed.device === device.id;
		if (own && !device.signed.has(toHex(entry.hash))) {
			device.fault = 'copy';
			this.#count('fault copy');
			return;
		}
		chain.put(entry, judged.value);
		device.witness.see(entry, chain, this.#intents.get(toHex(entry.hash)));
		this.#compare(chain.state);
		for (const what of device.witness.happened) this.#count(what);
	}

	/** All who hold one head hold one state; looked at in every fourth place, for speed. */
	#compare(state: LogState): void {
		if (state.head.seq % 4 !== 0) return;
		const head = toHex(state.head.hash);
		const bytes = encodeLogState(state);
		const known = this.#stateAtHead.get(head) ?? bytes;
		if (!equalBytes(known, bytes)) throw new Error(`two states at head ${head}`);
		this.#stateAtHead.set(head, known);
	}

	/** What an honest person would do now on this device, signed; null if there is nothing. */
	#form(device: Device): ParsedEntry | null {
		const { person, chain, id } = device;
		const member = chain.state.members.get(person.account);
		if (device.fault !== null || member === undefined) return null;
		const fields = honestPlan(chain, person, this.#crowd, this.#chance);
		if (fields === null) return null;
		const commit = chain.draft(person, { ...fields, device: id, identity: member.identity });
		const entry = this.#sign(commit, member.identity);
		device.signed.add(toHex(entry.hash));
		this.#intents.set(
			toHex(entry.hash),
			chain.state.head.seq === 0
				? { seq: 0, head: chain.headAt(0)! }
				: { seq: chain.state.head.seq, head: chain.state.head.hash }
		);
		return entry;
	}

	#write(device: Device): void {
		const { pending, chain } = device;
		if (pending !== null) {
			const { author, device: id, count } = pending.parsed;
			const taken = (chain.state.counts.get(countKey(author, id)) ?? 0) >= count;
			if (!taken && this.#judge(chain, pending).ok) return;
			device.pending = null;
		}
		const entry = this.#form(device);
		if (entry === null) return;
		device.pending = entry;
		this.#pool.push(entry);
		if (this.#chance.next() < 0.6) this.#append(this.#branches[device.branch]!, entry);
	}

	#pull(device: Device): void {
		const next = this.#branches[device.branch]?.entries[device.chain.state.head.seq];
		if (device.fault === null && next !== undefined) this.#receive(device, next);
	}

	#fork(): void {
		const source = this.#chance.of(this.#branches)!;
		const length = Math.max(2, source.entries.length - this.#chance.below(4));
		const branch = new Chain(source.creator, source.genesis);
		for (const entry of source.entries.slice(0, length)) branch.offer(entry);
		this.#branches.push(branch);
		this.#count('forks');
	}

	/** The colluder signs what they like, in their own name, in others', or with the stolen key. */
	#collude(): void {
		const chance = this.#chance;
		const branch = chance.of(this.#branches)!;
		const { state } = branch;
		const me = this.#colluder;
		const victim = chance.of(this.#people)!;
		const back = Math.max(0, state.head.seq - chance.below(4));
		const seen = { seq: back, hash: branch.headAt(back)! };
		const stolen = chance.next() < 0.2 ? this.#people[2]! : me;
		const named = chance.next() < 0.15 ? victim : stolen;
		const pinned = state.members.get(named.account)?.identity ?? named.identity;
		const identity = chance.next() < 0.7 ? pinned : stolen.identity;
		const admin = colludingAdmin(branch, { me, named, victim }, this.#crowd, chance);
		const epoch = Math.max(
			1,
			(admin?.epoch?.number ?? state.openEpoch) - (chance.next() < 0.3 ? 1 : 0)
		);
		const pages = admin === null || chance.next() < 0.4 ? [pageOf(epoch, chance)] : [];
		const ids = [me.device, stolen.device, stolen.phone];
		const draft = branch.draft(named, { admin, pages, seen, identity, device: chance.of(ids)! });
		const count = Math.max(1, draft.count - (chance.next() < 0.2 ? 1 : 0));
		const entry = this.#sign(
			{ ...draft, count },
			stolen === me && named !== me ? me.identity : stolen.identity
		);
		this.#pool.push(entry);
		const fault = this.#append(branch, entry);
		this.#count(fault === null ? 'colluder’s entry taken' : 'colluder’s entry refused');
	}

	step(): void {
		const chance = this.#chance;
		const device = chance.of(this.#devices)!;
		const what = chance.next();
		if (what < 0.22) this.#write(device);
		else if (what < 0.62) this.#pull(device);
		else if (what < 0.66 && this.#branches.length < 4) this.#fork();
		else if (what < 0.7) device.branch = chance.below(this.#branches.length);
		else if (what < 0.8) {
			const late = chance.of(this.#pool);
			if (late !== undefined) this.#append(chance.of(this.#branches)!, late);
		} else if (what < 0.85) {
			const branch = chance.of(this.#branches)!;
			if (this.#append(branch, chance.of(branch.entries)!) === null) throw new Error('replayed');
			this.#count('replays refused');
		} else this.#collude();
	}

	/** One honest edge, nobody who lies: every commit formed at the head must be taken by all. */
	honestStep(): void {
		const device = this.#chance.of(this.#devices)!;
		const [edge] = this.#branches;
		while (device.chain.state.head.seq < edge!.state.head.seq) this.#pull(device);
		if (device.fault !== null) throw new Error(`honest device: ${device.fault}`);
		const entry = this.#form(device);
		if (entry === null) return;
		const fault = this.#append(edge!, entry);
		if (fault !== null) throw new Error(`honest commit refused: ${fault}`);
		this.#count('honest commits');
	}

	/** Everybody honest follows one honest edge to its head, and holds there what it holds. */
	settle(): void {
		const [edge] = this.#branches;
		const held = encodeLogState(edge!.state);
		for (const device of this.#devices) {
			while (device.fault === null && device.chain.state.head.seq < edge!.state.head.seq) {
				this.#pull(device);
			}
			const same = equalBytes(encodeLogState(device.chain.state), held);
			if (device.fault !== null || !same) throw new Error(`left behind: ${String(device.fault)}`);
		}
	}
}
