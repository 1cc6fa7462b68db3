// The engine as its users see it: web/, cli/ and tests. Subscribers are called after something
// changed, without saying what; everything readable is plain data that is replaced, never changed.
import type { ResponseOf } from '../protocol/http.ts';
import type { Keeping } from '../protocol/http-login.ts';
import type { OperatorChange } from '../protocol/http-operator.ts';
import type { AccountId, DeviceId, ItemId, SpaceId } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import type { AccountFault } from './account-watch.ts';
import type { LogInOptions, UnlockInput } from './api-account.ts';
import type { Paper, SignUpInput } from './account.ts';
import type { TacetRecovery } from './api-recovery.ts';
import type { AccountSharing, SpaceSharing, TacetSharing } from './api-sharing.ts';
import type { AccountNews } from './account-news.ts';
import type { AutoLock } from './auto-lock.ts';
import type { CryptoWorker } from './crypto-port.ts';
import type { Cursors } from './cursors.ts';
import type { TacetError } from './errors.ts';
import type { TacetSecurity } from './security-face.ts';
import type { FirstRows } from './first-rows.ts';
import type { ImportFile, ImportProgress, ImportReport } from './import-files.ts';
import type { ItemSummary, ItemText } from './items.ts';
import type { OperatorOverview, SignUpInviteInput, Usage } from './operator.ts';
import type { LoginDoubt } from './login-doubt.ts';
import type { OpenItem, OpenState } from './open-item.ts';
import type { Passkeys } from './passkeys.ts';
import type { SearchHit } from './search.ts';
import type { AccountOverview, SyncStatus } from './status.ts';
import type { Store } from './store.ts';

export interface TacetOptions {
	/** 'https://host[:port]', where the edge answers; in a browser the page's own. */
	readonly origin: string;
	readonly store: Store;
	/** Starts a crypto worker; called again after each lock. */
	readonly startCrypto: () => CryptoWorker;
	/** Several tabs of one profile: who syncs, and how they tell each other. Absent: there is one. */
	readonly locks?: LockManager;
	readonly channel?: (name: string) => BroadcastChannel;
	readonly nowMs?: () => number;
	/** How long to leave what a member left out to other devices; random, up to 5 s, if absent. */
	readonly repairWaitMs?: () => number;
	/** What this device is called where the account's devices are listed; 'A device' if absent. */
	readonly deviceName?: string;
	readonly WebSocket?: typeof WebSocket;
	readonly fetch?: typeof fetch;
	/** Where refresh tokens are kept: `cookie` needs a jar that takes secure ones; `answer` if absent. */
	readonly keep?: Keeping;
}

/** What opens this device besides the password and the edge. */
export interface UnlockWays {
	/** The password opens it without a network. */
	readonly offlineUnlock: boolean;
	/** A passkey does, with or without one. */
	readonly passkeyUnlock: boolean;
}

export type TacetState =
	/** `first`: another tab has handed its keys over, and said what the list begins with. */
	| { readonly phase: 'starting'; readonly first: FirstRows | null }
	| { readonly phase: 'store_unavailable'; readonly code: 'store_unavailable' | 'store_full' }
	| { readonly phase: 'signed_out' }
	| (UnlockWays & {
			readonly phase: 'locked';
			readonly handle: string;
			/** It locked because its session had been ended. */
			readonly sessionEnded: boolean;
	  })
	| (AccountSharing &
			UnlockWays & {
				readonly phase: 'unlocked';
				readonly handle: string;
				readonly account: AccountId;
				readonly device: DeviceId;
				/** What this device's login was not asked, though the account's log says that logins are. */
				readonly loginDoubt: LoginDoubt | null;
				/** The edge shows less of the account than is known, or another one: nothing of it is changed. */
				readonly accountFault: AccountFault | null;
				/** The account's first space. */
				readonly space: Space;
				readonly autoLock: AutoLock;
				readonly cursors: Cursors;
				/** Word of changes of the account: its sessions, its factors, a recovery. */
				readonly accountNews: AccountNews;
			});

