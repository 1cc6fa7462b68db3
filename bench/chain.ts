// B18: a chain of 10,000 commits, verified as a fresh device does, beside the bare signature checks of
// the same entries: as many, on the same bytes, as many at once, keys imported once. Both run in this
// process, in random order; what is read is their ratio. Entries are in memory, in frames as long as
// the edge sends them; pages are neither opened nor stored.
import { readFileSync } from 'node:fs';
import { changeOf, draftAdmin, type AdminIntent } from '../client/admin-draft.ts';
import { Chain } from '../client/chain.ts';
import { CryptoCore } from '../client/crypto-core.ts';
import type { CommitDraft, FormedCommit, UnlockedAccount } from '../client/crypto-port.ts';
import { inTurns } from '../client/page-hashes.ts';
import { makeSeed } from '../client/items.ts';
import { Pages } from '../client/pages.ts';
import {
	deriveAccountKeys,
	deriveLocalStoreKey,
	generateRoot
} from '../crypto/client/account-keys.ts';
import { createIdentity } from '../crypto/identity.ts';
import { countKey } from '../crypto/log-state.ts';
import { randomBytes } from '../crypto/random.ts';
import type { Proof } from '../crypto/signature.ts';
import { targetEntriesFrameBytes } from '../durable-objects/limits.ts';
import type { SignedCommit } from '../protocol/frames.ts';
import { idFromBytes, type DeviceId, type ItemId, type SpaceId } from '../protocol/ids.ts';
import { encodePage } from '../protocol/page.ts';
import { inProject } from '../scripts/project.mjs';
import { makeNotes, type BenchNote } from './notes.ts';
import { shuffled, spreadOf, type Spread } from './statistics.ts';

export interface ChainFigures {
	readonly commits: number;
	/** Of the whole process, every thread: verifying the chain, and the bare checks. */
	readonly cpuMs: Spread;
	readonly bareCpuMs: Spread;
	readonly cpuRatio: Spread;
	readonly wallMs: Spread;
	readonly bareWallMs: Spread;
	readonly wallRatio: Spread;
}

const commitCount = 10_000;
/** Formed against one head, as by a device that imports. */
const commitsAtOnce = 25;
/** After so many rounds the owner opens an epoch. */
const roundsPerEpoch = 50;

const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

export async function measureChain(repeats: number): Promise<ChainFigures> {
	const { space, frames } = await makeLog();
	const checks = await importedChecks(proofsOf(space, frames));
	const ways = {
		chain: () => verifyAsAFreshDevice(space, frames),
		bare: () => verifyBare(checks)
	};
	await ways.chain();
	await ways.bare();
	const taken = { chain: [] as Cost[], bare: [] as Cost[] };
	for (let repeat = 0; repeat < repeats; repeat++) {
		for (const way of shuffled(['chain', 'bare'] as const)) {
			taken[way].push(await costOf(ways[way]));
		}
	}
	const figures = (way: 'chain' | 'bare', of: keyof Cost) => taken[way].map((cost) => cost[of]);
	const ratio = (of: keyof Cost) =>
		spreadOf(taken.chain.map((cost, repeat) => cost[of] / (taken.bare[repeat]?.[of] ?? NaN)));
	return {
		commits: commitCount,
		cpuMs: spreadOf(figures('chain', 'cpuMs')),
		bareCpuMs: spreadOf(figures('bare', 'cpuMs')),
		cpuRatio: ratio('cpuMs'),
		wallMs: spreadOf(figures('chain', 'wallMs')),
		bareWallMs: spreadOf(figures('bare', 'wallMs')),
		wallRatio: ratio('wallMs')
	};
}

interface Cost {
	readonly cpuMs: number;
	readonly wallMs: number;
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
	const startedMs = performance.now();
	const before = process.cpuUsage();
	await work();
	const { user, system } = process.cpuUsage(before);
	return { cpuMs: (user + system) / 1_000, wallMs: performance.now() - startedMs };
}

type Frames = readonly (readonly SignedCommit[])[];

/** The rules on each frame, its signatures through the core, then the next. */
async function verifyAsAFreshDevice(space: SpaceId, frames: Frames): Promise<void> {
	const core = new CryptoCore(loadOpaque);
	const chain = new Chain(space);
	for (const entries of frames) {
		const { judged, fault } = chain.try(entries);
		const verdicts = await core.verifyProofs(judged.flatMap(({ proofs }) => proofs));
		if (fault !== null || !verdicts.every(Boolean)) throw new Error('an honest log was refused');
		chain.accept(judged);
	}
	if (chain.head.seq !== commitCount) throw new Error('entries are missing');
}

interface Check {
	readonly key: CryptoKey;
	readonly message: Uint8Array<ArrayBuffer>;
	readonly signature: Uint8Array<ArrayBuffer>;
}

async function verifyBare(checks: readonly Check[]): Promise<void> {
	const verdicts = await inTurns(checks, ({ key, message, signature }) =>
		crypto.subtle.verify('Ed25519', key, signature, message)
	);
	if (!verdicts.every(Boolean)) throw new Error('a good signature was refused');
}

function proofsOf(space: SpaceId, frames: Frames): readonly Proof[] {
	const chain = new Chain(space);
	return frames.flatMap((entries) => {
		const { judged } = chain.try(entries);
		chain.accept(judged);
		return judged.flatMap(({ proofs }) => proofs);
	});
}

async function importedChecks(proofs: readonly Proof[]): Promise<readonly Check[]> {
	const keys = new Map<string, Promise<CryptoKey>>();
	const keyOf = (publicKey: Uint8Array): Promise<CryptoKey> => {
		const name = String(publicKey);
		const known =
			keys.get(name) ??
			crypto.subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify']);
		keys.set(name, known);
		return known;
	};
	return Promise.all(
		proofs.map(async ({ publicKey, message, signature }) => ({
			key: await keyOf(publicKey),
			message: new Uint8Array(message),
			signature: new Uint8Array(signature)
		}))
	);
}

