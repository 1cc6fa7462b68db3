// Getting into an account by the words of its kit: the account shows itself after the wait that its own
// signed policy asks for, is sealed under a new password and a new kit here, and one signed write puts
// these in force. Until that write stands nothing has changed, and the old kit is good; from then on the
// new password is. What was begun is kept, so that a device that stops at any point goes on from there.
import { generateDeviceKey } from '../crypto/client/device-key.ts';
import { jwkThumbprint } from '../crypto/jwk.ts';
import { randomBytes } from '../crypto/random.ts';
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { parseHandle } from '../protocol/handle.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { logIn, type AccountParts, type OpenedAccount, type Paper } from './account.ts';
import { openKnownAccount, readRest, requestOf } from './account-log.ts';
import type { LogInOptions } from './api-account.ts';
import type { BegunRecovery } from './api-recovery.ts';
import {
	openKeptRecovery,
	recoveryDigits,
	sealKeptRecovery,
	type KeptRecovery
} from './begun-recovery.ts';
import type { OpenedRecovery } from './crypto-recovery.ts';
import { fail, type TacetError } from './errors.ts';
import { throughSteps, type StepCalls } from './login-steps.ts';
import { deviceJwk, generateDeviceKeyPair, type ProfileName } from './profile.ts';
import { Proofs } from './proofs.ts';
import type { Profile, Store, StoredRecovery } from './store.ts';

/** The profile of a locked device, whose store stays what it is. */
export interface KnownProfile {
	readonly profile: Profile;
	readonly name: ProfileName;
}

interface Begun {
	readonly keys: Pick<StoredRecovery, 'device' | 'deviceKey' | 'deviceSecret'>;
	readonly kept: KeptRecovery;
}

type Step = ResponseOf<'recoveryStep'>;
type OnQuestion = NonNullable<LogInOptions['onQuestion']>;
/** A question is answered before it comes to that. */
type BegunStep = Exclude<Step, { next: 'factor' }>;
type ReadyStep = Extract<Step, { next: 'ready' }>;

/**
 * What was begun on this device; null if nothing was. `shown` is null while the edge has not said that it
 * began: a question before it was left open, or the answer was lost.
 */
export async function loadBegun(
	store: Store
): Promise<
	Result<{ readonly begun: Begun; readonly shown: BegunRecovery | null } | null, TacetError>
> {
	const loaded = await store.loadRecovery();
	if (!loaded.ok) return fail(loaded.error);
	const kept = loaded.value && (await openKeptRecovery(loaded.value));
	if (loaded.value === null || kept === null) return ok(null);
	const begun = { keys: loaded.value, kept };
	return ok({ begun, shown: kept.begun === null ? null : await describe(begun) });
}

async function describe({ keys, kept }: Begun): Promise<BegunRecovery> {
	const { handle, startedAtMs, isFinishing } = kept;
	const code = kept.begun && recoveryDigits(kept.begun.recovery, await thumbprintOf(keys));
	const readyAtMs = kept.begun?.readyAtMs ?? startedAtMs;
	return { handle, startedAtMs, readyAtMs, code: code ?? '', isFinishing };
}

const thumbprintOf = async ({ deviceKey }: Begun['keys']): Promise<Uint8Array> =>
	jwkThumbprint(await deviceJwk(deviceKey));

/** Asks how far it is, by what is kept: the words are not. */
export async function lookAt(parts: AccountParts): Promise<Result<BegunRecovery, TacetError>> {
	const loaded = await loadBegun(parts.store);
	if (!loaded.ok) return loaded;
	if (!loaded.value?.shown) return fail('not_found');
	const { begun } = loaded.value;
	const asked = await ask(parts, begun, { after: 0 });
	return asked.ok ? ok(await describe(asked.value.begun)) : asked;
}

export type Recovered =
	| { readonly next: 'wait'; readonly begun: BegunRecovery }
	| { readonly next: 'password'; readonly recovery: OpenRecovery };

/** Begins with the words, or goes on; the core keeps the code if the account could be opened with it. */
export async function goOnRecovering(
	parts: AccountParts,
	input: {
		readonly handle: string;
		readonly words: string;
		readonly known: KnownProfile | null;
	} & Pick<LogInOptions, 'onQuestion'>
): Promise<Result<Recovered, TacetError>> {
	const handle = parseHandle(input.handle);
	if (!handle.ok) return fail(handle.error);
	const code = await parts.crypto.recovery.begin(input.words);
	if (!code.ok) return fail(code.error.code);
	const begun = await beginOrGoOn(parts, {
		...{ handle: handle.value, authenticator: code.value, known: input.known }
	});
	if (!begun.ok) return begun;
	const account = input.known && (await openKnownAccount(input.known.profile));
	const { onQuestion } = input;
	const asked = await ask(parts, begun.value, {
		...{ after: account?.writes.length ?? 0 },
		onQuestion:
			onQuestion &&
			((question) => {
				parts.onAsked?.(question);
				onQuestion(question);
			})
	});
	if (!asked.ok) return asked;
	const { step } = asked.value;
	if (step.next === 'wait') {
		return ok({ next: 'wait', begun: await describe(asked.value.begun) });
	}
	const opened = await openAccount(parts, { begun: asked.value.begun, step, account });
	if (!opened.ok) return opened;
	const recovery = new OpenRecovery(parts, {
		...{ begun: asked.value.begun, known: input.known },
		opened: opened.value
	});
	return ok({ next: 'password', recovery });
}

