// Somebody who holds the keys of an account by right and misuses them: signs what no honest client
// signs. What an edge alone can't make, an edge and a member together can.
import assert from 'node:assert/strict';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { EpochGrant, HandedKeys } from '../../client/crypto-port.ts';
import { createIdentity, openIdentity, type Identity } from '../../crypto/identity.ts';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { epochKeyCommitment } from '../../crypto/client/key-commitment.ts';
import type { EpochKey } from '../../crypto/client/secret.ts';
import { wrapEpochKey } from '../../crypto/client/space-keys.ts';
import { sha256 } from '../../crypto/hash.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../../crypto/random.ts';
import { sign } from '../../crypto/signature.ts';
import {
	encodeCommit,
	parseCommit,
	type Admin,
	type Commit,
	type Role
} from '../../protocol/commit.ts';
import type { Entry } from '../../protocol/frames.ts';
import { idFromBytes, type DeviceId } from '../../protocol/ids.ts';
import { commitSigningInput, type WrapContext } from '../../protocol/labels.ts';
import { headsOf, writesNothing } from './lies.ts';
import type { Lie } from './liar.ts';
import type { World } from './world.ts';

export interface Signer {
	readonly identity: Identity;
	readonly privateKey: CryptoKey;
}

/** Adds entries to the log of a world; each one follows the one before. */
export class Insider {
	readonly entries: Entry[];
	readonly #world: World;
	readonly #device: DeviceId = idFromBytes<DeviceId>(randomBytes(16));
	readonly #counts = new Map<string, number>();

	constructor(world: World) {
		this.#world = world;
		this.entries = [...world.entries];
	}

