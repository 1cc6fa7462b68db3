// The place of an account at its deployment: asked for before the account is made, and no account is
// made without. The deployment may withdraw a place that seems to be left over; what was just being
// made by it then asks again.
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import type { Refusal } from '../protocol/errors.ts';
import { err, type Result } from '../protocol/result.ts';
import type { AccountName } from './account-name.ts';
import type { AccountStore } from './account-store.ts';
import type { Env } from './env.ts';
import type { PlaceState } from './sign-ups.ts';

/** How often a place may be withdrawn from one that is being made: once is rare already. */
const maxTries = 3;

export class AccountPlace {
	readonly #env: Env;
	readonly #name: Pick<AccountName, 'objectName'>;
	readonly #store: Pick<AccountStore, 'exists'>;
	#withdrawals = 0;

	constructor(
		env: Env,
		name: Pick<AccountName, 'objectName'>,
		store: Pick<AccountStore, 'exists'>
	) {
		this.#env = env;
		this.#name = name;
		this.#store = store;
	}

	/** Whether an account could be made. */
	look(code: Uint8Array | null): Promise<Result<null, Refusal>> {
		return this.#deployment.signUpLook(code);
	}

	/** Whoever gets a place must make the account before anything else is awaited. */
	async reserve(code: Uint8Array | null): Promise<Result<null, Refusal>> {
		for (let tries = 0; tries < maxTries; tries++) {
			const before = this.#withdrawals;
			const account = this.#name.objectName;
			const reserved = await this.#deployment.signUpReserve({ account, code });
			if (!reserved.ok || before === this.#withdrawals) return reserved;
		}
		return err({ code: 'unavailable' });
	}

	/** If this does not arrive, the deployment asks by itself: {@link withdraw}. */
	async confirm(): Promise<void> {
		await this.#deployment.signUpConfirm(this.#name.objectName);
	}

	/** Of an account that is deleted, and not erased yet: until then nobody can make it anew. */
	async giveBack(): Promise<boolean> {
		try {
			await this.#deployment.signUpForget(this.#name.objectName);
			return true;
		} catch {
			return false;
		}
	}

	withdraw(): PlaceState {
		if (this.#store.exists) return 'made';
		this.#withdrawals += 1;
		return 'withdrawn';
	}

	get #deployment() {
		return this.#env.DEPLOYMENT.getByName(deploymentObjectName);
	}
}