/** The same handle and code as before: that one goes on. Else it is another, which begins now. */
async function beginOrGoOn(
	{ store, nowMs }: AccountParts,
	input: {
		readonly handle: string;
		readonly authenticator: Uint8Array;
		readonly known: KnownProfile | null;
	}
): Promise<Result<Begun, TacetError>> {
	const { handle, authenticator, known } = input;
	const loaded = await loadBegun(store);
	if (!loaded.ok) return loaded;
	const before = loaded.value?.begun;
	const isSame =
		before?.kept.handle === handle &&
		toBase64Url(before.kept.authenticator) === toBase64Url(authenticator);
	if (isSame) return ok(before);
	const keys = known?.profile ?? {
		device: idFromBytes<DeviceId>(randomBytes(16)),
		deviceKey: await generateDeviceKeyPair(),
		deviceSecret: await generateDeviceKey()
	};
	const kept: KeptRecovery = {
		...{ handle, authenticator, writer: known?.name.writer ?? keys.device },
		...{ startedAtMs: nowMs(), begun: null, isFinishing: false }
	};
	return save(store, { keys, kept });
}

async function save(store: Store, { keys, kept }: Begun): Promise<Result<Begun, TacetError>> {
	const { device, deviceKey, deviceSecret } = keys;
	const sealed = await sealKeptRecovery(keys, kept);
	const saved = await store.saveRecovery({ device, deviceKey, deviceSecret, sealed });
	return saved.ok ? ok({ keys, kept }) : fail(saved.error);
}

async function recovererOf({
	keys,
	kept
}: Begun): Promise<Pick<RequestOf<'recoveryStep'>, 'handle' | 'authenticator' | 'device'>> {
	const { handle, authenticator, writer } = kept;
	const device = { id: writer, jwk: await deviceJwk(keys.deviceKey) };
	return { handle, authenticator: toBase64Url(authenticator), device };
}

async function ask(
	{ http, store, nowMs }: AccountParts,
	begun: Begun,
	{ after, onQuestion }: { readonly after: number; readonly onQuestion?: OnQuestion | undefined }
): Promise<Result<{ readonly begun: Begun; readonly step: BegunStep }, TacetError>> {
	const proofs = new Proofs(begun.keys.deviceKey, nowMs);
	const recoverer = await recovererOf(begun);
	const { kept } = begun;
	const recovery = kept.begun?.recovery ?? null;
	const call = (change: Partial<RequestOf<'recoveryStep'>>) => {
		const request = { ...recoverer, recovery, second: null, after, ...change };
		return http.call('recoveryStep', request, { proofs, token: null });
	};
	const first = await call({});
	const calls: StepCalls<Step> = {
		answer: (second) => call({ second }),
		send: (wanted) => {
			const request = { ...recoverer, ...wanted };
			return http.call('recoverySend', request, { proofs, token: null });
		},
		choose: () => Promise.resolve(fail('server_misbehaved'))
	};
	const step = first.ok ? await throughSteps(first.value, calls, onQuestion) : first;
	if (!step.ok && step.error.code === 'not_found') {
		// Whoever wants it all the same begins anew, and waits anew.
		const cleared = await store.saveRecovery(null);
		return fail(cleared.ok ? 'recovery_called_off' : cleared.error);
	}
	if (!step.ok) return step;
	const { recovery: begunAs, next } = step.value;
	const readyAtMs = next === 'wait' ? step.value.readyAtMs : nowMs();
	const told = { ...kept, begun: { recovery: begunAs, readyAtMs } };
	const saved = await save(store, { keys: begun.keys, kept: told });
	return saved.ok ? ok({ begun: saved.value, step: step.value }) : saved;
}

