// What it takes to seal and to open a page, beside the platform's cipher alone and a cipher in
// JavaScript. Runs in Node, and bundled in a page: it uses what both have.
import { gcm } from '@noble/ciphers/aes.js';
import { seal as sealAlone, open as openAlone, xaesNonceBytes } from '../../crypto/client/aead.ts';
import type { RecordCipher } from '../../crypto/client/record-cipher.ts';
import { layOutPage, openPage, sealPage } from '../../crypto/client/seal-page.ts';
import { deriveContentKey, generateEpochKey } from '../../crypto/client/space-keys.ts';
import { paddedLength, padInto } from '../../crypto/padding.ts';
import { randomBytes } from '../../crypto/random.ts';
import { idFromBytes, type AccountId, type DeviceId, type SpaceId } from '../../protocol/ids.ts';
import { pageAad, type PagePlace } from '../../protocol/labels.ts';

/** Microseconds for one page: what a round took on average, for each round. */
export interface SealTimes {
	/** Written into its room, padding included, and sealed there. */
	readonly seal: readonly number[];
	/** The same, in memory that was never touched: what writing a new page anywhere costs is in it. */
	readonly sealNew: readonly number[];
	readonly open: readonly number[];
	readonly rawSeal: readonly number[];
	readonly rawOpen: readonly number[];
	/** With a subkey derived for each record, padding and place left out. */
	readonly deriveSeal: readonly number[];
	readonly deriveOpen: readonly number[];
	readonly nobleSeal: readonly number[];
	/** As many under way as the product has. */
	readonly sealMany: readonly number[];
	readonly rawSealMany: readonly number[];
}

export interface SealOptions {
	readonly contentBytes: number;
	readonly rounds: number;
	readonly pagesARound: number;
	readonly atOnce: number;
}

const ivBytes = 12;
const lengthFieldBytes = 4;
const nobleShare = 8;

interface Bench {
	readonly contentKey: RecordCipher;
	readonly place: PagePlace;
	readonly content: Uint8Array<ArrayBuffer>;
	readonly sealed: Uint8Array;
	readonly rawKey: CryptoKey;
	readonly raw: Uint8Array<ArrayBuffer>;
	readonly rawSealed: ArrayBuffer;
	readonly iv: Uint8Array<ArrayBuffer>;
}

async function prepare(contentBytes: number): Promise<Bench> {
	const space = idFromBytes<SpaceId>(randomBytes(16));
	const contentKey = await deriveContentKey(generateEpochKey(), { space, epoch: 1 });
	const place: PagePlace = {
		...{ space, epoch: 1, count: 7, index: 0 },
		author: idFromBytes<AccountId>(randomBytes(16)),
		device: idFromBytes<DeviceId>(randomBytes(16))
	};
	const content = filled(contentBytes);
	const raw = filled(paddedLength(contentBytes));
	const iv = new Uint8Array(randomBytes(ivBytes));
	const rawKey = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
		'encrypt',
		'decrypt'
	]);
	const rawSealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, rawKey, raw);
	const sealed = await sealPage(contentKey, place, content);
	return { contentKey, place, content, sealed, rawKey, raw, rawSealed, iv };
}

const filled = (length: number): Uint8Array<ArrayBuffer> =>
	Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff);

export async function measureSealing(options: SealOptions): Promise<SealTimes> {
	const bench = await prepare(options.contentBytes);
	const { contentKey, place, content, sealed, rawKey, raw, rawSealed, iv } = bench;
	const { subtle } = crypto;
	const page = layOutPage([content]);
	const padded = page.room.subarray(xaesNonceBytes, xaesNonceBytes + raw.length);
	const fillerBytes = padded.length - content.length - lengthFieldBytes;
	const seal = () => {
		padded.fill(0, -fillerBytes);
		padInto(padded, [content]);
		return sealPage(contentKey, place, page);
	};
	const sealNew = () => sealPage(contentKey, place, layOutPage([content]));
	const aad = pageAad(place);
	const alone = await sealAlone(contentKey.key, { plaintext: raw, aad });
	const rawSeal = () => subtle.encrypt({ name: 'AES-GCM', iv }, rawKey, raw);
	const nobleKey = randomBytes(32);
	const works = {
		seal: inTurn(seal),
		sealNew: inTurn(sealNew),
		open: inTurn(() => openPage(contentKey, place, sealed)),
		rawSeal: inTurn(rawSeal),
		rawOpen: inTurn(() => subtle.decrypt({ name: 'AES-GCM', iv }, rawKey, rawSealed)),
		sealMany: atOnce(sealNew, options.atOnce),
		rawSealMany: atOnce(rawSeal, options.atOnce),
		deriveSeal: inTurn(() => sealAlone(contentKey.key, { plaintext: raw, aad })),
		deriveOpen: inTurn(() => openAlone(contentKey.key, { sealed: alone, aad })),
		nobleSeal: inTurn(() => Promise.resolve(gcm(nobleKey, iv).encrypt(raw)))
	} satisfies Record<keyof SealTimes, Work>;
	const names = Object.keys(works) as (keyof SealTimes)[];
	const times = new Map<keyof SealTimes, number[]>(names.map((name) => [name, []]));
	const few = Math.ceil(options.pagesARound / nobleShare);
	for (let round = -1; round < options.rounds; round++) {
		// None is always behind the same other.
		const first = (round + 1) % names.length;
		for (const name of [...names.slice(first), ...names.slice(0, first)]) {
			const pages = name === 'nobleSeal' ? few : options.pagesARound;
			const startedMs = performance.now();
			await works[name](pages);
			// The first round warms everything up.
			if (round >= 0) times.get(name)?.push(((performance.now() - startedMs) * 1_000) / pages);
		}
	}
	return Object.fromEntries(times) as unknown as SealTimes;
}

type Work = (count: number) => Promise<void>;

const inTurn =
	(once: () => Promise<unknown>): Work =>
	async (count) => {
		for (let done = 0; done < count; done++) await once();
	};

const atOnce =
	(once: () => Promise<unknown>, width: number): Work =>
	async (count) => {
		let begun = 0;
		const one = async (): Promise<void> => {
			while (begun++ < count) await once();
		};
		await Promise.all(Array.from({ length: width }, one));
	};
