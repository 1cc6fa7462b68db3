// What only the tab that syncs does: it asks for places on logs, makes spaces, and looks whether an
// owner has let this account in. Other tabs have it done here.
import type { Answer } from './api.ts';
import { beginLog } from './begin-log.ts';
import { carryKeyring } from './carry-keyring.ts';
import type { NewSpace } from './crypto-port.ts';
import type { Desk, LeaderCalls } from './desk.ts';
import { fail, type TacetError } from './errors.ts';
import type { Invitations } from './invitations.ts';
import { wasOwner } from './past-members.ts';
import type { EntryOf, KnownSpace } from './keyring.ts';
import { LinkSweep } from './link-sweep.ts';
import { moveItem } from './move-items.ts';
import type { OwnKeyring } from './own-keyring.ts';
import type { PutBackPlan, PutBackReport } from './put-back.ts';
import type { Content } from './receive.ts';
import { SelfRenewal } from './self-renewal.ts';
import { nameChange } from './space-actions.ts';
import { wasMadeBy } from './standing.ts';
import type { Store } from './store.ts';
import type { SpaceSync } from './sync.ts';
import type { VaultSpace } from './vault-space.ts';
import type { Member } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { FetchedPage } from '../protocol/frames.ts';
import type { SpaceId } from '../protocol/ids.ts';
import type { SpaceKind } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface LeaderParts {
	readonly desk: Desk;
	readonly keyring: OwnKeyring;
	readonly invitations: Invitations;
	readonly store: Store;
	readonly mayWrite: (space: SpaceId) => boolean;
	/** How long to leave to others what any device of an owner does; random. */
	readonly repairWaitMs: () => number;
	/** A space that this device has made: it may write to it at once. */
	readonly onMade: (space: SpaceId) => void;
	readonly syncOf: (known: KnownSpace, content: Content, mayWrite: () => boolean) => SpaceSync;
	/** Syncs all spaces, as when this tab was elected. */
	readonly lead: () => Promise<void>;
}

type Answers = {
	[Name in keyof LeaderCalls]: (
		input: LeaderCalls[Name]['input']
	) => Answer<LeaderCalls[Name]['answer']>;
};

export class Leader implements Answers {
	readonly #parts: LeaderParts;
	#joining: Promise<unknown> = Promise.resolve();
	/** Of spaces that are made or tried, and are not the vault's yet. */
	readonly #passing = new Set<SpaceSync>();
	readonly #links: LinkSweep;
	readonly #selves: SelfRenewal;
	#closed = false;

	constructor(parts: LeaderParts) {
		this.#parts = parts;
		this.#links = new LinkSweep(parts);
		this.#selves = new SelfRenewal(parts);
	}

	/** The status of a space changed in the tab that syncs. */
	noteStatus(space: VaultSpace): void {
		this.#links.look(space);
		this.#selves.look(space);
	}

	async administer({ space, intent }: LeaderCalls['administer']['input']): Answer<null> {
		const { desk, mayWrite } = this.#parts;
		const open = desk.spaceOf(space);
		if (open === null) return fail('not_found');
		return mayWrite(space) ? open.sync.administer(intent) : fail('unconfirmed');
	}

	async createSpace(input: LeaderCalls['createSpace']['input']): Answer<KnownSpace> {
		return this.found(input);
	}

	/** The space stands before the keyring names it: what the keyring names must exist. */
	async found(
		name: { readonly name: string; readonly kind: SpaceKind } | null
	): Answer<KnownSpace> {
		const { desk, keyring } = this.#parts;
		const first = name === null ? await desk.crypto.firstSpace() : null;
		const isFree = first !== null && !keyring.known.knows(first.space);
		const candidate = isFree ? first : await desk.crypto.newSpace();
		const made = await this.#make(candidate, name);
		if (!made.ok) return made;
		// Another device began it, and no keyring names it: who knows what has become of it since.
		const space = made.value ? candidate : await desk.crypto.newSpace();
		const again = made.value ? made : await this.#make(space, name);
		if (!again.ok) return again;
		const { genesisHash } = space;
		const entry = {
			type: 'space',
			space: space.space,
			genesisHash,
			joinedAtMs: desk.nowMs()
		} as const;
		const written = await keyring.write([entry]);
		if (!written.ok) return written;
		const isNamed = () => keyring.known.spaces.some((known) => known.space === space.space);
		const named = await keyring.sync.until(isNamed);
		return named.ok ? ok({ space: space.space, genesisHash }) : named;
	}

