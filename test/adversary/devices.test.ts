// New devices of an account under an edge that lies: what they are shown, who vouches for them, and
// who may take up an offer to link one.
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeviceLinkOffer } from '../../client/api-sharing.ts';
import { claimDeviceLink, openHandOver } from '../../client/device-linking.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Http } from '../../client/http.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { Entry } from '../../protocol/frames.ts';
import { parseHeartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { newPerson, type Person } from './company.ts';
import { isOnline, neverRepairs, startDevice, when, type Device } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { beatsSent, type Lie } from './liar.ts';
import { flipped, headsOf } from './lies.ts';
import { chanceOf } from './random.ts';
import { traceOf } from './reading.ts';
import { password } from './world.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const standingOf = ({ tacet }: Device): string => {
	assert(tacet.state.phase === 'unlocked', tacet.state.phase);
	return tacet.state.standing.state;
};

async function newDevice(lie: Lie = {}): Promise<Device> {
	const device = await startDevice(edge.url, { repairWaitMs: neverRepairs });
	device.liar.lie = lie;
	await device.tacet.start();
	return device;
}

const logIn = (device: Device, { handle }: Person) => device.tacet.logIn({ handle, password });

/** Keeps what an honest edge gives of one log, up to what the device adds to it. */
function listening(log: Entry[], of: SpaceId): Lie {
	return {
		toClient(frame, { space }) {
			if (space === of && frame.type === 'entries') {
				for (const entry of frame.entries) if (entry.seq === log.length + 1) log.push(entry);
			}
			return undefined;
		}
	};
}

/** The log ends at `until`, whatever else is said. */
function ending(
	of: SpaceId,
	until: { readonly seq: number; readonly hash: Uint8Array },
	heartbeats: 'passed' | 'dropped' = 'dropped'
): Lie {
	return {
		// What the new device writes after the old end stands nowhere.
		toEdge: (frame, { space }) => (space === of && frame.type === 'append' ? [] : undefined),
		toClient(frame, { space }) {
			if (space !== of) return undefined;
			if (frame.type === 'hello') return [{ type: 'hello', offered: until }];
			if (frame.type === 'heartbeats') return heartbeats === 'passed' ? undefined : [];
			if (frame.type !== 'entries') return undefined;
			const entries = frame.entries.filter(({ seq }) => seq <= until.seq);
			return [{ ...frame, entries, offered: until }];
		}
	};
}

describe('a device without memory', () => {
	test('INT-06 says that nobody has vouched for it while it is shown an old keyring, and changes no space', async () => {
		const ann = await newPerson(edge, 'ann-of-old');
		const log: Entry[] = [];
		const listener = await newDevice(listening(log, ann.keyring));
		assert((await logIn(listener, ann)).ok);
		await when(listener.tacet, () => standingOf(listener) === 'confirmed');
		await listener.close();
		// The keyring before the listening device added itself to it.
		const old = headsOf(log).at(-1);
		assert(old);

		const fresh = await newDevice(ending(ann.keyring, old));
		assert((await logIn(fresh, ann)).ok);
		await when(fresh.space, () => fresh.space.sync.connection === 'online');
		expect(standingOf(fresh)).toBe('unconfirmed');
		assert((await fresh.space.create({ title: 'Not yet' })).ok);
		await when(fresh.space, () => fresh.space.sync.problem === 'unconfirmed');
		expect(fresh.space.sync.waiting).toBe(1);
		const appends = fresh.liar.sent.filter(
			(sent) => sent.kind === 'frame' && sent.space === fresh.space.id && sent.message[1] === 0x01
		);
		expect(appends).toEqual([]);
		await fresh.close();
		await ann.device.close();
	});

	test('INT-06 is not vouched for by a heartbeat that is ahead of what it is shown', async () => {
		const ann = await newPerson(edge, 'ann-ahead');
		const log: Entry[] = [];
		const listener = await newDevice(listening(log, ann.keyring));
		assert((await logIn(listener, ann)).ok);
		await when(listener.tacet, () => standingOf(listener) === 'confirmed');
		await listener.close();
		// The keyring before the listening device added itself to it.
		const old = headsOf(log).at(-1);
		assert(old);
		// A second one adds itself too: what Ann's device says of it is two entries ahead.
		const second = await newDevice();
		assert((await logIn(second, ann)).ok);
		const beats = (): readonly SignedHeartbeat[] =>
			beatsSent([ann.device.liar]).filter(({ body }) => {
				const said = parseHeartbeat(body);
				const isOfKeyring = said.ok && said.value.space === ann.keyring;
				return isOfKeyring && said.value.head.seq > old.seq + 1;
			});
		await when(ann.device.liar, () => beats().length > 0);
		await second.close();

		// The device's own first entry is placed after the old end; its next pull is never answered.
		let stalls = false;
		const base = ending(ann.keyring, old);
		const fresh = await newDevice({
			...base,
			toEdge: (frame, line) => {
				if (line.space !== ann.keyring) return undefined;
				if (frame.type === 'append') {
					line.tell({ type: 'appended', count: 1, seq: old.seq + 1 });
					line.tell({ type: 'heartbeats', heartbeats: beats() });
					stalls = true;
					return [];
				}
				return stalls ? [] : undefined;
			}
		});
		assert((await logIn(fresh, ann)).ok);
		// It asks for what the heartbeat has seen.
		const asked = (): boolean => {
			const trace = traceOf(fresh.liar.sent, ann.keyring);
			const written = trace.findIndex((line) => line.startsWith('append'));
			return written >= 0 && trace.slice(written).some((line) => line.startsWith('pull'));
		};
		await when(fresh.liar, asked);
		expect(standingOf(fresh)).toBe('unconfirmed');
		await fresh.close();
		await ann.device.close();
	});
});

