// What the crypto core keeps, and for how long: keys while the vault is open, an exchange of OPAQUE between
// its messages. A login that is at hand: crypto-login.ts.
import type { OpaqueClientState } from '../crypto/client/opaque-client.ts';
import type { PreparedPassword } from '../crypto/client/password.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { EarlierSelf, Self } from './crypto-selves.ts';
import type { SpaceKeys } from './crypto-spaces.ts';

export interface Unlocked extends Self {
	readonly device: DeviceId;
	/** Whom the account was before a renewal, oldest first. */
	readonly earlier: readonly EarlierSelf[];
	readonly spaces: SpaceKeys;
}

/** What a half-done registration or login keeps between its two messages. */
export interface OpaqueAttempt {
	readonly password: PreparedPassword;
	readonly state: OpaqueClientState;
}
