// The factors of an account in its own object, with its own database, asked as a login would ask.
import { runInDurableObject } from 'cloudflare:test';
import { expect, onTestFinished, vi } from 'vitest';
import { AccountFactorStore } from '../../durable-objects/account-factor-store.ts';
import {
	AccountFactors,
	type FactorNotice,
	type FactorSubject
} from '../../durable-objects/account-factors.ts';
import { AccountStore } from '../../durable-objects/account-store.ts';
import { backupCodeHash, generateBackupCodes } from '../../crypto/backup-codes.ts';
import { sha256 } from '../../crypto/hash.ts';
import { passkeySlotId } from '../../crypto/passkey-id.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret, hotpCode } from '../../crypto/totp.ts';
import type { Factor } from '../../protocol/account-write.ts';
import { factorKinds, type FactorKind } from '../../protocol/factor-kind.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { Refusal } from '../../protocol/errors.ts';
import { encodeFactorData, type FactorData } from '../../protocol/factor.ts';
import type { FactorAnswer, FactorProof } from '../../protocol/factor-answer.ts';
import { idFromBytes, type DeviceId, type FactorId } from '../../protocol/ids.ts';
import { ok, type Result } from '../../protocol/result.ts';
import {
	account,
	party,
	type SoftAuthenticator,
	type Wrong
} from '../crypto/edge/webauthn-fixture.ts';
import { accountObject, openEdge } from './edge.ts';
import { bytesOf, Person } from './person.ts';

export const all: readonly FactorKind[] = factorKinds;
export const wrong = { ok: false, error: { code: 'factor_wrong' } };
const factorKey = new Uint8Array(32).fill(5);

/** A device that the account knows. */
export const knownDevice = idFromBytes<DeviceId>(new Uint8Array(16).fill(7));

export const login = (holder: string, more: Partial<FactorSubject> = {}): FactorSubject => ({
	...{ account, purpose: 'login', holder, origin: party.origin, knownDevice: null },
	...more
});
export const adding = login('session 1', { purpose: 'add', knownDevice });

/** The code of the step `away` from the present one. */
export const codeOf = (secret: Uint8Array, away = 0): string =>
	hotpCode(secret, Math.floor(Date.now() / 30_000) + away);

export const totp = (code: string): FactorAnswer & FactorProof => ({ kind: 'totp', code });

/** Six digits that the code is not, nor that of a step beside it. */
export function wrongCode(secret: Uint8Array): string {
	const right = [-2, -1, 0, 1, 2].map((away) => codeOf(secret, away));
	return ['000000', '000001', '000002', '000003', '000004', '000005'].find(
		(code) => !right.includes(code)
	)!;
}

/** Moves the clock of everything that runs here, until the test ends. */
export function pass(ms: number): void {
	onTestFinished(() => {
		vi.useRealTimers();
	});
	vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
}

interface Settings {
	/** What the gateway answers; null: there is none. */
	readonly gateway?: boolean | null;
	readonly mayMessage?: () => Result<null, Refusal>;
	readonly factorKey?: Result<Uint8Array, Refusal>;
}

export class FactorStage {
	readonly #stub: DurableObjectStub;
	readonly messages: { readonly to: string; readonly text: string }[] = [];
	readonly notices: FactorNotice[] = [];
	readonly #state: DurableObjectState;
	factors!: AccountFactors;
	store!: AccountFactorStore;

	constructor(stub: DurableObjectStub, state: DurableObjectState) {
		this.#stub = stub;
		this.#state = state;
	}

	/** Runs `work` inside the object of a new account. */
	static async run(work: (stage: FactorStage) => Promise<void>): Promise<void> {
		const person = await Person.signUp(await openEdge());
		const { answer } = await person.logIn();
		const stub = accountObject(answer.handleHash);
		await runInDurableObject(stub, async (_object: unknown, state: DurableObjectState) => {
			const stage = new FactorStage(stub, state);
			stage.wake();
			await work(stage);
		});
	}

	/** As after a sleep: nothing of what was in memory is left. */
	wake(settings: Settings = {}): void {
		const { storage } = this.#state;
		this.store = new AccountFactorStore(storage, new AccountStore(storage));
		const { gateway = true } = settings;
		this.factors = new AccountFactors({
			store: this.store,
			factorKey: () => Promise.resolve(settings.factorKey ?? ok(factorKey)),
			gateway:
				gateway === null
					? null
					: {
							send: (message) => {
								this.messages.push(message);
								return Promise.resolve(gateway);
							}
						},
			takeMessage: () => Promise.resolve(settings.mayMessage?.() ?? ok(null)),
			notice: (notice) => this.notices.push(notice)
		});
	}

