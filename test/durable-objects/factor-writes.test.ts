// Factors in the account log, asked through the Worker: what a write has to bring, and what stands after.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { passkeySlotId } from '../../crypto/passkey-id.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret } from '../../crypto/totp.ts';
import type { AccountAction } from '../../protocol/account-write.ts';
import type { FactorKind } from '../../protocol/factor-kind.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { encodeFactorData, type FactorData } from '../../protocol/factor.ts';
import type { FactorProof } from '../../protocol/factor-answer.ts';
import { idFromBytes, type FactorId } from '../../protocol/ids.ts';
import { SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import { openEdge, origin } from './edge.ts';
import { codeOf, passkeyData, totp, wrongCode } from './factor-stage.ts';
import { bytesOf, call, Person, textsOf, type Session } from './person.ts';
import { dumpEverything } from './storage.ts';

interface Brought {
	readonly action: AccountAction & { readonly type: 'factor_add' };
	readonly factor: { readonly data: string; readonly proof: FactorProof };
}

function bringing(data: FactorData, proof: FactorProof): Brought {
	const bytes = encodeFactorData(data);
	const id = data.kind === 'webauthn' ? passkeySlotId(data.credentialId) : randomBytes(16);
	const factor = { factor: idFromBytes<FactorId>(id), kind: data.kind, hash: sha256(bytes) };
	return { action: { type: 'factor_add', factor }, factor: { data: toBase64Url(bytes), proof } };
}

/** Somebody with an account and a session. */
class Stage {
	readonly person: Person;
	readonly session: Session;

	constructor(person: Person, session: Session) {
		this.person = person;
		this.session = session;
	}

	static async open(): Promise<Stage> {
		const person = await Person.signUp(await openEdge());
		return new Stage(person, await person.logIn());
	}

	write(action: AccountAction, factor: Brought['factor'] | null = null) {
		return this.person.change(this.session.token, action, {}, factor);
	}

	add({ action, factor }: Brought) {
		return this.write(action, factor);
	}

	async factors() {
		const { body } = await call(this.person.edge, 'accountRead', { after: 0 }, this.session.token);
		return body.factors;
	}

	policy(...suffices: FactorKind[]) {
		const policy = { suffices, sessionCap: 3, recoveryDelayDays: 1 };
		return this.write({ type: 'policy', policy });
	}

	async newPasskey(authenticator: SoftAuthenticator): Promise<Brought> {
		const { body } = await call(this.person.edge, 'passkeyStart', {}, this.session.token);
		const created = authenticator.create(bytesOf(body.challenge), {
			...{ rpId: new URL(origin).hostname, clientData: { origin } }
		});
		return bringing(passkeyData(authenticator), { kind: 'webauthn', created });
	}
}

const newTotp = (secret = generateTotpSecret()): Brought =>
	bringing({ kind: 'totp', secret }, totp(codeOf(secret)));

const malformed = { status: 400, body: { error: { code: 'malformed' } } };

describe('a factor', () => {
	it('stands with the write that adds it, and goes with the one that removes it', async () => {
		const stage = await Stage.open();
		const added = newTotp();
		expect((await stage.add(added)).status).toBe(200);
		const { factor } = added.action.factor;
		expect(await stage.factors()).toMatchObject([
			{ factor, kind: 'totp', data: null, codesLeft: null, usedAtMs: null }
		]);
		expect((await stage.write({ type: 'factor_remove', factor })).status).toBe(200);
		expect(await stage.factors()).toEqual([]);
	});

	it('that is a passkey is shown with what is public of it', async () => {
		const stage = await Stage.open();
		const added = await stage.newPasskey(new SoftAuthenticator());
		expect((await stage.add(added)).status).toBe(200);
		const { factor } = added.action.factor;
		expect(await stage.factors()).toMatchObject([
			{ factor, kind: 'webauthn', data: added.factor.data }
		]);
	});

	it('does not count without a right answer, and nothing is kept of it', async () => {
		const stage = await Stage.open();
		const secret = generateTotpSecret();
		const { action, factor } = newTotp(secret);
		const before = await dumpEverything();
		const attempts: [Brought['factor'] | null, object][] = [
			[null, malformed],
			[{ ...factor, data: newTotp().factor.data }, malformed],
			[{ ...factor, proof: { kind: 'sms', code: '000000' } }, malformed],
			[
				{ ...factor, proof: totp(wrongCode(secret)) as FactorProof },
				{ status: 401, body: { error: { code: 'factor_wrong' } } }
			]
		];
		for (const [brought, refusal] of attempts) {
			expect(await stage.write(action, brought)).toMatchObject(refusal);
		}
		expect(await dumpEverything()).toBe(before);
		expect((await stage.write(action, factor)).status).toBe(200);
	});

	it('comes with the write that adds it, and with no other', async () => {
		const stage = await Stage.open();
		const { factor } = newTotp();
		const remove = { type: 'device_remove', device: stage.session.device } as const;
		expect(await stage.write(remove, factor)).toMatchObject(malformed);
	});

	it('is not added twice, were its answer right', async () => {
		const stage = await Stage.open();
		const authenticator = new SoftAuthenticator();
		expect((await stage.add(await stage.newPasskey(authenticator))).status).toBe(200);
		expect(await stage.add(await stage.newPasskey(authenticator))).toMatchObject(malformed);
		expect(await stage.factors()).toHaveLength(1);
	});

	it('is answered as before where its answer was lost', async () => {
		const stage = await Stage.open();
		const added = await stage.newPasskey(new SoftAuthenticator());
		const first = await stage.add(added);
		const { edge } = stage.person;
		const again = await call(edge, 'accountWrite', first.request, stage.session.token);
		expect(again).toEqual({ status: 200, body: first.body });
		expect(await stage.factors()).toHaveLength(1);
	});

	it('answers the challenge of its own session only', async () => {
		const stage = await Stage.open();
		const other = new Stage(stage.person, await stage.person.logIn());
		const added = await other.newPasskey(new SoftAuthenticator());
		expect(await stage.add(added)).toMatchObject({ status: 401 });
		expect(await other.add(added)).toMatchObject({ status: 401 });
	});

	it('that logins ask for is not removed while nothing stands in for it', async () => {
		const stage = await Stage.open();
		const [one, other] = [newTotp(), newTotp()];
		const forbidden = { status: 403, body: { error: { code: 'forbidden' } } };
		expect(await stage.policy('totp')).toMatchObject(forbidden);
		await stage.add(one);
		expect((await stage.policy('totp', 'backup_codes')).status).toBe(200);
		const remove = (of: Brought) =>
			stage.write({ type: 'factor_remove', factor: of.action.factor.factor });
		expect(await remove(one)).toMatchObject(forbidden);
		await stage.add(other);
		expect((await remove(one)).status).toBe(200);
		expect(await remove(other)).toMatchObject(forbidden);
	});

	it('can’t be sent a message where the operator has named no gateway', async () => {
		const stage = await Stage.open();
		const { edge } = stage.person;
		const number = '+15550123456';
		const asked = await call(edge, 'smsStart', { number }, stage.session.token);
		expect(asked).toEqual({ status: 503, body: { error: { code: 'unavailable' } } });
	});
});

describe('after a restore', () => {
	it('a passkey comes back with the writes that added it, and a secret does not', async () => {
		const stage = await Stage.open();
		const { person, session } = stage;
		const authenticator = new SoftAuthenticator();
		const [passkey, password] = [await stage.newPasskey(authenticator), newTotp()];
		// What the edge forgets is what it was never sent.
		const writes: { write: string; signature: string }[] = [];
		for (const { action } of [passkey, password]) {
			const signed = await person.sign(person.state, action);
			person.took(signed);
			writes.push(textsOf(signed));
		}
		const putBack = (factors: { factor: FactorId; data: string }[]) =>
			call(
				person.edge,
				'accountPutBack',
				{ writes, registrationRecord: null, keyslots: [], factors },
				session.token
			);
		const of = ({ action, factor }: Brought) => ({
			factor: action.factor.factor,
			data: factor.data
		});
		expect(await putBack([of(password)])).toMatchObject(malformed);
		expect(await putBack([{ ...of(passkey), data: of(password).data }])).toMatchObject(malformed);
		expect(await putBack([of(newTotp())])).toMatchObject(malformed);
		expect(await stage.factors()).toEqual([]);
		expect((await putBack([of(passkey)])).status).toBe(200);
		expect(await stage.factors()).toMatchObject([{ kind: 'webauthn', data: passkey.factor.data }]);
	});
});
