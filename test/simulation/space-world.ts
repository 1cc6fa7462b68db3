// A small world around one space: people with devices, a network that breaks, machines that crash,
// and an edge that is honest. First anything may happen, then everything is repaired and comes to
// rest, and then it must all be right (space-oracle.ts).
import type { AdminIntent } from '../../client/admin-draft.ts';
import type { NewSpace } from '../../client/crypto-port.ts';
import { roles, type Role } from '../../protocol/commit.ts';
import { idFromBytes, type AccountId, type ItemId, type SessionId } from '../../protocol/ids.ts';
import type { SimulatedPerson } from './cast.ts';
import { chanceOf } from './chance.ts';
import type { Weather } from './connection.ts';
import { SimulatedDevice, type Mark } from './simulated-device.ts';
import { SimulatedEdge } from './simulated-edge.ts';
import { SimulatedTime } from './simulated-time.ts';
import type { Code } from './space-code.ts';
import { readLog, type Standing } from './space-log.ts';

export interface WorldOptions {
	readonly seed: number;
	readonly code: Code;
	readonly cast: readonly SimulatedPerson[];
	/** Called once there is a time: what the platform gives follows it. */
	readonly onTime: (time: SimulatedTime) => void;
}

interface Told {
	readonly account: AccountId;
	readonly intent: AdminIntent;
}

const dayMs = 86_400_000;
const betweenActionsMs = 1_500;
const maxDevices = 8;
const restMs = 15_000;
const longestRecoveryMs = 30 * 60_000;

export class SpaceWorld implements Weather {
	readonly time: SimulatedTime;
	readonly edge: SimulatedEdge;
	readonly tally = new Map<string, number>();
	readonly problems: string[] = [];
	readonly marks: Mark[] = [];
	/** Administrative changes that were answered with success. */
	readonly done: Told[] = [];
	readonly devices: SimulatedDevice[] = [];
	readonly people: readonly SimulatedPerson[];
	readonly #options: WorldOptions;
	readonly #identities: ReadonlyMap<AccountId, Uint8Array>;
	#space: NewSpace | null = null;
	readonly #invited = new Set<AccountId>();
	#isCalm = true;
	#items = 0;
	#sessions = 0;

