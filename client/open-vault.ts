// Who a device knows, and what of it is open: what the engine holds in each phase.
import type { CryptoWorker } from './crypto-port.ts';
import type { LoginDoubt } from './login-doubt.ts';
import type { ProfileName } from './profile.ts';
import type { Session } from './session.ts';
import type { Profile } from './store.ts';
import type { Vault } from './vault.ts';

/** Who is known on this device. */
export interface Known {
	readonly profile: Profile;
	readonly name: ProfileName;
}
export interface Open extends Known {
	readonly crypto: CryptoWorker;
	readonly session: Session;
	readonly vault: Vault;
	readonly loginDoubt: LoginDoubt | null;
}

/** Whatever goes wrong with the last words, no key outlives the vault. */
export async function endVault({ vault, session, crypto }: Open): Promise<void> {
	try {
		await vault.close();
	} finally {
		session.end();
		crypto.end();
	}
}
