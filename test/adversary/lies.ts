// Lies about frames to a client, one at a time: what an edge can do to bytes that it can't make.
import { nextHead } from '../../crypto/log-rules.ts';
import { createIdentity } from '../../crypto/identity.ts';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { sha256 } from '../../crypto/hash.ts';
import { sign } from '../../crypto/signature.ts';
import { concatBytes } from '../../protocol/bytes.ts';
import { encodeCommit, parseCommit, type Commit, type Head } from '../../protocol/commit.ts';
import { wireErrors, type WireErrorCode } from '../../protocol/errors.ts';
import {
	encodeSpaceFrame,
	type Entry,
	type SignedCommit,
	type SpaceFrame
} from '../../protocol/frames.ts';
import {
	encodeHeartbeat,
	parseHeartbeat,
	type Heartbeat,
	type SignedHeartbeat
} from '../../protocol/heartbeat.ts';
import {
	idFromBytes,
	type AccountId,
	type DeviceId,
	type Seq,
	type SpaceId
} from '../../protocol/ids.ts';
import { commitSigningInput } from '../../protocol/labels.ts';
import type { Lie, Line } from './liar.ts';
import type { Chance } from './random.ts';

type EntriesFrame = Extract<SpaceFrame, { type: 'entries' }>;
type Told = readonly (SpaceFrame | Uint8Array)[];

/** Of a device whose copy is still at work: two that write under one name get into each other's way. */
export const writesNothing: Pick<Required<Lie>, 'toEdge'> = {
	toEdge: ({ type }) => (type === 'append' ? [] : undefined)
};

/** What the liar has at hand besides the frame before it. */
export interface Material {
	readonly chance: Chance;
	/** The whole log of the space, as its honest edge serves it. */
	readonly log: readonly Entry[];
	/** Entries of another space of the same account. */
	readonly otherLog: readonly Entry[];
	/** An entry that somebody else has signed, to stand after the last one. */
	readonly strangers: readonly Entry[];
	/** Given by devices of members, about this space or another; of whatever age. */
	readonly beats: readonly SignedHeartbeat[];
}

/** Null where there is nothing to lie about. */
type Telling<Frame> = (frame: Frame, material: Material, line: Line) => Told | null;

export const headAfter = (previous: Uint8Array, { commit, signature }: SignedCommit): Uint8Array =>
	nextHead(previous, sha256(concatBytes(commit, signature)));

/** Heads of a log by seq, from the first 32 bytes that its genesis commit has seen. */
export function headsOf(log: readonly Entry[]): readonly Head[] {
	const [first] = log;
	const genesis = first && parseCommit(first.commit);
	if (!genesis?.ok) throw new Error('a log begins with its genesis');
	const heads: Head[] = [genesis.value.seen];
	for (const entry of log) {
		const previous = heads.at(-1)?.hash ?? new Uint8Array();
		heads.push({ seq: entry.seq, hash: headAfter(previous, entry) });
	}
	return heads;
}

/** Flips one bit; empty bytes stay empty. */
export function flipped(bytes: Uint8Array, chance: Chance): Uint8Array {
	const copy = bytes.slice();
	const index = chance.below(bytes.length);
	copy[index] = (copy[index] ?? 0) ^ (1 << chance.below(8));
	return copy;
}

const withEntry = (frame: EntriesFrame, index: number, change: Partial<Entry>): Told => [
	{
		...frame,
		entries: frame.entries.map((entry, i) => (i === index ? { ...entry, ...change } : entry))
	}
];

/** Lies about one entry that `suits`. */
const aboutEntry =
	(
		change: (entry: Entry, material: Material, frame: EntriesFrame) => Partial<Entry>,
		suits: (entry: Entry) => boolean = () => true
	): Telling<EntriesFrame> =>
	(frame, material) => {
		const places = frame.entries.flatMap((entry, index) => (suits(entry) ? [index] : []));
		if (places.length === 0) return null;
		const index = material.chance.pick(places);
		const entry = frame.entries[index];
		return entry ? withEntry(frame, index, change(entry, material, frame)) : null;
	};

