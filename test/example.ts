// The worked example of docs/formats.md, made by the code that ships, from fixed secrets. Each name
// is that of a block in the document; docs.test.ts compares them byte for byte.
import * as Y from 'yjs';
import { makeDoc } from '../client/item-doc.ts';
import { deriveAccountKeys } from '../crypto/client/account-keys.ts';
import { sealWithRandom } from '../crypto/client/aead.ts';
import { epochKeyCommitment } from '../crypto/client/key-commitment.ts';
import { deriveRecoveryAuthenticator } from '../crypto/client/recovery-authenticator.ts';
import { signAccountWrite } from '../crypto/client/sign-account-write.ts';
import { createSecret, type EpochKey, type RootSecret } from '../crypto/client/secret.ts';
import { deriveContentKey } from '../crypto/client/space-keys.ts';
import { sha256 } from '../crypto/hash.ts';
import { createIdentity } from '../crypto/identity.ts';
import { hkdf } from '../crypto/kdf.ts';
import { genesisHashOf, nextHead, spaceOfGenesisHash } from '../crypto/log-rules.ts';
import { pad } from '../crypto/padding.ts';
import { sign } from '../crypto/signature.ts';
import { concatBytes } from '../protocol/bytes.ts';
import { encodeCommit, encodeGenesis } from '../protocol/commit.ts';
import { encodeClientFrame, encodeSpaceFrame } from '../protocol/frames.ts';
import {
	bytesOfId,
	idFromBytes,
	type DeviceId,
	type FactorId,
	type ItemId
} from '../protocol/ids.ts';
import {
	accountHeadInput,
	commitSigningInput,
	contentKeyInfo,
	keyCommitmentInput,
	keyslotAad,
	pageAad
} from '../protocol/labels.ts';
import { encodePage } from '../protocol/page.ts';

/** `length` bytes that count up from `first`. */
const counting = (first: number, length: number): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => first + index);

/** Recomputes every value of the example. */
export async function workedExample(): Promise<Record<string, Uint8Array>> {
	const root: RootSecret = createSecret(counting(0x00, 32));
	const keys = await deriveAccountKeys(root);
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	const genesis = encodeGenesis({
		creator: identity.account,
		creatorIdentity: identity.hash,
		random: counting(0x20, 32)
	});
	const genesisHash = genesisHashOf(genesis);
	const space = spaceOfGenesisHash(genesisHash);

	const epochKey: EpochKey = createSecret(counting(0x40, 32));
	const contentKeyBytes = hkdf(epochKey.reveal(), contentKeyInfo(space, 1), 32);
	const device = idFromBytes<DeviceId>(counting(0x60, 16));
	const place = { space, epoch: 1, author: identity.account, device, count: 2, index: 0 };
	const item = idFromBytes<ItemId>(counting(0x70, 16));
	const seed = {
		createdAtMs: 1_700_000_000_000,
		title: 'Tacet',
		body: 'The part rests.',
		path: null
	};
	const page = encodePage([{ type: 'seed', item, seed }]);
	const sealed = await sealWithRandom(
		(await deriveContentKey(epochKey, { space, epoch: 1 })).key,
		{ plaintext: pad(page), aad: pageAad(place) },
		() => counting(0x80, 24)
	);

	const head1 = counting(0xa0, 32);
	const commit = encodeCommit({
		space,
		author: identity.account,
		identity: identity.hash,
		device,
		count: 2,
		seen: { seq: 1, hash: head1 },
		timeMs: 1_700_000_000_001,
		pages: [{ epoch: 1, lengthBytes: sealed.length, hash: sha256(sealed), expiresAtMs: null }],
		supersedes: [],
		purge: [],
		admin: null,
		genesis: null
	});
	const signature = await sign(keys.signing.privateKey, commitSigningInput(commit));
	const writes = { account: identity.account, device, timeMs: 1_700_000_000_000 };
	const slotFacts = { slot: counting(0xc0, 16), hash: counting(0x90, 32) };
	const created = await signAccountWrite(keys.signing.privateKey, {
		...{ ...writes, n: 1, previous: new Uint8Array(32) },
		action: {
			...{ type: 'create', handleHash: counting(0x10, 32), identityEntry: identity.bytes },
			material: {
				password: { ...slotFacts, recordHash: counting(0x50, 32), usesAccountKey: false },
				kit: {
					...{ slot: counting(0xd0, 16), hash: counting(0x91, 32) },
					...{ authenticatorHash: counting(0x70, 32), confirmed: false }
				},
				passkeys: []
			},
			policy: { suffices: [], sessionCap: 3, recoveryDelayDays: 1 }
		}
	});
	const accountHead1 = sha256(accountHeadInput(created.write, created.signature));
	const second = await signAccountWrite(keys.signing.privateKey, {
		...{ ...writes, n: 2, previous: accountHead1 },
		action: {
			type: 'factor_add',
			factor: {
				factor: idFromBytes<FactorId>(counting(0xe0, 16)),
				...{ kind: 'totp', hash: counting(0xb0, 32) }
			}
		}
	});
	return {
		'signing public key': keys.signing.publicKey,
		'identity hash': identity.hash,
		'account id': bytesOfId(identity.account),
		'genesis body': genesis,
		'head(0)': genesisHash,
		'space id': bytesOfId(space),
		'key commitment input': keyCommitmentInput('content', space, 1),
		'key commitment': epochKeyCommitment(epochKey, space, 1),
		'content key info': contentKeyInfo(space, 1),
		'content key': contentKeyBytes,
		'page plaintext': page,
		'seed as Yjs update': Y.encodeStateAsUpdate(makeDoc(item, seed, []).doc),
		'page AAD': pageAad(place),
		'sealed page': sealed,
		commit,
		signature,
		'head(2)': nextHead(head1, sha256(concatBytes(commit, signature))),
		'keyslot AAD': keyslotAad({
			account: identity.account,
			kind: 'password',
			slot: counting(0xc0, 16),
			generation: 1
		}),
		'account head(1)': accountHead1,
		'account write 2': second.write,
		'signature of account write 2': second.signature,
		'account head(2)': sha256(accountHeadInput(second.write, second.signature)),
		'recovery authenticator': deriveRecoveryAuthenticator(createSecret(counting(0xd0, 16))),
		'pull frame': encodeClientFrame({ type: 'pull', after: 1 }),
		'appended frame': encodeSpaceFrame({ type: 'appended', count: 2, seq: 2 }),
		'refused frame': encodeSpaceFrame({
			type: 'refused',
			count: 2,
			refusal: { code: 'rate_limited', retryAfterSeconds: 30 }
		})
	};
}
