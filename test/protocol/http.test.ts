import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { toBase64Url } from '../../protocol/bytes.ts';
import {
	errorResponse,
	nonceOfReason,
	parseSocketQuery,
	routes,
	spaceSocketPath,
	staleProofReason,
	type RouteName
} from '../../protocol/http.ts';
import { account, bytesFrom, device, space } from './samples.ts';

const bytes = (length: number): string => toBase64Url(bytesFrom(1, length));
const id = device as string;
const identity = bytes(1_400);
const jwk = { kty: 'EC', crv: 'P-256', x: bytes(32), y: bytes(32) };
const session = {
	...{ id, accessToken: 'tacet_at_1.2', accessExpiresAtMs: 1, refreshToken: 'tacet_rt_1.2' },
	freshUntilMs: 2
};
const signedWrite = { write: bytes(300), signature: bytes(64) };
const newRecords = { registrationRecord: bytes(192), keyslots: [bytes(150)] };
const material = {
	...{ account: account as string, handleHash: bytes(32) },
	log: { head: { n: 2, hash: bytes(32) }, writes: [signedWrite] },
	...{ registrationRecord: bytes(192), keyslots: [bytes(150)] },
	factors: [
		{ factor: id, kind: 'webauthn', data: bytes(200), codesLeft: null, addedAtMs: 1, usedAtMs: 2 },
		{ factor: id, kind: 'backup_codes', data: null, codesLeft: 9, addedAtMs: 1, usedAtMs: null }
	]
};
const place = { country: 'DE', city: 'Bonn' };
const live = {
	...{ id, device: id, createdAtMs: 1, refreshedAtMs: 2, current: true, place }
};
const question = {
	challenge: bytes(32),
	passkeys: [{ id: bytes(16), transports: ['internal'] }]
};
const asserted = {
	...{ id: bytes(16), rawId: bytes(16), type: 'public-key' },
	response: {
		// Of any length up to their limits: test/protocol/passkey.test.ts has those.
		...{ clientDataJSON: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' },
		userHandle: 'AAAA'
	}
};
const inviteOf = { space: space as string, invite: id };
const linkOf = { space: space as string, link: id };
const claim = { identity, mac: bytes(32), name: bytes(200) };
const opening = {
	...{ record: bytes(400), account: account as string },
	...{ accessToken: 'tacet_at_1.2', accessExpiresAtMs: 1 }
};

const operation = {
	...{ signUp: 'open', accounts: 3, bytes: 0 },
	limits: {
		...{ accounts: 10, spacesPerAccount: 9, bytesPerAccount: 2_000_000 },
		...{ bytesPerSpace: 1_000_000, membersPerSpace: 8 }
	},
	invites: [{ invite: bytes(32), uses: 2, usesLeft: 1, createdAtMs: 1, expiresAtMs: 2 }]
};
const recoverer = { handle: 'ada', authenticator: bytes(32), device: { id, jwk } };

type Shape = Readonly<Record<string, unknown>>;
const samples: Record<RouteName, { readonly request: Shape; readonly response: Shape }> = {
	health: { request: {}, response: { name: 'tacet', protocolVersion: 1 } },
	signUpRead: { request: {}, response: { signUp: 'invite', isFirst: false } },
	usageRead: {
		request: {},
		response: {
			isOperator: false,
			limits: {
				...{ spacesPerAccount: 9, bytesPerAccount: 2_000_000 },
				...{ bytesPerSpace: 1_000_000, membersPerSpace: 8 }
			},
			spaces: [{ space, bytes: 1_048_576 }]
		}
	},
	operatorRead: { request: {}, response: operation },
	operatorWrite: {
		request: { change: { set: 'limits', limits: operation.limits } },
		response: operation
	},
	registrationStart: {
		request: { handle: 'ada', registrationRequest: bytes(32), invite: bytes(16) },
		response: { registrationResponse: bytes(64), handleHash: bytes(32) }
	},
	registrationFinish: {
		request: {
			...{ handle: 'ada', invite: bytes(16), ...signedWrite, ...newRecords }
		},
		response: { account: account }
	},
	loginStart: {
		request: { handle: 'ada', ke1: bytes(96) },
		response: { login: bytes(16), ke2: bytes(320), handleHash: bytes(32) }
	},
	loginFinish: {
		request: {
			...{ handle: 'ada', login: bytes(16), ke3: bytes(64) },
			...{
				device: { id, jwk, binding: bytes(32) },
				whenFull: 'end_oldest',
				after: 1,
				keep: 'cookie'
			}
		},
		response: { next: 'done', ...material, session, ended: [id] }
	},
	loginFactor: {
		request: {
			...{ handle: 'ada', login: bytes(16) },
			...{ answer: { kind: 'totp', code: '123456' }, keep: 'answer' }
		},
		response: { next: 'choose', login: bytes(16), cap: 3, sessions: [live] }
	},
	loginSend: {
		request: { handle: 'ada', login: bytes(16), factor: id },
		response: { webauthn: question }
	},
	loginChoose: {
		request: { handle: 'ada', login: bytes(16), end: [id], keep: 'cookie' },
		response: { next: 'done', ...material, session, ended: [] }
	},
	stepUpStart: {
		request: { ke1: bytes(96) },
		response: { login: bytes(16), ke2: bytes(320), handleHash: bytes(32) }
	},
	stepUpFinish: {
		request: { login: bytes(16), ke3: bytes(64) },
		response: {
			...{ next: 'factor', login: bytes(16), factors: [{ factor: id, kind: 'totp' }] },
			webauthn: question
		}
	},
	stepUpFactor: {
		request: { login: bytes(16), answer: { kind: 'webauthn', asserted } },
		response: { next: 'fresh', freshUntilMs: 1 }
	},
	stepUpSend: { request: { login: bytes(16), factor: id }, response: { webauthn: question } },
	sessionRefresh: { request: { refreshToken: 'tacet_rt_1.2' }, response: { session } },
	sessionsEnd: { request: { sessions: 'own' }, response: {} },
	accountRead: {
		request: { after: 3 },
		response: {
			...material,
			...{ sessions: [live], sessionCap: 3 },
			events: [{ kind: 'logged_in', atMs: 1, device: id, place }],
			recovery: {
				...{ recovery: id, device: id, thumbprint: bytes(32), startedAtMs: 1, readyAtMs: 2 },
				approved: false
			}
		}
	},
	passkeyStart: { request: {}, response: { challenge: bytes(32) } },
	smsStart: { request: { number: '+15550123456' }, response: {} },
	passwordStart: {
		request: { registrationRequest: bytes(32) },
		response: { registrationResponse: bytes(64) }
	},
	accountWrite: {
		request: {
			...{ ...signedWrite, ...newRecords },
			factor: { data: 'AAAA', proof: { kind: 'totp', code: '123456' } }
		},
		response: { head: { n: 3, hash: bytes(32) } }
	},
	accountPutBack: {
		request: { writes: [signedWrite], ...newRecords, factors: [{ factor: id, data: 'AAAA' }] },
		response: { head: { n: 3, hash: bytes(32) } }
	},
	recoveryStep: {
		request: {
			...{ ...recoverer, recovery: id, after: 0 },
			second: { login: bytes(16), answer: { kind: 'totp', code: '123456' } }
		},
		response: { next: 'ready', recovery: id, startedAtMs: 1, approval: bytes(64), ...material }
	},
	recoverySend: {
		request: { ...recoverer, login: bytes(16), factor: id },
		response: { webauthn: question }
	},
	recoveryPassword: {
		request: { ...recoverer, registrationRequest: bytes(32) },
		response: { registrationResponse: bytes(64) }
	},
	recoveryFinish: {
		request: { ...recoverer, ...signedWrite, ...newRecords },
		response: { head: { n: 3, hash: bytes(32) } }
	},
	recoveryCancel: { request: { recovery: id }, response: {} },
	recoveryApprove: { request: { recovery: id, approval: bytes(64) }, response: {} },
	inviteCreate: { request: { ...inviteOf, record: bytes(400), expiresAtMs: 1 }, response: {} },
	inviteRead: {
		request: inviteOf,
		response: { record: bytes(400), expiresAtMs: 1, claimed: true }
	},
	inviteClaim: { request: { ...inviteOf, ...claim }, response: {} },
	inviteList: {
		request: { space },
		response: {
			invites: [
				{ invite: id, expiresAtMs: 1, claim: { ...claim, claimedAtMs: 2 }, contested: false },
				{ invite: id, expiresAtMs: 1, claim: null, contested: true }
			]
		}
	},
	inviteRevoke: { request: inviteOf, response: {} },
	linkRegister: {
		request: { ...linkOf, registrationRequest: bytes(32) },
		response: { registrationResponse: bytes(64) }
	},
	linkCreate: {
		request: {
			...{ ...linkOf, account: account, record: bytes(400), door: bytes(32) },
			...{ expiresAtMs: 1, openings: 5, registrationRecord: bytes(192) }
		},
		response: {}
	},
	linkList: {
		request: { space },
		response: {
			links: [
				{
					...{ link: id, account: account as string, expiresAtMs: 1, openingsLeft: 0, opened: 3 },
					...{ inUse: false, guarded: true, frozen: false }
				}
			]
		}
	},
	linkRemove: { request: linkOf, response: {} },
	linkStart: {
		request: { ...linkOf, door: bytes(32), ke1: bytes(96), jkt: bytes(32) },
		response: { guarded: true, login: { login: bytes(16), ke2: bytes(320) }, opening }
	},
	linkFinish: {
		request: { ...linkOf, login: bytes(16), ke3: bytes(64), jkt: bytes(32) },
		response: opening
	},
	linkRefresh: { request: { ...linkOf, accessToken: 'token' }, response: opening },
	identityRead: {
		request: { handle: 'ada' },
		response: { account: account, identities: [identity] }
	},
	requestSend: { request: { handle: 'ada', sealed: bytes(2_800) }, response: {} },
	eventList: {
		request: { space: id, before: 65 },
		response: {
			...{ oldest: 1, after: 3, previous: bytes(32) },
			events: [{ key: 1, sealed: bytes(1_264) }]
		}
	},
	requestList: {
		request: {},
		response: { requests: [{ request: id, sealed: bytes(2_800), receivedAtMs: 1 }] }
	},
	requestDismiss: { request: { request: id }, response: {} },
	deviceLinkOpen: { request: { link: id }, response: {} },
	deviceLinkClaim: { request: { handle: 'ada', link: id, claim: bytes(200) }, response: {} },
	deviceLinkRead: { request: { link: id }, response: { claim: bytes(200) } },
	deviceLinkHandOver: { request: { link: id, sealed: bytes(250) }, response: {} },
	deviceLinkTake: { request: { handle: 'ada', link: id }, response: { sealed: bytes(250) } }
};

/** Where null stands for that there is none. */
const mayBeNull = new Set([
	'registrationStart.request.invite',
	'registrationFinish.request.invite',
	...['accountRead', 'loginChoose', 'loginFinish', 'recoveryStep'].flatMap((name) =>
		['0.data', '0.usedAtMs', '1.codesLeft'].map((field) => `${name}.response.factors.${field}`)
	),
	'accountPutBack.request.registrationRecord',
	'accountWrite.request.factor',
	'accountWrite.request.registrationRecord',
	'accountRead.response.events.0.device',
	'accountRead.response.events.0.place',
	'accountRead.response.events.0.place.city',
	'accountRead.response.sessions.0.place',
	'accountRead.response.sessions.0.place.city',
	'loginFactor.response.sessions.0.place',
	'loginFactor.response.sessions.0.place.city',
	'accountRead.response.recovery',
	'recoverySend.response.webauthn',
	'recoveryStep.request.recovery',
	'recoveryStep.request.second',
	'recoveryStep.response.approval',
	'eventList.request.before',
	'inviteList.response.invites.0.claim',
	'linkCreate.request.expiresAtMs',
	'linkCreate.request.openings',
	'linkCreate.request.registrationRecord',
	'linkList.response.links.0.expiresAtMs',
	'linkList.response.links.0.openingsLeft',
	'linkStart.request.ke1',
	'loginSend.response.webauthn',
	'stepUpFactor.request.answer.asserted.response.userHandle',
	'stepUpFinish.response.webauthn',
	'stepUpSend.response.webauthn',
	'linkStart.response.login',
	'linkStart.response.opening',
	'deviceLinkRead.response.claim',
	'deviceLinkTake.response.sealed'
]);

const names = Object.keys(routes) as RouteName[];
const sides = ['request', 'response'] as const;
const accepts = (name: RouteName, side: (typeof sides)[number], value: unknown): boolean =>
	v.safeParse(routes[name][side], value).success;

/** Every copy of `value` with one place changed by `change`; arrays and objects are descended. */
function* variants(
	value: unknown,
	change: (leaf: unknown, place: string) => readonly unknown[],
	place = ''
): Generator {
	yield* change(value, place);
	if (Array.isArray(value)) {
		for (const [index, element] of value.entries()) {
			const others = variants(element, change, `${place}.${index}`);
			for (const other of others) yield value.with(index, other);
		}
	} else if (typeof value === 'object' && value !== null) {
		for (const [key, element] of Object.entries(value)) {
			const others = variants(element, change, `${place}.${key}`);
			for (const other of others) yield { ...value, [key]: other };
		}
	}
}

const isObject = (value: unknown): value is Shape =>
	typeof value === 'object' && value !== null && !Array.isArray(value);
const opaqueText = new Set([
	...['token', 'tacet_rt_1.2', 'ada', 'tacet', 'EC', 'P-256', 'internal', 'public-key'],
	...[
		'factor',
		'choose',
		'done',
		'ready',
		'fresh',
		'end_oldest',
		'totp',
		'webauthn',
		'123456',
		'AAAA'
	],
	'+15550123456',
	...['open', 'invite', 'limits'],
	...['DE', 'Bonn', 'own', 'logged_in', 'cookie', 'answer']
]);

for (const name of names) {
	describe(`the schemas of ${name}`, () => {
		test.each(sides)('accept a %s, and give it back as it is', (side) => {
			const sample = samples[name][side];
			expect(v.parse(routes[name][side] as v.GenericSchema, sample)).toEqual(sample);
		});

		test.each(sides)('refuse a %s with a field more, at any depth', (side) => {
			const more = [
				...variants(samples[name][side], (leaf) =>
					isObject(leaf) ? [{ ...leaf, admin: true }] : []
				)
			];
			expect(more.length).toBeGreaterThan(0);
			for (const value of more) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with a field less, at any depth', (side) => {
			const less = variants(samples[name][side], (leaf) =>
				isObject(leaf)
					? Object.keys(leaf).map((key) =>
							Object.fromEntries(Object.entries(leaf).filter(([other]) => other !== key))
						)
					: []
			);
			for (const value of less) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with a value of another type', (side) => {
			const others = variants(samples[name][side], (leaf, place) =>
				[null, undefined, 'é', -1, 1.5, {}, [], true].filter(
					(other) =>
						typeof other !== typeof leaf &&
						!(other === null && mayBeNull.has(`${name}.${side}${place}`)) &&
						!(isObject(leaf) && isObject(other)) &&
						!(leaf !== null && Array.isArray(leaf))
				)
			);
			for (const value of others) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with bytes or ids of another length or alphabet', (side) => {
			const others = variants(samples[name][side], (leaf) => {
				if (typeof leaf !== 'string' || opaqueText.has(leaf)) return [];
				const longer = `${leaf}${bytes(5_000)}`;
				return ['', leaf.slice(0, 8), longer, `${leaf.slice(0, -1)}=`, ` ${leaf}`, `${leaf}\n`];
			});
			for (const value of others) expect(accepts(name, side, value)).toBe(false);
		});
	});
}

test('null is taken where there may be nothing, and nowhere else', () => {
	const taken = names.flatMap((name) =>
		sides.flatMap((side) => {
			const nulled = variants(samples[name][side], (leaf, place) =>
				leaf === null || place === '' ? [] : [{ nulled: `${name}.${side}${place}` }]
			);
			return [...nulled].flatMap((value) => {
				const text = JSON.stringify(value);
				const [, place = ''] = /\{"nulled":"([^"]+)"\}/.exec(text) ?? [];
				const other: unknown = JSON.parse(text.replace(/\{"nulled":"[^"]+"\}/, 'null'));
				return accepts(name, side, other) ? [place] : [];
			});
		})
	);
	expect(taken.toSorted()).toEqual([...mayBeNull].toSorted());
});

test('byte strings have their exact lengths', () => {
	const lengths: [RouteName, string, number][] = [
		['registrationStart', 'registrationRequest', 32],
		['registrationFinish', 'registrationRecord', 192],
		['registrationFinish', 'signature', 64],
		['loginStart', 'ke1', 96],
		['loginFinish', 'login', 16],
		['loginFinish', 'ke3', 64],
		['inviteClaim', 'mac', 32],
		['linkRegister', 'registrationRequest', 32],
		['linkCreate', 'door', 32],
		['linkCreate', 'registrationRecord', 192],
		['linkStart', 'door', 32],
		['linkStart', 'ke1', 96],
		['linkStart', 'jkt', 32],
		['linkFinish', 'jkt', 32],
		['linkFinish', 'login', 16],
		['linkFinish', 'ke3', 64]
	];
	for (const [name, field, length] of lengths) {
		const { request } = samples[name];
		expect(accepts(name, 'request', { ...request, [field]: bytes(length) })).toBe(true);
		for (const other of [length - 1, length + 1]) {
			expect(accepts(name, 'request', { ...request, [field]: bytes(other) })).toBe(false);
		}
	}
});

test('lists and texts end at their limits', () => {
	const finish = samples.registrationFinish.request;
	const many = (length: number, of: unknown) => Array.from({ length }, () => of);
	const takes = (field: Shape) => accepts('registrationFinish', 'request', { ...finish, ...field });
	expect(takes({ keyslots: many(16, bytes(64)) })).toBe(true);
	expect(takes({ keyslots: many(17, bytes(64)) })).toBe(false);
	expect(takes({ keyslots: [] })).toBe(false);
	expect(takes({ keyslots: [bytes(512)] })).toBe(true);
	expect(takes({ keyslots: [bytes(513)] })).toBe(false);
	expect(takes({ keyslots: [bytes(63)] })).toBe(false);
	expect(takes({ handle: 'a'.repeat(512) })).toBe(true);
	expect(takes({ handle: 'a'.repeat(513) })).toBe(false);
	const refresh = (length: number) =>
		accepts('sessionRefresh', 'request', { refreshToken: 'a'.repeat(length) });
	expect([refresh(256), refresh(257)]).toEqual([true, false]);
});

test('records of sharing have room for their commitment, and end at their limits', () => {
	const bounds: [RouteName, string, number, number][] = [
		['inviteCreate', 'record', 72, 2_048],
		['inviteClaim', 'name', 72, 512],
		['linkCreate', 'record', 72, 2_048],
		['requestSend', 'sealed', 64, 4_096],
		['deviceLinkClaim', 'claim', 72, 1_024],
		['deviceLinkHandOver', 'sealed', 72, 1_024]
	];
	for (const [name, field, min, max] of bounds) {
		const { request } = samples[name];
		const takes = (length: number) =>
			accepts(name, 'request', { ...request, [field]: bytes(length) });
		expect([min - 1, min, max, max + 1].map(takes)).toEqual([false, true, true, false]);
	}
	const { request } = samples.linkCreate;
	const opens = (openings: number) => accepts('linkCreate', 'request', { ...request, openings });
	expect([0, 1, 1_000_000, 1_000_001].map(opens)).toEqual([false, true, true, false]);
});

test('a device key is a P-256 public key and nothing else', () => {
	const finish = samples.loginFinish.request;
	const takes = (other: Shape) =>
		accepts('loginFinish', 'request', {
			...finish,
			device: { id, jwk: other, binding: bytes(32) }
		});
	expect(takes(jwk)).toBe(true);
	for (const other of [{ kty: 'RSA' }, { crv: 'P-384' }, { d: bytes(32) }, { alg: 'none' }]) {
		expect(takes({ ...jwk, ...other })).toBe(false);
	}
	const polluted = JSON.parse(`{"__proto__":{"x":1},"kty":"EC"}`) as Shape;
	expect(takes({ ...polluted })).toBe(false);
});

test('a refusal carries a code and perhaps a time, and nothing else', () => {
	const takes = (error: unknown) => v.safeParse(errorResponse, { error }).success;
	expect(takes({ code: 'rate_limited', retryAfterSeconds: 3 })).toBe(true);
	expect(takes({ code: 'not_found' })).toBe(true);
	expect(takes({ code: 'not_found', detail: 'no such account' })).toBe(false);
	expect(takes({})).toBe(false);
});

test('where a socket goes on from has one spelling', () => {
	for (const after of [null, 0, 7, Number.MAX_SAFE_INTEGER]) {
		const { search } = new URL(spaceSocketPath(space, after), 'https://tacet.test');
		expect(parseSocketQuery(search)).toEqual({ ok: true, value: after });
	}
	const strange = [
		...[
			'?',
			'?after',
			'?after=',
			'?after=-1',
			'?after=+1',
			'?after=01',
			'?after=1.0',
			'?after=1e3'
		],
		...['?after=0x10', '?after=%31', '?after=1&', '?after=1&after=2', '?after=1&x=1', '?x=1'],
		...['?After=1', '?after=null', '?after= 1', '?after=١', `?after=${'9'.repeat(16)}`, 'after=1'],
		...[`?after=${'1'.repeat(10_000)}`, '?after=9007199254740992', '?after=1\n']
	];
	for (const query of strange) {
		expect(parseSocketQuery(query)).toEqual({ ok: false, error: 'malformed' });
	}
});

test('a reason gives back the nonce that was put into it, and no other text is one', () => {
	expect(nonceOfReason(staleProofReason('a-Nonce_1'))).toBe('a-Nonce_1');
	const others = ['', 'unauthenticated', 'use_dpop_nonce', 'use_dpop_nonce ', 'use_dpop_nonce a b'];
	for (const reason of [...others, ' use_dpop_nonce a', 'use_dpop_nonce é', 'use_dpop_nonces a']) {
		expect(nonceOfReason(reason)).toBeNull();
	}
	expect(nonceOfReason(staleProofReason('a'.repeat(1_000)))).toBeNull();
});

test('every route has its own method and path', () => {
	const places = names.map((name) => `${routes[name].method} ${routes[name].path}`);
	expect(new Set(places).size).toBe(names.length);
	for (const name of names) expect(routes[name].path).toMatch(/^\/v1\/[a-z-]+(\/[a-z-]+)?$/);
	expect(spaceSocketPath(space)).toBe(`/v1/spaces/${space}/socket`);
	expect(spaceSocketPath(space, 0)).toBe(`/v1/spaces/${space}/socket?after=0`);
});