const hasPage = ({ pages }: Entry): boolean => pages.some((page) => page !== null);
const hasWrap = ({ wraps }: Entry): boolean => wraps.length > 0;

const onPage =
	(change: (page: Uint8Array, material: Material, frame: EntriesFrame) => Uint8Array | null) =>
	({ pages }: Entry, material: Material, frame: EntriesFrame): Partial<Entry> => {
		const index = pages.findIndex((page) => page !== null);
		return {
			pages: pages.map((page, i) => (i === index && page ? change(page, material, frame) : page))
		};
	};

/** Appends entries that were not there, under the head that they would give. */
function appended(frame: EntriesFrame, extra: readonly SignedCommit[], material: Material): Told {
	let head = headsOf(material.log).at(-1) ?? frame.offered;
	const entries = extra.map((entry): Entry => {
		head = { seq: head.seq + 1, hash: headAfter(head.hash, entry) };
		return { pages: [], wraps: [], previousKey: null, ...entry, seq: head.seq };
	});
	return [{ ...frame, entries: [...frame.entries, ...entries], offered: head }];
}

const otherThan = (frame: EntriesFrame, entry: Entry, { chance, log }: Material): Entry =>
	chance.pick([...log, ...frame.entries].filter(({ seq }) => seq !== entry.seq));

