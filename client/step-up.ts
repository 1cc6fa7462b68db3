// Shows once more, in a session that goes on, who is at this device. What the login leaves in the crypto
// core stays there for what needs the password next, and for no longer than that counts.
import { equalBytes, fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import type { StepUpStep } from '../protocol/http-login.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { LogInOptions } from './api-account.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { throughSteps, type StepCalls } from './login-steps.ts';
import type { Session } from './session.ts';
import { heldAccountKeys, type Profile, type StoreFault } from './store.ts';

export interface StepUpParts {
	readonly session: Session;
	/** Of the unlocked account. */
	readonly crypto: CryptoPort;
	/** As it is kept now: another tab may have changed it. */
	readonly loadProfile: () => Promise<Result<Profile | null, StoreFault>>;
}

export type StepUpInput = LogInOptions & { readonly password: string };

export const stepUp = (parts: StepUpParts, input: StepUpInput): Promise<Result<void, TacetError>> =>
	// Keys that end meanwhile answer nothing any more.
	parts.session.untilEnd(showAgain(parts, input));

async function showAgain(
	parts: StepUpParts,
	input: StepUpInput
): Promise<Result<void, TacetError>> {
	const { session, crypto, loadProfile } = parts;
	const loaded = await loadProfile();
	if (!loaded.ok) return fail(loaded.error);
	if (loaded.value === null) return fail('signed_out');
	const { pinnedServerKey } = loaded.value;
	const accountKeys = heldAccountKeys(loaded.value);
	const ke1 = await crypto.startLogin(input.password);
	if (!ke1.ok) return fail('wrong_password');
	const started = await session.call('stepUpStart', { ke1: toBase64Url(ke1.value) });
	if (!started.ok) return started;
	const { login, ke2 } = started.value;
	input.onStep?.('stretching');
	const bytes = fromBase64Url(ke2);
	const proof = bytes.ok ? await crypto.finishLogin(bytes.value, accountKeys) : bytes;
	if (!proof.ok) return fail('wrong_password');
	const { ke3, serverPublicKey } = proof.value;
	input.onStep?.('logging_in');
	const done = equalBytes(serverPublicKey, pinnedServerKey)
		? await finish(session, { login, ke3: toBase64Url(ke3) }, input)
		: fail('server_key_changed');
	if (done.ok) return ok(undefined);
	await crypto.forgetLogin();
	return done.error.code === 'login_failed' ? fail('wrong_password') : done;
}

async function finish(
	session: Session,
	request: { readonly login: string; readonly ke3: string },
	{ onQuestion }: LogInOptions
): Promise<Result<unknown, TacetError>> {
	const first = await session.call('stepUpFinish', request);
	if (!first.ok) return first;
	const calls: StepCalls<StepUpStep> = {
		answer: (shown) => session.call('stepUpFactor', shown),
		send: (wanted) => session.call('stepUpSend', wanted),
		choose: () => Promise.resolve(fail('server_misbehaved'))
	};
	return throughSteps(first.value, calls, onQuestion);
}
