// Making an account, and getting into one. Of the password nothing leaves this device but OPAQUE's
// messages; of the edge nothing is believed that the root does not confirm.
import { generateDeviceKey } from '../crypto/client/device-key.ts';
import { jwkThumbprint } from '../crypto/jwk.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes, fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { parseHandle, type Handle } from '../protocol/handle.ts';
import type { RequestOf } from '../protocol/http.ts';
import type { LoginDone, LoginStep } from '../protocol/http-login.ts';
import { idFromBytes, type DeviceId, type FactorId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { LogInOptions, LoginQuestion, UnlockInput } from './api-account.ts';
import {
	hasNewPassword,
	openKnownAccount,
	readRest,
	requestOf,
	sealKnownAccount,
	type AccountMaterial,
	type KnownAccount,
	type ShownAccount
} from './account-log.ts';
import { openAsking, wantsAccountKey } from './account-key-question.ts';
import type { Openable } from './account-put-back.ts';
import type { AccountFault } from './account-watch.ts';
import type { CryptoPort, LoginProof, Registered, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { doubtOf, type LoginDoubt } from './login-doubt.ts';
import type { Http, Pass } from './http.ts';
import { throughSteps, whenFullOf, type StepCalls } from './login-steps.ts';
import {
	deviceJwk,
	encodeSession,
	generateDeviceKeyPair,
	sealName,
	type ProfileName,
	type SessionFacts
} from './profile.ts';
import { Proofs } from './proofs.ts';
import { loadSession } from './session.ts';
import type { SignUpStep } from './status.ts';
import { heldAccountKeys, type Profile, type Store } from './store.ts';

export interface AccountParts {
	readonly http: Http;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly origin: string;
	readonly nowMs: () => number;
	/** Hears of each question of a login: whoever is to be ended waits for no answer. */
	readonly onAsked?: (question: LoginQuestion) => void;
}

/** An account that is open on this device: its keys are in the crypto core. */
export interface OpenedAccount {
	readonly me: UnlockedAccount;
	readonly name: ProfileName;
	readonly profile: Profile;
	/** Null after unlocking without a network. */
	readonly session: SessionFacts | null;
	/** By this device's key. */
	readonly proofs: Proofs;
	/** Absent without a login. */
	readonly loginDoubt?: LoginDoubt | null;
	/** The edge shows another account: this is the one that is known here. */
	readonly isForked?: boolean;
}

export interface SignUpInput {
	readonly handle: string;
	readonly password: string;
	/** The code of a sign-up invite, base64url. */
	readonly invite?: string | undefined;
	readonly onStep?: ((step: SignUpStep) => void) | undefined;
	/** Left out: all accounts get one but the first of a deployment, as far as its edge says who is. */
	readonly withAccountKey?: boolean | undefined;
}

/** What only paper keeps. */
export interface Paper {
	/** 12 words. */
	readonly recoveryCode: readonly string[];
	/** Null for an account without one. */
	readonly accountKey: string | null;
}

const newDeviceId = (): DeviceId => idFromBytes<DeviceId>(randomBytes(16));

/** Makes an account, and logs in to it. */
export async function signUp(
	parts: AccountParts,
	input: SignUpInput
): Promise<Result<OpenedAccount & Paper, TacetError>> {
	const handle = parseHandle(input.handle);
	if (!handle.ok) return fail(handle.error);
	const device = newDeviceId();
	const registered = await register(parts, { ...input, handle: handle.value, device });
	if (!registered.ok) return registered;
	const { recoveryCode, accountKey, serverPublicKey, known } = registered.value;
	const paper = { recoveryCode, accountKey };
	input.onStep?.('logging_in');
	const opened = await logIn(parts, {
		handle: handle.value,
		password: input.password,
		device,
		expectedServerKey: serverPublicKey,
		expectedAccount: known,
		...(accountKey !== null && { accountKey })
	});
	return opened.ok ? ok({ ...opened.value, ...paper }) : err({ ...opened.error, ...paper });
}

/** RFC 9807 §5: registration, and the account write that goes with its record. */
async function register(
	{ http, crypto, nowMs }: AccountParts,
	input: Omit<SignUpInput, 'handle'> & { readonly handle: Handle; readonly device: DeviceId }
): Promise<Result<Registered, TacetError>> {
	const { handle, device, invite = null } = input;
	const request = await crypto.startRegistration(input.password);
	if (!request.ok) return fail(request.error);
	const withAccountKey = await wantsKey(http, input);
	if (!withAccountKey.ok) return withAccountKey;
	const started = await http.call('registrationStart', {
		handle,
		registrationRequest: toBase64Url(request.value),
		invite
	});
	if (!started.ok) return started;
	input.onStep?.('stretching');
	const registered = await crypto.finishRegistration({
		response: bytesOf(started.value.registrationResponse),
		handleHash: bytesOf(started.value.handleHash),
		device,
		timeMs: nowMs(),
		withAccountKey: withAccountKey.value
	});
	if (!registered.ok) return fail('server_misbehaved');
	input.onStep?.('registering');
	const { account, known } = registered.value;
	const { registrationRecord, keyslots } = known;
	const [created] = known.writes;
	if (created === undefined) throw new Error('an account begins with a write');
	const body = {
		handle,
		invite,
		...requestOf({ ...created, registrationRecord, keyslots }),
		registrationRecord: toBase64Url(registrationRecord)
	};
	const finished = await http.call('registrationFinish', body);
	if (finished.ok) {
		return finished.value.account === account ? registered : fail('server_misbehaved');
	}
	if (finished.error.code !== 'offline') return finished;
	// The answer may be lost, and the account made: asked once more, 'taken' means just that, and
	// the login that follows proves whose it is.
	const again = await http.call('registrationFinish', body);
	return again.ok || again.error.code === 'handle_taken' ? registered : again;
}

async function wantsKey(
	http: Http,
	{ withAccountKey }: Pick<SignUpInput, 'withAccountKey'>
): Promise<Result<boolean, TacetError>> {
	if (withAccountKey !== undefined) return ok(withAccountKey);
	const answered = await http.call('signUpRead', {});
	return answered.ok ? ok(!answered.value.isFirst) : answered;
}

export interface LogInInput extends LogInOptions {
	readonly handle: string;
	readonly password: string;
	/** The id of a new profile; with `known`, its own. */
	readonly device?: DeviceId;
	/** The profile that is unlocked; left out on a device that has none. */
	readonly known?: { readonly profile: Profile; readonly name: ProfileName };
	readonly expectedServerKey?: Uint8Array;
	/** As it was made here a moment ago: the edge must show just that. */
	readonly expectedAccount?: KnownAccount;
	/** Also make this device able to unlock offline. */
	readonly offline?: boolean;
}

/** Logs in by OPAQUE, binds this device's key to the session, and opens the account. */
export async function logIn(
	parts: AccountParts,
	input: LogInInput
): Promise<Result<OpenedAccount, TacetError>> {
	const handle = parseHandle(input.handle);
	if (!handle.ok) return fail(handle.error);
	const keys = await deviceKeys(input);
	const proofs = new Proofs(keys.deviceKey, parts.nowMs);
	// Only a device that was here before may be known: others show nothing yet.
	const pass = input.known && { proofs, token: null };
	const proof = await prove(parts, { ...input, handle: handle.value, pass });
	if (!proof.ok) return proof;
	const { serverPublicKey } = proof.value;
	const pinned = input.known?.profile.pinnedServerKey ?? input.expectedServerKey;
	if (pinned !== undefined && !equalBytes(pinned, serverPublicKey)) {
		return fail('server_key_changed');
	}
	const known = input.known
		? await openKnownAccount(input.known.profile)
		: (input.expectedAccount ?? null);
	const after = known?.writes.length ?? 0;
	const asked: FactorId[] = [];
	const finished = await finish(parts, {
		...{ ...proof.value, handle: handle.value, keys, proofs, after, asked },
		asking: input
	});
	if (!finished.ok) {
		await parts.crypto.forgetLogin();
		return finished;
	}
	const { session } = finished.value;
	const asSession = { proofs, token: session.accessToken };
	const read = await readOpenable(parts, { pass: asSession, known, material: finished.value });
	if (!read.ok) {
		await parts.crypto.forgetLogin();
		// Nobody goes on with its session.
		if (read.error.code !== 'offline') {
			await parts.http.call('sessionsEnd', { sessions: 'own' }, asSession);
		}
		return read;
	}
	const { handleHash } = proof.value;
	const answer = { session, known, ...read.value, handleHash, asked };
	return open(parts, { input, keys, proofs, pinnedServerKey: serverPublicKey, answer });
}

/** What the edge shows, as far as it may be opened: see {@link Openable}. */
async function readOpenable(
	{ http, crypto }: AccountParts,
	{
		pass,
		known,
		material
	}: {
		readonly pass: Pass;
		readonly known: KnownAccount | null;
		readonly material: AccountMaterial;
	}
): Promise<Result<Openable, TacetError>> {
	const read = (after: number) => http.call('accountRead', { after }, pass);
	const shown = await readRest(material, read);
	if (!shown.ok) return shown;
	if (known === null) return ok({ shown: shown.value, fault: null });
	const { openableOf } = await import('./account-put-back.ts');
	const putBack = (request: RequestOf<'accountPutBack'>) =>
		http.call('accountPutBack', request, pass);
	return openableOf({ crypto, read, putBack }, known, shown.value);
}

interface Proof extends LoginProof {
	readonly login: string;
	readonly handleHash: Uint8Array;
}

/** RFC 9807 §6: KE1, KE2, KE3; whatever is wrong with name or password looks alike. */
async function prove(
	{ http, crypto }: AccountParts,
	input: LogInInput & { readonly handle: Handle; readonly pass: Pass | undefined }
): Promise<Result<Proof, TacetError>> {
	const { handle, pass } = input;
	const ke1 = await crypto.startLogin(input.password);
	if (!ke1.ok) return fail('login_failed');
	const started = await http.call('loginStart', { handle, ke1: toBase64Url(ke1.value) }, pass);
	if (!started.ok) return started;
	input.onStep?.('stretching');
	const held = input.known === undefined ? [] : heldAccountKeys(input.known.profile);
	const proof = await crypto.finishLogin(bytesOf(started.value.ke2), held);
	if (!proof.ok) return fail(proof.error);
	input.onStep?.('logging_in');
	const { login, handleHash } = started.value;
	return ok({ ...proof.value, login, handleHash: bytesOf(handleHash) });
}

type DeviceKeys = Pick<Profile, 'device' | 'deviceKey' | 'deviceSecret'> & {
	readonly writer: DeviceId;
};

async function deviceKeys({ known, device }: LogInInput): Promise<DeviceKeys> {
	if (known !== undefined) return { ...known.profile, writer: known.name.writer };
	const own = device ?? newDeviceId();
	return {
		device: own,
		writer: own,
		deviceKey: await generateDeviceKeyPair(),
		deviceSecret: await generateDeviceKey()
	};
}

async function finish(
	{ http, crypto, origin, onAsked }: AccountParts,
	input: Proof & {
		readonly handle: Handle;
		readonly keys: DeviceKeys;
		readonly proofs: Proofs;
		readonly after: number;
		/** Filled with the factors that are named when a second step is asked for. */
		readonly asked: FactorId[];
		readonly asking: LogInOptions;
	}
): Promise<Result<LoginDone, TacetError>> {
	const { handle, login, ke3, handleHash, keys, proofs, after, asked, asking } = input;
	const { keep } = http;
	const jwk = await deviceJwk(keys.deviceKey);
	const thumbprint = jwkThumbprint(jwk);
	const binding = await crypto.bindDevice({ origin, handleHash, thumbprint });
	const request = {
		...{ handle, login, ke3: toBase64Url(ke3), after, whenFull: whenFullOf(asking), keep },
		device: { id: keys.writer, jwk, binding: toBase64Url(binding) }
	};
	// The answer brings the nonce: what is asked right after it needs no round trip more.
	const pass = { proofs, token: null };
	const first = await http.call('loginFinish', request, pass);
	if (!first.ok) return first;
	const calls: StepCalls<LoginStep> = {
		answer: (shown) => http.call('loginFactor', { handle, ...shown, keep }, pass),
		send: (wanted) => http.call('loginSend', { handle, ...wanted }),
		choose: (chosen) => http.call('loginChoose', { handle, ...chosen, keep }, pass)
	};
	const { onQuestion } = asking;
	const ask = (question: LoginQuestion): void => {
		if (question.next === 'factor') asked.push(...question.factors.map(({ factor }) => factor));
		onAsked?.(question);
		onQuestion?.(question);
	};
	return throughSteps(first.value, calls, onQuestion && ask);
}

async function open(
	{ store, crypto, http, nowMs, onAsked }: AccountParts,
	login: {
		readonly input: LogInInput;
		readonly keys: DeviceKeys;
		readonly proofs: Proofs;
		readonly pinnedServerKey: Uint8Array;
		readonly answer: {
			readonly session: LoginDone['session'];
			readonly known: KnownAccount | null;
			readonly shown: ShownAccount;
			/** That the login was bound to. */
			readonly handleHash: Uint8Array;
			readonly asked: readonly FactorId[];
			readonly fault: AccountFault | null;
		};
	}
): Promise<Result<OpenedAccount, TacetError>> {
	const { input, keys, proofs, pinnedServerKey, answer } = login;
	const { known } = input;
	const { shown } = answer;
	if (known !== undefined && known.name.account !== shown.account) {
		return fail('server_misbehaved');
	}
	if (!equalBytes(shown.handleHash, answer.handleHash)) return fail('server_misbehaved');
	// Sealed under the password of before, it would open by that one for ever.
	const isStale =
		known?.profile.deviceKeyslot != null &&
		answer.known !== null &&
		!equalBytes(answer.known.registrationRecord, shown.registrationRecord);
	const offline = input.offline === true || isStale ? keys.deviceSecret : null;
	const { accountKey: typed, onQuestion } = input;
	const opening = { known: answer.known, shown, device: keys.device, offline };
	const opened = await openAsking(crypto, opening, {
		accountKey: typed,
		...(onQuestion && {
			onQuestion: (question) => {
				onAsked?.(question);
				onQuestion(question);
			}
		})
	});
	if (!opened.ok) {
		await crypto.forgetLogin();
		// The session is there, and nobody is left who could use it.
		if (opened.error.code === 'cancelled' || wantsAccountKey(opened.error)) {
			const pass = { proofs: login.proofs, token: answer.session.accessToken };
			await http.call('sessionsEnd', { sessions: 'own' }, pass);
		}
		return opened;
	}
	const { offlineSlot, accountKey, known: remembered, steps, ...me } = opened.value;
	const { fault } = answer;
	const wasSetBack = fault === 'account_reverted';
	const loginDoubt = wasSetBack ? 'server_was_set_back' : doubtOf(steps, answer.asked);
	const isForked = fault === 'account_forked';
	// A write that is still under way may put it in force.
	const nextAccountKey =
		remembered.pending === null ? null : (known?.profile.nextAccountKey ?? null);
	const { account, identity } = me;
	// What is kept here of a root before opens nothing that is worth keeping.
	const isRenewed = known !== undefined && !equalBytes(known.name.identity, identity);
	const kept = isRenewed ? null : known?.profile;
	const { writer } = keys;
	const name = { account, handle: normalised(input.handle), identity, writer };
	const session = { ...answer.session, device: writer, receivedAtMs: nowMs() };
	const [sealedSession] = await crypto.sealLocal([
		{ table: 'profile', row: 'session', plaintext: encodeSession(session) }
	]);
	const profile: Profile = {
		device: keys.device,
		deviceKey: keys.deviceKey,
		deviceSecret: keys.deviceSecret,
		sealedName: await sealName(keys, name),
		sealedAccount: await sealKnownAccount(keys, remembered),
		pinnedServerKey,
		deviceKeyslot: offlineSlot ?? kept?.deviceKeyslot ?? null,
		accountKey,
		nextAccountKey,
		sealedPasskeys: kept?.sealedPasskeys ?? null,
		sealedSession: sealedSession ?? null
	};
	const saved = await store.saveProfile(profile);
	if (!saved.ok) return fail(saved.error);
	return ok({ me, name, profile, session, proofs, loginDoubt, isForked });
}

/** Older backups are hardly restored. */
const backupsLastMs = 30 * 86_400_000;

/** Opens the account whose profile is here: by a login, or offline if the person chose that. */
export async function openKnown(
	parts: AccountParts,
	known: { readonly profile: Profile; readonly name: ProfileName },
	input: UnlockInput
): Promise<Result<OpenedAccount, TacetError>> {
	const { profile, name } = known;
	if ('dialog' in input) {
		const { askPasskey } = await import('./passkeys.ts');
		const me = await askPasskey(parts, known, input.dialog);
		return me.ok ? goOn(parts, known, me.value) : me;
	}
	const online = await logIn(parts, { ...input, handle: name.handle, known });
	if (online.ok) return online;
	if (online.error.code === 'login_failed') {
		const sinceMs = parts.nowMs() - backupsLastMs;
		const changedLately = hasNewPassword(await openKnownAccount(profile), sinceMs);
		return err({ code: 'wrong_password', ...(changedLately && { changedLately }) });
	}
	if (online.error.code !== 'offline' || profile.deviceKeyslot === null) return online;
	input.onStep?.('stretching');
	const me = await unlockOffline(parts, { ...known, password: input.password });
	return me.ok ? goOn(parts, known, me.value) : me;
}

/** Opened without the edge: the session that is kept goes on. */
async function goOn(
	parts: AccountParts,
	known: Pick<OpenedAccount, 'profile' | 'name'>,
	me: UnlockedAccount
): Promise<Result<OpenedAccount, TacetError>> {
	const session = await loadSession(parts);
	const proofs = new Proofs(known.profile.deviceKey, parts.nowMs);
	return ok({ ...known, me, session, proofs });
}

/** Unlocks by this device's own keyslot, without a network. */
async function unlockOffline(
	{ crypto }: AccountParts,
	input: {
		readonly password: string;
		readonly profile: Profile;
		readonly name: ProfileName;
	}
): Promise<Result<UnlockedAccount, TacetError>> {
	const { profile, name, password } = input;
	if (profile.deviceKeyslot === null) return fail('offline');
	const opened = await crypto.openOffline({
		password,
		account: name.account,
		identity: name.identity,
		device: profile.device,
		deviceSecret: profile.deviceSecret,
		slot: profile.deviceKeyslot,
		writes: (await openKnownAccount(profile)).writes
	});
	return opened.ok ? opened : fail(opened.error);
}

function normalised(typed: string): string {
	const handle = parseHandle(typed);
	return handle.ok ? handle.value : typed;
}

/** Text that a schema of protocol/http.ts has let through. */
function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}
