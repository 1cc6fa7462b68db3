// The keys of spaces inside the crypto core: epoch keys, and what is sealed, signed and opened with
// them. An epoch key is believed only if it is the one that a verified commit committed to.
import type { AccountKeys } from '../crypto/client/account-keys.ts';
import { openAuditEvent, openAuditKey } from '../crypto/client/audit-event.ts';
import { epochKeyCommitment } from '../crypto/client/key-commitment.ts';
import type { RecordCipher } from '../crypto/client/record-cipher.ts';
import { openPage, sealPage } from '../crypto/client/seal-page.ts';
import { createSecret, type EpochKey, type KemSeed } from '../crypto/client/secret.ts';
import {
	deriveContentKey,
	generateEpochKey,
	openPreviousKey,
	unwrapEpochKey,
	wrapEpochKey
} from '../crypto/client/space-keys.ts';
import { sha256 } from '../crypto/hash.ts';
import type { Identity } from '../crypto/identity.ts';
import { genesisHashOf, spaceOfGenesisHash } from '../crypto/log-rules.ts';
import { randomBytes } from '../crypto/random.ts';
import { sign } from '../crypto/signature.ts';
import type { AuditEvent } from '../protocol/audit-event.ts';
import {
	encodeCommit,
	encodeGenesis,
	type Admin,
	type Commit,
	type Head
} from '../protocol/commit.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { DeviceId, Epoch, SpaceId } from '../protocol/ids.ts';
import { commitSigningInput, type WrapContext } from '../protocol/labels.ts';
import type { AuditGrant } from './audit-keys.ts';
import { makeAdminKeys, type MadeKeys } from './crypto-admin.ts';
import type {
	AdminDraft,
	CommitDraft,
	EpochGrant,
	FormedCommit,
	NewSpace,
	SealedPage
} from './crypto-port.ts';
import type { EarlierSelf, Self } from './crypto-selves.ts';
import type { PlacedEvent } from './event-chain.ts';
import { hashPage, inTurns } from './page-hashes.ts';

/** An own identity, with its keys. */
type Owner = Pick<Self, 'keys' | 'identity'>;
type EarlierOwner = Pick<EarlierSelf, 'keys' | 'identity' | 'keyringHead'>;

interface EpochKeys {
	readonly epochKey: EpochKey;
	readonly contentKey: RecordCipher;
}

export class SpaceKeys {
	readonly #keys: AccountKeys;
	readonly #identity: Identity;
	/** Before a renewal, oldest first. */
	readonly #earlier: readonly EarlierOwner[];
	readonly #epochs = new Map<string, EpochKeys>();

	constructor(keys: AccountKeys, identity: Identity, earlier: readonly EarlierOwner[] = []) {
		this.#keys = keys;
		this.#identity = identity;
		this.#earlier = earlier;
	}

	keyringSpace(): NewSpace {
		return this.#spaceOf(this.#keys.keyringGenesisRandom);
	}

	previousKeyring(): (NewSpace & { readonly head: Head }) | null {
		const owner = this.#earlier.at(-1);
		return owner === undefined ? null : { ...keyringOf(owner), head: owner.keyringHead };
	}

	firstSpace(): NewSpace {
		return this.#spaceOf(this.#keys.firstGenesisRandom);
	}

	newSpace(): NewSpace {
		return this.#spaceOf(randomBytes(32));
	}

	#spaceOf(random: Uint8Array): NewSpace {
		return spaceOf(this.#identity, random);
	}

