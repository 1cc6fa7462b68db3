// What a person shows as the second step of a login, as the edge is told of it.
import { parseBackupCode } from '../crypto/backup-codes.ts';
import { splitAsserted, type AssertedCredential } from '../crypto/client/passkey.ts';
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import { passkeyChallengeTtlSeconds } from '../protocol/limits.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';

/** A code as somebody typed it; null for what can't be one: it would only cost a try. */
export function answerWithCode(
	kind: Exclude<FactorAnswer['kind'], 'webauthn'>,
	typed: string
): FactorAnswer | null {
	if (kind !== 'backup_codes') return { kind, code: typed };
	const code = parseBackupCode(typed);
	return code.ok ? { kind, code: toBase64Url(code.value) } : null;
}

/**
 * Opens the browser's own dialog, which only a page can; null if the person closed it, or there is
 * nothing that could answer.
 */
export async function answerWithPasskey(question: PasskeyQuestion): Promise<FactorAnswer | null> {
	const credential = await navigator.credentials
		.get({
			publicKey: {
				rpId: location.hostname,
				challenge: bytesOf(question.challenge),
				timeout: passkeyChallengeTtlSeconds * 1_000,
				allowCredentials: question.passkeys.map(({ id, transports }) => ({
					type: 'public-key' as const,
					id: bytesOf(id),
					...(transports.length > 0 && { transports })
				})),
				userVerification: 'required'
			}
		})
		// NotAllowedError for whatever reason: the browser does not say which.
		.catch(() => null);
	if (credential === null) return null;
	const answer = splitAsserted(credential as unknown as AssertedCredential);
	return answer.ok ? { kind: 'webauthn', asserted: answer.value.sent } : null;
}

/** The schema of the question has seen that it is base64url. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('a passkey question holds base64url');
	return new Uint8Array(bytes.value);
}
