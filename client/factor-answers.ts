// What a person shows as the second step of a login, as the edge is told of it.
import { parseBackupCode } from '../crypto/backup-codes.ts';
import {
	passkeyStepOptions,
	splitAsserted,
	type AssertedCredential,
	type CreatedCredential
} from '../crypto/client/passkey.ts';
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';
import type { PasskeyPort } from './api-factors.ts';

/** A code as somebody typed it; null for what can't be one: it would only cost a try. */
export function answerWithCode(
	kind: Exclude<FactorAnswer['kind'], 'webauthn'>,
	typed: string
): FactorAnswer | null {
	if (kind !== 'backup_codes') return { kind, code: typed };
	const code = parseBackupCode(typed);
	return code.ok ? { kind, code: toBase64Url(code.value) } : null;
}

/** This browser's own: of a page only. Null for whatever reason: the browser does not say which. */
export const browserPasskeys: PasskeyPort = {
	create: async (publicKey) =>
		(await navigator.credentials
			.create({ publicKey })
			.catch(() => null)) as CreatedCredential | null,
	get: async (publicKey) =>
		(await navigator.credentials.get({ publicKey }).catch(() => null)) as AssertedCredential | null
};

/**
 * Opens the browser's own dialog, which only a page can; null if the person closed it, or there is
 * nothing that could answer.
 *
 * @param rpId the host of the page, whole.
 */
export async function answerWithPasskey(
	question: PasskeyQuestion,
	passkeys: PasskeyPort = browserPasskeys,
	rpId = location.hostname
): Promise<FactorAnswer | null> {
	const credential = await passkeys.get(
		passkeyStepOptions({
			rpId,
			challenge: bytesOf(question.challenge),
			passkeys: question.passkeys.map(({ id, transports }) => ({
				credentialId: bytesOf(id),
				transports
			}))
		})
	);
	const answer = credential === null ? null : splitAsserted(credential);
	if (answer?.ok !== true) return null;
	answer.value.output?.wipe();
	return { kind: 'webauthn', asserted: answer.value.sent };
}

/** The schema of the question has seen that it is base64url. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('a passkey question holds base64url');
	return new Uint8Array(bytes.value);
}
