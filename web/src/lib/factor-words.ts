// Second factors in words: what they are, what they are worth, and what to do when one is asked for.
import type { FactorAsked, LoginDoubt } from '../../../client/index.ts';

export type Way = FactorAsked['factors'][number];
export type FactorKind = Way['kind'];

interface FactorWords {
	readonly name: string;
	/** What it is good for, and where it fails. */
	readonly note: string;
	/** What to do when it is asked for. */
	readonly ask: string;
	/** To choose it among others. */
	readonly way: string;
}

/** The strongest first: that is also how they are offered. */
export const factorWords: Readonly<Record<FactorKind, FactorWords>> = {
	webauthn: {
		name: 'Passkey',
		note: 'It answers this server only, so a page that imitates it gets nothing.',
		ask: 'Your browser asks for the passkey: a touch, a glance, or a key that you plug in.',
		way: 'Use a passkey'
	},
	totp: {
		name: 'Codes from an app',
		note: 'Six digits that change every half minute. They work without a network; who imitates this page could still use one that you type there.',
		ask: 'Six digits from your app',
		way: 'Type a code from an app'
	},
	backup_codes: {
		name: 'Backup codes',
		note: 'Ten codes on paper, each good once, for the day the phone is gone.',
		ask: 'One of the ten that you printed. Each is good once; small and capital letters are alike.',
		way: 'Type a backup code'
	},
	sms: {
		name: 'Codes by SMS',
		note: 'Whoever takes over your number gets them too. Better than nothing, and no more.',
		ask: 'A code is sent to your phone by SMS.',
		way: 'Get a code by SMS (weak)'
	}
};

/** The strongest first. */
export const factorKinds = Object.keys(factorWords) as readonly FactorKind[];

/** The ways to answer, the strongest first: one of each kind, since any factor of it is taken. */
export const waysOf = ({ factors, webauthn }: FactorAsked): readonly Way[] =>
	factorKinds
		.filter((kind) => kind !== 'webauthn' || webauthn !== null)
		.flatMap((kind) => factors.filter((factor) => factor.kind === kind).slice(0, 1));

/** What to say when a login was asked for less than the account asks of logins. */
export const loginDoubtWords: Readonly<
	Record<LoginDoubt, { readonly what: string; readonly then: string }>
> = {
	server_was_set_back: {
		what: 'The server was set back to an older state of your account.',
		then: 'This device has given it back what it lacked, and your account is as you left it. Second steps by app or telephone that were added meanwhile have to be added again. Ask whoever runs this server whether it was restored from a backup: if it was not, somebody wanted an old password or an old device to count again.'
	},
	second_step_skipped: {
		what: 'The server asked for no second step.',
		then: 'Your account asks for one at every login. Whoever knows the password may have come in without it: look at your devices, and ask whoever runs this server. After a restore of the server, add your factors again.'
	},
	factor_left_out: {
		what: 'The server did not ask for all that your account has.',
		then: 'It left out a second step that suffices, and took another one. If you meant to use a passkey and were asked for a code, somebody may have wanted the code. After a restore of the server, add what is missing again.'
	}
};
