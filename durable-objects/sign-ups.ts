// Who may make an account here: the operator's policy, invites, and a place for each account. The place
// is kept before the account is made in its own object, and used up with it; if something ends in
// between, whoever comes next asks that object, and gives the place back or counts it. Nothing here
// says which account came by which invite, once the account is there.
import { sha256 } from '../crypto/hash.ts';
import type { Refusal } from '../protocol/errors.ts';
import { signUpPolicies, type SignUpPolicy } from '../protocol/http-operator.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { DeploymentStore, StoredPlace } from './deployment-store.ts';
import { maxPlacesLookedAfter, placeKeptMs } from './limits.ts';

/** What an Account object says of a place: its account is there; or is not, and won't be by this place. */
export type PlaceState = 'made' | 'withdrawn';

export interface Newcomer {
	/** Name of the Account object. */
	readonly account: string;
	/** The code of a sign-up invite, if there is one. */
	readonly code: Uint8Array | null;
}

interface SignUpParts {
	readonly store: DeploymentStore;
	/** Until the operator sets another. */
	readonly firstPolicy: string | undefined;
	readonly maxAccounts: () => number;
	/** Asks an Account object, which from then on makes no account by a place that it was given before. */
	readonly withdraw: (account: string) => Promise<PlaceState>;
}

type Admitted = Pick<StoredPlace, 'isOperator' | 'invite'>;

export class SignUps {
	readonly #parts: SignUpParts;
	/** Places that an Account object is being asked about: nobody is told of them meanwhile. */
	readonly #lookingAfter = new Map<string, Promise<void>>();

	constructor(parts: SignUpParts) {
		this.#parts = parts;
	}

	get policy(): SignUpPolicy {
		const { store, firstPolicy } = this.#parts;
		const first = signUpPolicies.find((policy) => policy === firstPolicy) ?? 'invite';
		return store.loadOperation().signUp ?? first;
	}

	/** Whether nobody has an account, or is just making one. */
	get isFirst(): boolean {
		return this.#parts.store.loadOperatorPlace() === null;
	}

	isOperator(account: string): boolean {
		const place = this.#parts.store.loadPlace(account);
		return place !== null && place.isOperator && place.reservedAtMs === null;
	}

	/** Whether an account could be made now. Keeps nothing. */
	async look(code: Uint8Array | null): Promise<Result<null, Refusal>> {
		await this.#lookAfterPlaces();
		const admitted = this.#judge(code);
		return admitted.ok ? ok(null) : admitted;
	}

	/**
	 * Keeps a place for an account: once, however often it is asked for. Judged and kept in one
	 * synchronous block, so that parallel ones are judged one by one.
	 */
	async reserve({ account, code }: Newcomer): Promise<Result<null, Refusal>> {
		await this.#lookAfterPlaces();
		await this.#lookingAfter.get(account);
		const { store } = this.#parts;
		if (store.loadPlace(account) !== null) return ok(null);
		const admitted = this.#judge(code);
		if (!admitted.ok) return admitted;
		store.addPlace({ account, ...admitted.value, reservedAtMs: Date.now() });
		return ok(null);
	}

	/** The account that a place was kept for is there. */
	confirm(account: string): void {
		this.#parts.store.markMade(account);
	}

	/** It was deleted, and may be made again by whoever may make one. */
	forget(account: string): void {
		this.#parts.store.removeAccount(account);
	}

	#judge(code: Uint8Array | null): Result<Admitted, Refusal> {
		const { store, maxAccounts } = this.#parts;
		if (this.isFirst) return ok({ isOperator: true, invite: null });
		const { policy } = this;
		if (policy === 'closed' || store.countAccounts().accounts >= maxAccounts()) {
			return err({ code: 'sign_up_closed' });
		}
		if (policy === 'open') return ok({ isOperator: false, invite: null });
		if (code === null) return err({ code: 'invite_needed' });
		const invite = store.loadInvite(sha256(code));
		const isGood = invite !== null && invite.usesLeft > 0 && invite.expiresAtMs > Date.now();
		return isGood
			? ok({ isOperator: false, invite: invite.invite })
			: err({ code: 'invite_ended' });
	}

	/** Before anybody is judged: no place is kept for nothing. */
	async #lookAfterPlaces(): Promise<void> {
		const beforeMs = Date.now() - placeKeptMs;
		const places = this.#parts.store.loadReserved(beforeMs, maxPlacesLookedAfter);
		await Promise.all(
			places.map((place) => {
				const looking = this.#lookingAfter.get(place.account) ?? this.#lookAfter(place);
				this.#lookingAfter.set(place.account, looking);
				return looking;
			})
		);
	}

	async #lookAfter(place: StoredPlace): Promise<void> {
		const { store, withdraw } = this.#parts;
		try {
			const state = await withdraw(place.account);
			// It may have been confirmed meanwhile.
			if (store.loadPlace(place.account)?.reservedAtMs == null) return;
			if (state === 'made') store.markMade(place.account);
			else store.removePlace(place);
		} catch {
			// An object that can't be asked now is asked by whoever comes next: its place stays kept.
		} finally {
			this.#lookingAfter.delete(place.account);
		}
	}
}
