// How an account begins: who may have a handle, and what its first write has to be.
import { describe, expect, it } from 'vitest';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { RequestOf } from '../../protocol/http.ts';
import { openEdge } from './edge.ts';
import { call, newDeviceId, newHandle, Person } from './person.ts';
import { dumpEverything } from './storage.ts';
describe('sign-up', () => {
	it('makes an account whose id follows from its identity', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const answer = await call(edge, 'registrationFinish', request);
		expect(answer).toEqual({ status: 200, body: { account: ada.account } });
		const session = await ada.logIn();
		const { write, signature } = request;
		expect(session.answer.log.writes).toEqual([{ write, signature }]);
		expect(session.answer).toMatchObject({
			account: ada.account,
			registrationRecord: request.registrationRecord,
			keyslots: request.keyslots,
			factors: [],
			ended: []
		});
	});

	it('answers the same request again, and refuses the handle to anybody else', async () => {
		const edge = await openEdge();
		const handle = newHandle();
		const ada = await Person.create(edge, handle);
		const eve = await Person.create(edge, handle);
		const [hers, other] = [await ada.registration(), await eve.registration()];
		expect((await call(edge, 'registrationFinish', hers)).status).toBe(200);
		const before = await dumpEverything();
		expect((await call(edge, 'registrationFinish', hers)).status).toBe(200);
		const taken = { status: 409, body: { error: { code: 'handle_taken' } } };
		expect(await call(edge, 'registrationFinish', other)).toEqual(taken);
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		const again = { handle, registrationRequest, invite: null };
		expect(await call(edge, 'registrationStart', again)).toEqual(taken);
		expect(await dumpEverything()).toBe(before);
	});

	it('takes differently typed forms of a handle for one', async () => {
		const edge = await openEdge();
		const handle = newHandle();
		await Person.signUp(edge, handle);
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		const typed = { handle: ` ${handle.toUpperCase()} `, registrationRequest, invite: null };
		expect((await call(edge, 'registrationStart', typed)).status).toBe(409);
	});

	it('refuses what the identity did not sign, and writes nothing', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const other = await (await Person.create(edge)).registration();
		const later = await ada.accountWrite({ type: 'device_remove', device: newDeviceId() });
		const forged: RequestOf<'registrationFinish'>[] = [
			{ ...request, signature: other.signature },
			{ ...request, handle: newHandle() }
		];
		const before = await dumpEverything();
		for (const attempt of forged) {
			expect((await call(edge, 'registrationFinish', attempt)).status).toBe(403);
		}
		const broken: RequestOf<'registrationFinish'>[] = [
			{ ...request, keyslots: other.keyslots },
			{ ...request, keyslots: request.keyslots.slice(1) },
			{ ...request, keyslots: [...request.keyslots, other.keyslots[0] ?? ''] },
			{ ...request, keyslots: [...request.keyslots, toBase64Url(randomBytes(140))] },
			{ ...request, registrationRecord: other.registrationRecord },
			{ ...request, write: toBase64Url(randomBytes(1_400)) },
			{ ...request, write: later.write, signature: later.signature }
		];
		for (const attempt of broken) {
			expect((await call(edge, 'registrationFinish', attempt)).status).toBe(400);
		}
		expect(await dumpEverything()).toBe(before);
	});
});
