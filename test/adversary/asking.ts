// What a client asks the edge for over HTTP, and what of each answer is not the edge's word: facts
// that must be those of an honest edge, or not be there at all.
import assert from 'node:assert/strict';
import { createMemoryStore, createTacet, type Space } from '../../client/index.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { openLinkView } from '../../client/link-view.ts';
import type { TacetError } from '../../client/errors.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import type { RouteName } from '../../protocol/http.ts';
import { ok, type Result } from '../../protocol/result.ts';
import { letIn, newLink, newPerson, type Person } from './company.ts';
import { isOnline, startDevice, viewOf, when, type Device } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { Liar, type Lie } from './liar.ts';
import { password } from './world.ts';

type Facts = readonly string[];

export interface Asking {
	readonly by: string;
	/** Whose answers may be lied about. */
	readonly routes: readonly RouteName[];
	/** In one of so many runs: some stretch a password. */
	readonly weight: number;
	/** A session may end by what the edge answers; nothing else may. */
	readonly mayEnd?: boolean;
	ask(lie: Lie): Promise<{ readonly answer: Result<Facts, TacetError>; readonly trace: Facts }>;
}

export interface Office {
	readonly askings: Readonly<Record<string, Asking>>;
	end(): Promise<void>;
}

const startCrypto = () => startCryptoInProcess(() => Promise.resolve(opaqueModule));

/** What left this client, by routes. */
const traceSince = ({ sent }: Liar, from: number): Facts =>
	sent.slice(from).flatMap((one) => (one.kind === 'http' ? [`${one.method} ${one.url}`] : []));

async function under<Value>(
	{ liar }: Device,
	lie: Lie,
	work: () => Promise<Result<Value, TacetError>>,
	said: (value: Value) => Facts
): ReturnType<Asking['ask']> {
	const { length } = liar.sent;
	liar.lie = lie;
	try {
		const answered = await work();
		const answer = answered.ok ? ok(said(answered.value)) : answered;
		return { answer, trace: traceSince(liar, length) };
	} finally {
		liar.lie = {};
	}
}

export async function openOffice(): Promise<Office> {
	const edge = await startEdge();
	const people: Person[] = [];
	for (const handle of ['ann', 'ben', 'carl', 'dora', 'eve']) {
		people.push(await newPerson(edge, handle));
	}
	const [ann, ben, carl, dora] = people as [Person, Person, Person, Person];
	const made = await ann.device.tacet.createSpace({ name: 'Garden' });
	assert(made.ok);
	const space = made.value;
	assert((await space.create({ title: 'Only in the garden', body: 'word1' })).ok);
	await when(space, () => isOnline(space));
	await letIn(space, ben, 'editor');
	const [open, claimed] = [await invited(space), await invited(space)];
	assert((await carl.device.tacet.acceptInvitation(claimed)).ok);
	const cellar = await ann.device.tacet.createSpace({ name: 'Cellar' });
	assert(cellar.ok);
	for (const handle of ['ben', 'carl']) {
		const sent = await cellar.value.inviteHandle({ handle, role: 'viewer' });
		assert(sent.ok, JSON.stringify(sent));
	}
	const link = await newLink(space, 'For guests');
	// Its clock is ahead: each call asks for a new token first.
	const ahead = await startDevice(edge.url, { nowMs: () => Date.now() + 1_000_000 });
	await ahead.tacet.start();
	const entered = await ahead.tacet.logIn({ handle: 'carl', password });
	assert(entered.ok, JSON.stringify(entered));
	return {
		askings: {
			...ofMembers(ann.device, ben.device, space),
			invitation: readingInvitation(carl.device, open),
			link: openingLink(edge, link.url),
			refresh: {
				...{ by: 'carl', routes: ['sessionRefresh', 'accountRead'], weight: 2, mayEnd: true },
				ask: (lie) =>
					under(
						ahead,
						lie,
						() => ahead.tacet.account(),
						() => []
					)
			},
			login: loggingIn(edge, 'eve'),
			deviceLink: linkingDevice(edge, dora.device)
		},
		async end() {
			await ahead.close();
			for (const { device } of people) await device.close();
			await edge.remove();
		}
	};
}

async function invited(space: Space): Promise<string> {
	const made = await space.invite({ role: 'viewer', expiresInDays: 7 });
	assert(made.ok && made.value.url !== null);
	return made.value.url;
}

