// Second factors of an account: what a login, a step-up or a recovery is asked, whether an answer is
// right, and whether a new factor works. When one is asked for, others decide; which kinds suffice, the
// account log says.
//
// What is slow (opening what is sealed, signatures) comes first. Then, in one synchronous block, an
// answer is judged by what the row says now, and what it uses up is written: of any number of requests
// at once with one code, one is right.
import { backupCodeHash } from '../crypto/backup-codes.ts';
import { openFactor, sealFactor } from '../crypto/edge/factor-seal.ts';
import { PasskeyChallenges, type PasskeyPurpose } from '../crypto/edge/passkey-challenges.ts';
import {
	relyingPartyOf,
	verifyPasskeyAsserted,
	verifyPasskeyCreated,
	type PasskeyCheck
} from '../crypto/edge/webauthn.ts';
import { sha256 } from '../crypto/hash.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import { passkeySlotId } from '../crypto/passkey-id.ts';
import { verifyTotp } from '../crypto/totp.ts';
import type { Factor } from '../protocol/account-write.ts';
import type { FactorKind } from '../protocol/factor-kind.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import {
	encodeFactorData,
	parseFactorData,
	type FactorData,
	type FactorDataOf
} from '../protocol/factor.ts';
import type { FactorAnswer, FactorProof } from '../protocol/factor-answer.ts';
import type { FactorQuestion } from '../protocol/http-login.ts';
import { idFromBytes, type AccountId, type DeviceId, type FactorId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountFactorStore, StoredFactor } from './account-factor-store.ts';
import { malformed } from './account-parts.ts';
import { FactorBudget } from './factor-budget.ts';
import { decodeText } from './request-bytes.ts';
import { SmsCodes } from './sms-codes.ts';
import type { MessageGateway } from './sms-gateway.ts';

/** Who is asked, and what for. */
export interface FactorSubject {
	readonly account: AccountId;
	readonly purpose: PasskeyPurpose;
	/** Id of the login, session or recovery: what was asked of one is answered to that one. */
	readonly holder: string;
	/** Of the request's URL. */
	readonly origin: string;
	/** Its wrong answers are counted by themselves. Null: a device that the account does not know. */
	readonly knownDevice: DeviceId | null;
}

export interface FactorPassed {
	readonly factor: FactorId;
	readonly kind: FactorKind;
}

/** Of a factor, what its account is shown. */
export interface FactorFacts extends FactorPassed {
	/** Of a passkey, whose data is public, in base64url. */
	readonly data: string | null;
	/** Of backup codes, how many are still good. */
	readonly codesLeft: number | null;
	readonly addedAtMs: number;
	readonly usedAtMs: number | null;
}

/** What happened that the account's owner should hear of. */
export type FactorNotice = 'factor_refused' | 'passkey_suspect';

interface FactorPorts {
	readonly store: AccountFactorStore;
	/** The deployment's factor key, 32 bytes. */
	readonly factorKey: () => Promise<Result<Uint8Array, Refusal>>;
	/** Null where the operator has named none. */
	readonly gateway: MessageGateway | null;
	/** Counts a message for the whole deployment. */
	readonly takeMessage: () => Promise<Result<null, Refusal>>;
	readonly notice: (notice: FactorNotice, device: DeviceId | null) => void;
}

interface Use {
	readonly factor: FactorId;
	readonly spent: number;
}
/** Judges by what stands in the rows now. Synchronous. Null: the answer is wrong. */
type Judge = (nowMs: number) => Use | null;

const factorWrong = err({ code: 'factor_wrong' } as const);
const unavailable = err({ code: 'unavailable' } as const);

export class AccountFactors {
	readonly #ports: FactorPorts;
	readonly #store: AccountFactorStore;
	readonly #budget: FactorBudget;
	readonly #challenges = new PasskeyChallenges();
	readonly #codes = new SmsCodes();

	constructor(ports: FactorPorts) {
		this.#ports = ports;
		this.#store = ports.store;
		this.#budget = new FactorBudget(ports.store);
	}

