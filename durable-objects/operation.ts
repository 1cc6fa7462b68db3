// What the operator of a deployment sees and sets: who may sign up, invites, limits. No account, space or
// content can be reached from here, and no password, factor or device be reset: there is nothing that
// could do it.
import * as v from 'valibot';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { ResponseOf } from '../protocol/http.ts';
import {
	operatorLimits,
	type OperatorChange,
	type OperatorLimits
} from '../protocol/http-operator.ts';
import { maxInviteTtlSeconds, maxSignUpInvites } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { DeploymentStore } from './deployment-store.ts';
import { defaultLimits } from './limits.ts';
import { decodeText } from './request-bytes.ts';
import type { SignUps } from './sign-ups.ts';

export class Operation {
	readonly #store: DeploymentStore;
	readonly #signUps: SignUps;

	constructor(store: DeploymentStore, signUps: SignUps) {
		this.#store = store;
		this.#signUps = signUps;
	}

	get limits(): OperatorLimits {
		return limitsOf(this.#store);
	}

	read(): ResponseOf<'operatorRead'> {
		this.#removeExpired(Date.now());
		const invites = this.#store.loadInvites().map(({ invite, ...rest }) => ({
			invite: toBase64Url(invite),
			...rest
		}));
		const { policy } = this.#signUps;
		return { signUp: policy, limits: this.limits, ...this.#store.countAccounts(), invites };
	}

	write(change: OperatorChange): Result<ResponseOf<'operatorWrite'>, Refusal> {
		const done = this.#change(change);
		return done.ok ? ok(this.read()) : done;
	}

	#change(change: OperatorChange): Result<null, Refusal> {
		const operation = this.#store.loadOperation();
		switch (change.set) {
			case 'sign_up':
				this.#store.saveOperation({ ...operation, signUp: change.signUp });
				return ok(null);
			case 'limits':
				this.#store.saveOperation({ ...operation, limits: JSON.stringify(change.limits) });
				return ok(null);
			case 'invite':
				return this.#addInvite(change);
			case 'no_invite':
				this.#store.removeInvite(decodeText(change.invite));
				return ok(null);
		}
	}

	#addInvite({
		invite: text,
		uses,
		expiresAtMs
	}: OperatorChange & { readonly set: 'invite' }): Result<null, Refusal> {
		const nowMs = Date.now();
		this.#removeExpired(nowMs);
		const invite = decodeText(text);
		if (this.#store.loadInvite(invite) !== null) return ok(null);
		const isSoon = expiresAtMs > nowMs && expiresAtMs <= nowMs + maxInviteTtlSeconds * 1_000;
		if (!isSoon) return err({ code: 'malformed' });
		if (this.#store.loadInvites().length >= maxSignUpInvites) return err({ code: 'over_quota' });
		this.#store.addInvite({ invite, uses, usesLeft: uses, createdAtMs: nowMs, expiresAtMs });
		return ok(null);
	}

	#removeExpired(nowMs: number): void {
		for (const { invite, expiresAtMs } of this.#store.loadInvites()) {
			if (expiresAtMs <= nowMs) this.#store.removeInvite(invite);
		}
	}
}

/** What was set, or what a new deployment has. */
export function limitsOf(store: DeploymentStore): OperatorLimits {
	const { limits } = store.loadOperation();
	if (limits === null) return defaultLimits;
	const parsed = v.safeParse(operatorLimits, JSON.parse(limits));
	if (!parsed.success) throw new Error('limits were parsed before they were stored');
	return parsed.output;
}
