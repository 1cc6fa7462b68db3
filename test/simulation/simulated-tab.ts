// One tab of a device of a simulation: the real engine for each space that the account knows, and the
// real election of the tab that syncs. It dies at any call of its store, before or after the call was
// carried out, or is closed; what it shares with others is in its profile.
import type { startCryptoInProcess } from '../../client/crypto-core.ts';
import type {
	CryptoPort,
	HandedKeys,
	NewSpace,
	UnlockedAccount
} from '../../client/crypto-port.ts';
import type { AdminIntent } from '../../client/admin-draft.ts';
import type { Http } from '../../client/http.ts';
import type { Items } from '../../client/items.ts';
import type { openLinkView } from '../../client/link-view.ts';
import type { Links } from '../../client/links.ts';
import type { createMemoryStore } from '../../client/memory-store.ts';
import type { moveItem } from '../../client/move-items.ts';
import type { Store } from '../../client/store.ts';
import type { Proofs } from '../../client/proofs.ts';
import type { SpaceSync } from '../../client/sync.ts';
import type { TabMessage, Tabs } from '../../client/tabs.ts';
import type { VaultSpace } from '../../client/vault-space.ts';
import { fail, type TacetError } from '../../client/errors.ts';
import type { ItemId, SpaceId } from '../../protocol/ids.ts';
import { historyRetentionDays } from '../../protocol/limits.ts';
import type { Change } from '../../protocol/page.ts';
import { err, type Result } from '../../protocol/result.ts';
import { Line, type LineParts } from './line.ts';
import type {
	Mark,
	ProfileChannel,
	ProfileLock,
	ProfileTab,
	StoreWitness
} from './simulated-profile.ts';

/** The client's code, as it is or with one thing changed. */
export interface ClientCode {
	readonly SpaceSync: typeof SpaceSync;
	readonly Items: typeof Items;
	readonly Tabs: typeof Tabs;
	readonly Http: typeof Http;
	readonly Proofs: typeof Proofs;
	readonly Links: typeof Links;
	readonly openLinkView: typeof openLinkView;
	readonly moveItem: typeof moveItem;
	readonly startCryptoInProcess: typeof startCryptoInProcess;
	readonly createMemoryStore: typeof createMemoryStore;
	readonly loadOpaque: () => Promise<WebAssembly.Module>;
}

/** As the account's keyring names it. */
export type NamedSpace = Pick<NewSpace, 'space' | 'genesisHash'>;

export const origin = 'http://edge.test';

/** Of one space, what a tab has open. */
export interface TabSpace {
	readonly named: NamedSpace;
	readonly sync: SpaceSync;
	readonly items: Items;
}

export interface TabParts extends LineParts {
	readonly code: ClientCode;
	readonly keys: HandedKeys;
	readonly name: string;
	readonly store: Store;
	readonly lock: ProfileLock;
	readonly channel: ProfileChannel;
	readonly witness: StoreWitness;
	readonly token: (refused: boolean) => Promise<Result<string, TacetError>>;
	readonly deviceKey: CryptoKeyPair;
	/** How far its clock is off. */
	readonly skewMs: number;
	readonly newMark: (mark: Omit<Mark, 'name'>) => Mark;
	readonly tell: (what: string) => void;
	readonly onError: (error: unknown) => void;
	readonly onOver: (tab: SimulatedTab) => void;
}

const never = new Promise<never>(() => undefined);
const longestRepairWaitMs = 5_000;

export class SimulatedTab implements ProfileTab {
	readonly #parts: TabParts;
	readonly line: Line;
	readonly spaces = new Map<SpaceId, TabSpace>();
	readonly #core: { readonly port: CryptoPort };
	readonly #store: Store;
	readonly #tabs: Tabs;
	readonly #http: Http;
	readonly #proofs: Proofs;
	#me: UnlockedAccount | null = null;
	/** Calls of the store until it crashes. */
	#callsLeft = Number.POSITIVE_INFINITY;
	isOver = false;
	isLeading = false;
	isClosing = false;
	/** The person at it waits until something is saved. */
	isWriting = false;
	writing: Mark | null = null;

