// An authenticator app, as a person uses one: it is given the text of a secret, and shows codes. By a
// library of its own.
import { Secret, TOTP } from 'otpauth';

const stepMs = 30_000;

/** The code of the step `away` from the present one. */
export const codeOf = ({ secretBase32 }: { readonly secretBase32: string }, away = 0): string =>
	TOTP.generate({
		secret: Secret.fromBase32(secretBase32),
		timestamp: Date.now() + away * stepMs
	});
