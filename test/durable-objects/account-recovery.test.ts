// Recovery at the edge: who is let in, when, and who may put an end to it.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { loginRatePerAccount, loginRatePerNetwork } from '../../durable-objects/limits.ts';
import { jwkThumbprint } from '../../crypto/jwk.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { sign } from '../../crypto/signature.ts';
import type { Material } from '../../protocol/account-write.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { RequestOf, ResponseOf } from '../../protocol/http.ts';
import type { RecoveryId } from '../../protocol/ids.ts';
import { recoveryApprovalInput } from '../../protocol/labels.ts';
import { recoveryKeptDays } from '../../protocol/limits.ts';
import { accountObject, openEdge } from './edge.ts';
import {
	bytesOf,
	call,
	keyStretching,
	newDeviceId,
	newHandle,
	newKeyslot,
	Person,
	type Edge,
	type Session
} from './person.ts';
import { keyOf, newBoundKey } from './proving.ts';
import { dump } from './storage.ts';

const dayMs = 86_400_000;
const stubOf = ({ answer }: Session) => accountObject(answer.handleHash);

type Recoverer = Pick<RequestOf<'recoveryStep'>, 'handle' | 'authenticator' | 'device'>;

const recovererOf = async (
	{ handle, authenticator }: Person,
	change: Partial<Recoverer> = {}
): Promise<Recoverer> => ({
	handle,
	authenticator: toBase64Url(authenticator),
	device: { id: newDeviceId(), jwk: (await newBoundKey()).key.jwk },
	...change
});

type Begun = Exclude<ResponseOf<'recoveryStep'>, { next: 'factor' }> & {
	readonly error?: { code: string };
};

const step = async (edge: Edge, recoverer: Recoverer, recovery: RecoveryId | null = null) => {
	const request = { ...recoverer, recovery, second: null, after: 0 };
	const { status, body } = await call(edge, 'recoveryStep', request);
	if (body.next === 'factor') throw new Error('there is no second step');
	return { status, body: body as Begun };
};

/** As if it had been begun so much earlier. */
const age = (session: Session, ms: number) =>
	runInDurableObject(stubOf(session), (_account, { storage }) => {
		storage.sql.exec('UPDATE recovery SET started_at_ms = started_at_ms - ?', ms);
	});

const pendingOf = async (edge: Edge, { token }: Session) =>
	(await call(edge, 'accountRead', { after: 0 }, token)).body.recovery;

async function waiting(edge: Edge) {
	const ada = await Person.signUp(edge);
	const session = await ada.logIn();
	const recoverer = await recovererOf(ada);
	const { body } = await step(edge, recoverer);
	return { ada, session, recoverer, recovery: body.recovery };
}

/** The last request, with everything anew. */
async function ending(edge: Edge, ada: Person, recoverer: Recoverer, password = 'another horse') {
	const started = edge.opaque.startRegistration({ password });
	const { registrationRequest } = started;
	const answer = await call(edge, 'recoveryPassword', { ...recoverer, registrationRequest });
	if (answer.status !== 200) return { status: answer.status, body: answer.body } as const;
	const { registrationRecord } = edge.opaque.finishRegistration({
		password,
		clientRegistrationState: started.clientRegistrationState,
		registrationResponse: answer.body.registrationResponse,
		keyStretching
	});
	const slots = [newKeyslot('password'), newKeyslot('recovery')] as const;
	const recordHash = sha256(bytesOf(registrationRecord));
	const material: Material = {
		password: { ...slots[0].facts, recordHash, usesAccountKey: false },
		kit: { ...slots[1].facts, authenticatorHash: sha256(randomBytes(32)), confirmed: true },
		passkeys: []
	};
	const { write, signature } = await ada.sign(ada.state, { type: 'recovery', material });
	return {
		...recoverer,
		...{ write: toBase64Url(write), signature: toBase64Url(signature), registrationRecord },
		keyslots: slots.map(({ bytes }) => toBase64Url(bytes))
	};
}