	get stub(): DurableObjectStub {
		return this.#stub;
	}

	/** What this account's database holds. */
	rows(table: 'factors' | 'factor_attempts'): unknown[] {
		return this.#state.storage.sql.exec(`SELECT * FROM ${table}`).toArray();
	}

	answer(answer: FactorAnswer, subject = login('login 1'), suffices = all) {
		return this.factors.answer(subject, suffices, answer);
	}

	/** The same request as the account write would bring. */
	async add(
		data: FactorData,
		proof: FactorProof,
		changed: Partial<Factor> = {},
		subject = adding
	): Promise<Result<FactorId, Refusal>> {
		const bytes = encodeFactorData(data);
		const id = data.kind === 'webauthn' ? passkeySlotId(data.credentialId) : randomBytes(16);
		const factor = {
			...{ factor: idFromBytes<FactorId>(id), kind: data.kind, hash: sha256(bytes) },
			...changed
		};
		const proven = await this.factors.prove(subject, factor, { data: bytes, proof });
		if (!proven.ok) return proven;
		this.factors.add(proven.value);
		return ok(factor.factor);
	}

	async addTotp(secret = generateTotpSecret()): Promise<Uint8Array> {
		// Of the step before, so that the present one is still good.
		const added = await this.add({ kind: 'totp', secret }, totp(codeOf(secret, -1)));
		if (!added.ok) throw new Error(`not added: ${added.error.code}`);
		return secret;
	}

	/** A new passkey's proof, with its challenge asked for. */
	createPasskey(authenticator: SoftAuthenticator, wrong: Wrong = {}): FactorProof {
		const challenge = this.factors.challenge(adding);
		if (!challenge.ok) throw new Error('no challenge');
		return { kind: 'webauthn', created: authenticator.create(challenge.value, wrong) };
	}

	async addPasskey(authenticator: SoftAuthenticator): Promise<FactorId> {
		const proof = this.createPasskey(authenticator);
		const added = await this.add(passkeyData(authenticator), proof);
		if (!added.ok) throw new Error(`not added: ${added.error.code}`);
		return added.value;
	}

	/** The answer of a passkey to the question that `subject` is asked. */
	assert(authenticator: SoftAuthenticator, subject = login('login 1'), wrong: Wrong = {}) {
		const question = this.factors.question(subject, all);
		if (question?.webauthn == null) throw new Error('no passkey is asked');
		const challenge = bytesOf(question.webauthn.challenge);
		return { kind: 'webauthn' as const, asserted: authenticator.assert(challenge, wrong) };
	}

	/** The code in the last message. */
	get messageCode(): string {
		return /^\d{6}/.exec(this.messages.at(-1)?.text ?? '')?.[0] ?? 'none';
	}
}

export const passkeyData = (authenticator: SoftAuthenticator): FactorData => ({
	...{ kind: 'webauthn', credentialId: authenticator.credentialId },
	...{ publicKey: authenticator.publicKey, transports: ['internal'] },
	isBackupEligible: authenticator.stored.isBackupEligible
});

export const malformed = { ok: false, error: { code: 'malformed' } };
export const limited = { ok: false, error: { code: 'rate_limited' } };
export const parallel = 50;

export const many = <Answer>(ask: (index: number) => Promise<Answer>): Promise<Answer[]> =>
	Promise.all(Array.from({ length: parallel }, (_, index) => ask(index)));
export const rightOf = (answers: readonly { readonly ok: boolean }[]) =>
	answers.filter(({ ok }) => ok).length;

export const backup = (code: Uint8Array): FactorProof & { kind: 'backup_codes' } => ({
	...{ kind: 'backup_codes', code: toBase64Url(code) }
});
export const codesData = (codes: readonly Uint8Array[]): FactorData => ({
	...{ kind: 'backup_codes', hashes: codes.map((code) => backupCodeHash(account, code)) }
});

export async function addBackupCodes(stage: FactorStage): Promise<Uint8Array[]> {
	const codes = generateBackupCodes();
	expect((await stage.add(codesData(codes), backup(codes[9]!))).ok).toBe(true);
	return codes;
}

export const telephone = '+15550123456';
export const telephoneData: FactorData = {
	kind: 'sms',
	salt: new Uint8Array(16),
	number: telephone
};
export const sms = (code: string): FactorProof & { kind: 'sms' } => ({ kind: 'sms', code });

export async function addTelephone(stage: FactorStage): Promise<FactorId> {
	expect(await stage.factors.sendTo(adding, telephone)).toEqual({ ok: true, value: null });
	const added = await stage.add(telephoneData, sms(stage.messageCode));
	if (!added.ok) throw new Error('not added');
	return added.value;
}