interface Linking {
	readonly ann: Person;
	readonly offer: DeviceLinkOffer;
}

async function offered(handle: string): Promise<Linking> {
	const ann = await newPerson(edge, handle);
	await when(ann.device.space, () => isOnline(ann.device.space));
	const offer = await ann.device.tacet.linkDevice();
	assert(offer.ok, JSON.stringify(offer));
	return { ann, offer: offer.value };
}

const codeOtherThan = (code: string): string => String((Number(code) + 1) % 1e6).padStart(6, '0');

const flippedText = (text: string): string => {
	const bytes = fromBase64Url(text);
	assert(bytes.ok);
	return toBase64Url(flipped(bytes.value, chanceOf(5)));
};

describe('an offer to link a device', () => {
	test('KEY-14, KEY-15 that a thief took up gives nothing to them: the code of the right device is another one', async () => {
		const { ann, offer } = await offered('ann-of-thieves');
		const thief = startCryptoInProcess(() => Promise.resolve(opaqueModule)).port;
		const http = new Http({ origin: edge.url });
		const parts = { http, crypto: thief, deviceName: 'Phone' };
		const stolen = await claimDeviceLink(parts, offer.url);
		assert(stolen.ok);
		const right = await newDevice();
		const taken = await right.tacet.takeDeviceLink(offer.url);
		expect(taken).toMatchObject({ ok: false, error: { code: 'invitation_ended' } });
		assert((await offer.claimed()).ok);
		// Whoever holds the old device types what the right one shows, which is not what the thief has.
		const typed = codeOtherThan(stolen.value.code);
		for (const expected of ['wrong_code', 'wrong_code', 'invitation_ended', 'invitation_ended']) {
			expect(await offer.confirm(typed)).toMatchObject({ ok: false, error: { code: expected } });
		}
		const { handle, link } = stolen.value.link;
		const answered = await http.call('deviceLinkTake', { handle, link });
		expect(answered).toMatchObject({ ok: true, value: { sealed: null } });
		expect(
			ann.device.liar.sent.filter((sent) => sent.kind === 'http' && sent.url.endsWith('hand-over'))
		).toEqual([]);
		await right.close();
		await ann.device.close();
	});

	test('KEY-14 whose claim the edge changes, or puts another one for, is not taken up', async () => {
		const { ann, offer } = await offered('ann-of-claims');
		const other = await offered('ann-of-other-claims');
		const right = await newDevice();
		assert((await right.tacet.takeDeviceLink(offer.url)).ok);
		const foreign = startCryptoInProcess(() => Promise.resolve(opaqueModule)).port;
		const parts = { http: new Http({ origin: edge.url }), crypto: foreign, deviceName: 'Phone' };
		assert((await claimDeviceLink(parts, other.offer.url)).ok);
		const heard = other.ann.device.liar;
		assert((await other.offer.claimed()).ok);
		const foreignClaim = JSON.parse(
			Buffer.from(heard.answers.findLast(({ kind }) => kind === 'http')?.bytes ?? []).toString()
		) as { claim: string };
		for (const change of [flippedText, () => foreignClaim.claim]) {
			ann.device.liar.lie = {
				answer: (route, { status, body }) =>
					route === 'deviceLinkRead'
						? { status, body: { claim: change((body as { claim: string }).claim) } }
						: undefined
			};
			expect(await offer.claimed()).toMatchObject({ ok: false, error: { code: 'link_invalid' } });
			expect(await offer.confirm('000000')).toMatchObject({ ok: false });
		}
		for (const { device } of [ann, other.ann]) await device.close();
		await right.close();
	});

	test('KEY-14, PWD-08 whose hand-over the edge changes leaves the new device as it was', async () => {
		const { ann, offer } = await offered('ann-of-hand-overs');
		const right = await newDevice({
			answer(route, { status, body }) {
				const { sealed } = body as { sealed?: string | null };
				if (route !== 'deviceLinkTake' || sealed == null) return undefined;
				return { status, body: { sealed: flippedText(sealed) } };
			}
		});
		const taken = await right.tacet.takeDeviceLink(offer.url);
		assert(taken.ok);
		assert((await offer.claimed()).ok);
		assert((await offer.confirm(taken.value.code)).ok);
		expect(await taken.value.handedOver()).toMatchObject({
			ok: false,
			error: { code: 'link_invalid' }
		});
		expect(right.tacet.state.phase).toBe('signed_out');
		await right.close();
		await ann.device.close();
	});

	test('INT-06, KEY-14 gives a head that an old keyring does not lead to: the device is not confirmed, and stops', async () => {
		const { ann, offer } = await offered('ann-of-old-links');
		const log: Entry[] = [];
		const listener = await newDevice(listening(log, ann.keyring));
		assert((await logIn(listener, ann)).ok);
		await when(listener.tacet, () => standingOf(listener) === 'confirmed');
		await when(ann.device.space, () => isOnline(ann.device.space));
		// The keyring before the listening device added itself to it.
		const old = headsOf(log).at(-1);
		assert(old);
		const fresh = await newDevice(ending(ann.keyring, old));
		const taken = await fresh.tacet.takeDeviceLink(offer.url);
		assert(taken.ok);
		assert((await offer.claimed()).ok);
		assert((await offer.confirm(taken.value.code)).ok);
		assert((await taken.value.handedOver()).ok);
		const entered = await logIn(fresh, ann);
		expect(entered.ok).toBe(false);
		const fault = await fresh.store.loadRecord(`fault/${ann.keyring}`);
		expect(fault.ok && fault.value !== null).toBe(true);
		expect(await fresh.store.loadRecord('standing')).toEqual({ ok: true, value: null });
		await fresh.close();
		await listener.close();
		await ann.device.close();
	});

	test('KEY-17 says nothing of its secret to the edge, and the hand-over opens to nobody without it', async () => {
		const { ann, offer } = await offered('ann-of-secrets');
		const right = await newDevice();
		const taken = await right.tacet.takeDeviceLink(offer.url);
		assert(taken.ok);
		assert((await offer.claimed()).ok);
		assert((await offer.confirm(taken.value.code)).ok);
		assert((await taken.value.handedOver()).ok);
		const secret = offer.url.split('.').at(-1) ?? '';
		for (const { liar } of [ann.device, right]) {
			for (const sent of liar.sent) {
				const text = sent.kind === 'http' ? `${sent.url} ${sent.body.toString()}` : '';
				expect(text).not.toContain(secret);
			}
		}
		const sealed = right.liar.answers
			.map(({ bytes }) => Buffer.from(bytes).toString())
			.flatMap((text) => /"sealed":"([^"]+)"/.exec(text)?.[1] ?? [])
			.at(-1);
		const bytes = fromBase64Url(sealed ?? '');
		assert(bytes.ok);
		const other = await offered('ann-of-other-secrets');
		const place = { type: 'device', handle: ann.handle, secret: new Uint8Array(32) } as const;
		const port = startCryptoInProcess(() => Promise.resolve(opaqueModule)).port;
		const { link } = await claimDeviceLink(
			{ http: new Http({ origin: edge.url }), crypto: port, deviceName: 'Phone' },
			other.offer.url
		).then((claimed) => (claimed.ok ? claimed.value : Promise.reject(new Error('not claimed'))));
		const opened = await openHandOver(port, { ...place, link: link.link }, bytes.value);
		expect(opened).toMatchObject({ ok: false, error: { code: 'link_invalid' } });
		for (const { device } of [ann, other.ann]) await device.close();
		await right.close();
	});
});