export type Answer<Value> = Promise<Result<Value, TacetError>>;

export interface Tacet extends TacetSharing {
	readonly state: TacetState;
	subscribe(listener: () => void): () => void;
	/** Reads the store; an unlocked tab of the same profile hands its keys over. */
	start(): Promise<void>;
	/** Who may sign up here, and whether nobody has yet: the first account is the operator's. */
	signUpRead(): Answer<ResponseOf<'signUpRead'>>;
	/** Room on the server: what this account takes, and may take; whether it is the operator’s. */
	usage(): Answer<Usage>;
	/** For the operator; `forbidden` to everybody else. */
	operatorRead(): Answer<OperatorOverview>;
	operatorWrite(change: OperatorChange): Answer<OperatorOverview>;
	/** The link is answered once: its code is kept nowhere. */
	inviteToSignUp(
		input: SignUpInviteInput
	): Answer<{ readonly url: string; readonly overview: OperatorOverview }>;
	/** Resolves with what belongs on paper when the account exists and its first space stands. */
	signUp(input: SignUpInput): Answer<Paper>;
	logIn(input: LogInOptions & { readonly handle: string; readonly password: string }): Answer<void>;
	/** By OPAQUE; without a network by the device's own keyslot, if the person chose that. */
	unlock(input: UnlockInput): Answer<void>;
	/**
	 * Shows once more who is here: what answered with `step_up_needed` can be done again after this, for
	 * a few minutes.
	 */
	stepUp(input: LogInOptions & { readonly password: string }): Answer<void>;
	lock(): Promise<void>;
	/** Ends the session and erases this device's store. `unsent_changes` unless they may be lost. */
	logOut(options?: { readonly discardUnsent?: boolean }): Answer<{ readonly unsent: number }>;
	setOfflineUnlock(
		input: { readonly enabled: true; readonly password: string } | { readonly enabled: false }
	): Answer<void>;
	/** Those that unlock this device. */
	passkeys(): Answer<Passkeys>;
	account(): Answer<AccountOverview>;
	/** What the account's own log says, what guards it, and changes of it. */
	readonly security: TacetSecurity;
	/** Getting in by the recovery kit, and what own devices say to it. */
	readonly recovery: TacetRecovery;
	/** Ends this tab's engine: sockets, timers, keys. The store stays its owner's to close. */
	close(): Promise<void>;
}

export interface Space extends SpaceSharing {
	readonly id: SpaceId;
	/** Newest first, without trashed ones. */
	readonly items: readonly ItemSummary[];
	readonly trashed: readonly ItemSummary[];
	readonly sync: SyncStatus;
	subscribe(listener: () => void): () => void;
	create(seed?: { readonly title?: string; readonly body?: string }): Answer<ItemId>;
	/** Edits on the answer's `doc` are saved and synced by themselves. */
	open(item: ItemId, options?: { readonly onState?: (state: OpenState) => void }): Answer<OpenItem>;
	read(item: ItemId): Answer<ItemText>;
	/** An earlier version comes back as an edit; the log is never rewritten. */
	restoreVersion(
		item: ItemId,
		version: { readonly title: string; readonly body: string }
	): Answer<void>;
	trash(item: ItemId): Answer<void>;
	restore(item: ItemId): Answer<void>;
	deleteForever(item: ItemId): Answer<void>;
	/** Has the search's index made, for whoever is about to search: the first search does so anyway. */
	prepareSearch(): void;
	search(query: string, limit?: number): readonly SearchHit[];
	importFiles(
		files: Iterable<ImportFile> | AsyncIterable<ImportFile>,
		options?: {
			readonly signal?: AbortSignal;
			readonly onProgress?: (progress: ImportProgress) => void;
			/** As ImportOptions has it. */
			readonly pagesAtOnce?: number;
		}
	): Promise<ImportReport>;
	/** Tries to connect now, whatever the back-off says. */
	syncNow(): void;
}
