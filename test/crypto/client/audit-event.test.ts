// The access log's events: sealed at the edge, opened by owners and auditors.
import { expect, test } from 'vitest';
import { eventHead } from '../../../crypto/audit-event.ts';
import { openAuditEvent, openAuditKey } from '../../../crypto/client/audit-event.ts';
import { deriveKemPublicKey } from '../../../crypto/client/hpke.ts';
import { createSecret, type KemSeed } from '../../../crypto/client/secret.ts';
import { auditEventTag, sealAuditEvent } from '../../../crypto/edge/audit-event.ts';
import { sealTo } from '../../../crypto/hpke.ts';
import { pad } from '../../../crypto/padding.ts';
import { auditEventKinds, encodeAuditEvent, noEvents } from '../../../protocol/audit-event.ts';
import { toHex } from '../../../protocol/bytes.ts';
import type { AccountId, SpaceId } from '../../../protocol/ids.ts';
import { eventInfo, wrapInfo, type WrapContext } from '../../../protocol/labels.ts';
import { sealedEventBytes } from '../../../protocol/limits.ts';
import { bytesFrom } from '../../protocol/samples.ts';
import { sampleEvent, sampleEventPlace } from '../../protocol/sharing-samples.ts';
import { flipped, valueOf } from '../vectors.ts';
import { failed, idFrom, personOf, spoilt } from './link-samples.ts';

const seedOf = (fill: number): KemSeed => createSecret(new Uint8Array(32).fill(fill));
const auditSeed = seedOf(9);
const auditKey = deriveKemPublicKey(auditSeed);
const place = sampleEventPlace;
const otherSpace = idFrom<SpaceId>(2);

test('what the edge sealed is read by who has the audit key, and has one length for every kind', async () => {
	for (const kind of auditEventKinds) {
		const event = { ...sampleEvent, kind, ...(kind === 'more' && { account: null, device: null }) };
		const sealed = await sealAuditEvent(auditKey, place, event);
		expect(sealed.length).toBe(sealedEventBytes);
		expect(valueOf(await openAuditEvent(auditSeed, place, sealed))).toEqual(event);
	}
});

test('an event with any byte flipped, cut off or added is refused, all alike', async () => {
	const sealed = await sealAuditEvent(auditKey, place, sampleEvent);
	for (let index = 0; index < sealed.length; index++) {
		const opened = await openAuditEvent(auditSeed, place, flipped(sealed, index));
		expect(opened, `byte ${index}`).toEqual(failed);
	}
	for (const bytes of spoilt(sealed, 97)) {
		expect(await openAuditEvent(auditSeed, place, bytes)).toEqual(failed);
	}
}, 60_000);

test('an event opens at its own place alone, and with its own key', async () => {
	const sealed = await sealAuditEvent(auditKey, place, sampleEvent);
	const elsewhere = [
		{ ...place, space: otherSpace },
		{ ...place, n: place.n + 1 },
		{ ...place, previous: flipped(place.previous, 31) }
	];
	for (const other of elsewhere) {
		expect(await openAuditEvent(auditSeed, other, sealed)).toEqual(failed);
	}
	expect(await openAuditEvent(seedOf(8), place, sealed)).toEqual(failed);
});

test('what is well sealed and no event is refused like everything else', async () => {
	const plaintexts = [
		encodeAuditEvent(sampleEvent),
		pad(new Uint8Array(3)),
		pad(Uint8Array.from([...encodeAuditEvent(sampleEvent), 0]))
	];
	for (const plaintext of plaintexts) {
		const sealed = await sealTo(auditKey, { info: eventInfo(place), plaintext });
		expect(await openAuditEvent(auditSeed, place, sealed)).toEqual(failed);
	}
});

test('an audit key is taken only if it is the other half of the one that the log pins', async () => {
	const ada = await personOf(1);
	const bob = await personOf(2);
	const context: WrapContext = {
		...{ kind: 'audit', space: place.space, number: 1 },
		...{ recipient: ada.identity.account, recipientIdentity: ada.identity.hash },
		...{ sender: bob.identity.account, senderIdentity: bob.identity.hash }
	};
	const wrapped = (plaintext: Uint8Array) =>
		sealTo(ada.kem.publicKey, { info: wrapInfo(context), plaintext });
	const wrap = await wrapped(auditSeed.reveal());
	const opens = (changed: Partial<Parameters<typeof openAuditKey>[1]>, seed = ada.kem.seed) =>
		openAuditKey(seed, { wrap, context, publicKey: auditKey, ...changed });
	const opened = valueOf(await opens({}));
	expect(toHex(opened.reveal())).toBe(toHex(auditSeed.reveal()));
	expect(await opens({ publicKey: deriveKemPublicKey(seedOf(8)) })).toEqual(failed);
	expect(await opens({ wrap: flipped(wrap, 700) })).toEqual(failed);
	expect(await opens({ context: { ...context, number: 2 } })).toEqual(failed);
	expect(await opens({ context: { ...context, kind: 'content' } })).toEqual(failed);
	expect(await opens({ context: { ...context, space: otherSpace } })).toEqual(failed);
	expect(await opens({}, bob.kem.seed)).toEqual(failed);
	expect(await opens({ wrap: await wrapped(new Uint8Array(32)) })).toEqual(failed);
});

test('the chain of events names space, place, key and every event before', async () => {
	const sealed = await sealAuditEvent(auditKey, place, sampleEvent);
	const head = eventHead(place, { key: 1, sealed });
	expect(head.n).toBe(place.n);
	const others = [
		eventHead({ ...place, space: otherSpace }, { key: 1, sealed }),
		eventHead({ ...place, n: place.n + 1 }, { key: 1, sealed }),
		eventHead({ ...place, previous: noEvents.hash }, { key: 1, sealed }),
		eventHead(place, { key: 2, sealed }),
		eventHead(place, { key: 1, sealed: flipped(sealed, 1_263) })
	];
	const hashes = [head, ...others].map(({ hash }) => toHex(hash));
	expect(new Set(hashes).size).toBe(hashes.length);
	expect(eventHead(place, { key: 1, sealed })).toEqual(head);
});

test('the edge knows what is alike within the hour, by a tag that only its own key gives', () => {
	const key = { id: 1, secret: bytesFrom(1, 32) };
	const at = { space: place.space, hour: 490_000 };
	const tag = toHex(auditEventTag(key, at, sampleEvent));
	expect(tag).toMatch(/^[0-9a-f]{32}$/);
	expect(toHex(auditEventTag(key, at, { ...sampleEvent }))).toBe(tag);
	const others = [
		auditEventTag({ id: 1, secret: bytesFrom(2, 32) }, at, sampleEvent),
		auditEventTag(key, { ...at, hour: 490_001 }, sampleEvent),
		auditEventTag(key, { ...at, space: otherSpace }, sampleEvent),
		auditEventTag(key, at, { ...sampleEvent, kind: 'opened' }),
		auditEventTag(key, at, { ...sampleEvent, account: idFrom<AccountId>(99) }),
		auditEventTag(key, at, { ...sampleEvent, device: null }),
		auditEventTag(key, at, { ...sampleEvent, subject: null })
	];
	expect(new Set([tag, ...others.map(toHex)]).size).toBe(others.length + 1);
});
