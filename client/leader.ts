// What only the tab that syncs does: it asks for places on logs, makes spaces, and looks whether an
// owner has let this account in. Other tabs have it done here.
import type { Answer } from './api.ts';
import type { NewSpace } from './crypto-port.ts';
import type { Desk, LeaderCalls } from './desk.ts';
import { fail, type TacetError } from './errors.ts';
import type { Invitations } from './invitations.ts';
import type { EntryOf, KnownSpace } from './keyring.ts';
import { moveItem } from './move-items.ts';
import type { OwnKeyring } from './own-keyring.ts';
import type { Content } from './receive.ts';
import { nameChange } from './space-actions.ts';
import type { SpaceSync } from './sync.ts';
import type { SpaceId } from '../protocol/ids.ts';
import type { SpaceKind } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface LeaderParts {
	readonly desk: Desk;
	readonly keyring: OwnKeyring;
	readonly invitations: Invitations;
	readonly mayWrite: (space: SpaceId) => boolean;
	/** A space that this device makes: it may write to it at once. */
	readonly onMade: (space: SpaceId) => void;
	readonly syncOf: (known: KnownSpace, content: Content) => SpaceSync;
}

type Answers = {
	[Name in keyof LeaderCalls]: (
		input: LeaderCalls[Name]['input']
	) => Answer<LeaderCalls[Name]['answer']>;
};

export class Leader implements Answers {
	readonly #parts: LeaderParts;
	#joining: Promise<unknown> = Promise.resolve();

	constructor(parts: LeaderParts) {
		this.#parts = parts;
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
		const { desk, keyring, onMade, syncOf } = this.#parts;
		const space = await desk.crypto.newSpace();
		onMade(space.space);
		const sync = syncOf(space, nothing);
		const stands = await this.#begin(sync, space, name);
		await sync.close();
		if (!stands.ok) return stands;
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

	async #begin(
		sync: SpaceSync,
		space: NewSpace,
		name: { readonly name: string; readonly kind: SpaceKind } | null
	): Promise<Result<null, TacetError>> {
		const { crypto, device, nowMs } = this.#parts.desk;
		const genesis = { space, kind: 'items', device, timeMs: nowMs() } as const;
		const made = await sync.createGenesis(await crypto.formGenesis(genesis));
		if (!made.ok) return fail(made.error);
		await sync.lead();
		const stands = await sync.until(() => sync.head.seq > 0);
		if (!stands.ok || name === null) return stands;
		const written = await sync.write([nameChange(space.space, name.kind, name.name)]);
		if (!written.ok) return fail(written.error);
		return sync.until(() => sync.status.waiting === 0);
	}

	async moveItem({ from, item, to }: LeaderCalls['moveItem']['input']): Answer<null> {
		const { desk } = this.#parts;
		const [source, target] = [desk.spaceOf(from), desk.spaceOf(to)];
		if (source === null || target === null) return fail('not_found');
		return moveItem(source, item, target);
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
		if ((await this.#probe(claimed)) !== 'shut' || !(await invitations.isGone(claimed))) return;
		if ((await this.#probe(claimed)) === 'shut') invitations.noteEnded(claimed);
	}

	/** Tries to open the space; if it lets this account in, the keyring names it from now on. */
	async #probe(claimed: EntryOf<'claimed'>): Promise<'open' | 'shut' | 'unknown'> {
		const { desk, keyring, syncOf } = this.#parts;
		const { space, genesisHash, invite, head } = claimed;
		const sync = syncOf({ space, genesisHash }, nothing);
		const loaded = await sync.load();
		sync.expect(head);
		if (loaded.ok) await sync.lead();
		const opened = await sync.until(() => sync.caughtUp);
		const isMember = opened.ok && sync.role !== null;
		await sync.close();
		// A log that can't be true is shown as that, like any other space.
		const isCaught = !opened.ok && opened.error.code === 'not_trusted';
		if (!isMember && !isCaught) {
			return !opened.ok && opened.error.code === 'not_found' ? 'shut' : 'unknown';
		}
		const joinedAtMs = keyring.known.joinTimeMs(space, desk.nowMs());
		await keyring.write([
			{ type: 'space', space, genesisHash, joinedAtMs },
			{ type: 'closed', of: invite }
		]);
		return 'open';
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
			case 'checkJoining':
				return this.checkJoining();
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
