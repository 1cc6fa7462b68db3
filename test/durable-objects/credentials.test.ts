// What is left of a session that has to end: of nothing that it held, anything.
import { describe, expect, it } from 'vitest';
import type { Attempts } from '../../durable-objects/account-login-store.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret } from '../../crypto/totp.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { encodeFactorData } from '../../protocol/factor.ts';
import { idFromBytes, type FactorId } from '../../protocol/ids.ts';
import { accountObject, connect, openEdge, randomSpace, refusalOf, upgrade } from './edge.ts';
import { codeOf, totp } from './factor-stage.ts';
import { otherPassword } from './other-password.ts';
import { call, keyStretching, newDeviceId, Person, type Edge } from './person.ts';
import { dump } from './storage.ts';

/** A session with all that it can hold, and what is asked by each. */
async function armed(edge: Edge, ada: Person) {
	const session = await ada.logIn();
	const spaces = [randomSpace(), randomSpace()];
	const sockets = [];
	for (const space of spaces) sockets.push(await connect(space, session.token));
	const refreshed = await call(edge, 'sessionRefresh', { refreshToken: session.refreshToken });
	const newest = refreshed.body.session;
	const { startLoginRequest: ke1, clientLoginState } = edge.opaque.startLogin({
		password: ada.password
	});
	const started = await call(edge, 'stepUpStart', { ke1 }, newest.accessToken);
	const stepUp = edge.opaque.finishLogin({
		...{ clientLoginState, password: ada.password, keyStretching },
		loginResponse: started.body.ke2
	});
	const ke3 = stepUp?.finishLoginRequest ?? '';
	const write = await ada.accountWrite({ type: 'device_remove', device: newDeviceId() });
	const { login } = started.body;
	const asked = {
		'an access token': () => call(edge, 'accountRead', { after: 0 }, newest.accessToken),
		'the one before': () => call(edge, 'accountRead', { after: 0 }, session.token),
		'a fresh session': () => call(edge, 'accountWrite', write, newest.accessToken),
		'a step-up under way': () => call(edge, 'stepUpFinish', { login, ke3 }, newest.accessToken),
		'another account': () => call(edge, 'identityRead', { handle: ada.handle }, newest.accessToken),
		'a refresh token': () => call(edge, 'sessionRefresh', { refreshToken: newest.refreshToken }),
		'the refresh token before': () =>
			call(edge, 'sessionRefresh', { refreshToken: session.refreshToken })
	};
	return { session, token: newest.accessToken, spaces, sockets, asked };
}

type Asked = Awaited<ReturnType<typeof armed>>['asked'];

describe('every credential of a session that has to end', () => {
	/** What can be asked again without using anything up. */
	const alive = async (asked: Asked) => {
		const statuses = [];
		for (const name of ['an access token', 'the one before', 'another account'] as const) {
			statuses.push((await asked[name]()).status);
		}
		return statuses;
	};

	const totpOf = (secret: Uint8Array) => {
		const data = encodeFactorData({ kind: 'totp', secret });
		const factor = { factor: idFromBytes<FactorId>(randomBytes(16)), hash: sha256(data) };
		const brought = { data: toBase64Url(data), proof: totp(codeOf(secret)) };
		return { factor: { ...factor, kind: 'totp' } as const, brought };
	};

	it.each(['password', 'device', 'factor', 'end'] as const)(
		'SES-02 is dead within a second: %s',
		async (cause) => {
			const edge = await openEdge();
			const ada = await Person.signUp(edge);
			const own = await ada.logIn();
			const { factor, brought } = totpOf(generateTotpSecret());
			const adding = { type: 'factor_add', factor } as const;
			expect((await ada.change(own.token, adding, {}, brought)).status).toBe(200);
			// A login that has shown the password, and is not done.
			const underWay = await ada.login();
			const { session, token, spaces, sockets, asked } = await armed(edge, ada);
			const changed = cause === 'password' ? await otherPassword(ada, own) : null;
			const statuses = async () => {
				const told: Record<string, number> = {};
				for (const [name, ask] of Object.entries(asked)) told[name] = (await ask()).status;
				return told;
			};
			expect(await alive(asked)).toEqual([200, 200, 200]);
			const beganMs = Date.now();
			const done = {
				password: () => ada.change(own.token, changed!.action, changed!.records),
				device: () => ada.change(own.token, { type: 'device_remove', device: session.device }),
				factor: () => ada.change(own.token, { type: 'factor_remove', factor: factor.factor }),
				end: () => call(edge, 'sessionsEnd', { sessions: 'others' }, own.token)
			};
			expect((await done[cause]()).status).toBe(200);
			expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4401, 4401]);
			expect(Date.now() - beganMs).toBeLessThan(1_000);
			for (const space of spaces) expect(await refusalOf(await upgrade(space, token))).toBe(4401);
			expect(await statuses()).toEqual(
				Object.fromEntries(Object.keys(asked).map((name) => [name, 401]))
			);
			// Nor is its key one that is known: what it tries is counted as a stranger's.
			const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
			expect((await call(edge, 'loginStart', { handle: ada.handle, ke1 }, token)).status).toBe(200);
			const [row] = (await dump(accountObject(own.answer.handleHash)))['login_attempts'] ?? [];
			const attempts = JSON.parse(row?.['attempts'] as string) as Record<string, Attempts>;
			// The step-up's, and no other.
			expect(attempts[`device:${session.device}`]?.failures).toBe(1);
			if (cause === 'password' || cause === 'factor') {
				expect((await call(edge, 'loginFinish', underWay!)).status).toBe(401);
			}
			// Who did it goes on.
			expect((await call(edge, 'accountRead', { after: 0 }, own.token)).status).toBe(200);
		}
	);
});