	constructor(options: WorldOptions) {
		this.#options = options;
		this.time = new SimulatedTime(chanceOf(options.seed));
		options.onTime(this.time);
		this.people = options.cast.slice(0, 2 + this.time.chance.below(3));
		this.#identities = new Map(
			this.people.map(({ account, identityEntry }) => [account, identityEntry])
		);
		this.edge = new SimulatedEdge(this, options.code.edge, (where, error) => {
			this.problem(`the edge threw in ${where}: ${String(error)}`);
		});
	}

	get space(): NewSpace {
		if (this.#space === null) throw new Error('the space was not made yet');
		return this.#space;
	}

	get host() {
		return this.edge.space(this.space.space);
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

	get #running(): readonly SimulatedDevice[] {
		return this.devices.filter((device) => device.isRunning);
	}

	#device(person: SimulatedPerson, index: number): SimulatedDevice {
		const keys = person.devices[index];
		if (keys === undefined) throw new Error('nobody has so many devices');
		return new SimulatedDevice({
			...{ time: this.time, edge: this.edge, code: this.#options.code.client, keys },
			space: this.space,
			newSession: () => this.#newSession(),
			name: `${person.name}, device ${String(index)}`,
			skewMs: this.time.upTo(240_000) - 120_000,
			latencyMs: () => this.latencyMs(),
			tell: (what) => {
				this.tell(what);
			},
			onError: (error) => {
				this.problem(String(error));
			}
		});
	}

	#newSession(): SessionId {
		const bytes = new Uint8Array(16);
		new DataView(bytes.buffer).setUint32(0, ++this.#sessions);
		return idFromBytes<SessionId>(bytes);
	}

	/** The first person makes the space on their first device. */
	async begin(newSpace: (person: SimulatedPerson) => Promise<NewSpace>): Promise<void> {
		const [maker] = this.people;
		if (maker === undefined) throw new Error('nobody is there');
		void newSpace(maker).then((made) => {
			this.#space = made;
		});
		await this.time.run(this.time.nowMs + 60_000, () => this.#space !== null);
		for (const [number, person] of this.people.entries()) {
			const most = Math.min(
				3,
				maxDevices - this.devices.length - (this.people.length - number - 1)
			);
			const count = 1 + this.time.chance.below(most);
			for (let index = 0; index < count; index++) this.devices.push(this.#device(person, index));
		}
		const [first] = this.devices;
		this.#start(first, this.space);
		await this.time.run(this.time.nowMs + 60_000, () => first?.sync?.role === 'owner');
		if (first?.sync?.role !== 'owner')
			throw new Error(
				`the space was not made: ${JSON.stringify(first?.sync?.status)} ${this.problems.join()}`
			);
		for (const device of this.devices) {
			if (device !== first && device.account === maker.account) this.#start(device);
		}
	}

	#start(device: SimulatedDevice | undefined, own: NewSpace | null = null): void {
		device?.start(own).catch((error: unknown) => {
			this.problem(`a device did not start: ${String(error)}`);
		});
	}

	/** Anything may happen, `actions` times. */
	async live(actions: number): Promise<void> {
		this.#isCalm = false;
		for (let action = 0; action < actions; action++) {
			await this.time.run(this.time.nowMs + this.time.upTo(betweenActionsMs));
			this.#act();
		}
	}

	#act(): void {
		const acts: readonly (readonly [number, () => void])[] = [
			[
				34,
				() => {
					this.#write();
				}
			],
			[
				12,
				() => {
					this.#putAway();
				}
			],
			[
				16,
				() => {
					this.#administer();
				}
			],
			[
				7,
				() => {
					this.#meetNetwork();
				}
			],
			[
				5,
				() => {
					this.#crashDevice();
				}
			],
			[
				6,
				() => {
					this.#startAgain();
				}
			],
			[
				6,
				() => {
					this.#troubleEdge();
				}
			],
			[
				3,
				() => {
					this.#shareHead();
				}
			],
			[
				2,
				() => {
					this.#endSession();
				}
			],
			[
				2,
				() => {
					this.#sleep();
				}
			],
			[
				4,
				() => {
					this.#lookAgain();
				}
			]
		];
		let left = this.time.chance.below(acts.reduce((sum, [weight]) => sum + weight, 0));
		for (const [weight, act] of acts) {
			left -= weight;
			if (left < 0) return act();
		}
	}

	get #writer(): SimulatedDevice | undefined {
		const able = this.#running.filter((device) => device.mayEdit && !device.isWriting);
		return this.time.chance.of(able);
	}

	#mark(item: string, kind: Mark['kind']): Mark {
		const mark = { name: `«${String(this.marks.length)}»`, item, kind };
		this.marks.push(mark);
		return mark;
	}

	#write(): void {
		const device = this.#writer;
		if (device?.items == null) return;
		const item = this.time.chance.of(device.items.list.map(({ id }) => id));
		if (item === undefined || this.time.happens(0.35)) this.#create(device);
		else this.#edit(device, item);
	}

	#create(device: SimulatedDevice): void {
		const bytes = new Uint8Array(16);
		new DataView(bytes.buffer).setUint32(0, ++this.#items);
		const item = idFromBytes<ItemId>(bytes);
		const mark = this.#mark(item, 'create');
		// Some notes are long, so that pages differ in size.
		const body = this.time.happens(0.1) ? 'x'.repeat(this.time.upTo(40_000)) : '';
		const seed = { createdAtMs: this.time.nowMs, title: mark.name, body, path: null };
		void device.write(mark, [{ type: 'seed', item, seed }]);
	}

	#edit(device: SimulatedDevice, item: ItemId): void {
		const mark = this.#mark(item, 'edit');
		const open = device.items?.open(item, {
			save: async (changes) => {
				await device.write(mark, changes);
				return { ok: true, value: undefined };
			}
		});
		open?.body.insert(0, mark.name);
		void open?.close();
	}

	#putAway(): void {
		const device = this.#writer;
		if (device?.items == null) return;
		const { list, trashed } = device.items;
		const kind = this.time.chance.of(['trash', 'restore', 'delete'] as const) ?? 'trash';
		const from = kind === 'trash' || (kind === 'delete' && trashed.length === 0) ? list : trashed;
		const item = this.time.chance.of(from.map(({ id }) => id));
		if (item === undefined) return;
		const mark = this.#mark(item, kind);
		const atMs = kind === 'trash' ? this.time.nowMs : null;
		const change =
			kind === 'delete'
				? ({ type: 'tombstone', item } as const)
				: device.items.trashChange(item, atMs);
		if (change !== null) void device.write(mark, [change]);
	}

	#administer(): void {
		const able = this.#running.filter(({ sync }) => sync?.role != null);
		const owners = able.filter(({ sync }) => sync?.role === 'owner');
		const leaves = this.time.happens(0.08);
		const device = this.time.chance.of(leaves ? able : owners);
		const intent =
			device === undefined ? null : leaves ? ({ type: 'leave' } as const) : this.#intent(device);
		if (device === undefined || intent === null) return;
		void device.administer(intent).then((answer) => {
			this.tell(`${intent.type}: ${answer.ok ? 'done' : answer.error.code}`);
			if (answer.ok) this.done.push({ account: device.account, intent });
		});
		// Whoever is invited has the link, and tries whether it opens yet.
		if (intent.type !== 'add') return;
		this.#invited.add(intent.account);
		for (const joining of this.devices) {
			if (joining.account === intent.account && !joining.isRunning) this.#start(joining);
		}
	}

	#intent({ account: me, sync }: SimulatedDevice): AdminIntent | null {
		const { chance } = this.time;
		const members = sync?.members ?? new Map<AccountId, unknown>();
		const outside = this.people.filter(({ account }) => !members.has(account));
		const account = chance.of([...members.keys()]) ?? me;
		const role = chance.of(roles) ?? 'viewer';
		const newcomer = chance.of(outside);
		if (newcomer !== undefined && chance.next() < 0.6) {
			const identityEntry = this.#identities.get(newcomer.account) ?? new Uint8Array();
			return { type: 'add', account: newcomer.account, role, kind: 'person', identityEntry };
		}
		const which = chance.below(10);
		if (which < 5) return { type: 'change_role', account, role };
		if (which < 7) return { type: 'remove', account };
		if (which < 9) return { type: 'rotate' };
		const retentionDays = 1 + chance.below(60);
		const settings = {
			retentionDays,
			defaultExpiryDays: null,
			linksAllowed: chance.below(2) === 0
		};
		return { type: 'settings', settings };
	}

	#meetNetwork(): void {
		const device = this.time.chance.of(this.devices);
		if (device === undefined) return;
		if (!device.isOnline) device.goOnline();
		else if (this.time.happens(0.5)) {
			this.tell('spells offline');
			device.goOffline();
		} else {
			this.tell('connections cut');
			device.cut();
		}
	}

	#crashDevice(): void {
		this.time.chance.of(this.#running)?.crashWithin(1 + this.time.chance.below(12));
	}

	#wasInvited({ account }: SimulatedDevice): boolean {
		return account === this.people[0]?.account || this.#invited.has(account);
	}

	#startAgain(): void {
		for (const device of this.devices) {
			if (!device.isRunning && this.#wasInvited(device)) this.#start(device);
		}
	}

	#troubleEdge(): void {
		if (this.time.happens(0.6)) {
			this.tell(this.host.isIdle ? 'spaces crashed at rest' : 'spaces crashed at work');
			this.host.crash();
		} else if (this.host.isIdle) {
			this.tell('spaces put to sleep');
			this.host.sleep();
		}
	}

	/** One device tells another of the same account how far it has verified, as the keyring does. */
	#shareHead(): void {
		const from = this.time.chance.of(this.#running);
		const to = this.time.chance.of(
			this.#running.filter((device) => device !== from && device.account === from?.account)
		);
		if (from?.sync == null || from.sync.head.seq === 0 || to === undefined) return;
		this.tell('heads told to another device');
		to.sync?.expect(from.sync.head);
	}

	#endSession(): void {
		const device = this.time.chance.of(this.#running);
		if (device === undefined) return;
		this.tell('sessions ended');
		device.logOut();
		this.time.after(this.time.upTo(20_000), () => {
			device.logInAgain();
		});
	}

	#sleep(): void {
		const spells = [0.02, 0.5, 2, 20, 100] as const;
		const days = this.time.chance.of(spells) ?? 1;
		this.tell(days > 90 ? 'months slept' : 'spells slept');
		this.time.sleep(Math.ceil(days * dayMs));
		if (this.time.happens(0.5)) this.#shareHead();
	}

	#lookAgain(): void {
		this.time.chance.of(this.#running)?.sync?.retryNow();
		this.time.chance.of(this.#running)?.sync?.beatNow();
	}

	/** Repairs everything, and lets it come to rest. Whether it did. */
	async recover(): Promise<boolean> {
		this.#isCalm = true;
		const untilMs = this.time.nowMs + longestRecoveryMs;
		for (const device of this.devices) {
			device.crashWithin(Number.POSITIVE_INFINITY);
			device.goOnline();
			device.logInAgain();
		}
		let restingMs = 0;
		let seq = -1;
		while (this.time.nowMs < untilMs) {
			this.#startAgain();
			for (const { sync } of this.devices) sync?.retryNow();
			await this.time.run(this.time.nowMs + 5_000);
			const isAtRest = this.headSeq === seq && this.unrest.length === 0;
			restingMs = isAtRest ? restingMs + 5_000 : 0;
			seq = this.headSeq;
			if (restingMs >= restMs) return true;
		}
		return false;
	}

	get headSeq(): number {
		const [row] = this.host.rows('SELECT max(seq) AS seq FROM commits');
		return Number(row?.['seq'] ?? 0);
	}

	/** What has not come to rest yet. */
	get unrest(): readonly string[] {
		const now = this.log.at(-1)?.roles ?? new Map<AccountId, Role>();
		return this.devices.flatMap((device) =>
			this.#unrestOf(device, now).map((what) => `${device.name} ${what}`)
		);
	}

	get log(): readonly Standing[] {
		return readLog(this.host.rows('SELECT seq, commit_bytes FROM commits ORDER BY seq'));
	}

	/** There always is one. */
	get owner(): SimulatedPerson {
		const now = this.log.at(-1)?.roles;
		const owner = this.people.find(({ account }) => now?.get(account) === 'owner');
		if (owner === undefined) throw new Error('nobody owns the space');
		return owner;
	}

	#unrestOf(device: SimulatedDevice, roles: ReadonlyMap<AccountId, Role>): readonly string[] {
		const { sync } = device;
		if (sync === null) return this.#wasInvited(device) ? ['does not run'] : [];
		const role = roles.get(device.account) ?? null;
		if (sync.role !== role) return [`is ${String(sync.role)} and not ${String(role)}`];
		if (role === null) return [];
		const { status } = sync;
		const unrest: string[] = [];
		if (!sync.caughtUp)
			unrest.push(`is not caught up (${String(status.problem)}, ${status.connection})`);
		if (sync.head.seq !== this.headSeq) unrest.push(`is at ${String(sync.head.seq)}`);
		// An epoch that is owed is opened with the next page, and pages are sealed again after that.
		const isSealing = sync.epochStatus.resealing !== null && !sync.state.epochOwed;
		if (isSealing && sync.role !== 'auditor') {
			unrest.push(`sees pages under old keys (${JSON.stringify(sync.epochStatus.resealing)})`);
		}
		if (!device.mayEdit) return unrest;
		if (status.waiting > 0 || sync.hasPending) unrest.push(`has ${String(status.waiting)} waiting`);
		return unrest;
	}

	/** A device that has nothing but its keys, and follows the log from its beginning. */
	async witness(person: SimulatedPerson): Promise<SimulatedDevice> {
		const device = this.#device(person, person.devices.length - 1);
		this.#start(device);
		await this.time.run(this.time.nowMs + 120_000, () => device.sync?.caughtUp === true);
		if (device.sync?.caughtUp !== true) this.problem('a new device does not catch up');
		return device;
	}
}