const endingOf = async (...input: Parameters<typeof ending>) => {
	const request = await ending(...input);
	if ('status' in request) throw new Error(`not ready: ${JSON.stringify(request.body)}`);
	return request;
};

it('waits for as long as the policy says, tells every device, and then gives what the code opens', async () => {
	const edge = await openEdge();
	const { session, recoverer, recovery, ada } = await waiting(edge);
	const { status, body } = await step(edge, recoverer, recovery);
	expect({ status, next: body.next }).toEqual({ status: 200, next: 'wait' });
	const shown = body as Extract<typeof body, { next: 'wait' }>;
	expect(shown.readyAtMs - shown.startedAtMs).toBe(dayMs);
	expect(JSON.stringify(body)).not.toContain('keyslots');
	const thumbprint = toBase64Url(jwkThumbprint(recoverer.device.jwk));
	const { startedAtMs, readyAtMs } = shown;
	expect(await pendingOf(edge, session)).toEqual({
		...{ recovery, device: recoverer.device.id, thumbprint, startedAtMs, readyAtMs },
		approved: false
	});
	expect('status' in (await ending(edge, ada, recoverer))).toBe(true);

	await age(session, dayMs - 60_000);
	await evictDurableObject(stubOf(session));
	expect((await step(edge, recoverer, recovery)).body.next).toBe('wait');
	await age(session, 60_000);
	const ready = (await step(edge, recoverer, recovery)).body;
	expect(ready).toMatchObject({ next: 'ready', recovery, approval: null, account: ada.account });
	expect(ready.next === 'ready' && ready.keyslots).toEqual(session.answer.keyslots);
});

it('answers a wrong code, an unknown handle and a code that was replaced alike, and counts them as logins', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer, recovery } = await waiting(edge);
	const wrong = { authenticator: toBase64Url(randomBytes(32)) };
	const refused = { status: 401, body: { error: { code: 'login_failed' } } };
	const before = await dump(stubOf(session));
	expect(await step(edge, await recovererOf(ada, wrong))).toEqual(refused);
	expect(await step(edge, await recovererOf(ada, { handle: newHandle() }))).toEqual(refused);
	expect((await step(edge, { ...recoverer, ...wrong }, recovery)).body).toEqual(refused.body);
	expect((await dump(stubOf(session)))['recovery']).toEqual(before['recovery']);

	const eve = await Person.signUp(edge);
	const guess = await recovererOf(eve, wrong);
	const statuses: number[] = [];
	for (let tries = 0; tries <= loginRatePerNetwork.burst; tries++) {
		statuses.push((await step(edge, guess)).status);
	}
	expect(statuses.slice(0, -1).every((status) => status === 401)).toBe(true);
	expect(statuses.at(-1)).toBe(429);

	const kit = newKeyslot('recovery');
	const facts = { ...kit.facts, authenticatorHash: sha256(randomBytes(32)), confirmed: false };
	const changed = await ada.change(
		session.token,
		{ type: 'kit', kit: facts },
		{ keyslots: [kit.bytes] }
	);
	expect(changed.status).toBe(200);
	expect(await pendingOf(edge, session)).toBe(null);
	expect((await step(edge, recoverer, recovery)).status).toBe(401);
});

it('asks for the key of the device that began, and goes by no other', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer, recovery } = await waiting(edge);
	const other = await recovererOf(ada);
	const stolen = { ...other, device: { ...other.device, jwk: recoverer.device.jwk } };
	await age(session, dayMs);
	// Another device with the same code begins anew, and waits anew; the first one has lost its place.
	expect((await step(edge, other, recovery)).status).toBe(404);
	const begun = await step(edge, other);
	expect(begun.body).toMatchObject({ next: 'wait' });
	expect(begun.body.recovery).not.toBe(recovery);
	expect((await step(edge, stolen, recovery)).status).toBe(404);
	expect('status' in (await ending(edge, ada, recoverer))).toBe(true);
});