async function openAccount(
	parts: AccountParts,
	{
		begun,
		step,
		account
	}: {
		readonly begun: Begun;
		readonly step: ReadyStep;
		readonly account: Awaited<ReturnType<typeof openKnownAccount>> | null;
	}
): Promise<Result<OpenedRecovery & { readonly waitedMs: number }, TacetError>> {
	const shown = await readRest(step, async (after) => {
		const more = await ask(parts, begun, { after });
		if (!more.ok) return more;
		return more.value.step.next === 'ready' ? ok(more.value.step) : fail('server_misbehaved');
	});
	if (!shown.ok) return shown;
	const waitedMs = Math.max(0, parts.nowMs() - begun.kept.startedAtMs);
	const approval = step.approval === null ? null : bytesOf(step.approval);
	const thumbprint = await thumbprintOf(begun.keys);
	const opened = await parts.crypto.recovery.open({
		...{ known: account, shown: shown.value },
		letIn: { recovery: step.recovery, thumbprint, waitedMs, approval }
	});
	return opened.ok ? ok({ ...opened.value, waitedMs }) : fail(opened.error);
}

/** An account that its code has opened, up to the login that ends the recovery. */
export class OpenRecovery {
	readonly #parts: AccountParts;
	readonly #begun: Begun;
	readonly #known: KnownProfile | null;
	readonly opened: OpenedRecovery & { readonly waitedMs: number };
	#chosen: {
		readonly password: string;
		readonly serverPublicKey: Uint8Array;
		readonly accountKey: string | null;
	} | null = null;

	constructor(
		parts: AccountParts,
		recovered: {
			readonly begun: Begun;
			readonly known: KnownProfile | null;
			readonly opened: OpenedRecovery & { readonly waitedMs: number };
		}
	) {
		this.#parts = parts;
		this.#begun = recovered.begun;
		this.#known = recovered.known;
		this.opened = recovered.opened;
	}

	/** Makes the new kit with it; nothing is sent yet that would change anything. */
	async setPassword(password: string): Promise<Result<Paper, TacetError>> {
		const { crypto } = this.#parts;
		const request = await crypto.recovery.startPassword(password);
		if (!request.ok) return fail(request.error);
		const registrationRequest = toBase64Url(request.value);
		const recoverer = await recovererOf(this.#begun);
		const answered = await this.#call('recoveryPassword', { ...recoverer, registrationRequest });
		if (!answered.ok) return answered;
		const sealed = await crypto.recovery.seal(bytesOf(answered.value.registrationResponse));
		if (!sealed.ok) return fail('server_misbehaved');
		const { recoveryCode, accountKey, serverPublicKey } = sealed.value;
		const pinned = this.#known?.profile.pinnedServerKey;
		if (pinned !== undefined && toBase64Url(pinned) !== toBase64Url(serverPublicKey)) {
			return fail('server_key_changed');
		}
		this.#chosen = { password, serverPublicKey, accountKey };
		return ok({ recoveryCode, accountKey });
	}

	/** Puts them in force, and logs in. From the write on the old words and password are good no more. */
	async finish(
		kitConfirmed: boolean,
		asking: Pick<LogInOptions, 'onQuestion'>
	): Promise<Result<OpenedAccount, TacetError>> {
		if (this.#chosen === null) throw new Error('a recovery ends with a new password');
		const { crypto, nowMs, store } = this.#parts;
		const { kept } = this.#begun;
		const { formed, known } = await crypto.recovery.sign({
			...{ confirmed: kitConfirmed, device: kept.writer, timeMs: nowMs() }
		});
		const saved = await save(store, { ...this.#begun, kept: { ...kept, isFinishing: true } });
		if (!saved.ok) return saved;
		const recoverer = await recovererOf(this.#begun);
		const registrationRecord = toBase64Url(formed.registrationRecord ?? new Uint8Array());
		const request = { ...recoverer, ...requestOf(formed), registrationRecord };
		let finished = await this.#call('recoveryFinish', request);
		// The answer may be lost, and the write taken: the same bytes say so.
		if (!finished.ok && finished.error.code === 'offline') {
			finished = await this.#call('recoveryFinish', request);
		}
		if (!finished.ok) return finished;
		const opened = await logIn(this.#parts, {
			...{ handle: kept.handle, password: this.#chosen.password, ...asking },
			accountKey: this.#chosen.accountKey ?? undefined,
			expectedServerKey: this.#chosen.serverPublicKey,
			...(this.#known === null
				? { device: kept.writer, expectedAccount: known }
				: { known: this.#known })
		});
		// Done, whatever becomes of the login: it can be repeated with the new password.
		const cleared = await store.saveRecovery(null);
		if (!opened.ok) return err({ ...opened.error, passwordIsSet: true });
		return cleared.ok ? opened : fail(cleared.error);
	}

	#call<Name extends 'recoveryPassword' | 'recoveryFinish'>(name: Name, request: RequestOf<Name>) {
		const proofs = new Proofs(this.#begun.keys.deviceKey, this.#parts.nowMs);
		return this.#parts.http.call(name, request, { proofs, token: null });
	}
}

/** Text that a schema of protocol/ has let through. */
function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}