export const entriesLies = {
	'flip a bit of a commit': aboutEntry(({ commit }, { chance }) => ({
		commit: flipped(commit, chance)
	})),
	'flip a bit of a signature': aboutEntry(({ signature }, { chance }) => ({
		signature: flipped(signature, chance)
	})),
	'flip a bit of a page': aboutEntry(
		onPage((page, { chance }) => flipped(page, chance)),
		hasPage
	),
	'flip a bit of a wrap': aboutEntry(
		({ wraps }, { chance }) => ({
			wraps: wraps.map(({ index, wrap }) => ({ index, wrap: flipped(wrap, chance) }))
		}),
		hasWrap
	),
	'number an entry otherwise': aboutEntry(({ seq }, { chance }) => ({
		seq: Math.max(1, seq + chance.pick([-3, -1, 1, 2, 1_000]))
	})),
	'withhold a page': aboutEntry(
		onPage(() => null),
		hasPage
	),
	'withhold all pages': (frame) => [
		{
			...frame,
			entries: frame.entries.map((entry) => ({ ...entry, pages: entry.pages.map(() => null) }))
		}
	],
	'cut a page short': aboutEntry(
		onPage((page, { chance }) => page.subarray(0, chance.below(page.length))),
		hasPage
	),
	'make a page longer': aboutEntry(
		onPage((page, { chance }) => concatBytes(page, chance.bytes(1 + chance.below(64)))),
		hasPage
	),
	'leave out the list of pages': aboutEntry(() => ({ pages: [] }), hasPage),
	'add a page': aboutEntry(({ pages }, { chance }) => ({ pages: [...pages, chance.bytes(168)] })),
	'give one entry the page of another': aboutEntry(
		onPage((page, { chance, log }) => {
			const others = log.flatMap(({ pages }) => pages.filter((other) => other !== null));
			return chance.pick([page, ...others]);
		}),
		hasPage
	),
	'give a page of another space': aboutEntry(
		onPage((page, { chance, otherLog }) =>
			chance.pick([
				page,
				...otherLog.flatMap(({ pages }) => pages.filter((other) => other !== null))
			])
		),
		hasPage
	),
	'leave out the wraps': aboutEntry(() => ({ wraps: [] }), hasWrap),
	'move a wrap': aboutEntry(
		({ wraps }, { chance }) => ({
			wraps: wraps.map(({ wrap }) => ({ index: 1 + chance.below(300), wrap }))
		}),
		hasWrap
	),
	'add a wrap': aboutEntry(({ wraps }, { chance }) => ({
		wraps: [...wraps, { index: chance.below(3), wrap: chance.bytes(1_168) }]
	})),
	'add a record of a previous key': aboutEntry((_, { chance }) => ({
		previousKey: chance.bytes(72)
	})),
	'drop an entry': (frame, { chance }) => {
		if (frame.entries.length === 0) return null;
		const index = chance.below(frame.entries.length);
		return [{ ...frame, entries: frame.entries.filter((_, i) => i !== index) }];
	},
	'keep the last entries back': (frame, { chance }) => {
		if (frame.entries.length === 0) return null;
		return [{ ...frame, entries: frame.entries.slice(0, chance.below(frame.entries.length)) }];
	},
	'show the log as it was': (frame, { chance, log }) => {
		const head = chance.pick(headsOf(log));
		return [
			{ ...frame, entries: frame.entries.filter(({ seq }) => seq <= head.seq), offered: head }
		];
	},
	'give an entry twice': (frame, { chance }) => {
		if (frame.entries.length === 0) return null;
		const index = chance.below(frame.entries.length);
		return [{ ...frame, entries: frame.entries.flatMap((e, i) => (i === index ? [e, e] : [e])) }];
	},
	'give two entries in the other order': (frame, { chance }) => {
		if (frame.entries.length < 2) return null;
		const index = chance.below(frame.entries.length - 1);
		const entries = [...frame.entries];
		entries.splice(index, 2, ...entries.slice(index, index + 2).reverse());
		return [{ ...frame, entries }];
	},
	'swap two entries under their numbers': (frame, { chance }) => {
		if (frame.entries.length < 2) return null;
		const index = chance.below(frame.entries.length - 1);
		const [a, b] = frame.entries.slice(index, index + 2);
		if (!a || !b) return null;
		const entries = [...frame.entries];
		entries.splice(index, 2, { ...b, seq: a.seq }, { ...a, seq: b.seq });
		return [{ ...frame, entries }];
	},
	'put an entry in the place of another': aboutEntry((entry, material, frame) => ({
		...otherThan(frame, entry, material),
		seq: entry.seq
	})),
	'put an entry of another space in the place of one': aboutEntry((entry, material) => ({
		...material.chance.pick(material.otherLog),
		seq: entry.seq
	})),
	'give an entry the signature of another': aboutEntry((entry, material, frame) => ({
		signature: otherThan(frame, entry, material).signature
	})),
	'serve an old entry once more at the end': (frame, material) =>
		appended(frame, [material.chance.pick(material.log)], material),
	'serve an entry of another space at the end': (frame, material) =>
		appended(frame, [material.chance.pick(material.otherLog)], material),
	'add an entry that a stranger signed': (frame, material) =>
		appended(frame, [material.chance.pick(material.strangers)], material),
	'offer another hash': (frame, { chance }) => [
		{ ...frame, offered: { ...frame.offered, hash: flipped(frame.offered.hash, chance) } }
	],
	'offer more than there is': (frame, { chance }) => [
		{ ...frame, offered: { ...frame.offered, seq: frame.offered.seq + 1 + chance.below(5) } }
	],
	'offer less than there is': (frame, { chance }) => [
		{ ...frame, offered: { ...frame.offered, seq: chance.below(frame.offered.seq + 1) } }
	],
	'say that there is nothing': (frame) => [{ ...frame, entries: [] }]
} satisfies Record<string, Telling<EntriesFrame>>;

export const helloLies = {
	'greet with another hash': (frame, { chance }) => [
		{ ...frame, offered: { ...frame.offered, hash: flipped(frame.offered.hash, chance) } }
	],
	'greet with more than there is': (frame, { chance }) => [
		{ ...frame, offered: { ...frame.offered, seq: frame.offered.seq + 1 + chance.below(5) } }
	],
	'greet with the head as it was': (frame, { chance, log }) => [
		{ ...frame, offered: chance.pick(headsOf(log)) }
	]
} satisfies Record<string, Telling<Extract<SpaceFrame, { type: 'hello' }>>>;

type HeartbeatsFrame = Extract<SpaceFrame, { type: 'heartbeats' }>;

/** Lies about one heartbeat; a frame that has none is given one of another time or place. */
const aboutHeartbeat =
	(
		change: (beat: SignedHeartbeat, material: Material) => SignedHeartbeat
	): Telling<HeartbeatsFrame> =>
	(frame, material) => {
		const { chance, beats } = material;
		const all = frame.heartbeats.length > 0 ? frame.heartbeats : beats;
		if (all.length === 0) return null;
		const victim = chance.pick(all);
		return [
			{ ...frame, heartbeats: all.map((beat) => (beat === victim ? change(beat, material) : beat)) }
		];
	};

