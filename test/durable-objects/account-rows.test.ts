// What an account's object keeps: how much, of what, and under which name.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import { accountObject, bindings, connect, openEdge, origin, randomSpace } from './edge.ts';
import { bytesOf, call, newDeviceId, Person } from './person.ts';
import { dump, rowsWrittenBy } from './storage.ts';
describe('what an account keeps', () => {
	it('is little, and none of it is the handle, a token or anything to log in with', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const session = await (async () => {
			await call(edge, 'registrationFinish', request);
			return ada.logIn();
		})();
		const stub = accountObject(session.answer.handleHash);
		const text = JSON.stringify(await dump(stub));
		const [, ...halves] = session.refreshToken.split('.');
		const secrets = halves.map((half) => toHex(bytesOf(half)));
		for (const canary of [ada.handle, session.token, ...secrets]) {
			expect(text).not.toContain(canary);
		}
		expect(text).toContain(toHex(bytesOf(request.registrationRecord)));
	});

	it('grows by few rows with a login', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { answer } = await ada.logIn();
		const rows = await rowsWrittenBy(accountObject(answer.handleHash), async () => {
			await ada.logIn();
		});
		// An attempt, a session, and that a device came.
		expect(rows).toBe(3);
	});

	it('grows by one row with a new token, and by as many with a login as before if others go', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const device = newDeviceId();
		const { answer, token, refreshToken } = await ada.logIn(device);
		const stub = accountObject(answer.handleHash);
		for (let space = 0; space < 3; space++) await connect(randomSpace(), token);
		const refreshed = await rowsWrittenBy(stub, async () => {
			await call(edge, 'sessionRefresh', { refreshToken });
		});
		const replaced = await rowsWrittenBy(stub, async () => {
			await ada.logIn(device);
		});
		expect([refreshed, replaced]).toEqual([1, 2]);
	});

	it('is not reached by the name of something else', async () => {
		const stub = bindings.ACCOUNT.getByName('not a hash');
		const answered = runInDurableObject(stub, (account) =>
			account.loginStart(
				{ handle: 'ada', ke1: toBase64Url(randomBytes(96)) },
				{ origin, network: '', where: null }
			)
		);
		await expect(answered).rejects.toThrow('named by a hash');
	});
});