function ofMembers(ann: Device, ben: Device, space: Space): Office['askings'] {
	const lists = { by: 'ann', weight: 2 } as const;
	return {
		person: {
			...{ by: 'ann', routes: ['identityRead'], weight: 2 },
			ask: (lie) =>
				under(
					ann,
					lie,
					() => ann.tacet.findPerson('ben'),
					({ account, identity, safetyWords }) =>
						// Said to be somebody else: the page shows no more than that.
						identity === 'changed' || identity === 'renewed'
							? []
							: [`${account} ${identity} ${safetyWords.join(' ')}`]
				)
		},
		invitations: {
			...{ ...lists, routes: ['inviteList'] },
			ask: (lie) =>
				under(
					ann,
					lie,
					() => space.invitations(),
					(listed) =>
						listed.flatMap(({ invite, role, url, claim }) => [
							...(url === null ? [] : [`${invite} ${String(role)} ${url}`]),
							...(claim?.state === 'good'
								? [`${invite} by ${claim.person.account} ${claim.person.safetyWords.join(' ')}`]
								: [])
						])
				)
		},
		links: {
			...{ ...lists, routes: ['linkList'] },
			ask: (lie) =>
				under(
					ann,
					lie,
					() => space.links(),
					(listed) =>
						listed.flatMap(({ link, label, url }) =>
							url === null ? [] : [`${link} ${label} ${url}`]
						)
				)
		},
		requests: {
			...{ by: 'ben', routes: ['requestList', 'inviteRead'], weight: 2 },
			ask: (lie) =>
				under(
					ben,
					lie,
					() => ben.tacet.requests(),
					(listed) =>
						listed.map(({ from, invitation }) => {
							const { spaceName, inviterName, role, expiresAtMs } = invitation;
							return [
								...[from.account, from.safetyWords.join(' '), invitation.space],
								...[spaceName, inviterName, role, expiresAtMs]
							].join(' ');
						})
				)
		}
	};
}

const readingInvitation = (carl: Device, url: string): Asking => ({
	...{ by: 'carl', routes: ['inviteRead'], weight: 2 },
	ask: (lie) =>
		under(
			carl,
			lie,
			() => carl.tacet.readInvitation(url),
			({ space, spaceName, inviterName, role, expiresAtMs, safetyWords }) => [
				[space, spaceName, inviterName, role, expiresAtMs, safetyWords.join(' ')].join(' ')
			]
		)
});

/** By nobody: behind a liar of its own. */
const openingLink = (edge: Edge, url: string): Asking => ({
	...{ by: 'nobody', routes: ['linkStart'], weight: 3 },
	async ask(lie) {
		const liar = await Liar.start(edge.url);
		liar.lie = lie;
		try {
			const view = await openLinkView({ origin: liar.url, startCrypto }, url);
			const trace = traceSince(liar, 0);
			if (!view.ok) return { answer: view, trace };
			const facts = [view.value.spaceName, await viewOf(view.value.space)];
			await view.value.close();
			return { answer: ok(facts), trace };
		} finally {
			await liar.stop();
		}
	}
});

const loggingIn = (edge: Edge, handle: string): Asking => ({
	...{ by: handle, routes: ['loginStart', 'loginFinish'], weight: 1 },
	async ask(lie) {
		const device = await startDevice(edge.url);
		await device.tacet.start();
		const asked = await under(
			device,
			lie,
			() => device.tacet.logIn({ handle, password }),
			() => []
		);
		const { state } = device.tacet;
		// Open is the account that the password is of, or none.
		const facts = state.phase === 'unlocked' ? [state.handle, await device.keyring()] : [];
		await device.close();
		return asked.answer.ok ? { ...asked, answer: ok(facts) } : asked;
	}
});

const linkingDevice = (edge: Edge, dora: Device): Asking => ({
	by: 'dora',
	routes: [
		'deviceLinkOpen',
		'deviceLinkClaim',
		'deviceLinkRead',
		'deviceLinkHandOver',
		'deviceLinkTake'
	],
	weight: 2,
	async ask(lie) {
		const liar = await Liar.start(edge.url);
		liar.lie = lie;
		const tacet = createTacet({
			...{ origin: liar.url, store: createMemoryStore(), startCrypto, deviceName: 'Phone' }
		});
		await tacet.start();
		const signal = AbortSignal.timeout(2_500);
		const link = async (): Promise<Result<Facts, TacetError>> => {
			const offer = await dora.tacet.linkDevice();
			const taken = offer.ok ? await tacet.takeDeviceLink(offer.value.url) : offer;
			if (!offer.ok || !taken.ok) return taken as Result<Facts, TacetError>;
			const claimed = await offer.value.claimed(signal);
			const confirmed = claimed.ok ? await offer.value.confirm(taken.value.code) : claimed;
			if (!claimed.ok || !confirmed.ok) return confirmed as Result<Facts, TacetError>;
			const handed = await taken.value.handedOver(signal);
			return handed.ok ? ok([claimed.value.deviceName, handed.value.handle]) : handed;
		};
		const asked = await under(dora, lie, link, (facts) => facts);
		const trace = [...asked.trace, ...traceSince(liar, 0)];
		await tacet.close();
		await liar.stop();
		return { ...asked, trace };
	}
});
