// What the edge can see, field by field, made from the schemas and formats themselves. A new field
// fails here until somebody has looked at it and written it into the ledger (vitest -u).
import { expect, test } from 'vitest';
import { decodeCbor, type Cbor } from '../../protocol/cbor.ts';
import { encodeCommit, encodeGenesis, type Commit } from '../../protocol/commit.ts';
import { encodeClientFrame, encodeSpaceFrame, type Entry } from '../../protocol/frames.ts';
import { encodeHeartbeat } from '../../protocol/heartbeat.ts';
import { routes, spaceSocketPath } from '../../protocol/http.ts';
import { encodeIdentityBody, encodeIdentityEntry } from '../../protocol/identity.ts';
import type { AccountId, DeviceId, SpaceId } from '../../protocol/ids.ts';
import { encodeKeyslot } from '../../protocol/keyslot.ts';

/** As much of a schema of valibot as is walked through. */
interface Schema {
	readonly type: string;
	readonly entries?: Readonly<Record<string, Schema>>;
	readonly item?: Schema;
	readonly wrapped?: Schema;
	readonly literal?: unknown;
	/** Of a variant: which field says what the others are. */
	readonly key?: string;
	readonly options?: readonly Schema[];
}
type Shape = string | { readonly [field: string]: Shape };

function shapeOf(schema: Schema): Shape {
	if (schema.entries) {
		const entries = Object.entries(schema.entries);
		return Object.fromEntries(entries.map(([name, field]) => [name, shapeOf(field)]));
	}
	if (schema.type === 'variant') {
		const options = (schema.options ?? []).map((option): [string, Shape] => {
			const kind = option.entries?.[schema.key ?? '']?.literal;
			return [`where ${String(schema.key)} is ${String(kind)}`, shapeOf(option)];
		});
		return Object.fromEntries(options);
	}
	if (schema.item) return { 'each of a list': shapeOf(schema.item) };
	if (schema.wrapped) return shapeOf(schema.wrapped);
	return schema.type === 'literal' ? `always ${String(schema.literal)}` : schema.type;
}

type Names = readonly (string | { readonly [name: string]: Names | 'each' })[];

/** Gives the places of a CBOR array their names; every place must have one. */
function named(value: Cbor, names: Names): Shape {
	if (!Array.isArray(value)) throw new TypeError('only arrays have places');
	expect(value.length).toBe(names.length);
	const fields = names.map((name, index): [string, Shape] => {
		const field = value[index] as Cbor;
		if (typeof name === 'string') return [name, kindOf(field)];
		const [[own, inner] = ['', 'each' as const]] = Object.entries(name);
		if (inner === 'each') return [own, { 'each of a list': kindOf((field as Cbor[])[0] ?? null) }];
		const [list, element] = own.endsWith('[]')
			? [own.slice(0, -2), (field as Cbor[])[0]]
			: [own, field];
		const shape = named(element ?? null, inner);
		return [list, own.endsWith('[]') ? { 'each of a list': shape } : shape];
	});
	return Object.fromEntries(fields);
}

function kindOf(value: Cbor): string {
	if (value instanceof Uint8Array) return 'bytes';
	if (value === null) return 'nothing';
	return Array.isArray(value) ? 'list' : typeof value;
}

const decoded = (bytes: Uint8Array): Cbor => {
	const value = decodeCbor(bytes);
	if (!value.ok) throw new Error('not CBOR');
	return value.value;
};

const hash = new Uint8Array(32);
const account = 'aa'.repeat(16) as AccountId;
const device = 'bb'.repeat(16) as DeviceId;
const space = 'cc'.repeat(16) as SpaceId;
const genesis = encodeGenesis({ creator: account, creatorIdentity: hash, random: hash });

/** Everything in it that can be. */
const fullCommit: Commit = {
	space,
	author: account,
	identity: hash,
	device,
	count: 1,
	seen: { seq: 0, hash },
	timeMs: 1,
	pages: [{ epoch: 1, lengthBytes: 168, hash, expiresAtMs: 1 }],
	supersedes: [{ seq: 1, index: 0 }],
	purge: [{ seq: 1, index: 0 }],
	admin: {
		members: [{ account, role: 'owner', kind: 'person', identityEntry: hash }],
		epoch: { number: 1, commitment: hash, previousHash: hash },
		audit: { number: 1, publicKey: new Uint8Array(1_216) },
		wraps: [{ kind: 'content', number: 1, recipient: account, hash }],
		settings: { retentionDays: 30, defaultExpiryDays: 1, linksAllowed: true }
	},
	genesis
};

const fullHeartbeat = {
	space,
	account,
	device,
	head: { seq: 1, hash },
	audit: { n: 1, hash },
	timeMs: 1
};

const pageName: Names = ['entry', 'index'];
const commitNames: Names = [
	'version',
	'space',
	'author',
	'hash of the author’s identity',
	'device',
	'count',
	{ seen: ['entry', 'hash'] },
	'time',
	{ 'pages[]': ['epoch', 'padded length', 'hash', 'expiry'] },
	{ 'supersedes[]': pageName },
	{ 'purge[]': pageName },
	{
		admin: [
			{ 'members[]': ['account', 'role', 'kind', 'identity entry'] },
			{ epoch: ['number', 'commitment', 'hash of the previous key’s record'] },
			{ audit: ['number', 'public key'] },
			{ 'wraps[]': ['kind', 'number', 'recipient', 'hash'] },
			{ settings: ['days of retention', 'days to expiry', 'links allowed'] }
		]
	},
	'genesis body',
	'checkpoint, always nothing'
];