	get extra(): readonly Entry[] {
		return this.entries.slice(this.#world.entries.length);
	}

	/** Pages sealed with the space's own key, and signed by the account itself. */
	async write(
		plaintexts: readonly Uint8Array[],
		change: (page: Uint8Array) => Uint8Array = (page) => page,
		content: Omit<Partial<Commit>, 'pages' | 'admin'> = {},
		at?: number
	): Promise<void> {
		const core = startCryptoInProcess(() => Promise.resolve(opaqueModule));
		const { keys, space } = this.#world;
		await core.port.takeKeys(copyOf(keys));
		const epoch = at ?? (await openEpochs(core.port, this.#world));
		if (at !== undefined) await openEpochs(core.port, this.#world);
		const seen = headsOf(this.entries).at(-1);
		assert(seen);
		const draft = { space, seen, timeMs: 1, epoch, pages: plaintexts };
		const count = (this.#counts.get('self') ?? 0) + 1;
		const [formed] = await core.port.formCommits(this.#device, [{ ...draft, count }]);
		core.end();
		assert(formed);
		const pages = formed.pages.map(change);
		await this.commit(await ownerOf(this.#world), { pages, ...content }, epoch);
	}

	/** A commit of any content, by anybody, well-formed in every respect that is not given. */
	async commit(
		{ identity, privateKey }: Signer,
		content: {
			pages?: readonly Uint8Array[];
			admin?: Admin;
			/** The bytes of the wraps that `admin` names, for whoever reads. */
			wraps?: readonly Uint8Array[];
		} & Omit<Partial<Commit>, 'pages'>,
		epoch = 1
	): Promise<void> {
		const seen = headsOf(this.entries).at(-1);
		const name = identity.account === this.#world.keys.account ? 'self' : identity.account;
		const count = (this.#counts.get(name) ?? 0) + 1;
		this.#counts.set(name, count);
		assert(seen);
		const { pages = [], wraps: given = [], ...rest } = content;
		const bytes = encodeCommit({
			space: this.#world.space,
			author: identity.account,
			identity: identity.hash,
			device: this.#device,
			count,
			seen,
			timeMs: 1,
			supersedes: [],
			purge: [],
			admin: null,
			genesis: null,
			...rest,
			pages: pages.map((page) => ({
				epoch,
				lengthBytes: page.length,
				hash: sha256(page),
				expiresAtMs: null
			}))
		});
		const signature = await sign(privateKey, commitSigningInput(bytes));
		const seq = seen.seq + 1;
		const wraps = given.map((wrap, index) => ({ index, wrap }));
		this.entries.push({ seq, commit: bytes, signature, pages, wraps, previousKey: null });
	}

	/** Opens epoch 2 of a space of one, whose key is `wrapped`, whatever is committed to. */
	async openEpoch(signer: Signer, committed: EpochKey, wrapped: EpochKey): Promise<void> {
		const { account, hash, entry } = signer.identity;
		const { space } = this.#world;
		const wrap = await wrapEpochKey(wrapped, entry.body.kemKey, {
			...{ kind: 'content', space, number: 2 },
			...{ recipient: account, recipientIdentity: hash, sender: account, senderIdentity: hash }
		});
		const commitment = epochKeyCommitment(committed, space, 2);
		const admin: Admin = {
			members: [],
			epoch: { number: 2, commitment, previousHash: null },
			audit: null,
			wraps: [{ kind: 'content', number: 2, recipient: account, hash: sha256(wrap) }],
			settings: null
		};
		await this.commit(signer, { admin, wraps: [wrap] });
	}

	/** Serves the log with what was added to it. */
	get lie(): Lie {
		return {
			...writesNothing,
			toClient: (frame, { space }) => {
				if (space !== this.#world.space) return undefined;
				const offered = headsOf(this.entries).at(-1);
				assert(offered);
				if (frame.type === 'hello') return [{ type: 'hello', offered }];
				if (frame.type !== 'entries') return undefined;
				const known = frame.entries.at(-1)?.seq ?? this.#world.head.seq;
				const extra = this.entries.filter(({ seq }) => seq > known);
				return [{ ...frame, entries: [...frame.entries, ...extra], offered }];
			}
		};
	}
}

const copyOf = (keys: HandedKeys): HandedKeys => ({
	...keys,
	kemSeed: keys.kemSeed.slice(),
	keyringEpochKey: keys.keyringEpochKey.slice()
});

export async function ownerOf({ keys }: World): Promise<Signer> {
	const identity = await openIdentity(keys.identity);
	assert(identity.ok);
	return { identity: identity.value, privateKey: keys.signingKey };
}

/** A member to be; or a stranger. */
export async function newSigner(): Promise<Signer> {
	const keys = await deriveAccountKeys(generateRoot());
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	return { identity, privateKey: keys.signing.privateKey };
}

/** Adds somebody, with wraps whose hashes nobody checks but they themselves. */
export function adding({ identity }: Signer, role: Role): Admin {
	const wrap = { number: 1, recipient: identity.account, hash: randomBytes(32) };
	return {
		members: [{ account: identity.account, role, kind: 'person', identityEntry: identity.bytes }],
		epoch: null,
		audit: null,
		wraps: role === 'auditor' ? [] : [{ kind: 'content', ...wrap }],
		settings: null
	};
}

/** Every epoch whose key this member was given. @returns the newest */
export async function openEpochs(
	port: ReturnType<typeof startCryptoInProcess>['port'],
	{ entries, keys, space }: World
): Promise<number> {
	const own = await openIdentity(keys.identity);
	assert(own.ok);
	const commitments = new Map<number, Uint8Array>();
	let newest = 0;
	for (const { commit, wraps } of entries) {
		const parsed = parseCommit(commit);
		assert(parsed.ok);
		const { admin, identity, author } = parsed.value;
		if (admin?.epoch) commitments.set(admin.epoch.number, admin.epoch.commitment);
		for (const { index, wrap } of wraps) {
			const said = admin?.wraps[index];
			const commitment = said?.kind === 'content' ? commitments.get(said.number) : undefined;
			if (said === undefined || commitment === undefined) continue;
			const context: WrapContext = {
				kind: 'content',
				space,
				number: said.number,
				recipient: keys.account,
				recipientIdentity: own.value.hash,
				sender: author,
				senderIdentity: identity
			};
			const grant: EpochGrant = {
				epoch: said.number,
				commitment,
				wrap: { bytes: wrap, context },
				previousKey: null
			};
			assert.deepEqual(await port.openEpochs(space, [{ ...grant, previousKey: null }]), [
				said.number
			]);
			newest = Math.max(newest, said.number);
		}
	}
	assert(newest > 0, 'this member reads');
	return newest;
}