/** A space of two people with one device each, who write in turn; now and then a new epoch. */
async function makeLog(): Promise<{ readonly space: SpaceId; readonly frames: Frames }> {
	const [owner, editor] = [await newWriter(), await newWriter()];
	const { core, device } = owner;
	const space = await core.newSpace();
	const log = new Log(space.space, [owner, editor]);
	const genesis = { space, kind: 'items', device, timeMs: 1 } as const;
	await log.append([await core.formGenesis(genesis)]);
	const { account, identity } = editor.me;
	await log.administer(owner, {
		...{ type: 'add', account, role: 'editor', kind: 'person' },
		identityEntry: identity
	});
	const notes = makeNotes(commitCount).values();
	for (let round = 1; log.rest > 0; round++) {
		if (round % roundsPerEpoch === 0) await log.administer(owner, { type: 'rotate' });
		await log.write([owner, editor], notes);
	}
	return { space: space.space, frames: log.frames };
}

interface Writer {
	readonly core: CryptoCore;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
}

async function newWriter(): Promise<Writer> {
	const device = idFromBytes<DeviceId>(randomBytes(16));
	const root = generateRoot();
	const keys = await deriveAccountKeys(root);
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	const core = new CryptoCore(loadOpaque);
	const me = await core.takeKeys({
		...{ account: identity.account, device, identity: identity.bytes },
		signingKey: keys.signing.privateKey,
		kemSeed: keys.kem.seed.reveal(),
		keyringGenesisRandom: keys.keyringGenesisRandom,
		firstGenesisRandom: keys.firstGenesisRandom,
		keyringEpochKey: keys.keyringEpochKey.reveal(),
		localKey: await deriveLocalStoreKey(root, device),
		earlier: []
	});
	return { core, me, device };
}

class Log {
	readonly #chain: Chain;
	readonly #pages: ReadonlyMap<Writer, Pages>;
	readonly #frames: SignedCommit[][] = [[]];
	#frameBytes = 0;

	constructor(space: SpaceId, writers: readonly Writer[]) {
		this.#chain = new Chain(space);
		this.#pages = new Map(
			writers.map((writer) => [writer, new Pages(space, writer.core, writer.me)])
		);
	}

	get frames(): Frames {
		return this.#frames;
	}

	get rest(): number {
		return commitCount - this.#chain.head.seq;
	}

	#draft({ me, device }: Writer, ahead: number): Omit<CommitDraft, 'pages'> {
		const { state } = this.#chain;
		const count = (state.counts.get(countKey(me.account, device)) ?? 0) + 1 + ahead;
		return { space: state.space, count, seen: state.head, timeMs: 1, epoch: state.openEpoch };
	}

	async administer(owner: Writer, intent: AdminIntent): Promise<void> {
		const { state } = this.#chain;
		const change = changeOf(intent, state, owner.me.account);
		if (!change.ok || change.value === null) throw new Error('no such change');
		const admin = draftAdmin(state, change.value, true);
		const draft = this.#draft(owner, 0);
		const epoch = admin.opensEpoch ? draft.epoch + 1 : draft.epoch;
		const drafted = { ...draft, epoch, pages: [], admin };
		await this.append(await owner.core.formCommits(owner.device, [drafted]));
	}

	/** A note in a page in a commit, by one after the other. */
	async write(writers: readonly Writer[], notes: Iterator<BenchNote, undefined>): Promise<void> {
		const formed = await Promise.all(
			writers.map((writer) => {
				const drafts = Array.from({ length: commitsAtOnce }, (_, ahead) => ({
					...this.#draft(writer, ahead),
					pages: [pageOf(notes.next().value)]
				}));
				return writer.core.formCommits(writer.device, drafts);
			})
		);
		const inTurn = Array.from({ length: commitsAtOnce }, (_, index) =>
			formed.flatMap((commits) => commits[index] ?? [])
		);
		await this.append(inTurn.flat().slice(0, this.rest));
	}

	async append(formed: readonly FormedCommit[]): Promise<void> {
		const { judged, fault } = this.#chain.try(formed);
		if (fault !== null) throw new Error(fault);
		this.#chain.accept(judged);
		const received = judged.map(({ seq, commit }, index) => ({
			...{ seq, commit, pages: [] },
			wraps: (formed[index]?.wraps ?? []).map((wrap, index) => ({ index, wrap })),
			previousKey: formed[index]?.previousKey ?? null
		}));
		for (const pages of this.#pages.values()) await pages.learnKeys(received, this.#chain.state);
		for (const commit of formed) this.#send(commit);
	}

	#send({ commit, signature, pages }: FormedCommit): void {
		const pagesBytes = pages.reduce((sum, page) => sum + page.length, 0);
		this.#frameBytes += commit.length + signature.length + pagesBytes;
		if (this.#frameBytes > targetEntriesFrameBytes) {
			this.#frames.push([]);
			this.#frameBytes = commit.length + signature.length + pagesBytes;
		}
		this.#frames.at(-1)?.push({ commit, signature });
	}
}

function pageOf(note: BenchNote | undefined): Uint8Array {
	const { title = '', body = '' } = note ?? {};
	const seed = makeSeed({ title, body, createdAtMs: 1 });
	if (!seed.ok) throw new Error(seed.error);
	const item = idFromBytes<ItemId>(randomBytes(16));
	return encodePage([{ type: 'seed', item, seed: seed.value }]);
}