	/** In the order in which they were added. */
	list(): FactorFacts[] {
		return this.#store.loadFactors().map((stored) => ({
			factor: stored.factor,
			kind: stored.kind,
			data: stored.kind === 'webauthn' ? toBase64Url(stored.data) : null,
			codesLeft: stored.kind === 'backup_codes' ? unusedCodes(stored) : null,
			addedAtMs: stored.addedAtMs,
			usedAtMs: stored.usedAtMs
		}));
	}

	kindOf(factor: FactorId): FactorKind | null {
		return this.#store.loadFactors().find((stored) => stored.factor === factor)?.kind ?? null;
	}

	/**
	 * What has to be answered; null if nothing does. Only what is kept here can be asked for: a factor
	 * whose data was lost with a restore is one that nobody could ever answer for, and its owner sees
	 * that it was not asked for.
	 */
	question(subject: FactorSubject, suffices: readonly FactorKind[]): FactorQuestion | null {
		const usable = this.#store
			.loadFactors()
			.filter((stored) => suffices.includes(stored.kind))
			.filter((stored) => stored.kind !== 'backup_codes' || unusedCodes(stored) > 0);
		if (usable.length === 0) return null;
		const passkeys = usable.flatMap(passkeyOf);
		const canAsk = passkeys.length > 0 && relyingPartyOf(subject.origin).ok;
		return {
			factors: usable.map(({ factor, kind }) => ({ factor, kind })),
			webauthn: canAsk
				? {
						challenge: toBase64Url(this.#challenges.give(subject, Date.now())),
						passkeys: passkeys.map(({ data: { credentialId, transports } }) => ({
							id: toBase64Url(credentialId),
							transports: [...transports]
						}))
					}
				: null
		};
	}

	/** Sends a code to a telephone that is a factor and suffices. */
	async send(
		subject: FactorSubject,
		suffices: readonly FactorKind[],
		factor: FactorId
	): Promise<Result<null, Refusal>> {
		const stored = this.#store.loadFactors().find((other) => other.factor === factor);
		if (stored?.kind !== 'sms' || !suffices.includes('sms')) return err({ code: 'not_found' });
		const data = await this.#open(subject.account, stored, 'sms');
		if (!data.ok) return data;
		return this.#message(subject, { about: factor, number: data.value.number });
	}

	/** Judges an answer; if it is right, what it used up is written. */
	async answer(
		subject: FactorSubject,
		suffices: readonly FactorKind[],
		answer: FactorAnswer
	): Promise<Result<FactorPassed, Refusal>> {
		// Nothing weaker than what the account asks for, whatever else it has.
		if (!suffices.includes(answer.kind)) return factorWrong;
		const judge = await this.#prepare(subject, answer);
		if (!judge.ok) return judge;
		// From here to what is written, nothing awaits.
		const nowMs = Date.now();
		const { kind } = answer;
		const wrong = this.#budget.wrong(kind, subject.knownDevice !== null, nowMs);
		// Who is told to wait learns nothing; and nobody waits with what can't be guessed, so that others
		// who know the password can't lock its owner out.
		if (!wrong.ok && isGuessable(kind)) return wrong;
		const use = judge.value(nowMs);
		if (use === null) {
			if (!wrong.ok) return wrong;
			wrong.value.count();
			this.#ports.notice('factor_refused', subject.knownDevice);
			return factorWrong;
		}
		this.#store.saveUse(use.factor, { spent: use.spent, usedAtMs: nowMs });
		return ok({ factor: use.factor, kind });
	}

	/** A challenge for the passkey that is about to be added. */
	challenge(subject: FactorSubject): Result<Uint8Array, Refusal> {
		if (!relyingPartyOf(subject.origin).ok) return unavailable;
		return ok(this.#challenges.give(subject, Date.now()));
	}

	/** Sends a code to the telephone that is about to be added. */
	sendTo(subject: FactorSubject, number: string): Promise<Result<null, Refusal>> {
		return this.#message(subject, { about: number, number });
	}

	/**
	 * Judges a factor that an account write adds: its data is what the write signs, and one right answer
	 * shows that it works. Nothing is written.
	 *
	 * @param subject with the purpose `add`.
	 * @returns what {@link add} keeps, in the block that keeps the write.
	 */
	async prove(
		subject: FactorSubject,
		{ factor, kind, hash }: Factor,
		brought: { readonly data: Uint8Array; readonly proof: FactorProof }
	): Promise<Result<StoredFactor, Refusal>> {
		const parsed = parseFactorData(kind, brought.data);
		if (!parsed.ok || !equalBytes(sha256(brought.data), hash)) return malformed;
		const spent = await this.#spentByProof(subject, { factor, data: parsed.value }, brought.proof);
		if (!spent.ok) return spent;
		const key = await this.#ports.factorKey();
		if (!key.ok) return key;
		const place = { account: subject.account, factor, kind };
		const data = isSealed(kind)
			? await sealFactor(key.value, place, brought.data)
			: brought.data.slice();
		return ok({ factor, kind, data, spent: spent.value, addedAtMs: Date.now(), usedAtMs: null });
	}

	/** Synchronous, with the write that adds it. */
	add(proven: StoredFactor): void {
		this.#store.addFactor(proven);
	}

	/**
	 * What comes back with writes that this edge had forgotten, and is not kept yet. Counters and used
	 * codes are forgotten: nobody signs them.
	 *
	 * @param standing after the writes.
	 */
	putBack(
		standing: readonly Factor[],
		brought: readonly { readonly factor: FactorId; readonly data: Uint8Array }[]
	): Result<readonly StoredFactor[], Refusal> {
		const kept = new Set(this.#store.loadFactors().map(({ factor }) => factor));
		const back: StoredFactor[] = [];
		for (const { factor, data } of brought) {
			const known = standing.find((other) => other.factor === factor);
			if (known === undefined || isSealed(known.kind)) return malformed;
			if (!equalBytes(sha256(data), known.hash)) return malformed;
			if (!parseFactorData(known.kind, data).ok || kept.has(factor)) continue;
			kept.add(factor);
			const { kind } = known;
			back.push({ factor, kind, data, spent: 0, addedAtMs: Date.now(), usedAtMs: null });
		}
		return ok(back);
	}

	/** Synchronous, with the write that leaves these standing: what it removed goes. */
	keepOnly(standing: readonly Factor[]): void {
		const ids = new Set(standing.map(({ factor }) => factor));
		for (const { factor } of this.#store.loadFactors()) {
			if (!ids.has(factor)) this.#store.removeFactor(factor);
		}
	}

	async #prepare(subject: FactorSubject, answer: FactorAnswer): Promise<Result<Judge, Refusal>> {
		switch (answer.kind) {
			case 'totp':
				return this.#prepareTotp(subject, answer.code);
			case 'webauthn':
				return this.#preparePasskey(subject, answer.asserted);
			case 'backup_codes': {
				const hash = backupCodeHash(subject.account, decodeText(answer.code));
				return ok(() => this.#judgeBackupCode(hash));
			}
			case 'sms':
				return ok((nowMs) => {
					const about = this.#codes.take(holderOf(subject), answer.code, nowMs);
					const stored = this.#store
						.loadFactors()
						.find(({ factor, kind }) => kind === 'sms' && factor === about);
					return stored === undefined ? null : { factor: stored.factor, spent: 0 };
				});
		}
	}

	async #prepareTotp(subject: FactorSubject, code: string): Promise<Result<Judge, Refusal>> {
		const secrets = new Map<FactorId, Uint8Array>();
		for (const stored of this.#store.loadFactors()) {
			if (stored.kind !== 'totp') continue;
			const data = await this.#open(subject.account, stored, 'totp');
			if (!data.ok) return data;
			secrets.set(stored.factor, data.value.secret);
		}
		return ok((nowMs) => {
			for (const { factor, spent } of this.#store.loadFactors()) {
				const secret = secrets.get(factor);
				if (secret === undefined) continue;
				const step = verifyTotp(secret, { code, nowMs, lastStep: spent });
				if (step !== null) return { factor, spent: step };
			}
			return null;
		});
	}

	async #preparePasskey(
		subject: FactorSubject,
		asserted: Extract<FactorAnswer, { kind: 'webauthn' }>['asserted']
	): Promise<Result<Judge, Refusal>> {
		const check = this.#checkOf(subject);
		if (check === null) return unavailable;
		const known = this.#store.loadFactors().flatMap(passkeyOf);
		const verified = await verifyPasskeyAsserted(
			asserted,
			known.map(({ data, spent }) => ({ ...data, signCount: spent })),
			check
		);
		return ok(() => {
			if (!verified.ok) {
				if (verified.error === 'bad_counter')
					this.#ports.notice('passkey_suspect', subject.knownDevice);
				return null;
			}
			const { passkey, signCount, isCounterSuspect } = verified.value;
			// Meanwhile it may have been removed, or answered elsewhere with a higher counter.
			const now = this.#store
				.loadFactors()
				.flatMap(passkeyOf)
				.find(({ data }) => equalBytes(data.credentialId, passkey.credentialId));
			if (now === undefined) return null;
			const isOvertaken = now.spent !== passkey.signCount && signCount <= now.spent;
			if (isCounterSuspect || isOvertaken)
				this.#ports.notice('passkey_suspect', subject.knownDevice);
			if (isOvertaken && !passkey.isBackupEligible) return null;
			return { factor: now.factor, spent: Math.max(signCount, now.spent) };
		});
	}

	#judgeBackupCode(hash: Uint8Array): Use | null {
		for (const { factor, kind, data, spent } of this.#store.loadFactors()) {
			if (kind !== 'backup_codes') continue;
			const place = codesOf(data).findIndex((other) => equalConstantTime(other, hash));
			const bit = 1 << place;
			if (place >= 0 && (spent & bit) === 0) return { factor, spent: spent | bit };
		}
		return null;
	}

	/** What the proof of a new factor uses up. */
	async #spentByProof(
		subject: FactorSubject,
		{ factor, data }: { readonly factor: FactorId; readonly data: FactorData },
		proof: FactorProof
	): Promise<Result<number, Refusal>> {
		if (data.kind === 'totp' && proof.kind === 'totp') {
			const attempt = { code: proof.code, nowMs: Date.now(), lastStep: null };
			const step = verifyTotp(data.secret, attempt);
			return step === null ? factorWrong : ok(step);
		}
		if (data.kind === 'webauthn' && proof.kind === 'webauthn') {
			const check = this.#checkOf(subject);
			if (check === null) return unavailable;
			const created = await verifyPasskeyCreated(proof.created, check);
			if (!created.ok) return factorWrong;
			const isTheSame = equalBytes(
				encodeFactorData({ kind: 'webauthn', ...created.value }),
				encodeFactorData(data)
			);
			const ownId = idFromBytes<FactorId>(passkeySlotId(data.credentialId));
			return isTheSame && factor === ownId ? ok(created.value.signCount) : malformed;
		}
		if (data.kind === 'backup_codes' && proof.kind === 'backup_codes') {
			const hash = backupCodeHash(subject.account, decodeText(proof.code));
			// It shows that somebody has them, and stays good.
			return data.hashes.some((other) => equalConstantTime(other, hash)) ? ok(0) : factorWrong;
		}
		if (data.kind === 'sms' && proof.kind === 'sms') {
			const number = this.#codes.take(holderOf(subject), proof.code, Date.now());
			return number === data.number ? ok(0) : factorWrong;
		}
		return malformed;
	}

	#checkOf(subject: FactorSubject): PasskeyCheck | null {
		const party = relyingPartyOf(subject.origin);
		if (!party.ok) return null;
		return {
			party: party.value,
			challenges: this.#challenges,
			subject,
			nowMs: Date.now(),
			// Beside a password it is enough to have it. What guards the account asks who has it.
			asksForVerification: subject.purpose !== 'login'
		};
	}

	async #message(
		subject: FactorSubject,
		{ about, number }: { readonly about: string; readonly number: string }
	): Promise<Result<null, Refusal>> {
		const { gateway, takeMessage } = this.#ports;
		if (gateway === null) return unavailable;
		const own = this.#budget.message(subject.knownDevice !== null, Date.now());
		if (!own.ok) return own;
		const all = await takeMessage();
		if (!all.ok) return all;
		const code = this.#codes.give(holderOf(subject), about, Date.now());
		const sent = await gateway.send({ to: number, text: wordsOf(code, subject.origin) });
		return sent ? ok(null) : unavailable;
	}

	async #open<Kind extends FactorKind>(
		account: AccountId,
		stored: StoredFactor,
		kind: Kind
	): Promise<Result<FactorDataOf<Kind>, Refusal>> {
		const key = await this.#ports.factorKey();
		if (!key.ok) return key;
		const place = { account, factor: stored.factor, kind };
		const opened = await openFactor(key.value, place, stored.data);
		const data = opened.ok ? parseFactorData(kind, opened.value) : opened;
		return data.ok ? data : unavailable;
	}
}