	/** Answers whether its log begins with an entry of this device, whatever was there before. */
	#make(
		space: NewSpace,
		name: { readonly name: string; readonly kind: SpaceKind } | null
	): Promise<Result<boolean, TacetError>> {
		let isOwn = false;
		const { desk, store, onMade } = this.#parts;
		const { crypto, device, nowMs } = desk;
		const work = async (sync: SpaceSync): Promise<Result<boolean, TacetError>> => {
			const loaded = await sync.load();
			if (!loaded.ok) return fail(loaded.error);
			await sync.lead();
			const ready = await sync.until(() => sync.caughtUp);
			if (!ready.ok) return ready;
			isOwn = sync.head.seq === 0;
			const begun = await beginLog({ sync, crypto, space, kind: 'items', device, nowMs });
			if (!begun.ok) return begun;
			isOwn = await wasMadeBy(device, space.space, store);
			if (!isOwn) return ok(false);
			onMade(space.space);
			if (name === null) return ok(true);
			const written = await sync.write([nameChange(space.space, name.kind, name.name)]);
			if (!written.ok) return fail(written.error);
			const said = await sync.until(() => sync.status.waiting === 0);
			return said.ok ? ok(true) : said;
		};
		return this.#inPassing(space, work, () => isOwn);
	}

	/** A log at work for as long as something is done with it, and no longer than the vault is. */
	async #inPassing<Value>(
		space: KnownSpace,
		work: (sync: SpaceSync) => Promise<Result<Value, TacetError>>,
		mayWrite: () => boolean = () => this.#parts.mayWrite(space.space)
	): Promise<Result<Value, TacetError>> {
		if (this.#closed) return fail('locked');
		const sync = this.#parts.syncOf(space, nothing, mayWrite);
		this.#passing.add(sync);
		try {
			return await work(sync);
		} finally {
			this.#passing.delete(sync);
			await sync.close();
		}
	}

	async moveItem({ from, item, to }: LeaderCalls['moveItem']['input']): Answer<null> {
		const { desk } = this.#parts;
		const [source, target] = [desk.spaceOf(from), desk.spaceOf(to)];
		if (source === null || target === null) return fail('not_found');
		return moveItem(source, item, target);
	}

	/** Of the keyring, as long as it is not trusted: nothing else is asked of its edge before. */
	async planPutBack(space: LeaderCalls['planPutBack']['input']): Answer<PutBackPlan> {
		const sync = this.#distrusted(space);
		return sync === null ? fail('not_found') : sync.repair.plan();
	}

	async putBack(space: LeaderCalls['putBack']['input']): Answer<PutBackReport> {
		const { keyring, lead } = this.#parts;
		const sync = this.#distrusted(space);
		if (sync === null) return fail('not_found');
		const put = await sync.repair.run();
		if (sync === keyring.sync && !keyring.isDistrusted) await lead();
		return put;
	}

	#distrusted(space: SpaceId): SpaceSync | null {
		const { desk, keyring } = this.#parts;
		return keyring.isDistrusted ? keyring.sync : (desk.spaceOf(space)?.sync ?? null);
	}

	/** Superseded pages, which only the tab with a connection can ask for. */
	async fetchPages({
		space,
		pages
	}: LeaderCalls['fetchPages']['input']): Answer<readonly FetchedPage[]> {
		const open = this.#parts.desk.spaceOf(space);
		return open === null ? fail('not_found') : open.sync.past.ask(pages);
	}

	/** One after another, so that no space is asked for twice at once. */
	async checkJoining(): Answer<null> {
		const checked = this.#joining.then(async () => {
			for (const claimed of this.#parts.invitations.waiting) await this.#tryJoin(claimed);
		});
		this.#joining = checked.catch(() => undefined);
		await checked;
		return ok(null);
	}

	/**
	 * An owner's commit made this account a member when its space opens, and shows it there. The
	 * invitation goes with that: that it is gone says something only of a space that is shut after it.
	 */
	async #tryJoin(claimed: EntryOf<'claimed'>): Promise<void> {
		const { invitations } = this.#parts;
		if (this.#closed) return;
		if ((await this.#probe(claimed)) !== 'shut' || !(await invitations.isGone(claimed))) return;
		if ((await this.#probe(claimed)) === 'shut') invitations.noteEnded(claimed);
	}

	/**
	 * Tries to open the space; if it lets this account in as the invitation said, the keyring names it
	 * from now on.
	 */
	async #probe(claimed: EntryOf<'claimed'>): Promise<'open' | 'shut' | 'unknown'> {
		const { invitations } = this.#parts;
		const { space, genesisHash } = claimed;
		const open = this.#parts.desk.spaceOf(space);
		const found =
			open === null
				? await this.#inPassing({ space, genesisHash }, (sync) => this.#reach(sync, claimed))
				: await this.#reach(open.sync, claimed);
		// A log that can't be true is shown as that, like any other space.
		const isCaught = !found.ok && found.error.code === 'not_trusted';
		if (!found.ok && !isCaught) return found.error.code === 'not_found' ? 'shut' : 'unknown';
		const member = found.ok ? found.value : null;
		if (found.ok && member === null) return 'unknown';
		if (member !== null && !(await this.#isAsSaid(claimed, member))) {
			invitations.noteContradicted(claimed);
			return 'unknown';
		}
		await this.#enter(claimed, member);
		return 'open';
	}

	/** This account's member entry at the end of the log; null if there is none. */
	async #reach(
		sync: SpaceSync,
		{ head, space }: EntryOf<'claimed'>
	): Promise<Result<Member | null, TacetError>> {
		sync.expect(head);
		if (this.#parts.desk.spaceOf(space) === null) {
			const loaded = await sync.load();
			if (!loaded.ok) return fail(loaded.error);
			await sync.lead();
		} else sync.retryNow();
		const reached = await sync.until(() => sync.caughtUp);
		if (!reached.ok) return reached;
		return ok(sync.role === null ? null : (sync.members.get(this.#parts.desk.me.account) ?? null));
	}

	/** Whoever invites owns the space by its log, and lets in the identity that claimed. */
	async #isAsSaid(claimed: EntryOf<'claimed'>, member: Member): Promise<boolean> {
		const { desk, store } = this.#parts;
		const { space, head, inviter: account, inviterIdentity: hash } = claimed;
		if (!equalBytes(member.identity.hash, desk.me.identityHash)) return false;
		return wasOwner(store, { space, seq: head.seq }, { account, hash });
	}

	/** With another role than was said, the invitation stays in sight until the person dismisses it. */
	async #enter(claimed: EntryOf<'claimed'>, member: Member | null): Promise<void> {
		const { desk, keyring } = this.#parts;
		const { space, genesisHash, invite, role } = claimed;
		const joinedAtMs = keyring.known.joinTimeMs(space, desk.nowMs());
		const isOther = member !== null && member.role !== role;
		await keyring.write([
			{ type: 'space', space, genesisHash, joinedAtMs },
			...(isOther ? [] : [{ type: 'closed', of: invite } as const])
		]);
	}

	/** Ends what is under way; nothing begins any more. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#links.stop();
		this.#selves.stop();
		await Promise.all([...this.#passing].map((sync) => sync.close()));
	}

	/** What the keyring before a renewal said. */
	carry(): Answer<null> {
		const { desk, keyring, syncOf } = this.#parts;
		const { crypto, me } = desk;
		return carryKeyring({ crypto, me, keyring, syncOf: (...of) => syncOf(...of, () => false) });
	}

	/** What broke off. Spaces wait for it where something is to be done about them. */
	async carryOn(): Promise<void> {
		const { sync, isToBeCarried } = this.#parts.keyring;
		if (!isToBeCarried) return;
		const read = await sync.until(() => sync.caughtUp);
		if (read.ok && !this.#closed) await this.carry();
	}

	/** By name, as another tab asks. */
	run(name: string, input: unknown): Promise<Result<unknown, TacetError>> {
		switch (name) {
			case 'administer':
				return this.administer(input as LeaderCalls['administer']['input']);
			case 'createSpace':
				return this.createSpace(input as LeaderCalls['createSpace']['input']);
			case 'moveItem':
				return this.moveItem(input as LeaderCalls['moveItem']['input']);
			case 'fetchPages':
				return this.fetchPages(input as LeaderCalls['fetchPages']['input']);
			case 'checkJoining':
				return this.checkJoining();
			case 'planPutBack':
				return this.planPutBack(input as SpaceId);
			case 'putBack':
				return this.putBack(input as SpaceId);
			default:
				// A tab of a newer build.
				return Promise.resolve(fail('version_too_old'));
		}
	}
}

const nothing: Content = {
	applyPages: () => undefined,
	applyOutbox: () => undefined,
	removeOutbox: () => undefined,
	itemsOf: () => [],
	missing: () => null,
	release: () => undefined,
	freedBy: () => []
};
