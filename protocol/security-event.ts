// What an account is told of what happened at its door. Kept for a while by the edge, in clear: who reads
// the edge's storage sees it, and whoever is logged in can.
import * as v from 'valibot';
import { id, place, timeMs } from './http-fields.ts';
import type { DeviceId } from './ids.ts';

export const securityEventKinds = [
	/** A device that had no session got one. */
	'logged_in',
	/** Attempts at the password were too many; told at most once an hour. */
	'login_refused',
	/** By another session, or by a login that took its place. */
	'session_ended',
	/** A refresh token was used twice, or by another key: its session has ended. */
	'refresh_reused',
	'factor_refused',
	/** A passkey's counter went back: there may be a copy of it. */
	'passkey_suspect',
	'factor_added',
	'factor_removed',
	'password_changed',
	/** New devices need one from now on, which is a new one. */
	'account_key_set',
	'account_key_removed',
	'kit_changed',
	'keyslot_added',
	'keyslot_removed',
	'policy_changed',
	'device_removed',
	'identity_renewed',
	'recovery_started',
	'recovery_cancelled',
	'recovery_approved',
	'recovery_done'
] as const;
export type SecurityEventKind = (typeof securityEventKinds)[number];

export const securityEvent = v.strictObject({
	kind: v.picklist(securityEventKinds),
	atMs: timeMs,
	/** That it is about; null: none that is known. */
	device: v.nullable(id<DeviceId>()),
	place
});
export type SecurityEvent = v.InferOutput<typeof securityEvent>;
