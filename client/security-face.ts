// What guards the account, as the engine offers it: of the account that is open, and imported when it is
// asked for, so that the locked page is small.
import type { AccountPolicy } from '../protocol/account-write.ts';
import type { FactorId, SessionId } from '../protocol/ids.ts';
import { ok } from '../protocol/result.ts';
import type { AccountSecurity } from './api-account.ts';
import type {
	FactorsOverview,
	NewBackupCodes,
	NewTelephone,
	NewTotp,
	PasskeyPort,
	TacetFactors
} from './api-factors.ts';
import type { Answer } from './api.ts';
import type { AccountWritingParts } from './account-writing.ts';
import type { Desk } from './desk.ts';
import { fail } from './errors.ts';
import type { Factors } from './factors.ts';

export interface OpenSecurity
	extends Pick<AccountWritingParts, 'store' | 'alone' | 'updateProfile'> {
	readonly desk: Desk;
}

export class SecurityFace implements TacetFactors, AccountSecurity {
	readonly #open: () => OpenSecurity | null;

	/** @param open null unless the vault is open. */
	constructor(open: () => OpenSecurity | null) {
		this.#open = open;
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

	rename(factor: FactorId, name: string): Answer<void> {
		return this.#with((factors) => factors.rename(factor, name));
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

	async #with<Value>(work: (factors: Factors) => Answer<Value>): Answer<Value> {
		const open = this.#open();
		if (open === null) return fail('locked');
		const { factorsOf } = await import('./factors.ts');
		return work(factorsOf(open));
	}
}
