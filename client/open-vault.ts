// Who a device knows, and what of it is open: what the engine holds in each phase.
import type { CryptoWorker } from './crypto-port.ts';
import type { LoginDoubt } from './login-doubt.ts';
import type { ProfileName } from './profile.ts';
import type { Session } from './session.ts';
import type { Profile } from './store.ts';
import type { HeardMessage } from './tabs.ts';
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

/** What other tabs say to a vault. */
export function passOn(vault: Vault, message: VaultMessage): void {
	switch (message.type) {
		case 'stored':
			vault.stored(message.space, message.settled);
			break;
		case 'status':
			vault.leaderStatus(message.space, message.status);
			break;
		case 'sync_now':
			vault.syncNow();
			break;
		case 'account':
			vault.accountNews.told();
			break;
		case 'account_fault':
			vault.accountWatch.heard(message.fault);
			break;
		case 'call':
			void vault.answerCall(message);
			break;
	}
}

export type VaultMessage = Exclude<
	HeardMessage,
	{ readonly type: 'keys_wanted' | 'unlocked' | 'locked' | 'erased' }
>;