/** What a heartbeat says, changed, under the signature that it had. */
const sayingElse =
	(change: (body: Heartbeat, chance: Chance) => Partial<Heartbeat>) =>
	({ body, signature }: SignedHeartbeat, { chance }: Material): SignedHeartbeat => {
		const parsed = parseHeartbeat(body);
		if (!parsed.ok) return { body, signature };
		const said = { ...parsed.value, ...change(parsed.value, chance) };
		return { body: encodeHeartbeat(said), signature };
	};

export const heartbeatsLies = {
	'withhold the heartbeats': () => [],
	'give the heartbeats twice': (frame) => [frame, frame],
	'give an old heartbeat, or one of another space': (frame, { chance, beats }) =>
		beats.length === 0 ? null : [{ ...frame, heartbeats: [chance.pick(beats)] }],
	'give all heartbeats that there ever were': (frame, { beats }) => [
		{ ...frame, heartbeats: beats.slice(-256) }
	],
	'flip a bit of a heartbeat': aboutHeartbeat(({ body, signature }, { chance }) => ({
		signature,
		body: flipped(body, chance)
	})),
	'flip a bit of a heartbeat’s signature': aboutHeartbeat(({ body, signature }, { chance }) => ({
		body,
		signature: flipped(signature, chance)
	})),
	'give a heartbeat the signature of another': aboutHeartbeat(({ body }, { chance, beats }) => ({
		body,
		signature: beats.length === 0 ? chance.bytes(64) : chance.pick(beats).signature
	})),
	'have a heartbeat name another head': aboutHeartbeat(
		sayingElse(({ head }, chance) => ({ head: { ...head, hash: chance.bytes(32) } }))
	),
	'have a heartbeat name a later entry': aboutHeartbeat(
		sayingElse(({ head }, chance) => ({ head: { ...head, seq: head.seq + 1 + chance.below(50) } }))
	),
	'have a heartbeat be of another device': aboutHeartbeat(
		sayingElse((_, chance) => ({ device: idFromBytes<DeviceId>(chance.bytes(16)) }))
	)
} satisfies Record<string, Telling<HeartbeatsFrame>>;

/** Sent to a client whose socket stays; the codes that end a session would end it for every test. */
const codes = (Object.keys(wireErrors) as WireErrorCode[]).filter(
	(code) => code !== 'unauthenticated'
);

export const frameLies = {
	'send nothing': () => [],
	'send it twice': (frame) => [frame, frame],
	'flip a bit of the frame': (frame, { chance }) => [flipped(encodeSpaceFrame(frame), chance)],
	'cut the frame short': (frame, { chance }) => {
		const bytes = encodeSpaceFrame(frame);
		return [bytes.subarray(0, chance.below(bytes.length))];
	},
	'send bytes of no meaning': (_, { chance }) => [chance.bytes(chance.below(200))],
	'acknowledge what was never sent': (frame, { chance }) => [
		{ type: 'appended', count: 1 + chance.below(4), seq: 1 + chance.below(20) },
		frame
	],
	'refuse what was never sent': (frame, { chance }) => [
		{
			type: 'refused',
			count: chance.pick([null, 1, 2, 40]),
			refusal: { code: chance.pick(codes) }
		},
		frame
	],
	'give heartbeats too soon': (frame, { beats }) => [
		{ type: 'heartbeats', heartbeats: beats.slice(-20) },
		frame
	],
	'say that invitations changed': (frame) => [{ type: 'notice' }, frame, { type: 'notice' }],
	'send pages that nobody asked for': (frame, { chance, log }) => [
		{
			type: 'pages',
			pages: [{ seq: chance.pick(log).seq, index: 0, page: chance.bytes(168) }]
		},
		frame
	],
	'send an answer instead of a greeting': (frame) => [
		frame.type === 'hello' ? { type: 'entries', entries: [], offered: frame.offered } : frame
	],
	'greet in the middle': (frame) => [
		frame,
		frame.type === 'entries' ? { type: 'hello', offered: frame.offered } : frame
	],
	'hang up': (_, { chance }, line) => {
		line.close(chance.pick([1000, 1011, 4400, 4404, 4413, 4429, 4500, 4503]));
		return [];
	}
} satisfies Record<string, Telling<SpaceFrame>>;

