// Recovery as the engine offers it: on a device that is signed out or locked by the words of a kit, on an
// unlocked one a say in it. What does the work is imported when it is asked for.
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import type { RecoveryId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { AccountParts, OpenedAccount } from './account.ts';
import type {
	BegunRecovery,
	RecoveryAlert,
	RecoveryOpen,
	RecoveryProgress,
	TacetRecovery
} from './api-recovery.ts';
import type { Answer } from './api.ts';
import type { CryptoWorker } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { KnownProfile, OpenRecovery } from './recover.ts';
import type { Session } from './session.ts';
import type { Store } from './store.ts';
import type { KitCheck } from './kit-check.ts';

export interface RecoveryFaceParts {
	readonly store: Store;
	readonly startCrypto: () => CryptoWorker;
	readonly partsOf: (crypto: CryptoWorker) => AccountParts;
	/** Of a device that is locked; null if it is signed out. */
	readonly known: () => KnownProfile | null;
	/** Null unless the vault is open. */
	readonly open: () => {
		readonly session: Session;
		readonly crypto: CryptoWorker;
		readonly kit: KitCheck;
	} | null;
	/** Opens the vault, which the crypto worker belongs to from then on. */
	readonly enter: (
		crypto: CryptoWorker,
		opened: OpenedAccount
	) => Promise<Result<void, TacetError>>;
	readonly inTurn: <Value>(work: () => Promise<Value>) => Promise<Value>;
}

export class RecoveryFace implements TacetRecovery {
	readonly #parts: RecoveryFaceParts;
	/** Of an account that was opened by its code, until that is finished or let go of. */
	#crypto: CryptoWorker | null = null;

	constructor(parts: RecoveryFaceParts) {
		this.#parts = parts;
	}

	async begun(): Answer<BegunRecovery | null> {
		const { loadBegun } = await import('./recover.ts');
		const loaded = await loadBegun(this.#parts.store);
		return loaded.ok ? ok(loaded.value?.shown ?? null) : loaded;
	}

	goOn(input: Parameters<TacetRecovery['goOn']>[0]): Answer<RecoveryProgress> {
		const { inTurn, open, known, startCrypto, partsOf } = this.#parts;
		return inTurn(async () => {
			if (open() !== null) return fail('already_signed_in');
			const { goOnRecovering } = await import('./recover.ts');
			this.#letGo();
			const crypto = startCrypto();
			this.#crypto = crypto;
			const went = await goOnRecovering(partsOf(crypto), { ...input, known: known() });
			if (went.ok && went.value.next === 'password') {
				return ok(this.#openOf(crypto, went.value.recovery));
			}
			this.#letGo();
			if (!went.ok) return went;
			return went.value.next === 'wait' ? ok(went.value) : fail('locked');
		});
	}

	#openOf(crypto: CryptoWorker, recovery: OpenRecovery): RecoveryOpen {
		const { waitedMs, delayDays, approved } = recovery.opened;
		let recoveryCode: readonly string[] = [];
		return {
			...{ next: 'password', waitedMs, delayDays, approved },
			setPassword: async (password) => {
				if (this.#crypto !== crypto) return fail('locked');
				const set = await recovery.setPassword(password);
				if (set.ok) ({ recoveryCode } = set.value);
				return set;
			},
			finish: ({ kitConfirmed = false, ...asking } = {}) =>
				this.#parts.inTurn(async () => {
					if (this.#crypto !== crypto) return fail('locked');
					// Whoever shows it lets go of it as the account opens: from here on that ends nothing.
					this.#crypto = null;
					const opened = await recovery.finish(kitConfirmed, asking);
					if (!opened.ok) {
						if (opened.error.passwordIsSet === true) crypto.end();
						else this.#crypto = crypto;
						return opened;
					}
					const entered = await this.#parts.enter(crypto, opened.value);
					if (!entered.ok) crypto.end();
					const kit = this.#parts.open()?.kit;
					await (kitConfirmed ? kit?.kept(recoveryCode) : kit?.remember(recoveryCode));
					return entered;
				}),
			close: () => {
				if (this.#crypto === crypto) this.#letGo();
			}
		};
	}

	async look(): Answer<BegunRecovery> {
		const { lookAt } = await import('./recover.ts');
		const crypto = this.#parts.startCrypto();
		try {
			return await lookAt(this.#parts.partsOf(crypto));
		} finally {
			crypto.end();
		}
	}

	async forget(): Answer<void> {
		this.#letGo();
		const forgotten = await this.#parts.store.saveRecovery(null);
		return forgotten.ok ? forgotten : fail(forgotten.error);
	}

	async alert(): Answer<RecoveryAlert | null> {
		const open = this.#parts.open();
		if (open === null) return fail('locked');
		const answered = await open.session.call('accountRead', { after: 0 });
		if (!answered.ok) return answered;
		const { recovery } = answered.value;
		if (recovery === null) return ok(null);
		const { recoveryDigits } = await import('./begun-recovery.ts');
		const code = recoveryDigits(recovery.recovery, bytesOf(recovery.thumbprint));
		return ok({ ...recovery, code });
	}

	async cancel(recovery: RecoveryId): Answer<void> {
		const open = this.#parts.open();
		if (open === null) return fail('locked');
		const cancelled = await open.session.call('recoveryCancel', { recovery });
		return cancelled.ok ? ok(undefined) : cancelled;
	}

	async approve({ recovery, thumbprint }: RecoveryAlert): Answer<void> {
		const open = this.#parts.open();
		if (open === null) return fail('locked');
		const signature = await open.crypto.port.recovery.approve(recovery, bytesOf(thumbprint));
		const approval = toBase64Url(signature);
		const approved = await open.session.call('recoveryApprove', { recovery, approval });
		return approved.ok ? ok(undefined) : approved;
	}

	#letGo(): void {
		this.#crypto?.end();
		this.#crypto = null;
	}
}

function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}
