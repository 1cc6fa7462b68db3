// An authenticator app, as a person uses one: it is given the text of a secret, and shows codes. By
// Debian's oathtool where that is installed, and elsewhere by a library of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { Secret, TOTP } from 'otpauth';

const stepMs = 30_000;
const hasOathtool = spawnSync('oathtool', ['--version']).error === undefined;

/** The code of the step `away` from the present one; spaces in the secret's text are passed over. */
export function codeOf({ secretBase32 }: { readonly secretBase32: string }, away = 0): string {
	const timestamp = Date.now() + away * stepMs;
	const base32 = secretBase32.replace(/\s/g, '');
	if (!hasOathtool) return TOTP.generate({ secret: Secret.fromBase32(base32), timestamp });
	const now = `--now=@${String(Math.floor(timestamp / 1_000))}`;
	return execFileSync('oathtool', ['--totp', '--base32', now, '-'], {
		encoding: 'utf8',
		input: base32
	}).trim();
}