it('is called off by any own device, and asking how far it is begins no other', async () => {
	const edge = await openEdge();
	const { session, recoverer, recovery } = await waiting(edge);
	await age(session, dayMs);
	const others = await (await Person.signUp(edge)).logIn();
	expect((await call(edge, 'recoveryCancel', { recovery }, others.token)).status).toBe(404);
	expect((await call(edge, 'recoveryCancel', { recovery }, session.token)).status).toBe(200);
	expect((await call(edge, 'recoveryCancel', { recovery }, session.token)).status).toBe(404);
	expect(await pendingOf(edge, session)).toBe(null);
	expect((await step(edge, recoverer, recovery)).status).toBe(404);
	expect(await pendingOf(edge, session)).toBe(null);
	expect((await step(edge, recoverer)).body.next).toBe('wait');
});

it('need not wait once an own device has signed that this one is it', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer, recovery } = await waiting(edge);
	const approvalOf = async (thumbprint: Uint8Array) =>
		toBase64Url(
			await sign(
				ada.keys.signing.privateKey,
				recoveryApprovalInput(ada.account, recovery, thumbprint)
			)
		);
	const approve = async (approval: string) =>
		(await call(edge, 'recoveryApprove', { recovery, approval }, session.token)).status;
	expect(await approve(await approvalOf(randomBytes(32)))).toBe(403);
	expect((await step(edge, recoverer, recovery)).body.next).toBe('wait');
	const approval = await approvalOf(jwkThumbprint(recoverer.device.jwk));
	expect(await approve(approval)).toBe(200);
	expect(await pendingOf(edge, session)).toMatchObject({ recovery, approved: true });
	expect((await step(edge, recoverer, recovery)).body).toMatchObject({ next: 'ready', approval });
});

it('goes by the policy that is signed now, and ends if it is left lying', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer, recovery } = await waiting(edge);
	const policy = { suffices: [], sessionCap: 3, recoveryDelayDays: 3 };
	expect((await ada.change(session.token, { type: 'policy', policy })).status).toBe(200);
	await age(session, 2 * dayMs);
	expect((await step(edge, recoverer, recovery)).body.next).toBe('wait');
	await age(session, dayMs);
	expect((await step(edge, recoverer, recovery)).body.next).toBe('ready');
	await age(session, recoveryKeptDays * dayMs);
	expect((await step(edge, recoverer, recovery)).status).toBe(404);
});

it('waits for nothing where the policy says so, and ends every session all the same', async () => {
	const edge = await openEdge();
	const ada = await Person.signUp(edge);
	const session = await ada.logIn();
	const policy = { suffices: [], sessionCap: 3, recoveryDelayDays: 0 };
	expect((await ada.change(session.token, { type: 'policy', policy })).status).toBe(200);
	const recoverer = await recovererOf(ada);
	const { body } = await step(edge, recoverer);
	expect(body).toMatchObject({ next: 'ready', approval: null, account: ada.account });
	// Told of like any other.
	const { recovery, events } = (await call(edge, 'accountRead', { after: 0 }, session.token)).body;
	expect(recovery).toMatchObject({ recovery: body.recovery, approved: false });
	expect(recovery?.readyAtMs).toBe(recovery?.startedAtMs);
	expect(events[0]).toMatchObject({ kind: 'recovery_started', device: recoverer.device.id });
	// A wait that is asked for meanwhile holds.
	const cautious = { ...policy, recoveryDelayDays: 1 };
	expect((await ada.change(session.token, { type: 'policy', policy: cautious })).status).toBe(200);
	expect('status' in (await ending(edge, ada, recoverer))).toBe(true);
	expect((await step(edge, recoverer, body.recovery)).body.next).toBe('wait');
	expect((await ada.change(session.token, { type: 'policy', policy })).status).toBe(200);
	const finished = await call(edge, 'recoveryFinish', await endingOf(edge, ada, recoverer));
	expect(finished.status).toBe(200);
	expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(401);
});