const isGuessable = (kind: FactorKind): boolean => kind === 'totp' || kind === 'sms';

/** Whoever reads these off a database could answer. */
const isSealed = (kind: FactorKind): boolean => kind === 'totp' || kind === 'sms';

const holderOf = ({ purpose, holder }: FactorSubject): string => `${purpose} ${holder}`;

interface KnownPasskey {
	readonly factor: FactorId;
	readonly data: FactorDataOf<'webauthn'>;
	readonly spent: number;
}

function passkeyOf({ factor, kind, data, spent }: StoredFactor): KnownPasskey[] {
	if (kind !== 'webauthn') return [];
	return [{ factor, data: kept(parseFactorData('webauthn', data)), spent }];
}

const codesOf = (data: Uint8Array): readonly Uint8Array[] =>
	kept(parseFactorData('backup_codes', data)).hashes;

function unusedCodes({ data, spent }: StoredFactor): number {
	return codesOf(data).filter((_, place) => (spent & (1 << place)) === 0).length;
}

/** It was checked before it was kept. */
function kept<Data>(data: Result<Data, 'malformed'>): Data {
	if (!data.ok) throw new Error('a factor that was kept has its form');
	return data.value;
}

/** The last line lets a telephone fill the code in at this address, and at no other. */
function wordsOf(code: string, origin: string): string {
	const { host } = new URL(origin);
	return `${code} is your code for ${host}\n\n@${host} #${code}`;
}
