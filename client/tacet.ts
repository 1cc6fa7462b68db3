// The engine: which phase this device is in, and how it gets from one to the next. What it needs only
// to open an account is imported then, so that the locked page is small.
import type { Answer, Tacet, TacetOptions, TacetState } from './api.ts';
import type { AccountParts, Paper, SignUpInput } from './account.ts';
import type { LogInOptions, LoginQuestion, UnlockInput } from './api-account.ts';
import type { Head } from '../protocol/commit.ts';
import type { HandOver } from '../protocol/invite.ts';
import { ok, type Result } from '../protocol/result.ts';
import { wipeHandedKeys, type CryptoWorker, type UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { firstRowsOf } from './first-rows.ts';
import { Http } from './http.ts';
import { OwnProfile } from './own-profile.ts';
import type { Passkeys } from './passkeys.ts';
import type { SessionFacts } from './profile.ts';
import type { LoginDoubt } from './login-doubt.ts';
import { endVault, passOn, type Known, type Open, type VaultMessage } from './open-vault.ts';
import type { Proofs } from './proofs.ts';
import { onDemand } from './on-demand.ts';
import type { TacetSecurity } from './security-face.ts';
import type { TacetRecovery } from './api-recovery.ts';
import { SharingFace } from './sharing-face.ts';
import type { AccountOverview } from './status.ts';
import type { Profile } from './store.ts';
import { Tabs, type HeardMessage, type LockReason } from './tabs.ts';

export const createTacet = (options: TacetOptions): Tacet => new Engine(options);

class Engine extends SharingFace implements Tacet {
	readonly #options: TacetOptions;
	readonly #nowMs: () => number;
	readonly #http: Http;
	readonly #tabs: Tabs;
	readonly #listeners = new Set<() => void>();
	readonly #profile: OwnProfile;
	readonly recovery: TacetRecovery;
	#state: TacetState = { phase: 'starting', first: null };
	#open: Open | null = null;
	/** What other tabs said that they stored while this one was reading. */
	#entering: VaultMessage[] | null = null;
	#question: LoginQuestion | null = null;
	readonly security: TacetSecurity = onDemand(async () => {
		const { SecurityFace } = await import('./security-face.ts');
		const open = () => this.#open?.vault.security ?? null;
		const erase = () => this.logOut({ discardUnsent: true });
		return new SecurityFace(open, { erase, lock: () => this.lock() });
	});
	#handedOver: HandOver | null = null;
	/** Phases change one after another, whatever is called meanwhile. */
	#turn: Promise<unknown> = Promise.resolve();

	constructor(options: TacetOptions) {
		const { origin, locks, channel, deviceName } = options;
		const http = new Http(options);
		super({
			...{ http, deviceName, origin },
			session: () => this.#open?.session ?? null,
			nowMs: options.nowMs ?? Date.now,
			sharing: () => this.#open?.vault.sharing ?? null,
			isSignedOut: () => this.#profile.known === null,
			withCrypto: (attempt) => this.#withCrypto(attempt),
			onHandedOver: (handOver) => {
				this.#handedOver = handOver;
			}
		});
		this.#options = options;
		this.#nowMs = options.nowMs ?? Date.now;
		this.#http = http;
		this.#tabs = new Tabs({
			locks,
			channel,
			onMessage: (message) => {
				this.#hear(message);
			}
		});
		this.#profile = new OwnProfile({
			store: options.store,
			tabs: this.#tabs,
			onChange: () => {
				if (this.#open !== null) this.#setUnlocked(this.#open);
			}
		});
		this.recovery = onDemand(async () => {
			const { RecoveryFace } = await import('./recovery-face.ts');
			return new RecoveryFace({
				...{ store: options.store, startCrypto: options.startCrypto },
				partsOf: (crypto) => this.#partsOf(crypto),
				known: () => this.#profile.known,
				open: () => this.#open && { ...this.#open, kit: this.#open.vault.sharing.kit },
				enter: (crypto, opened) => this.#enter(crypto, opened),
				inTurn: (work) => this.#inTurn(work)
			});
		});
	}

	get state(): TacetState {
		return this.#state;
	}

	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	start(): Promise<void> {
		return this.#inTurn(() => this.#start());
	}

	async #start(): Promise<void> {
		if (this.#open !== null) return;
		const loaded = await this.#profile.load();
		if (!loaded.ok) {
			this.#setState({ phase: 'store_unavailable', code: loaded.error });
			return;
		}
		const known = loaded.value;
		if (known === null) this.#setState({ phase: 'signed_out' });
		else if (!(await this.#takeHandedKeys(known))) this.#setLocked();
	}

	/** Another tab of this profile is unlocked: this one becomes so without a password. */
	async #takeHandedKeys(known: Known): Promise<boolean> {
		const handed = await this.#tabs.askForKeys();
		if (handed?.keys.account !== known.name.account) return false;
		const { keys, first } = handed;
		if (keys.device !== known.profile.device) return false;
		if (this.#state.phase === 'starting') this.#setState({ phase: 'starting', first });
		const opened = await this.#withCrypto(async (crypto) => {
			const me = await crypto.port.takeKeys(keys);
			wipeHandedKeys(keys);
			const { store } = this.#options;
			const { loadSession } = await import('./session.ts');
			const session = await loadSession({ store, crypto: crypto.port });
			const proofs = await this.#proofsOf(known);
			return this.#enter(crypto, { ...known, me, session, proofs });
		});
		return opened.ok;
	}

	signUp(input: SignUpInput): Answer<Paper> {
		return this.#inTurn(async () => {
			if (this.#profile.known !== null) return fail('already_signed_in');
			return this.#withCrypto(async (crypto) => {
				const { signUp } = await import('./account.ts');
				const opened = await signUp(this.#partsOf(crypto), input);
				if (!opened.ok) return opened;
				const { recoveryCode, accountKey } = opened.value;
				const paper = { recoveryCode, accountKey };
				input.onStep?.('creating_space');
				const entered = await this.#enter(crypto, opened.value);
				if (entered.ok) await this.#open?.vault.sharing.kit.remember(recoveryCode);
				if (entered.ok) return ok(paper);
				return { ok: false, error: { ...entered.error, ...paper } };
			});
		});
	}

	logIn(
		input: LogInOptions & { readonly handle: string; readonly password: string }
	): Answer<void> {
		return this.#inTurn(async () => {
			if (this.#profile.known !== null) return fail('already_signed_in');
			return this.#withCrypto(async (crypto) => {
				const { logIn } = await import('./account.ts');
				const expected = this.#handedOver;
				const handed =
					expected && (await import('./device-linking.ts')).ofHandOver(expected, input);
				const opened = await logIn(this.#partsOf(crypto), { ...input, ...handed });
				if (!opened.ok) return opened;
				input.onStep?.('opening_space');
				const isLinked = opened.value.name.handle === expected?.handle;
				const keyringHead = isLinked ? expected.keyringHead : null;
				return this.#enter(crypto, { ...opened.value, keyringHead });
			});
		});
	}

	unlock(input: UnlockInput): Answer<void> {
		return this.#inTurn(async () => {
			if (this.#open !== null) return ok(undefined);
			const known = this.#profile.known;
			if (known === null) return fail('signed_out');
			return this.#withCrypto(async (crypto) => {
				const { openKnown } = await import('./account.ts');
				const opened = await openKnown(this.#partsOf(crypto), known, input);
				if (!opened.ok) return opened;
				input.onStep?.('opening_space');
				return this.#enter(crypto, opened.value);
			});
		});
	}

	async stepUp(input: LogInOptions & { readonly password: string }): Answer<void> {
		const open = this.#open;
		if (open === null) return fail('locked');
		const { session, crypto } = open;
		const { store } = this.#options;
		const { stepUp } = await import('./step-up.ts');
		const loadProfile = () => store.loadProfile();
		return stepUp({ session, crypto: crypto.port, loadProfile }, input);
	}

	/** A crypto worker for one attempt: it is kept only if the attempt opens the vault. */
	async #withCrypto<Value>(
		attempt: (crypto: CryptoWorker) => Promise<Result<Value, TacetError>>
	): Promise<Result<Value, TacetError>> {
		const crypto = this.#options.startCrypto();
		try {
			return await attempt(crypto);
		} catch (error) {
			// What the worker itself has to fetch did not arrive; errors cross over as plain ones.
			if (error instanceof Error && error.name === 'NetworkError') return fail('offline');
			throw error;
		} finally {
			if (this.#open?.crypto !== crypto) crypto.end();
		}
	}

	/** Of a profile that was there before: what it needs is loaded with what opens it. */
	async #proofsOf({ profile }: Known): Promise<Proofs> {
		const { Proofs } = await import('./proofs.ts');
		return new Proofs(profile.deviceKey, this.#nowMs);
	}

	#partsOf(crypto: CryptoWorker): AccountParts {
		const { store, origin } = this.#options;
		return {
			...{ http: this.#http, store, crypto: crypto.port, origin, nowMs: this.#nowMs },
			onAsked: (question) => {
				this.#question = question;
			}
		};
	}

	/** Opens the vault with keys that are in the core. The profile is in the store already. */
	async #enter(
		crypto: CryptoWorker,
		account: Known & {
			readonly me: UnlockedAccount;
			readonly session: SessionFacts | null;
			readonly proofs: Proofs;
			readonly keyringHead?: Head | null;
			readonly loginDoubt?: LoginDoubt | null;
			readonly isForked?: boolean;
		}
	): Promise<Result<void, TacetError>> {
		const { profile, name, me, proofs } = account;
		this.#profile.take(account);
		const [{ Session }, { Vault }] = await Promise.all([
			import('./session.ts'),
			import('./vault.ts')
		]);
		const session = new Session(
			{
				http: this.#http,
				store: this.#options.store,
				crypto: crypto.port,
				tabs: this.#tabs,
				proofs,
				nowMs: this.#nowMs,
				onEnded: () => void this.#lockAll({ sessionEnded: true })
			},
			account.session
		);
		const entering: VaultMessage[] = [];
		this.#entering = entering;
		const opened = await Vault.open({
			options: this.#options,
			nowMs: this.#nowMs,
			tabs: this.#tabs,
			http: this.#http,
			crypto: crypto.port,
			session,
			me,
			handle: name.handle,
			device: name.writer,
			serverPublicKey: profile.pinnedServerKey,
			updateProfile: (change) => this.#profile.update(change),
			keyringHead: account.keyringHead ?? null,
			onChange: () => {
				if (this.#open?.session === session) this.#setUnlocked(this.#open);
			},
			lock: () => this.lock(),
			onAccount: () => void this.security.read().catch(() => undefined),
			onCopied: () => {
				void this.#inTurn(() => this.#profile.takeNewWriter());
			}
		});
		if (!opened.ok) {
			this.#entering = null;
			session.end();
			this.#setLocked();
			return opened;
		}
		const { loginDoubt = null } = account;
		if (account.isForked === true) opened.value.accountWatch.note('account_forked');
		this.#open = { profile, name, crypto, session, vault: opened.value, loginDoubt };
		for (const message of entering) passOn(opened.value, message);
		this.#entering = null;
		this.#setUnlocked(this.#open);
		this.#tabs.tell({ type: 'unlocked' });
		return ok(undefined);
	}

	lock(): Promise<void> {
		return this.#lockAll({ sessionEnded: false });
	}

	#lockAll(why: LockReason): Promise<void> {
		return this.#inTurn(async () => {
			this.#tabs.tell({ type: 'locked', ...why });
			await this.#lock(why);
		});
	}

	async #lock(why: LockReason): Promise<void> {
		const open = this.#open;
		if (open === null) return;
		this.#open = null;
		this.#setLocked(why);
		await endVault(open);
	}

	logOut(options: { readonly discardUnsent?: boolean } = {}): Answer<{ readonly unsent: number }> {
		return this.#inTurn(async () => {
			const open = this.#open;
			await open?.vault.flush();
			const unsent = open?.vault.waiting ?? 0;
			if (options.discardUnsent !== true && (unsent > 0 || open === null)) {
				return { ok: false, error: { code: 'unsent_changes', unsent } };
			}
			await open?.vault.close();
			// Without a network the session ends by itself when its refresh token does.
			await open?.session.call('sessionsEnd', { sessions: 'own' });
			open?.session.end();
			open?.crypto.end();
			this.#open = null;
			const erased = await this.#profile.erase();
			if (!erased.ok) {
				this.#setLocked();
				return fail(erased.error);
			}
			this.#tabs.tell({ type: 'erased' });
			this.#setState({ phase: 'signed_out' });
			return ok({ unsent });
		});
	}

	setOfflineUnlock(
		input: { readonly enabled: true; readonly password: string } | { readonly enabled: false }
	): Answer<void> {
		return this.#inTurn(async () => {
			const open = this.#open;
			if (open === null) return fail('locked');
			const slot = input.enabled ? await this.#sealOfflineSlot(open, input) : ok(null);
			return slot.ok ? this.#profile.update({ deviceKeyslot: slot.value }) : slot;
		});
	}

	async #sealOfflineSlot(
		{ session, vault }: Open,
		{ password }: { readonly password: string }
	): Promise<Result<Profile['deviceKeyslot'], TacetError>> {
		const known = this.#profile.known;
		if (known === null) return fail('signed_out');
		const { sealOfflineSlot } = await import('./offline-unlock.ts');
		const sealed = await session.replace(() =>
			this.#withCrypto((crypto) => sealOfflineSlot(this.#partsOf(crypto), known, password))
		);
		if (sealed.ok) vault.syncNow();
		return sealed.ok ? ok(sealed.value.profile.deviceKeyslot) : sealed;
	}

	async passkeys(): Answer<Passkeys> {
		const open = this.#open;
		if (open === null) return fail('locked');
		const { Passkeys } = await import('./passkeys.ts');
		const { name } = open;
		const profile = (): Profile => this.#profile.known?.profile ?? open.profile;
		const changed = (change: Partial<Profile>) => this.#profile.update(change);
		return ok(new Passkeys({ ...this.#partsOf(open.crypto), name, profile, changed }));
	}

	async account(): Answer<AccountOverview> {
		const open = this.#open;
		if (open === null) return fail('locked');
		const answered = await open.session.call('accountRead', { after: 0 });
		if (!answered.ok) return answered;
		const { overviewOf } = await import('./overview.ts');
		const { handle, writer } = open.name;
		const here = { handle, device: writer, offlineUnlock: this.#profile.ways.offlineUnlock };
		return ok(overviewOf(answered.value, here));
	}

	close(): Promise<void> {
		this.#question?.cancel();
		return this.#inTurn(async () => {
			const open = this.#open;
			this.#open = null;
			if (open !== null) {
				this.#setLocked();
				await endVault(open);
			}
			this.#tabs.close();
		});
	}

	#hear(message: HeardMessage): void {
		const open = this.#open;
		switch (message.type) {
			case 'keys_wanted':
				if (open !== null) void this.#handKeys(open);
				break;
			case 'unlocked':
				if (open === null) void this.start();
				else open.vault.accountWatch.repeat();
				break;
			case 'locked':
				void this.#inTurn(() => this.#lock(message));
				break;
			case 'erased':
				void this.#inTurn(() => this.#forget());
				break;
			default:
				if (open !== null) passOn(open.vault, message);
				else if (message.type === 'stored') this.#entering?.push(message);
		}
	}

	async #handKeys({ crypto, vault }: Open): Promise<void> {
		const keys = await crypto.port.handKeys();
		const first = firstRowsOf(vault.sharing.state.spaces);
		this.#tabs.tell({ type: 'keys', keys, first });
		wipeHandedKeys(keys);
	}

	/** Another tab logged out and erased the store. */
	async #forget(): Promise<void> {
		await this.#lock({ sessionEnded: false });
		this.#profile.forget();
		this.#setState({ phase: 'signed_out' });
	}

	#setLocked({ sessionEnded }: LockReason = { sessionEnded: false }): void {
		const handle = this.#profile.known?.name.handle;
		if (handle === undefined) this.#setState({ phase: 'signed_out' });
		else this.#setState({ phase: 'locked', handle, sessionEnded, ...this.#profile.ways });
	}

	#setUnlocked({ name, vault, loginDoubt }: Open): void {
		const { account, handle, writer } = name;
		const { space, sharing, autoLock, cursors, accountNews } = vault;
		const facts = { handle, account, device: writer, ...this.#profile.ways, space };
		const parts = { autoLock, cursors, accountNews, accountFault: vault.accountWatch.fault };
		this.#setState({ phase: 'unlocked', ...facts, ...parts, ...sharing.state, loginDoubt });
	}

	#setState(state: TacetState): void {
		this.#state = state;
		for (const listener of [...this.#listeners]) listener();
	}

	#inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
		const done = this.#turn.then(work);
		this.#turn = done.catch(() => undefined);
		return done;
	}
}
