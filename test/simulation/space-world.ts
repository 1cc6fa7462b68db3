// A small world around a space or two: people with devices and tabs, readers of share links, a network
// that breaks, machines that crash, and an edge that is honest. First anything may happen
// (space-acts.ts, link-acts.ts), then everything is repaired and comes to rest, and then it must all be
// right (space-oracle.ts).
import type { Role } from '../../protocol/commit.ts';
import {
	idFromBytes,
	type AccountId,
	type ItemId,
	type SessionId,
	type SpaceId
} from '../../protocol/ids.ts';
import type { SimulatedPerson } from './cast.ts';
import { chanceOf } from './chance.ts';
import type { Weather } from './connection.ts';
import { EdgeWitness } from './edge-witness.ts';
import { LinkBoard, type SharedLink } from './link-board.ts';
import { LinkReader } from './link-reader.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { SimulatedEdge } from './simulated-edge.ts';
import type { Mark } from './simulated-profile.ts';
import { SimulatedTime } from './simulated-time.ts';
import type { Code } from './space-code.ts';
import { personOf } from './space-log.ts';
import { Place } from './space-place.ts';

export interface WorldOptions {
	readonly seed: number;
	readonly code: Code;
	readonly cast: readonly SimulatedPerson[];
	/** Called once there is a time: what the platform gives follows it. */
	readonly onTime: (time: SimulatedTime) => void;
}

const maxDevices = 8;
const restMs = 15_000;
const longestRecoveryMs = 30 * 60_000;
const beginningMs = 60_000;

export class SpaceWorld implements Weather {
	readonly time: SimulatedTime;
	readonly edge: SimulatedEdge;
	readonly tally = new Map<string, number>();
	readonly problems: string[] = [];
	readonly marks: Mark[] = [];
	readonly devices: SimulatedDevice[] = [];
	readonly places: Place[] = [];
	readonly links = new LinkBoard();
	readonly readers = new Set<LinkReader>();
	readonly people: readonly SimulatedPerson[];
	/** Whether somebody here may take all from everybody. */
	readonly mayDestroy: boolean;
	readonly #options: WorldOptions;
	/** Who goes by a renewed identity. */
	readonly #renewed = new Set<AccountId>();
	#isCalm = true;
	#ids = 0;

	constructor(options: WorldOptions) {
		this.#options = options;
		this.time = new SimulatedTime(chanceOf(options.seed));
		options.onTime(this.time);
		this.people = options.cast.slice(0, 2 + this.time.chance.below(3));
		this.mayDestroy = this.time.happens(0.15);
		this.edge = new SimulatedEdge(this, options.code.edge, (where, error) => {
			this.problem(`the edge threw in ${where}: ${String(error)}`);
		});
		this.edge.hear(
			new EdgeWitness({
				logOf: (space) => this.placeOf(space)?.log ?? [],
				links: this.links,
				hasEnded: (space, { session }) => this.edge.ended.has(`${space} ${session}`),
				nowMs: () => this.time.nowMs,
				problem: (what) => {
					this.problem(what);
				}
			})
		);
	}

	placeOf(space: SpaceId): Place | undefined {
		return this.places.find((place) => place.space === space);
	}

	tell(what: string, times = 1): void {
		this.tally.set(what, (this.tally.get(what) ?? 0) + times);
	}

	problem(what: string): void {
		this.problems.push(what);
	}

	breaks(): number {
		return this.#isCalm ? 0 : 0.004;
	}

	latencyMs(): number {
		return 1 + this.time.upTo(this.time.happens(0.05) ? 2_000 : 60);
	}

