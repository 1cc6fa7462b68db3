// One space of a world: its log at the edge, and who has to do with it.
import type { AdminIntent } from '../../client/admin-draft.ts';
import type { AccountId, SpaceId } from '../../protocol/ids.ts';
import type { ObjectHost } from './object-host.ts';
import type { SimulatedDevice } from './simulated-device.ts';
import type { SpaceObject } from './simulated-edge.ts';
import type { NamedSpace } from './simulated-tab.ts';
import { SeenLog, type Standing } from './space-log.ts';

interface Told {
	readonly account: AccountId;
	readonly intent: AdminIntent;
}

export class Place {
	readonly named: NamedSpace;
	readonly host: ObjectHost<SpaceObject>;
	/** Whose keyrings name it. */
	readonly invited = new Set<AccountId>();
	/** Administrative changes that were answered with success. */
	readonly done: Told[] = [];
	readonly #log: SeenLog;

	constructor(named: NamedSpace, host: ObjectHost<SpaceObject>) {
		this.named = named;
		this.host = host;
		this.#log = new SeenLog((seq) =>
			host.rows('SELECT seq, commit_bytes FROM commits WHERE seq > ? ORDER BY seq', seq)
		);
	}

	get space(): SpaceId {
		return this.named.space;
	}

	get log(): readonly Standing[] {
		return this.#log.standings;
	}

	get headSeq(): number {
		return this.log.length;
	}

	/** What has not come to rest yet. */
	unrestOf(devices: readonly SimulatedDevice[]): readonly string[] {
		return devices
			.filter(({ account }) => this.invited.has(account))
			.flatMap((device) => this.#unrestOf(device).map((what) => `${device.name} ${what}`));
	}

	#unrestOf(device: SimulatedDevice): readonly string[] {
		const { space } = this;
		const open = device.tab?.isLeading === true ? device.tab.spaces.get(space) : undefined;
		if (open === undefined) return [device.isRunning ? 'has nobody who syncs' : 'does not run'];
		const { sync } = open;
		const role = this.log.at(-1)?.roles.get(device.account) ?? null;
		if (sync.role !== role) return [`is ${String(sync.role)} and not ${String(role)}`];
		if (role === null) return [];
		const { status } = sync;
		const unrest = device.tabs.flatMap((tab) =>
			tab.spaces.get(space)?.sync.head.seq === this.headSeq ? [] : [`is behind in ${tab.name}`]
		);
		if (!sync.caughtUp) {
			unrest.push(`is not caught up (${String(status.problem)}, ${status.connection})`);
		}
		// An epoch that is owed is opened with the next page, and pages are sealed again after that.
		const isSealing = sync.epochStatus.resealing !== null && !sync.state.epochOwed;
		if (isSealing && role !== 'auditor') {
			unrest.push(`sees pages under old keys (${JSON.stringify(sync.epochStatus.resealing)})`);
		}
		if (role !== 'owner' && role !== 'editor') return unrest;
		const waiting = device.tabs.some(
			(tab) => (tab.spaces.get(space)?.sync.status.waiting ?? 0) > 0
		);
		if (waiting || sync.hasPending) unrest.push(`has ${String(status.waiting)} waiting`);
		return unrest;
	}
}