describe('a flood of recoveries', () => {
	it('from many networks is let through as often as logins are, and keeps no known device out', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const home = await ada.logIn();
		const guess = await recovererOf(ada, { authenticator: toBase64Url(randomBytes(32)) });
		const { burst } = loginRatePerNetwork;
		const counts: number[] = [];
		for (let network = 0; network <= loginRatePerAccount.burst / burst; network++) {
			const elsewhere = await openEdge();
			// The first tells the nonce.
			const answers = [await step(elsewhere, guess)];
			const others = Array.from({ length: burst + 4 }, () => step(elsewhere, guess));
			answers.push(...(await Promise.all(others)));
			counts.push(answers.filter(({ status }) => status === 401).length);
			expect(answers.filter(({ status }) => status === 429)).toHaveLength(
				answers.length - counts.at(-1)!
			);
		}
		expect(counts).toEqual([...new Array<number>(counts.length - 1).fill(burst), 0]);
		// A stranger waits, whoever it is, with the right code and with the right password; asleep or not.
		await evictDurableObject(stubOf(home));
		expect((await step(await openEdge(), await recovererOf(ada))).status).toBe(429);
		await expect(ada.login()).rejects.toThrow('rate_limited');
		// The device that is known gets in by both.
		const request = await ada.login(home.device, { knownBy: home.token });
		if (request === null) throw new Error('the password is the right one');
		const known = { id: home.device, jwk: keyOf(home.token).key.jwk };
		expect((await step(edge, await recovererOf(ada, { device: known }))).body.next).toBe('wait');
		expect((await call(edge, 'loginFinish', request)).status).toBe(200);
	});

	it('by a known device uses up what that device has, exactly, and nothing else', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [home, phone] = [await ada.logIn(), await ada.logIn()];
		const device = { id: home.device, jwk: keyOf(home.token).key.jwk };
		const authenticator = toBase64Url(randomBytes(32));
		const guess = await recovererOf(ada, { device, authenticator });
		const { burst } = loginRatePerNetwork;
		const answers = await Promise.all(Array.from({ length: burst + 5 }, () => step(edge, guess)));
		expect(answers.filter(({ status }) => status === 401)).toHaveLength(burst);
		expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
		await expect(ada.login(home.device, { knownBy: home.token })).rejects.toThrow('rate_limited');
		expect(await ada.login(phone.device, { knownBy: phone.token })).not.toBe(null);
		expect((await step(edge, await recovererOf(ada))).body.next).toBe('wait');
	});
});

it('ends with a signed write, which ends every session, and is taken once', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer, recovery } = await waiting(edge);
	await age(session, dayMs);
	const request = await endingOf(edge, ada, recoverer);
	const finish = () => call(edge, 'recoveryFinish', request);
	// Nobody else, and nothing else, by this way.
	const other = { ...request, ...(await recovererOf(ada)) };
	expect((await call(edge, 'recoveryFinish', other)).status).toBe(401);
	const policy = { suffices: [], sessionCap: 9, recoveryDelayDays: 0 };
	const strange = await ada.accountWrite({ type: 'policy', policy });
	const { write, signature } = strange;
	expect((await call(edge, 'recoveryFinish', { ...request, write, signature })).status).toBe(403);
	expect((await call(edge, 'accountWrite', request as never, session.token)).status).toBe(400);

	const finished = await finish();
	expect(finished).toMatchObject({ status: 200, body: { head: { n: 2 } } });
	expect(await finish()).toEqual(finished);
	expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(401);
	expect((await step(edge, recoverer, recovery)).status).toBe(401);
	expect((await dump(stubOf(session)))['recovery']).toEqual([]);
	expect(await ada.login(newDeviceId(), { password: 'correct horse' })).toBe(null);
	expect(await ada.login(newDeviceId(), { password: 'another horse' })).not.toBe(null);
});

it('of two that end at once, one does', async () => {
	const edge = await openEdge();
	const { ada, session, recoverer } = await waiting(edge);
	await age(session, dayMs);
	const [a, b] = [
		await endingOf(edge, ada, recoverer, 'first'),
		await endingOf(edge, ada, recoverer, 'second')
	];
	const statuses = await Promise.all([a, b].map((end) => call(edge, 'recoveryFinish', end)));
	expect(statuses.map(({ status }) => status).sort()).not.toEqual([200, 200]);
	expect(statuses.map(({ status }) => status)).toContain(200);
});