	/** Unique in this world, and the same in each run of it. */
	newId<Id extends ItemId | SessionId>(): Id {
		const bytes = new Uint8Array(16);
		new DataView(bytes.buffer).setUint32(0, ++this.#ids);
		return idFromBytes<Id>(bytes);
	}

	newMark(mark: Omit<Mark, 'name'>): Mark {
		const named = { ...mark, name: `«${String(this.marks.length)}»` };
		this.marks.push(named);
		return named;
	}

	get #line() {
		const { time, edge } = this;
		const losesCalls = (): number => (this.#isCalm ? 0 : 0.03);
		return { time, edge, losesCalls, latencyMs: () => this.latencyMs() };
	}

	#device(person: SimulatedPerson, index: number, only: Place | null = null): SimulatedDevice {
		const keys = person.devices[index];
		if (keys === undefined) throw new Error('nobody has so many devices');
		const device = new SimulatedDevice({
			...this.#line,
			...{ code: this.#options.code.client, keys, name: `${person.name}, device ${String(index)}` },
			known: () =>
				this.places
					.filter((place) => (only === null ? place.invited.has(person.account) : place === only))
					.map(({ named }) => named),
			newSession: () => this.newId<SessionId>(),
			newMark: (mark) => this.newMark(mark),
			skewMs: this.time.upTo(240_000) - 120_000,
			tell: (what) => {
				this.tell(what);
			},
			onError: (error) => {
				this.problem(String(error));
			}
		});
		if (this.#renewed.has(person.account)) this.#renew(person, index, device);
		return device;
	}

	/** The first person makes the spaces, on their first device. */
	async begin(): Promise<void> {
		const [maker] = this.people;
		if (maker === undefined) throw new Error('nobody is there');
		for (const [number, person] of this.people.entries()) {
			const left = maxDevices - this.devices.length - (this.people.length - number - 1);
			const count = 1 + this.time.chance.below(Math.min(3, left));
			for (let index = 0; index < count; index++) this.devices.push(this.#device(person, index));
		}
		const [first] = this.devices;
		const count = this.time.happens(0.3) ? 2 : 1;
		if (first !== undefined) void this.#make(first, count);
		const isMade = (): boolean =>
			this.places.length === count &&
			this.places.every(({ space }) => first?.tab?.spaces.get(space)?.sync.role === 'owner');
		await this.time.run(this.time.nowMs + beginningMs, isMade);
		if (!isMade()) throw new Error(`the spaces were not made: ${this.problems.join()}`);
		for (const place of this.places) place.invited.add(maker.account);
		for (const device of this.devices) {
			if (device !== first && device.account === maker.account) this.openTab(device);
		}
	}

	async #make(device: SimulatedDevice, count: number): Promise<void> {
		const tab = await device.openTab();
		while (this.places.length < count) {
			const named = await tab.make();
			this.places.push(new Place(named, this.edge.space(named.space)));
		}
	}

	openTab(device: SimulatedDevice): void {
		device.openTab().catch((error: unknown) => {
			this.problem(`a tab did not open: ${String(error)}`);
		});
	}

	/** Whoever is invited knows the space, and tries whether it opens yet. */
	invite(account: AccountId, place: Place): void {
		if (place.invited.has(account)) return;
		place.invited.add(account);
		for (const device of this.devices) {
			if (device.account !== account) continue;
			if (device.isRunning) device.enter(place.named);
			else this.openTab(device);
		}
	}

	isInvited({ account }: SimulatedDevice): boolean {
		return this.places.some((place) => place.invited.has(account));
	}

	/** As who somebody is let in. */
	identityOf({ account, identityEntry, renewed }: SimulatedPerson) {
		return this.#renewed.has(account)
			? { identityEntry: renewed.identityEntry, earlier: [identityEntry] }
			: { identityEntry, earlier: [] };
	}

	isRenewed(account: AccountId): boolean {
		return this.#renewed.has(account);
	}

	/** Whose new identity stands on a log: all their devices unlock to its keys from now on. */
	noteRenewals(): void {
		for (const person of this.people) {
			const { account, renewed } = person;
			const next = personOf(account, renewed.identityEntry);
			const isPinned = this.places.some(({ log }) => log.at(-1)?.persons.get(account) === next);
			if (isPinned && !this.#renewed.has(account)) this.#renewAll(person);
		}
	}

	#renewAll(person: SimulatedPerson): void {
		this.tell('identities renewed');
		this.#renewed.add(person.account);
		const own = this.devices.filter(({ account }) => account === person.account);
		for (const [index, device] of own.entries()) {
			this.#renew(person, index, device);
			if (this.isInvited(device)) this.openTab(device);
		}
	}

	#renew(person: SimulatedPerson, index: number, device: SimulatedDevice): void {
		const keys = person.renewed.devices[index];
		if (keys !== undefined) device.takeKeys(keys);
	}

	/** Somebody opens a link. */
	reader(link: SharedLink): LinkReader {
		const reader = new LinkReader({
			...this.#line,
			...{ code: this.#options.code.client, link },
			skewMs: this.time.upTo(240_000) - 120_000
		});
		this.readers.add(reader);
		return reader;
	}

	/** From now on things go wrong, or go wrong no more. */
	set isCalm(isCalm: boolean) {
		this.#isCalm = isCalm;
	}

	/** Repairs everything, and lets it come to rest. Whether it did. */
	async recover(): Promise<boolean> {
		this.isCalm = true;
		const untilMs = this.time.nowMs + longestRecoveryMs;
		for (const device of this.devices) {
			for (const tab of device.tabs) tab.crashWithin(Number.POSITIVE_INFINITY);
			device.goOnline();
			device.logInAgain();
		}
		for (const reader of this.readers) reader.goOnline();
		let restingMs = 0;
		let headSeq = -1;
		while (this.time.nowMs < untilMs) {
			this.noteRenewals();
			for (const device of this.devices) {
				if (!device.isRunning && this.isInvited(device)) this.openTab(device);
				device.retryNow();
			}
			await this.time.run(this.time.nowMs + 5_000);
			const now = this.places.reduce((sum, place) => sum + place.headSeq, 0);
			restingMs = now === headSeq && this.unrest.length === 0 ? restingMs + 5_000 : 0;
			headSeq = now;
			if (restingMs >= restMs) return true;
		}
		return false;
	}

	/** What has not come to rest yet. */
	get unrest(): readonly string[] {
		const closing = this.devices
			.flatMap(({ tabs }) => tabs)
			.flatMap(({ isClosing, name }) => (isClosing ? [`${name} does not close`] : []));
		return [...closing, ...this.places.flatMap((place) => place.unrestOf(this.devices))];
	}

	/** A device of an owner that has nothing but its keys, and follows the log from its beginning. */
	async witness(place: Place): Promise<SimulatedDevice> {
		const roles = place.log.at(-1)?.roles ?? new Map<AccountId, Role>();
		const owner = this.people.find(({ account }) => roles.get(account) === 'owner');
		if (owner === undefined) throw new Error('nobody owns the space');
		const device = this.#device(owner, owner.devices.length - 1, place);
		this.openTab(device);
		const isThere = (): boolean => device.tab?.spaces.get(place.space)?.sync.caughtUp === true;
		await this.time.run(this.time.nowMs + 120_000, isThere);
		if (!isThere()) this.problem('a new device does not catch up');
		return device;
	}
}
