import { expose } from 'comlink';
import { afterEach, expect, test } from 'vitest';
import { connectCrypto } from '../../client/connect-crypto.ts';
import { CryptoCore } from '../../client/crypto-core.ts';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { importXaesKey } from '../../crypto/client/aead.ts';
import { layOutPage } from '../../crypto/client/seal-page.ts';
import { sha256 } from '../../crypto/hash.ts';
import { createIdentity } from '../../crypto/identity.ts';
import { randomBytes } from '../../crypto/random.ts';
import { parseCommit } from '../../protocol/commit.ts';
import { idFromBytes, type DeviceId, type InviteId } from '../../protocol/ids.ts';

const device = idFromBytes<DeviceId>(new Uint8Array(16).fill(3));
const ends: (() => void)[] = [];

afterEach(() => {
	for (const end of ends.splice(0)) end();
});

/** A core behind a channel, as behind a worker's; what was posted to it is counted. */
async function connected() {
	const { port1: here, port2: there } = new MessageChannel();
	expose(new CryptoCore(() => Promise.reject(new Error('no login here'))), there);
	let posted = 0;
	const worker = {
		postMessage(message: unknown, transfers: Transferable[] = []) {
			posted += 1;
			here.postMessage(message, transfers);
		},
		addEventListener: here.addEventListener.bind(here),
		removeEventListener: here.removeEventListener.bind(here),
		terminate() {
			here.close();
		}
	};
	here.start();
	const { port, ...core } = connectCrypto(worker as unknown as Worker);
	ends.push(() => {
		core.end();
	});
	const keys = await deriveAccountKeys(generateRoot());
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	await port.takeKeys({
		...{ account: identity.account, device, identity: identity.bytes },
		signingKey: keys.signing.privateKey,
		kemSeed: keys.kem.seed.reveal(),
		keyringGenesisRandom: keys.keyringGenesisRandom,
		firstGenesisRandom: keys.firstGenesisRandom,
		keyringEpochKey: keys.keyringEpochKey.reveal(),
		localKey: await importXaesKey(randomBytes(32)),
		earlier: []
	});
	const { space, genesisHash } = await port.keyringSpace();
	await port.openKeyringEpoch(space);
	const draft = { space, count: 1, seen: { seq: 0, hash: genesisHash }, timeMs: 1, epoch: 1 };
	return { port, draft, author: identity.account, posted: () => posted };
}

test('pages that are laid out go over to the core, others are copied; both are sealed', async () => {
	const { port, draft, author } = await connected();
	const { space } = draft;
	const plain = Uint8Array.of(1, 2, 3);
	const laidOut = layOutPage([Uint8Array.of(4, 5), Uint8Array.of(6)]);
	const [formed] = await port.formCommits(device, [{ ...draft, pages: [plain, laidOut] }]);
	expect([plain.byteLength, laidOut.room.byteLength]).toEqual([3, 0]);
	const sealed = formed?.pages ?? [];
	const commit = parseCommit(formed?.commit ?? new Uint8Array());
	expect(commit.ok && commit.value.pages.map(({ hash }) => hash)).toEqual(sealed.map(sha256));
	const places = sealed.map((bytes, index) => ({
		place: { space, epoch: 1, author, device, count: 1, index },
		sealed: bytes
	}));
	expect(await port.openPages(places)).toEqual([plain, Uint8Array.of(4, 5, 6)]);
});

test('pages are hashed without a message to the core', async () => {
	const { port, posted } = await connected();
	const before = posted();
	const pages = [randomBytes(168), new Uint8Array(65_536)];
	expect(await port.hashPages(pages)).toEqual(pages.map(sha256));
	expect(posted()).toBe(before);
});

test('what lies deeper is asked of the core as before', async () => {
	const { port, draft } = await connected();
	const invite = idFromBytes<InviteId>(randomBytes(16));
	const secret = randomBytes(32);
	const opened = await port.sharing.openInvite({
		secret,
		space: draft.space,
		invite,
		sealed: randomBytes(300)
	});
	expect(opened).toEqual({ ok: false, error: 'open_failed' });
});