export type LieName =
	| keyof typeof entriesLies
	| keyof typeof helloLies
	| keyof typeof heartbeatsLies
	| keyof typeof frameLies;

export const lieNames = [
	...Object.keys(entriesLies),
	...Object.keys(helloLies),
	...Object.keys(heartbeatsLies),
	...Object.keys(frameLies)
] as LieName[];

export interface TellOptions {
	readonly space: SpaceId;
	readonly material: Material;
	/** How often; a lie that has been told enough gives way to the truth. */
	readonly times: number;
	/** Frames of the space that pass before the first lie. */
	readonly after: number;
}

export interface ToldLie extends Lie {
	/** How often the client got to hear it. */
	readonly told: number;
	/** Resolves when it does for the first time. */
	readonly heard: Promise<void>;
}

/** A lie of this name about one space. */
export function tell(name: LieName, options: TellOptions): ToldLie {
	const { space, material } = options;
	let passed = 0;
	let told = 0;
	let hear: () => void = () => undefined;
	const heard = new Promise<void>((resolve) => (hear = resolve));
	return {
		heard,
		get told() {
			return told;
		},
		toClient(frame, line) {
			if (line.space !== space || told >= options.times) return undefined;
			if (passed++ < options.after) return undefined;
			const lie = lieAbout(name, frame, material, line);
			if (lie === null) return undefined;
			told += 1;
			hear();
			return lie;
		}
	};
}

function lieAbout(name: string, frame: SpaceFrame, material: Material, line: Line): Told | null {
	if (frame.type === 'entries' && name in entriesLies) {
		return entriesLies[name as keyof typeof entriesLies](frame, material, line);
	}
	if (frame.type === 'hello' && name in helloLies) {
		return helloLies[name as keyof typeof helloLies](frame, material);
	}
	if (frame.type === 'heartbeats' && name in heartbeatsLies) {
		return heartbeatsLies[name as keyof typeof heartbeatsLies](frame, material, line);
	}
	return name in frameLies
		? frameLies[name as keyof typeof frameLies](frame, material, line)
		: null;
}

/** Commits that follow `log` in every respect, but are not signed by a member. */
export async function strangerEntries(log: readonly Entry[]): Promise<readonly Entry[]> {
	const keys = await deriveAccountKeys(generateRoot());
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	const last = log.at(-1);
	const victim = last && parseCommit(last.commit);
	const seen = headsOf(log).at(-1);
	if (!victim?.ok || !seen) throw new Error('a log has a last entry');
	const plain: Commit = {
		...victim.value,
		count: victim.value.count + 1,
		seen,
		pages: [],
		supersedes: [{ seq: 2, index: 0 }],
		purge: [],
		admin: null,
		genesis: null
	};
	const own = { author: identity.account, identity: identity.hash, count: 1 };
	const ghost = {
		...plain,
		supersedes: [],
		admin: {
			members: [memberEntry(identity.account, identity.bytes)],
			epoch: null,
			audit: null,
			wraps: [
				{ kind: 'content', number: 1, recipient: identity.account, hash: identity.hash } as const
			],
			settings: null
		}
	};
	const seq: Seq = seen.seq + 1;
	return Promise.all(
		[plain, { ...plain, ...own }, ghost, { ...ghost, ...own }].map(async (commit) => {
			const bytes = encodeCommit(commit);
			const signature = await sign(keys.signing.privateKey, commitSigningInput(bytes));
			return { seq, commit: bytes, signature, pages: [], wraps: [], previousKey: null };
		})
	);
}

const memberEntry = (account: AccountId, identityEntry: Uint8Array) =>
	({ account, role: 'owner', kind: 'person', identityEntry }) as const;
