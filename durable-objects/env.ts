// What the platform binds, under the names of wrangler.toml.
import type { Account } from './account.ts';
import type { Deployment } from './deployment.ts';
import type { Limiter } from './limiter.ts';
import type { SmsSettings } from './sms-gateway.ts';
import type { Space } from './space.ts';

export interface Env extends SmsSettings {
	readonly ACCOUNT: DurableObjectNamespace<Account>;
	readonly SPACE: DurableObjectNamespace<Space>;
	readonly DEPLOYMENT: DurableObjectNamespace<Deployment>;
	readonly LIMITER: DurableObjectNamespace<Limiter>;
	/** The platform's own rate limit, approximate and for each of its places apart; absent elsewhere. */
	readonly RATE_LIMITER?: RateLimit;
	/** 32 bytes as text; seals the server keys, and nothing else. */
	readonly TACET_SECRET: string;
	/** The secret before, while it is being changed. */
	readonly TACET_SECRET_PREVIOUS?: string;
	/** Who may sign up until the operator says otherwise: `open`, `invite`, `closed`. */
	readonly TACET_SIGN_UP?: string;
	/** `any`: requests may come by any TLS, or none; else by TLS 1.3. */
	readonly TACET_TLS?: string;
}
