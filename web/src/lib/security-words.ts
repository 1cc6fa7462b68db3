// What happened at an account's door, in words: said by the server, so never more than its word.
import type { DeviceId } from '../../../protocol/ids.ts';
import type { SecurityEvent, SecurityEventKind } from '../../../protocol/security-event.ts';
import type { OwnDevice } from '../../../client/api-sharing.ts';
import { placeWords } from './account-words.ts';

export const eventWords: Readonly<Record<SecurityEventKind, string>> = {
	logged_in: 'A device logged in',
	login_refused: 'Too many wrong passwords were tried',
	session_ended: 'A session ended',
	refresh_reused: 'A session was used from two places, and ended',
	factor_refused: 'A wrong second step was given',
	passkey_suspect: 'A passkey answered as if there were a copy of it',
	factor_added: 'A second factor was added',
	factor_removed: 'A second factor was removed',
	password_changed: 'The password was changed',
	account_key_set: 'The account got a new account key',
	account_key_removed: 'The account key was turned off',
	kit_changed: 'The recovery kit was made anew, or confirmed',
	keyslot_added: 'A way of unlocking was added',
	keyslot_removed: 'A way of unlocking was removed',
	policy_changed: 'What logins and recoveries ask for was changed',
	device_removed: 'A device was removed',
	identity_renewed: 'The account’s keys were renewed',
	recovery_started: 'A recovery was begun with the kit',
	recovery_cancelled: 'A recovery was called off',
	recovery_approved: 'A recovery was approved by a device of yours',
	recovery_done: 'A recovery gave the account a new password'
};

/** Those after which somebody should ask themselves whether it was they. */
const weighty: ReadonlySet<SecurityEventKind> = new Set([
	'logged_in',
	'login_refused',
	'refresh_reused',
	'passkey_suspect',
	'factor_added',
	'factor_removed',
	'password_changed',
	'account_key_set',
	'account_key_removed',
	'kit_changed',
	'keyslot_added',
	'policy_changed',
	'device_removed',
	'identity_renewed',
	'recovery_started',
	'recovery_approved',
	'recovery_done'
]);
export const isWeighty = ({ kind }: SecurityEvent): boolean => weighty.has(kind);

/** What it shows in a notice of its own; others wait in the list. A recovery has a notice by itself. */
const loud: ReadonlySet<SecurityEventKind> = new Set([
	'refresh_reused',
	'passkey_suspect',
	'login_refused',
	'recovery_done'
]);

/** What a new device does before the others know its name. */
const namingMs = 10 * 60_000;

/** Whether it should stand before the eyes of whoever uses this device. */
export function isLoud(
	{ kind, device, atMs }: SecurityEvent,
	devices: readonly OwnDevice[],
	here: DeviceId | null
): boolean {
	if (device === here && kind !== 'refresh_reused') return false;
	// Of a device that nobody knows, which was given the right password.
	if (kind === 'factor_refused') return device === null;
	if (kind !== 'logged_in') return loud.has(kind);
	const known = devices.find((one) => one.device === device);
	return known === undefined || known.addedAtMs > atMs - namingMs;
}

/** ‘Firefox on Linux’ · near Lyon, France. */
export function whereWords(
	{ device, place }: SecurityEvent,
	nameOf: (device: DeviceId) => string
): string {
	const where = placeWords(place);
	return [device === null ? '' : nameOf(device), where].filter((part) => part !== '').join(' · ');
}