	constructor(parts: TabParts) {
		const { code, lock, channel } = parts;
		this.#parts = parts;
		this.line = new Line(parts);
		this.#core = code.startCryptoInProcess(code.loadOpaque);
		this.#store = this.#fragile();
		this.#http = new code.Http({ origin, fetch: this.line.fetch });
		this.#proofs = new code.Proofs(parts.deviceKey, () => this.nowMs);
		this.#tabs = new code.Tabs({
			locks: lock.of(this),
			channel: () => channel.of(this),
			onMessage: (message) => {
				void this.#hear(message);
			}
		});
	}

	get port(): CryptoPort {
		return this.#core.port;
	}

	get me(): UnlockedAccount {
		if (this.#me === null) throw new Error('the tab is not unlocked yet');
		return this.#me;
	}

	get name(): string {
		return this.#parts.name;
	}

	get nowMs(): number {
		return this.#parts.time.nowMs + this.#parts.skewMs;
	}

	/** Opens what the account knows, and waits for its turn to sync it. */
	async start(known: readonly NamedSpace[]): Promise<void> {
		this.#me = await this.port.takeKeys(this.#parts.keys);
		for (const named of known) await this.enter(named);
		if (this.isOver || this.isClosing) return;
		this.#tabs.elect(() => {
			this.isLeading = true;
			for (const { sync } of this.spaces.values()) void sync.lead();
		});
	}

	/** A space that the keyring names. */
	async enter(named: NamedSpace): Promise<TabSpace | null> {
		const known = this.spaces.get(named.space);
		if (known !== undefined || this.#me === null || this.isClosing) return known ?? null;
		const items = new this.#parts.code.Items();
		const open = { named, items, sync: this.#syncOf(named, items, this.#me) };
		this.spaces.set(named.space, open);
		const loaded = await open.sync.load();
		if (!loaded.ok) throw new Error(loaded.error);
		if (this.isLeading) await open.sync.lead();
		return open;
	}

	#syncOf({ space, genesisHash }: NamedSpace, content: Items, me: UnlockedAccount): SpaceSync {
		const { code, keys, time, token } = this.#parts;
		return new code.SpaceSync({
			...{ origin, space, genesisHash, me, content },
			...{ device: keys.device, store: this.#store, crypto: this.port },
			WebSocket: this.line.socketClass,
			token: (refused) => (this.isOver ? never : token(refused)),
			proofs: this.#proofs,
			nowMs: () => this.nowMs,
			repairWaitMs: () => time.upTo(longestRepairWaitMs),
			onChange: () => undefined,
			onStored: (settled) => {
				this.#tabs.tell({ type: 'stored', space, settled });
			}
		});
	}

	/** Makes a space: its entry 1 goes out by itself. */
	async make(): Promise<NamedSpace> {
		const made = await this.port.newSpace();
		const open = await this.enter(made);
		const { keys, time } = this.#parts;
		const formed = await this.port.formGenesis({
			...{ space: made, kind: 'items', device: keys.device, timeMs: time.nowMs }
		});
		await open?.sync.createGenesis(formed);
		return made;
	}

	async #hear(message: TabMessage): Promise<void> {
		if (this.isOver) return;
		if (message.type === 'stored') {
			await this.spaces.get(message.space)?.sync.look(message.settled);
		}
		if (message.type !== 'call' || !this.isLeading) return;
		const { call, name, input } = message;
		this.#tabs.tell({ type: 'call_taken', call });
		const answer = await this.#do(name as keyof Calls, input as Calls[keyof Calls]);
		if (!this.#hasEnded()) this.#tabs.tell({ type: 'call_done', call, answer });
	}

	/** By the tab that syncs, which may be another one. */
	async call<Name extends keyof Calls>(
		name: Name,
		input: Calls[Name]
	): Promise<Result<null, TacetError>> {
		if (this.isLeading) return this.#do(name, input);
		this.#parts.tell(`${name} asked of another tab`);
		return (await this.#tabs.call(name, input)) as Result<null, TacetError>;
	}

	async #do(name: keyof Calls, input: Calls[keyof Calls]): Promise<Result<null, TacetError>> {
		if (name === 'administer') {
			const { space, intent } = input as Calls['administer'];
			return (await this.spaces.get(space)?.sync.administer(intent)) ?? fail('not_found');
		}
		const { from, item, to } = input as Calls['moveItem'];
		const [source, target] = [this.spaces.get(from), this.spaces.get(to)];
		if (source === undefined || target === undefined) return fail('not_found');
		const { title = '', body = '' } = source.items.read(item) ?? {};
		const carries = (title + body).match(/«\d+»/g) ?? [];
		return this.#parts.code.moveItem(
			this.spaceFace(source, (_) =>
				this.#parts.newMark({ space: from, item, kind: 'move', carries })
			),
			item,
			this.spaceFace(target, ([change]) => {
				const copy = change?.type === 'seed' ? change.item : '';
				return this.#parts.newMark({ space: to, item: copy, kind: 'copy', carries });
			})
		);
	}

	/** What the engine's parts beside the log see of an open space. */
	spaceFace(
		{ named, sync, items }: TabSpace,
		markOf: (changes: readonly Change[]) => Mark | null = () => null
	): VaultSpace {
		const mayEdit = (): boolean => sync.role === 'owner' || sync.role === 'editor';
		const face = {
			...{ id: named.space, known: named, name: 'a space', sync, items },
			leaderStatus: this.isLeading ? null : {},
			get role() {
				return sync.role;
			},
			get policy() {
				return policyOf(sync.state);
			},
			get mayEdit() {
				return mayEdit();
			},
			write: async (changes: readonly Change[]) => {
				// One at a time, so that it is known what a row says.
				if (this.isWriting) return err('forbidden');
				return this.#write(sync, markOf(changes), changes);
			}
		};
		return face as unknown as VaultSpace;
	}

	/** Whether this account may write here, as the page asks before it lets anybody type. */
	mayEdit(space: SpaceId): boolean {
		const role = this.spaces.get(space)?.sync.role;
		return role === 'owner' || role === 'editor';
	}

	/** A person does one thing, and waits until it is saved. */
	async write(mark: Mark, changes: readonly Change[]): Promise<void> {
		const open = this.spaces.get(mark.space);
		if (open === undefined || this.isOver || this.isClosing || this.isWriting) return;
		const saved = await this.#write(open.sync, mark, changes);
		if (this.#hasEnded() || saved.ok || saved.error === 'locked') return;
		this.#parts.onError(new Error(`writing failed: ${saved.error}`));
	}

	async #write(sync: SpaceSync, mark: Mark | null, changes: readonly Change[]) {
		this.isWriting = true;
		this.writing = mark;
		const saved = await sync.write(changes);
		this.isWriting = false;
		this.writing = null;
		return saved;
	}

	/** Share links of spaces that this account owns. */
	links(desk: Pick<ConstructorParameters<typeof Links>[0], 'keyring' | 'write' | 'handle'>): Links {
		const { keys, token, code } = this.#parts;
		const session = {
			call: async (...[name, body]: Parameters<Http['call']>) => {
				const access = await token(false);
				if (!access.ok) return access;
				return this.#http.call(name, body, { proofs: this.#proofs, token: access.value });
			}
		};
		const parts = {
			...{ origin, session, crypto: this.port, me: this.me, device: keys.device, ...desk },
			nowMs: () => this.nowMs,
			spaceOf: (space: SpaceId) => {
				const open = this.spaces.get(space);
				return open === undefined ? null : this.spaceFace(open);
			},
			call: (name: keyof Calls, input: Calls[keyof Calls]) => this.call(name, input)
		};
		return new code.Links(parts as unknown as ConstructorParameters<typeof Links>[0]);
	}

	retryNow(): void {
		for (const { sync } of this.spaces.values()) sync.retryNow();
	}

	/** Dies at one of its next calls of the store. */
	crashWithin(calls: number): void {
		this.#callsLeft = calls;
	}

	/** Asked anew: it may have ended while something was waited for. */
	#hasEnded(): boolean {
		return this.isOver;
	}

	crash(): void {
		this.#end();
	}

	#end(): void {
		if (this.isOver) return;
		this.isOver = true;
		this.isLeading = false;
		this.line.end();
		this.#parts.lock.leave(this);
		this.#parts.channel.leave(this);
		this.#parts.onOver(this);
	}

	/** As a tab that is locked and closed in good order. */
	async close(): Promise<void> {
		if (this.isOver || this.isClosing) return;
		this.isClosing = true;
		await Promise.all([...this.spaces.values()].map(({ sync }) => sync.close()));
		if (this.#hasEnded()) return;
		this.#tabs.close();
		this.#end();
	}

	/** A store that takes its time, and at one call takes the tab with it. */
	#fragile(): Store {
		const { time, tell, witness, store } = this.#parts;
		const call = async (name: keyof Store, work: () => unknown, inputs: readonly unknown[]) => {
			if (this.isOver) return never;
			this.#callsLeft -= 1;
			const dies = this.#callsLeft <= 0;
			if (dies && time.happens(0.5)) {
				tell('tabs crashed before a call of their store');
				this.#end();
				return never;
			}
			const { writing } = this;
			const answer = await work();
			witness.note(name, inputs, answer, writing);
			if (dies) {
				tell('tabs crashed after a call of their store');
				this.#end();
			}
			const later = await time.lagging(answer);
			return this.#hasEnded() ? never : later;
		};
		return new Proxy(store, {
			get: (target, name) => {
				const method: unknown = Reflect.get(target, name);
				if (typeof method !== 'function') return method;
				return (...inputs: readonly unknown[]) =>
					call(name as keyof Store, () => Reflect.apply(method, target, inputs) as unknown, inputs);
			}
		});
	}
}

/** What a space allows where nobody has said otherwise. */
const policyOf = ({ settings }: SpaceSync['state']) => ({
	retentionDays: settings?.retentionDays ?? historyRetentionDays,
	linksAllowed: settings?.linksAllowed ?? true
});

/** What only the tab that syncs does. */
interface Calls {
	administer: { readonly space: SpaceId; readonly intent: AdminIntent };
	moveItem: { readonly from: SpaceId; readonly item: ItemId; readonly to: SpaceId };
}