const entry: Entry = {
	seq: 1,
	commit: hash,
	signature: new Uint8Array(64),
	pages: [hash],
	wraps: [{ index: 0, wrap: new Uint8Array(1_168) }],
	previousKey: new Uint8Array(72)
};
const entryNames: Names = [
	'place on the log',
	'commit',
	'signature',
	{ 'sealed pages': 'each' },
	{ 'wraps[]': ['index', 'wrap'] },
	'previous key’s record'
];

const client = (frame: Parameters<typeof encodeClientFrame>[0], names: Names): Shape =>
	named(decoded(encodeClientFrame(frame)), ['number of the kind', ...names]);
const server = (frame: Parameters<typeof encodeSpaceFrame>[0], names: Names): Shape =>
	named(decoded(encodeSpaceFrame(frame)), ['number of the kind', ...names]);

/** A DPoP proof: docs/formats.md. `iat` is the device's clock. */
const proofNames = {
	...{ 'public key': 'string', jti: 'string', htm: 'string', htu: 'string' },
	...{ iat: 'number', bh: 'string', ath: 'string', nonce: 'string' }
};

test('NET-02 every field that the edge can see is in the ledger', async () => {
	const { commit, signature, previousKey } = entry;
	const wraps = entry.wraps.map(({ wrap }) => wrap);
	const identity = {
		account,
		n: 2,
		previousHash: hash,
		signingKey: hash,
		kemKey: new Uint8Array(1_216)
	};
	const ledger = {
		routes: Object.fromEntries(
			Object.values(routes).map(({ method, path, auth, request, response }) => [
				`${method} ${path}`,
				{
					'told to the edge': {
						'network address': 'string',
						...((auth === 'session' || auth === 'fresh') && { 'access token': 'string' }),
						...(auth !== 'none' && { proof: proofNames }),
						...(shapeOf(request as Schema) as object)
					},
					'told by the edge': shapeOf(response as Schema)
				}
			])
		),
		socket: {
			[`GET ${spaceSocketPath(space, 1)}`.replace(space, '<space>').replace('=1', '=<after>')]: {
				'network address': 'string',
				'access token': 'string',
				proof: proofNames,
				space: 'bytes',
				after: 'number'
			},
			'told to the edge': {
				append: client({ type: 'append', commit, signature, pages: [hash], wraps, previousKey }, [
					'commit',
					'signature',
					{ 'sealed pages': 'each' },
					{ wraps: 'each' },
					'previous key’s record'
				]),
				pull: client({ type: 'pull', after: 1 }, ['after']),
				fetch: client({ type: 'fetch', pages: [{ seq: 1, index: 0 }] }, [{ 'pages[]': pageName }]),
				beat: client({ type: 'beat', heartbeat: { body: hash, signature } }, [
					'heartbeat',
					'signature'
				])
			},
			'told by the edge': {
				hello: server({ type: 'hello', offered: { seq: 1, hash } }, ['head', 'its hash']),
				entries: server({ type: 'entries', entries: [entry], offered: { seq: 1, hash } }, [
					{ 'entries[]': entryNames },
					'head',
					'its hash'
				]),
				appended: server({ type: 'appended', count: 1, seq: 1 }, ['count', 'place on the log']),
				refused: server(
					{ type: 'refused', count: 1, refusal: { code: 'rate_limited', retryAfterSeconds: 1 } },
					['count', 'code', 'seconds to wait']
				),
				pages: server({ type: 'pages', pages: [{ seq: 1, index: 0, page: hash }] }, [
					{ 'pages[]': ['entry', 'index', 'sealed page'] }
				]),
				heartbeats: server({ type: 'heartbeats', heartbeats: [{ body: hash, signature }] }, [
					{ 'heartbeats[]': ['heartbeat', 'signature'] }
				]),
				notice: server({ type: 'notice' }, [])
			}
		},
		formats: {
			commit: named(decoded(encodeCommit(fullCommit)), commitNames),
			heartbeat: named(decoded(encodeHeartbeat(fullHeartbeat)), [
				'label',
				'space',
				'account',
				'device',
				'head',
				'its hash',
				{ 'newest event': ['number', 'hash'] },
				'time'
			]),
			'genesis body': named(decoded(genesis), [
				'version',
				'creator',
				'hash of the creator’s identity',
				'random bytes'
			]),
			'identity entry': named(
				decoded(
					encodeIdentityEntry({
						bodyBytes: encodeIdentityBody(identity),
						signature,
						previousSignature: signature
					})
				),
				['body', 'signature', 'signature by the entry before']
			),
			'body of an identity entry': named(decoded(encodeIdentityBody(identity)), [
				'version',
				'account',
				'number',
				'hash of the entry before',
				'signing key',
				'encapsulation key'
			]),
			keyslot: named(
				decoded(
					encodeKeyslot({
						kind: 'password',
						slot: new Uint8Array(16),
						generation: 1,
						record: new Uint8Array(104)
					})
				),
				['version', 'kind', 'random id', 'generation', 'sealed root']
			),
			page: { 'sealed bytes': 'bytes', 'padded length': 'number' }
		}
	};
	const text = `${JSON.stringify(ledger, null, '\t')}\n`;
	await expect(text).toMatchFileSnapshot('leakage-ledger.json');
});