	/** The own identity of that hash; the one in force without one. */
	#self(hash?: Uint8Array): Owner {
		const inForce = { keys: this.#keys, identity: this.#identity };
		if (hash === undefined) return inForce;
		const all = [inForce, ...this.#earlier];
		return all.find(({ identity }) => equalBytes(identity.hash, hash)) ?? inForce;
	}

	async formGenesis(input: {
		readonly space: NewSpace;
		readonly kind: 'keyring' | 'items';
		readonly device: DeviceId;
		readonly timeMs: number;
	}): Promise<FormedCommit> {
		const { space, genesis, genesisHash } = input.space;
		const epochKey =
			input.kind === 'keyring' ? copyOf(this.#keys.keyringEpochKey) : generateEpochKey();
		await this.#keep(space, 1, epochKey);
		const wrap = await wrapEpochKey(epochKey, this.#keys.kem.publicKey, this.#wrapToSelf(space));
		const admin: Admin = {
			members: [
				{
					account: this.#identity.account,
					role: 'owner',
					kind: 'person',
					identityEntry: this.#identity.bytes
				}
			],
			epoch: { number: 1, commitment: epochKeyCommitment(epochKey, space, 1), previousHash: null },
			audit: null,
			wraps: [
				{ kind: 'content', number: 1, recipient: this.#identity.account, hash: sha256(wrap) }
			],
			settings: null
		};
		const signed = await signCommit(this.#self(), {
			...authorship(this.#self(), input.device),
			supersedes: [],
			purge: [],
			space,
			count: 1,
			seen: { seq: 0, hash: genesisHash },
			timeMs: input.timeMs,
			pages: [],
			admin,
			genesis
		});
		return { ...signed, pages: [], wraps: [wrap], previousKey: null };
	}

	#wrapToSelf(space: SpaceId): WrapContext {
		const { account, hash } = this.#identity;
		return {
			kind: 'content',
			space,
			number: 1,
			recipient: account,
			recipientIdentity: hash,
			sender: account,
			senderIdentity: hash
		};
	}

	formCommits(device: DeviceId, drafts: readonly CommitDraft[]): Promise<readonly FormedCommit[]> {
		return Promise.all(drafts.map((draft) => this.#formCommit(device, draft)));
	}

	async #formCommit(device: DeviceId, draft: CommitDraft): Promise<FormedCommit> {
		const { space, epoch, count, admin = null } = draft;
		const self = this.#self(draft.signedAs);
		const sender = self.identity;
		const made = admin === null ? null : await this.#makeKeys(space, { epoch, admin, sender });
		const contentKey = made?.contentKey ?? this.#epochs.get(epochName(space, epoch))?.contentKey;
		const author = this.#identity.account;
		const pages = await inTurns(draft.pages, async (page, index) => {
			if (contentKey === undefined) throw new Error('no key of this epoch');
			const place = { space, epoch, author, device, count, index };
			const sealed = await sealPage(contentKey, place, page);
			return { sealed, hash: await hashPage(sealed) };
		});
		const signed = await signCommit(self, {
			...authorship(self, device),
			supersedes: draft.supersedes ?? [],
			purge: draft.purge ?? [],
			space,
			count,
			seen: draft.seen,
			timeMs: draft.timeMs,
			pages: pages.map(({ sealed, hash }) => ({
				epoch,
				lengthBytes: sealed.length,
				hash,
				expiresAtMs: null
			})),
			admin: made?.admin ?? null,
			genesis: null
		});
		const { wraps = [], previousKey = null } = made ?? {};
		return { ...signed, pages: pages.map(({ sealed }) => sealed), wraps, previousKey };
	}

	#makeKeys(
		space: SpaceId,
		change: { readonly epoch: Epoch; readonly admin: AdminDraft; readonly sender: Identity }
	): Promise<MadeKeys> {
		const { epoch, admin: draft, sender } = change;
		const open = this.#epochs.get(epochName(space, epoch))?.epochKey ?? null;
		const previous = this.#epochs.get(epochName(space, epoch - 1))?.epochKey ?? null;
		return makeAdminKeys({ space, epoch, draft, sender, open, previous });
	}

	/** The first epoch of a keyring needs no wrap: its key derives from the root. */
	openKeyringEpoch(space: SpaceId): Promise<void> {
		const owner = this.#earlier.find((earlier) => keyringOf(earlier).space === space);
		return this.#keep(space, 1, copyOf((owner?.keys ?? this.#keys).keyringEpochKey));
	}

	/** Newest epoch first: each may open the one before it. */
	async openEpochs(space: SpaceId, grants: readonly EpochGrant[]): Promise<readonly Epoch[]> {
		const newestFirst = grants.toSorted((a, b) => b.epoch - a.epoch);
		const commitments = new Map(grants.map((grant) => [grant.epoch, grant.commitment]));
		for (const grant of newestFirst) {
			await this.#openWrap(space, grant);
			const previous = commitments.get(grant.epoch - 1);
			if (previous !== undefined) await this.#openPrevious(space, grant, previous);
		}
		return newestFirst
			.map((grant) => grant.epoch)
			.filter((epoch) => this.#epochs.has(epochName(space, epoch)));
	}

	async #openWrap(space: SpaceId, { epoch, wrap, commitment }: EpochGrant): Promise<void> {
		if (wrap === null || this.#epochs.has(epochName(space, epoch))) return;
		const { bytes, context } = wrap;
		const opened = await unwrapEpochKey(this.#seedOf(context), {
			wrap: bytes,
			context,
			commitment
		});
		if (opened.ok) await this.#keep(space, epoch, opened.value);
	}

	/** What was wrapped before a renewal is opened as it was then. */
	#seedOf({ recipientIdentity }: WrapContext): KemSeed {
		return this.#self(recipientIdentity).keys.kem.seed;
	}

	async #openPrevious(space: SpaceId, grant: EpochGrant, commitment: Uint8Array): Promise<void> {
		const old = grant.epoch - 1;
		const next = this.#epochs.get(epochName(space, grant.epoch));
		if (next === undefined || grant.previousKey === null) return;
		if (this.#epochs.has(epochName(space, old))) return;
		const opened = await openPreviousKey(next.contentKey, {
			sealed: grant.previousKey,
			place: { space, next: grant.epoch, old },
			commitment
		});
		if (opened.ok) await this.#keep(space, old, opened.value);
	}

	openPages(pages: readonly SealedPage[]): Promise<readonly (Uint8Array | null)[]> {
		return inTurns(pages, async ({ place, sealed }) => {
			const keys = this.#epochs.get(epochName(place.space, place.epoch));
			if (keys === undefined) return null;
			const opened = await openPage(keys.contentKey, place, sealed);
			return opened.ok ? opened.value : null;
		});
	}

	/** Audit keys are opened for the reading of their events, and not kept. */
	async openEvents(
		grants: readonly AuditGrant[],
		events: readonly PlacedEvent[]
	): Promise<readonly (AuditEvent | null)[]> {
		const seeds = new Map<number, KemSeed>();
		for (const grant of grants) {
			if (!events.some(({ key }) => key === grant.number)) continue;
			const opened = await openAuditKey(this.#seedOf(grant.context), grant);
			if (opened.ok) seeds.set(grant.number, opened.value);
		}
		const read = await inTurns(events, async ({ key, place, sealed }) => {
			const seed = seeds.get(key);
			const opened = seed === undefined ? null : await openAuditEvent(seed, place, sealed);
			return opened?.ok === true ? opened.value : null;
		});
		for (const seed of seeds.values()) seed.wipe();
		return read;
	}

	/** Overwrites what can be; CryptoKeys go with the thread. */
	wipe(): void {
		for (const { epochKey } of this.#epochs.values()) epochKey.wipe();
		this.#epochs.clear();
	}

	async #keep(space: SpaceId, epoch: Epoch, epochKey: EpochKey): Promise<void> {
		const contentKey = await deriveContentKey(epochKey, { space, epoch });
		this.#epochs.set(epochName(space, epoch), { epochKey, contentKey });
	}
}

const copyOf = (key: EpochKey): EpochKey => createSecret(key.reveal().slice());

function spaceOf({ account, hash }: Identity, random: Uint8Array): NewSpace {
	const genesis = encodeGenesis({ creator: account, creatorIdentity: hash, random });
	const genesisHash = genesisHashOf(genesis);
	return { space: spaceOfGenesisHash(genesisHash), genesis, genesisHash };
}

const keyringOf = ({ identity, keys }: Owner): NewSpace =>
	spaceOf(identity, keys.keyringGenesisRandom);

const authorship = (
	{ identity }: Owner,
	device: DeviceId
): Pick<Commit, 'author' | 'identity' | 'device'> => ({
	...{ author: identity.account, identity: identity.hash, device }
});

async function signCommit(
	{ keys }: Owner,
	commit: Commit
): Promise<Pick<FormedCommit, 'commit' | 'signature'>> {
	const bytes = encodeCommit(commit);
	return {
		commit: bytes,
		signature: await sign(keys.signing.privateKey, commitSigningInput(bytes))
	};
}

const epochName = (space: SpaceId, epoch: Epoch): string => `${space}/${String(epoch)}`;
