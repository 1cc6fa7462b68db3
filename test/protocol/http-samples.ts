// A request and an answer of each route, with all that may stand in them.
import * as v from 'valibot';
import { toBase64Url } from '../../protocol/bytes.ts';
import { routes, type RouteName } from '../../protocol/http.ts';
import { account, bytesFrom, device, space } from './samples.ts';

/** That many bytes as text. */
export const bytes = (length: number): string => toBase64Url(bytesFrom(1, length));
export const id = device as string;
const identity = bytes(1_400);
export const jwk = { kty: 'EC', crv: 'P-256', x: bytes(32), y: bytes(32) };
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
		...{ bytesPerSpace: 1_000_000, pagesPerSpace: 5_000, membersPerSpace: 8 }
	},
	invites: [{ invite: bytes(32), uses: 2, usesLeft: 1, createdAtMs: 1, expiresAtMs: 2 }]
};
const recoverer = { handle: 'ada', authenticator: bytes(32), device: { id, jwk } };

export type Shape = Readonly<Record<string, unknown>>;
export const samples: Record<RouteName, { readonly request: Shape; readonly response: Shape }> = {
	health: { request: {}, response: { name: 'tacet', protocolVersion: 1 } },
	signUpRead: { request: {}, response: { signUp: 'invite', isFirst: false } },
	usageRead: {
		request: {},
		response: {
			isOperator: false,
			sendsSms: false,
			limits: {
				...{ spacesPerAccount: 9, bytesPerAccount: 2_000_000 },
				...{ bytesPerSpace: 1_000_000, pagesPerSpace: 5_000, membersPerSpace: 8 }
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
export const mayBeNull = new Set([
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

export const names = Object.keys(routes) as RouteName[];
export const sides = ['request', 'response'] as const;
export const accepts = (name: RouteName, side: (typeof sides)[number], value: unknown): boolean =>
	v.safeParse(routes[name][side], value).success;
