// What guards the account, as the engine offers it: of the account that is open, and imported when it is
// asked for, so that the locked page is small.
import type { AccountPolicy } from '../protocol/account-write.ts';
import type { DeviceId, FactorId, SessionId } from '../protocol/ids.ts';
import { ok } from '../protocol/result.ts';
import type { AccountSecurity as SessionSecurity } from './api-account.ts';
import type {
	FactorsOverview,
	NewBackupCodes,
	NewTelephone,
	NewTotp,
	PasskeyPort,
	TacetFactors
} from './api-factors.ts';
import type { Paper } from './account.ts';
import type { Answer } from './api.ts';
import type { Desk } from './desk.ts';
import type { AccountSecurity, SecurityParts } from './account-security.ts';
import type { AccountFacts } from './crypto-account-writes.ts';
import { fail } from './errors.ts';
import { KitCheck, type KitEntry } from './kit-check.ts';
import type { Factors } from './factors.ts';
import { earlierHashOf } from './own-selves.ts';

export interface OpenSecurity
	extends Pick<
		SecurityParts,
		'store' | 'alone' | 'updateProfile' | 'keyringEnd' | 'noteHead' | 'onJudged'
	> {
	readonly desk: Desk;
}

/** Most answer with `step_up_needed` where the person has to show anew who they are. */
export interface TacetSecurity extends TacetFactors, SessionSecurity, OwnSecurity {}

interface OwnSecurity extends Omit<AccountSecurity, 'read' | 'change' | 'confirmKit'> {
	read(): Answer<AccountFacts>;
	/** All words of a kit: the one in force, or the one just made. From then on it is a way in. */
	confirmKit(words: string): Answer<void>;
	/** Words of the kit at the places that `kit` names; whether they are right. It counts as confirmed then. */
	checkKit(words: readonly string[]): Answer<boolean>;
}

/** What becomes of this device by a change of the account. */
interface Ends {
	readonly erase: () => Answer<unknown>;
	readonly lock: () => Promise<void>;
}

export class SecurityFace implements TacetSecurity {
	readonly #open: () => OpenSecurity | null;
	readonly #ends: Ends;
	/** Of a renewal: known before there is a keyring to say it in. Lost, the account's log has that it is kept. */
	#newKit: { readonly entry: KitEntry; readonly before: Uint8Array } | null = null;

	/** @param open null unless the vault is open. */
	constructor(open: () => OpenSecurity | null, ends: Ends) {
		this.#open = open;
		this.#ends = ends;
	}

	read(): Answer<AccountFacts> {
		return this.#withOwn(async (own) => {
			const read = await own.read();
			return read.ok ? ok(read.value.facts) : read;
		});
	}

	changePassword(password: string): Answer<void> {
		return this.#withOwn((own) => own.changePassword(password));
	}

	startRenewal(password: string): Answer<Paper> {
		return this.#withOwn((own) => own.startRenewal(password));
	}

	/** Locks every tab: the account is opened by its new password from now on. */
	async finishRenewal(words: string): Answer<void> {
		const renewed = await this.#withOwn(async (own, { desk }) => {
			const done = await own.finishRenewal(words);
			const entry = new KitCheck(desk).keptAs(wordsOf(words));
			return done.ok ? ok({ entry, before: desk.me.identityHash }) : done;
		});
		if (!renewed.ok) return renewed;
		await this.#ends.lock();
		this.#newKit = renewed.value;
		return ok(undefined);
	}

	/** The account is open under its new identity. */
	async #sayNewKit(desk: Desk): Promise<void> {
		const { me, keyring } = desk;
		const kit = this.#newKit;
		if (kit === null || earlierHashOf(me, kit.before) === null) return;
		if (!keyring.hasCarried(me.identityHash)) return;
		this.#newKit = null;
		await desk.write([kit.entry]);
	}

	cancelRenewal(): Answer<void> {
		return this.#withOwn((own) => own.cancelRenewal());
	}

	newKit(): Answer<Paper> {
		return this.#withOwn((own) => own.newKit());
	}

	showAccountKey(): Answer<string | null> {
		return this.#withOwn((own) => own.showAccountKey());
	}

	newAccountKey(): Answer<string> {
		return this.#withOwn((own) => own.newAccountKey());
	}

	setAccountKey(accountKey: string | null): Answer<void> {
		return this.#withOwn((own) => own.setAccountKey(accountKey));
	}

	confirmKit(words: string): Answer<void> {
		return this.#withOwn(async (own, { desk }) => {
			const confirmed = await own.confirmKit(words);
			return confirmed.ok ? new KitCheck(desk).kept(wordsOf(words)) : confirmed;
		});
	}

	checkKit(words: readonly string[]): Answer<boolean> {
		return this.#withOwn(async (own, { desk }) => {
			const kit = new KitCheck(desk);
			const read = kit.read(words);
			if (!read.ok || !read.value) return read;
			const confirmed = await own.confirmKit(null);
			if (!confirmed.ok) return confirmed;
			const found = await kit.found();
			return found.ok ? read : found;
		});
	}

	removeDevice(device: DeviceId): Answer<void> {
		return this.#withOwn((own) => own.removeDevice(device));
	}

	putBack(): Answer<void> {
		return this.#withOwn((own) => own.putBack());
	}

	/** Ends the account at the edge, and erases this device's store. */
	async deleteAccount(): Answer<void> {
		const deleted = await this.#withOwn((own) => own.deleteAccount());
		if (!deleted.ok) return deleted;
		const erased = await this.#ends.erase();
		return erased.ok ? ok(undefined) : erased;
	}

	factors(): Answer<FactorsOverview> {
		return this.#with((factors) => factors.factors());
	}

	addTotp(): Answer<NewTotp> {
		return this.#with((factors) => factors.addTotp());
	}

	addPasskey(input: { readonly passkeys: PasskeyPort; readonly name: string }): Answer<FactorId> {
		return this.#with((factors) => factors.addPasskey(input));
	}

	addBackupCodes(): Answer<NewBackupCodes> {
		return this.#with((factors) => factors.addBackupCodes());
	}

	addSms(number: string): Answer<NewTelephone> {
		return this.#with((factors) => factors.addSms(number));
	}

	removeFactor(factor: FactorId): Answer<void> {
		return this.#with((factors) => factors.removeFactor(factor));
	}

	rename(of: FactorId | DeviceId, name: string): Answer<void> {
		return this.#with((factors) => factors.rename(of, name));
	}

	setPolicy(change: Partial<AccountPolicy>): Answer<void> {
		return this.#with((factors) => factors.setPolicy(change));
	}

	async endSessions(which: 'others' | 'all' | readonly SessionId[]): Answer<void> {
		const open = this.#open();
		if (open === null) return fail('locked');
		const sessions = typeof which === 'string' ? which : [...which];
		const ended = await open.desk.session.call('sessionsEnd', { sessions });
		return ended.ok ? ok(undefined) : ended;
	}

	async #withOwn<Value>(
		work: (security: AccountSecurity, open: OpenSecurity) => Answer<Value>
	): Answer<Value> {
		const open = this.#open();
		if (open === null) return fail('locked');
		const { securityOf } = await import('./account-security.ts');
		await this.#sayNewKit(open.desk);
		return work(securityOf(open), open);
	}

	async #with<Value>(work: (factors: Factors) => Answer<Value>): Answer<Value> {
		const open = this.#open();
		if (open === null) return fail('locked');
		const { factorsOf } = await import('./factors.ts');
		return work(factorsOf(open));
	}
}

const wordsOf = (typed: string): readonly string[] => typed.trim().toLowerCase().split(/\s+/u);
