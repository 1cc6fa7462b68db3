// The simulated edge: which objects a request passes through, in which order, and what each writes. The
// way is the one of worker/route.ts and durable-objects/; limits and the algorithm that keeps them are
// the project's own code.
import { arrive } from '../../durable-objects/gcra.ts';
import {
	forgottenAfterMs,
	networkRates,
	proofNonceTtlMs,
	snapshotEveryCommits,
	type NetworkRate
} from '../../durable-objects/limits.ts';
import { accessTokenTtlSeconds } from '../../protocol/limits.ts';
import { objectRequestsPerSecond } from '../prices.ts';
import { dayMs, type Assumptions } from './assumptions.ts';
import type { Chance } from './chance.ts';
import type { Costs } from './costs.ts';
import { Objects } from './objects.ts';
import type { Population } from './population.ts';

/** A client does not use a token that ends within this time. */
const tokenMarginMs = 30_000;
const tokenMs = accessTokenTtlSeconds * 1_000;
/** Assumed. */
const keyringCommits = 32;
const isKeyring = (space: number, people: number): boolean => space < 2 * people && space % 2 === 0;
const rateNames = Object.keys(networkRates) as NetworkRate[];

/** What could be built otherwise, to see what it would save. Left out: as it is. */
export interface Changes {
	/** Commits after which a space keeps a snapshot. */
	readonly snapshotEvery?: number;
	/** A Limiter writes down only what still counts after so long. */
	readonly limiterWritesBeyondMs?: number;
	/** Names are made without the Deployment object, where no handle has to be hashed. */
	readonly namesWithoutDeployment?: boolean;
	/** A device that has a session goes on with it when the page is unlocked, and does not log in anew. */
	readonly unlockByRefresh?: boolean;
}

export interface EdgeParts {
	readonly population: Population;
	readonly costs: Costs;
	readonly assumptions: Assumptions;
	readonly chance: Chance;
	readonly changes: Changes;
	readonly onLimiterAlarm: (atMs: number, network: number) => void;
	/** The edge closed this device's socket; the client comes back. */
	readonly onClosed: (nowMs: number, device: number, space: number) => void;
}

export class SimulatedEdge {
	readonly deployment: Objects;
	readonly limiters: Objects;
	readonly accounts: Objects;
	readonly spaces: Objects;
	workerRequests = 0;
	refused = 0;
	logins = 0;
	refreshes = 0;
	connects = 0;
	edits = 0;
	/** Frames that went out to whoever listens; they are free. */
	passedOn = 0;
	/** Sockets open at each hour's end. */
	readonly socketsByHour: number[] = [];
	#sockets = 0;
	readonly #parts: EdgeParts;
	readonly #arrivals: Float64Array;
	readonly #remembered: Uint8Array;
	/** Commits of each space behind its snapshot. */
	readonly #tails: Uint8Array;
	readonly #snapshotEvery: number;
	/** Objects that have fetched the server's keys since they woke. */
	readonly #spaceHasKeys: Uint8Array;
	readonly #accountHasKeys: Uint8Array;
	/** Of each device, when its token ends; of each space, the devices that listen and their tokens' ends. */
	readonly #tokenEndsMs: Float64Array;
	/** When each device was given the nonce that its proofs carry, and when each account woke. */
	readonly #nonceMs: Float64Array;
	readonly #accountWokeMs: Float64Array;
	readonly #listeners = new Map<number, Map<number, number>>();

