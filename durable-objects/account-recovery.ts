// Recovery: whoever shows the authenticator of the kit in force gets what the code opens, after a wait
// in which every own device is told and any may object. For how long is said by the policy that the
// person signed, and asked of it each time: nothing that this edge wrote down shortens it.
import { identityInForce, type AccountState } from '../crypto/account-log.ts';
import { createRegistrationResponse } from '../crypto/edge/opaque-server.ts';
import { sha256 } from '../crypto/hash.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../crypto/jwk.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../crypto/random.ts';
import { verifySignature } from '../crypto/signature.ts';
import { equalBytes, toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { PendingRecovery } from '../protocol/http-fields.ts';
import type { RecoveryStep } from '../protocol/http-recovery.ts';
import { idBytes, idFromBytes, type DeviceId, type RecoveryId } from '../protocol/ids.ts';
import { recoveryApprovalInput } from '../protocol/labels.ts';
import {
	hashBytes,
	loginStepsTtlSeconds,
	maxFactorTries,
	recoveryKeptDays
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { SecurityEventKind } from '../protocol/security-event.ts';
import type { RequestPlace } from './account-login.ts';
import { malformed, type AccountParts, type Answer } from './account-parts.ts';
import type { AccountRecoveryStore, StoredRecovery } from './account-recovery-store.ts';
import type { AccountWrites } from './account-writes.ts';
import { maxLoginsInProgress } from './limits.ts';
import type { LoginBudget } from './login-budget.ts';
import { LoginsInProgress, newLoginId } from './logins-in-progress.ts';
import type { ProofGuard } from './proof-guard.ts';
import type { Proven } from './proven.ts';
import { decodeText } from './request-bytes.ts';
import type { SecondStep, StepAttempt } from './second-step.ts';

const dayMs = 86_400_000;
/** A wrong code, an unknown handle, a code that was replaced: alike. */
const refused = err({ code: 'login_failed' } as const);
const notFound = err({ code: 'not_found' } as const);
const noKit = new Uint8Array(hashBytes);

export interface RecoveryParts {
	readonly store: AccountRecoveryStore;
	readonly budget: LoginBudget;
	readonly guard: ProofGuard;
	/** The device that the account knows by this key; null: none. */
	readonly deviceOf: (thumbprint: Uint8Array) => DeviceId | null;
	readonly writes: AccountWrites;
	readonly secondStep: SecondStep;
	/** What the account consists of, with its writes after the first `after`. */
	readonly material: (
		after: number
	) => Result<Omit<ReadyStep, 'next' | 'recovery' | 'startedAtMs' | 'approval'>, Refusal>;
	/** For the account's owner to hear of. */
	readonly note: (kind: SecurityEventKind, device: DeviceId) => void;
}

type QuestionStep = Extract<RecoveryStep, { next: 'factor' }>;
type ReadyStep = Extract<RecoveryStep, { next: 'ready' }>;
type Recoverer = Pick<RequestOf<'recoveryStep'>, 'authenticator' | 'device'>;

interface Asked {
	/** Of the key of the device that was asked, 32 bytes. */
	readonly thumbprint: Uint8Array;
	readonly triesLeft: number;
}

/** Whoever shows the code, on a device whose key they hold. */
interface Shown {
	readonly state: AccountState;
	readonly jwk: P256Jwk;
	readonly knownDevice: DeviceId | null;
	readonly authenticatorHash: Uint8Array;
}

export class AccountRecovery {
	readonly #account: AccountParts;
	readonly #parts: RecoveryParts;
	/** Recoveries that begin once a question is answered. */
	readonly #asked = new LoginsInProgress<Asked>(maxLoginsInProgress);

	constructor(account: AccountParts, parts: RecoveryParts) {
		this.#account = account;
		this.#parts = parts;
	}

	async step(
		proven: Proven,
		request: RequestOf<'recoveryStep'>,
		place: RequestPlace
	): Promise<Result<RecoveryStep, Refusal>> {
		const shown = await this.#show(proven, request, place);
		if (!shown.ok) return shown;
		const begun = await this.#goOn(shown.value, request, place);
		if (!begun.ok || 'next' in begun.value) return begun as Result<RecoveryStep, Refusal>;
		const { recovery, startedAtMs, approval } = begun.value;
		const readyAtMs = readyMs(begun.value, shown.value.state);
		if (!isReady(begun.value, shown.value.state)) {
			return ok({ next: 'wait', recovery, startedAtMs, readyAtMs });
		}
		const material = this.#parts.material(request.after);
		if (!material.ok) return material;
		const signature = approval && toBase64Url(approval);
		return ok({ next: 'ready', recovery, startedAtMs, approval: signature, ...material.value });
	}

	async password(
		proven: Proven,
		request: RequestOf<'recoveryPassword'>,
		place: RequestPlace
	): Answer<'recoveryPassword'> {
		const [keys, opaque] = await Promise.all([this.#account.keys.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const shown = await this.#show(proven, request, place);
		if (!shown.ok) return shown;
		if (!this.#isReadyFor(shown.value)) return refused;
		const response = createRegistrationResponse(opaque.server, {
			setup: keys.value.opaqueSetup,
			handleHash: this.#account.name.handleHash,
			request: decodeText(request.registrationRequest)
		});
		return response.ok ? ok({ registrationResponse: toBase64Url(response.value) }) : malformed;
	}

	async finish(
		proven: Proven,
		request: RequestOf<'recoveryFinish'>,
		place: RequestPlace
	): Promise<Result<ResponseOf<'recoveryFinish'>, Refusal>> {
		const { writes, store } = this.#parts;
		// Taken before, and the answer lost: by now the code is another.
		const taken = writes.answerIfHeld(request);
		if (taken !== null) return ok(taken);
		const shown = await this.#show(proven, request, place);
		if (!shown.ok) return shown;
		if (!this.#isReadyFor(shown.value)) return refused;
		return writes.recover(request, () => {
			store.remove();
		});
	}

	/** By an own device. */
	cancel({ recovery }: RequestOf<'recoveryCancel'>): Result<object, Refusal> {
		const { store, note } = this.#parts;
		const pending = this.#pending();
		if (pending?.recovery !== recovery) return notFound;
		store.remove();
		note('recovery_cancelled', pending.device);
		return ok({});
	}

	/** By an own device, whose word the device that recovers checks: this edge has none. */
	async approve({ recovery, approval }: RequestOf<'recoveryApprove'>): Answer<'recoveryApprove'> {
		const { store, note } = this.#parts;
		const { state } = this.#account.log;
		const pending = this.#pending();
		if (state === null || pending?.recovery !== recovery) return notFound;
		const signature = decodeText(approval);
		const thumbprint = jwkThumbprint(pending.deviceJwk);
		const input = recoveryApprovalInput(state.account, recovery, thumbprint);
		const { signingKey } = identityInForce(state).entry.body;
		if (!(await verifySignature(signingKey, input, signature))) return err({ code: 'forbidden' });
		// Another device may have objected meanwhile.
		if (this.#pending()?.recovery !== recovery) return notFound;
		store.saveApproval(signature);
		note('recovery_approved', pending.device);
		return ok({});
	}

	/** To own devices; null while nobody recovers. */
	get pending(): PendingRecovery | null {
		const { state } = this.#account.log;
		const pending = this.#pending();
		if (state === null || pending === null) return null;
		const { recovery, device, deviceJwk, startedAtMs, approval } = pending;
		const thumbprint = toBase64Url(jwkThumbprint(deviceJwk));
		const [readyAtMs, approved] = [readyMs(pending, state), approval !== null];
		return { recovery, device, thumbprint, startedAtMs, readyAtMs, approved };
	}

	/** Whether the code is that of the kit in force, and who shows it holds the key of the device. */
	async #show(
		proven: Proven,
		{ authenticator, device }: Recoverer,
		{ network }: RequestPlace
	): Promise<Result<Shown, Refusal>> {
		const { budget, guard, deviceOf } = this.#parts;
		const jwk = parseP256Jwk(device.jwk);
		if (!jwk.ok) return malformed;
		const thumbprint = jwkThumbprint(jwk.value);
		const subject = { request: proven.request, accessToken: null, thumbprint };
		const judged = await guard.judge(proven.proof, subject);
		if (!judged.ok) return err({ code: judged.error });
		const attempter = { network, device: deviceOf(thumbprint) };
		const taken = budget.take(attempter, Date.now());
		if (!taken.ok) return taken;
		const { state } = this.#account.log;
		const authenticatorHash = sha256(decodeText(authenticator));
		const expected = state?.material.kit.authenticatorHash ?? noKit;
		if (!equalConstantTime(authenticatorHash, expected) || state === null) return refused;
		budget.refund(attempter);
		return ok({ state, jwk: jwk.value, knownDevice: attempter.device, authenticatorHash });
	}

	/** The one that is under way; else the question before it, or the one that an answer begins. */
	async #goOn(
		shown: Shown,
		{ recovery, second, device }: RequestOf<'recoveryStep'>,
		{ origin }: RequestPlace
	): Promise<Result<StoredRecovery | QuestionStep, Refusal>> {
		const { secondStep } = this.#parts;
		const pending = this.#pendingOf(shown);
		if (pending !== null && (recovery === null || recovery === pending.recovery))
			return ok(pending);
		// An own device has objected: that is not undone by asking how far it is.
		if (recovery !== null) return notFound;
		if (second !== null) {
			const asked = this.#takeAsked(second.login, shown);
			if (asked === null) return refused;
			const judged = await secondStep.judge(attemptOf(second.login, origin, shown), second.answer);
			if (judged.ok) return ok(this.#begin(shown, device.id));
			const triesLeft = asked.login.triesLeft - (judged.error.code === 'factor_wrong' ? 1 : 0);
			if (triesLeft === 0) return refused;
			this.#asked.add(second.login, { ...asked.login, triesLeft }, asked.untilMs);
			return judged;
		}
		const login = newLoginId();
		const question = secondStep.ask(attemptOf(login, origin, shown));
		if (question === null) return ok(this.#begin(shown, device.id));
		const thumbprint = jwkThumbprint(shown.jwk);
		const endsMs = Date.now() + loginStepsTtlSeconds * 1_000;
		this.#asked.add(login, { thumbprint, triesLeft: maxFactorTries }, endsMs);
		return ok({ next: 'factor', login, ...question });
	}

	async send(
		proven: Proven,
		request: RequestOf<'recoverySend'>,
		place: RequestPlace
	): Answer<'recoverySend'> {
		const shown = await this.#show(proven, request, place);
		if (!shown.ok) return shown;
		const { login, factor } = request;
		const asked = this.#takeAsked(login, shown.value);
		if (asked === null) return refused;
		this.#asked.add(login, asked.login, asked.untilMs);
		const attempt = attemptOf(login, place.origin, shown.value);
		const webauthn = await this.#parts.secondStep.send(attempt, factor);
		return webauthn.ok ? ok({ webauthn: webauthn.value }) : webauthn;
	}

	/** Of this device: nobody takes a question away from another. */
	#takeAsked(login: string, { jwk }: Shown) {
		const asked = this.#asked.take(login);
		if (asked === null) return null;
		if (equalBytes(asked.login.thumbprint, jwkThumbprint(jwk))) return asked;
		this.#asked.add(login, asked.login, asked.untilMs);
		return null;
	}

	/**
	 * Whoever begins anew, on another device, waits anew: of two people with one code neither gets in
	 * while the other is awake.
	 */
	#begin({ jwk, authenticatorHash }: Shown, device: StoredRecovery['device']): StoredRecovery {
		const { store, note } = this.#parts;
		const begun: StoredRecovery = {
			...{ recovery: idFromBytes<RecoveryId>(randomBytes(idBytes)), device, deviceJwk: jwk },
			...{ authenticatorHash, startedAtMs: Date.now(), approval: null }
		};
		store.save(begun);
		note('recovery_started', device);
		return begun;
	}

	#isReadyFor(shown: Shown): boolean {
		const pending = this.#pendingOf(shown);
		return pending !== null && isReady(pending, shown.state);
	}

	/** The one that this device began, with this code. */
	#pendingOf({ jwk, authenticatorHash }: Shown): StoredRecovery | null {
		const pending = this.#pending();
		if (pending === null) return null;
		const sameKey = equalBytes(jwkThumbprint(pending.deviceJwk), jwkThumbprint(jwk));
		return sameKey && equalBytes(pending.authenticatorHash, authenticatorHash) ? pending : null;
	}

	/** With a kit that was replaced meanwhile, or left lying for long, there is none. */
	#pending(): StoredRecovery | null {
		const { state } = this.#account.log;
		const pending = this.#parts.store.load();
		if (state === null || pending === null) return null;
		const { authenticatorHash } = state.material.kit;
		if (!equalBytes(pending.authenticatorHash, authenticatorHash)) return null;
		const endsMs = readyMs(pending, state) + recoveryKeptDays * dayMs;
		return Date.now() < endsMs ? pending : null;
	}
}

const attemptOf = (
	login: string,
	origin: string,
	{ knownDevice }: Pick<Shown, 'knownDevice'>
): StepAttempt => ({
	...{ login, origin, knownDevice },
	purpose: 'recovery'
});

const readyMs = ({ startedAtMs }: StoredRecovery, { policy }: AccountState): number =>
	startedAtMs + policy.recoveryDelayDays * dayMs;

const isReady = (pending: StoredRecovery, state: AccountState): boolean =>
	pending.approval !== null || Date.now() >= readyMs(pending, state);