	constructor(parts: EdgeParts) {
		this.#parts = parts;
		const { people, personOf, spaces, networks } = parts.population;
		const objects = (count: number) =>
			new Objects(count, parts.assumptions.idleBeforeHibernationMs);
		this.deployment = objects(1);
		this.limiters = objects(networks);
		this.accounts = objects(people);
		this.spaces = objects(spaces);
		this.#arrivals = new Float64Array(networks * rateNames.length);
		this.#remembered = new Uint8Array(networks);
		const { snapshotEvery = snapshotEveryCommits } = parts.changes;
		this.#snapshotEvery = snapshotEvery;
		// Keyrings have few commits; of what stands in other spaces, any part is behind the snapshot.
		this.#tails = Uint8Array.from({ length: spaces }, (_, space) =>
			parts.chance.below(isKeyring(space, people) ? keyringCommits : snapshotEvery)
		);
		this.#tokenEndsMs = new Float64Array(personOf.length);
		this.#nonceMs = new Float64Array(personOf.length).fill(-Infinity);
		this.#accountWokeMs = new Float64Array(people);
		this.#spaceHasKeys = new Uint8Array(spaces);
		this.#accountHasKeys = new Uint8Array(people);
	}

	noteHour(): void {
		this.socketsByHour.push(this.#sockets);
	}

	/** Unlocking the page: a login, which ends the session before, and a socket for each space. */
	open(nowMs: number, device: number): boolean {
		return this.#parts.changes.unlockByRefresh === true
			? this.#goOn(nowMs, device)
			: this.#logIn(nowMs, device);
	}

	#goOn(nowMs: number, device: number): boolean {
		const person = this.#parts.population.personOf[device]!;
		this.#tokenEndsMs[device] = 0;
		return this.#parts.population.spacesOf[person]!.every((space) =>
			this.reconnect(nowMs, device, space)
		);
	}

	#logIn(nowMs: number, device: number): boolean {
		const person = this.#parts.population.personOf[device]!;
		const spaces = this.#parts.population.spacesOf[person]!;
		const { login, accountPerSpace, spacePerOpening, loginMs } = this.#parts.costs;
		for (let step = 0; step < 2; step++) {
			if (!this.#count(nowMs, person, 'login')) return false;
			this.#askAccount(nowMs, person, { needsKeys: true, workMs: loginMs / 2 });
		}
		this.logins += 1;
		this.accounts.rows(login.rowsRead, login.rowsWritten);
		this.accounts.sums.alarmsSet += login.alarmsSet;
		this.#tokenEndsMs[device] = nowMs + tokenMs;
		this.#nonceMs[device] = nowMs;
		for (const space of spaces) {
			this.#endSession(nowMs, space);
			this.spaces.rows(spacePerOpening.rowsRead, spacePerOpening.rowsWritten);
			this.accounts.rows(accountPerSpace.rowsRead, accountPerSpace.rowsWritten);
			if (!this.#upgrade(nowMs, device, space)) return false;
		}
		return true;
	}

	/** A socket's end wakes its space, too. */
	close(nowMs: number, device: number): void {
		const person = this.#parts.population.personOf[device]!;
		for (const space of this.#parts.population.spacesOf[person]!) {
			if (!this.#drop(device, space)) continue;
			this.#wakeSpace(this.spaces.touch(space, nowMs), space);
		}
	}

	/** A socket of a session that has opened the space before; with a new token if that is needed. */
	reconnect(nowMs: number, device: number, space: number): boolean {
		if (this.#tokenEndsMs[device]! - tokenMarginMs <= nowMs && !this.#refresh(nowMs, device)) {
			return false;
		}
		const { accountPerConnect, spacePerConnect } = this.#parts.costs;
		this.accounts.rows(accountPerConnect.rowsRead, accountPerConnect.rowsWritten);
		this.spaces.rows(spacePerConnect.rowsRead, spacePerConnect.rowsWritten);
		return this.#upgrade(nowMs, device, space);
	}

	edit(nowMs: number, device: number, space: number): void {
		const listeners = this.#listeners.get(space);
		const endsMs = listeners?.get(device);
		if (listeners === undefined || endsMs === undefined) return;
		if (endsMs <= nowMs) {
			// The frame is answered by the end of the socket: the client comes back and sends it again.
			this.#frame(nowMs, space, 0);
			this.#drop(device, space);
			if (!this.reconnect(nowMs, device, space)) return;
		}
		const { edit, editMs, listenerMs } = this.#parts.costs;
		this.#frame(nowMs, space, editMs + listenerMs * (listeners.size - 1));
		const snapshots = 1 / this.#snapshotEvery - 1 / snapshotEveryCommits;
		this.spaces.rows(edit.rowsRead, edit.rowsWritten + snapshots);
		this.#tails[space] = (this.#tails[space]! + 1) % this.#snapshotEvery;
		this.edits += 1;
		this.#passOn(nowMs, device, space);
	}

	beat(nowMs: number, device: number, space: number): void {
		this.#frame(nowMs, space, this.#parts.costs.listenerMs);
		this.spaces.rows(2, 1);
		this.#passOn(nowMs, device, space);
	}

	/** A Limiter wakes itself: it forgets its network, or looks again later. */
	ring(nowMs: number, network: number): void {
		this.#wakeLimiter(this.limiters.ask(network, nowMs, 'alarms', 0));
		const first = network * rateNames.length;
		const latestMs = Math.max(...this.#arrivals.subarray(first, first + rateNames.length));
		if (latestMs > nowMs) this.#setAlarm(latestMs, network);
		else {
			this.#arrivals.fill(0, first, first + rateNames.length);
			this.#remembered[network] = 0;
		}
	}

	/** The session before is ended in each space: a call, which writes nothing. */
	#endSession(nowMs: number, space: number): void {
		this.#wakeSpace(this.spaces.ask(space, nowMs, 'requests', 0), space);
	}

	#passOn(nowMs: number, device: number, space: number): void {
		for (const [other, endsMs] of this.#listeners.get(space) ?? []) {
			if (other === device) continue;
			if (endsMs > nowMs) this.passedOn += 1;
			else {
				this.#drop(other, space);
				this.#parts.onClosed(nowMs, other, space);
			}
		}
	}

	/** Every request of a client: the Worker asks for names, and takes it off the network's limit. */
	#count(nowMs: number, person: number, rate: NetworkRate): boolean {
		this.workerRequests += 1;
		const isByHandle = rate === 'login' || rate === 'registration' || rate === 'lookup';
		if (isByHandle || this.#parts.changes.namesWithoutDeployment !== true) {
			this.#askDeployment(nowMs);
		}
		const network = this.#parts.population.networkOf[person]!;
		this.#wakeLimiter(this.limiters.ask(network, nowMs, 'requests', this.#parts.costs.takeMs));
		const place = network * rateNames.length + rateNames.indexOf(rate);
		const arrival = arrive(networkRates[rate], this.#arrivals[place] || undefined, nowMs);
		if (!arrival.allowed) {
			this.refused += 1;
			return false;
		}
		this.#arrivals[place] = arrival.arrivalMs;
		const { limiterWritesBeyondMs = forgottenAfterMs } = this.#parts.changes;
		if (arrival.arrivalMs - nowMs <= limiterWritesBeyondMs) return true;
		this.limiters.rows(0, 1);
		if (this.#remembered[network] === 0) {
			this.#remembered[network] = 1;
			this.limiters.rows(0, this.#parts.costs.limiterSchemaRows);
			this.#setAlarm(arrival.arrivalMs, network);
		}
		return true;
	}

	#setAlarm(atMs: number, network: number): void {
		this.limiters.sums.alarmsSet += 1;
		if (atMs < dayMs) this.#parts.onLimiterAlarm(atMs, network);
	}

	#askDeployment(nowMs: number): void {
		const serviceMs = 1_000 / objectRequestsPerSecond.passing;
		const wasAsleep = this.deployment.ask(0, nowMs, 'requests', serviceMs);
		if (wasAsleep) this.deployment.rows(this.#parts.costs.wakeRowsRead.deployment, 0);
	}

	#askAccount(
		nowMs: number,
		person: number,
		how: { readonly needsKeys: boolean; readonly workMs: number }
	): void {
		const wasAsleep = this.accounts.ask(person, nowMs, 'requests', how.workMs);
		if (wasAsleep) {
			this.#accountWokeMs[person] = nowMs;
			this.#accountHasKeys[person] = 0;
			this.accounts.rows(this.#parts.costs.wakeRowsRead.account, 0);
		}
		if (!how.needsKeys || this.#accountHasKeys[person] === 1) return;
		this.#accountHasKeys[person] = 1;
		this.#askDeployment(nowMs);
	}

	#refresh(nowMs: number, device: number): boolean {
		const person = this.#parts.population.personOf[device]!;
		if (!this.#count(nowMs, person, 'session')) return false;
		const { refresh, refreshMs } = this.#parts.costs;
		if (!this.#hasNonce(nowMs, device)) {
			this.#askAccount(nowMs, person, { needsKeys: true, workMs: 0 });
			if (!this.#count(nowMs, person, 'session')) return false;
		}
		this.#nonceMs[device] = nowMs;
		this.#askAccount(nowMs, person, { needsKeys: true, workMs: refreshMs });
		this.accounts.rows(refresh.rowsRead, refresh.rowsWritten);
		this.#tokenEndsMs[device] = nowMs + tokenMs;
		this.refreshes += 1;
		return true;
	}

	/** A space that was asleep has no keys to verify the token with, and asks for them. */
	#upgrade(nowMs: number, device: number, space: number): boolean {
		const person = this.#parts.population.personOf[device]!;
		if (!this.#count(nowMs, person, 'socket')) return false;
		const { connectMs, framesPerConnect } = this.#parts.costs;
		this.#wakeSpace(this.spaces.ask(space, nowMs, 'requests', connectMs), space);
		if (this.#spaceHasKeys[space] === 0) {
			this.#spaceHasKeys[space] = 1;
			this.#askDeployment(nowMs);
		}
		const hadNonce = this.#hasNonce(nowMs, device);
		this.#askAccount(nowMs, person, { needsKeys: false, workMs: 0 });
		if (!hadNonce) {
			// Closed with the nonce, and opened again with it.
			if (!this.#count(nowMs, person, 'socket')) return false;
			this.#wakeSpace(this.spaces.ask(space, nowMs, 'requests', 0), space);
			this.#askAccount(nowMs, person, { needsKeys: false, workMs: 0 });
			this.#nonceMs[device] = nowMs;
		}
		for (let left = framesPerConnect; left > 0; left--) this.#frame(nowMs, space, 0);
		const listeners = this.#listeners.get(space) ?? new Map<number, number>();
		if (!listeners.has(device)) this.#sockets += 1;
		listeners.set(device, this.#tokenEndsMs[device]!);
		this.#listeners.set(space, listeners);
		this.connects += 1;
		return true;
	}

	/** Whether the account that judges the next proof has not slept, or changed its nonce, since. */
	#hasNonce(nowMs: number, device: number): boolean {
		const person = this.#parts.population.personOf[device]!;
		const givenMs = this.#nonceMs[device]!;
		const isAsleep = this.accounts.isAsleep(person, nowMs);
		return (
			!isAsleep && givenMs >= this.#accountWokeMs[person]! && nowMs < givenMs + proofNonceTtlMs
		);
	}

	#frame(nowMs: number, space: number, workMs: number): void {
		this.#wakeSpace(this.spaces.ask(space, nowMs, 'frames', workMs), space);
	}

	#wakeSpace(wasAsleep: boolean, space: number): void {
		if (!wasAsleep) return;
		this.#spaceHasKeys[space] = 0;
		const { wakeRowsRead, rowsReadPerTailCommit } = this.#parts.costs;
		this.spaces.rows(wakeRowsRead.space + rowsReadPerTailCommit * this.#tails[space]!, 0);
	}

	#wakeLimiter(wasAsleep: boolean): void {
		if (wasAsleep) this.limiters.rows(this.#parts.costs.wakeRowsRead.limiter, 0);
	}

	#drop(device: number, space: number): boolean {
		const listeners = this.#listeners.get(space);
		if (listeners?.delete(device) !== true) return false;
		this.#sockets -= 1;
		if (listeners.size === 0) this.#listeners.delete(space);
		return true;
	}
}
