// Second factors from their owner's side: made here, proven to the edge, and signed into the account log.
// What the log says is believed; what the edge keeps is held against it. Their names are in the keyring.
import {
	backupCodeHash,
	formatBackupCode,
	generateBackupCodes,
	parseBackupCode
} from '../crypto/backup-codes.ts';
import { passkeyCreationOptions, splitCreated } from '../crypto/client/passkey.ts';
import { sha256 } from '../crypto/hash.ts';
import { passkeySlotId } from '../crypto/passkey-id.ts';
import { randomBytes } from '../crypto/random.ts';
import { generateTotpSecret, toBase32, totpUri } from '../crypto/totp.ts';
import type { AccountPolicy } from '../protocol/account-write.ts';
import { factorOfPasskey } from '../protocol/attested-passkey.ts';
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { isPhoneNumber } from '../protocol/factor-answer.ts';
import { factorKinds, type FactorKind } from '../protocol/factor-kind.ts';
import { encodeFactorData, parseFactorData, type FactorData } from '../protocol/factor.ts';
import type { FactorProof } from '../protocol/factor-answer.ts';
import type { ResponseOf } from '../protocol/http.ts';
import {
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type FactorId
} from '../protocol/ids.ts';
import type { KeyringEntry } from '../protocol/keyring-entry.ts';
import { smsSaltBytes } from '../protocol/limits.ts';
import { ok } from '../protocol/result.ts';
import type {
	FactorsOverview,
	NewBackupCodes,
	NewTelephone,
	NewTotp,
	PasskeyPort,
	TacetFactors
} from './api-factors.ts';
import type { Answer } from './api.ts';
import { fail } from './errors.ts';
import { securityOf, type AccountSecurity, type ReadAccount } from './account-security.ts';
import type { OpenSecurity } from './security-face.ts';
import type { Session } from './session.ts';

export interface FactorParts {
	readonly origin: string;
	readonly handle: string;
	readonly account: AccountId;
	readonly nowMs: () => number;
	readonly session: Pick<Session, 'call'>;
	nameOf(factor: FactorId): string | null;
	remember(entries: readonly KeyringEntry[]): Answer<void>;
	readonly writing: Pick<AccountSecurity, 'read' | 'change'>;
}

const app = 'Tacet';

export class Factors implements TacetFactors {
	readonly #parts: FactorParts;

	constructor(parts: FactorParts) {
		this.#parts = parts;
	}

	async factors(): Answer<FactorsOverview> {
		const read = await this.#read();
		if (!read.ok) return read;
		const { factors, policy } = read.value.facts;
		const { factors: kept } = read.value.answer;
		return ok({
			policy,
			factors: factors.map(({ factor, kind }) => {
				const facts = kept.find((other) => other.factor === factor);
				return {
					...{ factor, kind, name: this.#parts.nameOf(factor) },
					kept: facts === undefined ? null : shownOf(facts)
				};
			})
		});
	}

	addTotp(): Answer<NewTotp> {
		const { origin, handle } = this.#parts;
		const secret = generateTotpSecret();
		const factor = newFactorId();
		const issuer = `${app} ${new URL(origin).hostname}`;
		return Promise.resolve(
			ok({
				secretBase32: toBase32(secret),
				uri: totpUri(secret, { issuer, account: handle }),
				confirm: ({ code, name }) =>
					this.#add(factor, name, { kind: 'totp', secret }, { kind: 'totp', code: digitsOf(code) })
			})
		);
	}

	async addPasskey(input: {
		readonly passkeys: PasskeyPort;
		readonly name: string;
	}): Answer<FactorId> {
		const { origin, handle, account, session } = this.#parts;
		const known = await this.#passkeys();
		if (!known.ok) return known;
		const started = await session.call('passkeyStart', {});
		if (!started.ok) return started;
		const created = await input.passkeys.create(
			passkeyCreationOptions({
				...{ app, handle, account, passkeys: known.value },
				rpId: new URL(origin).hostname,
				challenge: bytesOf(started.value.challenge)
			})
		);
		const split = created === null ? null : splitCreated(created);
		if (split?.ok !== true) return fail('cancelled');
		split.value.output?.wipe();
		const data = factorOfPasskey(split.value.sent);
		if (!data.ok) return fail('cancelled');
		const factor = idFromBytes<FactorId>(passkeySlotId(data.value.credentialId));
		return this.#add(factor, input.name, data.value, {
			kind: 'webauthn',
			created: split.value.sent
		});
	}

	addBackupCodes(): Answer<NewBackupCodes> {
		const { account } = this.#parts;
		const codes = generateBackupCodes();
		const factor = newFactorId();
		const hashes = codes.map((code) => backupCodeHash(account, code));
		return Promise.resolve(
			ok({
				codes: codes.map(formatBackupCode),
				confirm: async (typed) => {
					const code = parseBackupCode(typed);
					if (!code.ok) return fail('factor_wrong');
					const before = await this.#read();
					if (!before.ok) return before;
					const proof = { kind: 'backup_codes' as const, code: toBase64Url(code.value) };
					const added = await this.#add(factor, '', { kind: 'backup_codes', hashes }, proof);
					if (!added.ok) return added;
					for (const other of before.value.facts.factors) {
						if (other.kind !== 'backup_codes') continue;
						const removed = await this.removeFactor(other.factor);
						if (!removed.ok) return removed;
					}
					return added;
				}
			})
		);
	}

	async addSms(number: string): Answer<NewTelephone> {
		const written = number.replace(/[\s().-]/g, '');
		if (!isPhoneNumber(written)) return fail('malformed');
		const started = await this.#parts.session.call('smsStart', { number: written });
		if (!started.ok) return started;
		const factor = newFactorId();
		const data = { kind: 'sms', salt: randomBytes(smsSaltBytes), number: written } as const;
		return ok({
			confirm: ({ code, name }) =>
				this.#add(factor, name, data, { kind: 'sms', code: digitsOf(code) })
		});
	}

	removeFactor(factor: FactorId): Answer<void> {
		return this.#parts.writing.change({ type: 'factor_remove', factor });
	}

	rename(of: FactorId | DeviceId, name: string): Answer<void> {
		const namedAtMs = this.#parts.nowMs();
		return this.#parts.remember([{ type: 'name', of, name, namedAtMs }]);
	}

	async setPolicy(change: Partial<AccountPolicy>): Answer<void> {
		const read = await this.#read();
		if (!read.ok) return read;
		const { suffices, ...rest } = { ...read.value.facts.policy, ...change };
		const inOrder = factorKinds.filter((kind) => suffices.includes(kind));
		return this.#parts.writing.change({ type: 'policy', policy: { ...rest, suffices: inOrder } });
	}

	async #add(
		factor: FactorId,
		name: string,
		data: FactorData,
		proof: FactorProof
	): Answer<FactorId> {
		const bytes = encodeFactorData(data);
		const action = { factor, kind: data.kind, hash: sha256(bytes) };
		const written = await this.#parts.writing.change(
			{ type: 'factor_add', factor: action },
			{ data: toBase64Url(bytes), proof }
		);
		// It may have been taken before, and the answer lost.
		const stands = written.ok || (await this.#stands(factor));
		if (!written.ok && !stands) return written;
		const named = name === '' ? ok(undefined) : await this.rename(factor, name);
		return named.ok ? ok(factor) : named;
	}

	#read(): Answer<ReadAccount> {
		return this.#parts.writing.read();
	}

	async #stands(factor: FactorId): Promise<boolean> {
		const read = await this.#read();
		return read.ok && read.value.facts.factors.some((other) => other.factor === factor);
	}

	/** Those that the account has: an authenticator that holds one makes no second. */
	async #passkeys(): Answer<ReturnType<typeof knownPasskey>> {
		const read = await this.#read();
		return read.ok ? ok(read.value.answer.factors.flatMap(knownPasskey)) : read;
	}
}

/** Of the account that is open. */
export function factorsOf(open: OpenSecurity): Factors {
	const { desk } = open;
	const { origin, handle, me, nowMs, session, keyring } = desk;
	return new Factors({
		...{ origin, handle, account: me.account, nowMs, session },
		nameOf: (factor) => keyring.nameGiven(factor),
		remember: (entries) => desk.write(entries),
		writing: securityOf(open)
	});
}

const newFactorId = (): FactorId => idFromBytes<FactorId>(randomBytes(idBytes));

/** As people type codes: in groups. */
const digitsOf = (typed: string): string => typed.replace(/\s/g, '');

type Kept = ResponseOf<'accountRead'>['factors'][number];

const shownOf = ({ addedAtMs, usedAtMs, codesLeft }: Kept) => ({ addedAtMs, usedAtMs, codesLeft });

function knownPasskey({ kind, data }: { kind: FactorKind; data: string | null }) {
	const parsed = kind === 'webauthn' && data !== null ? parseFactorData(kind, bytesOf(data)) : null;
	if (parsed?.ok !== true) return [];
	const { credentialId, transports } = parsed.value;
	return [{ credentialId, transports }];
}

/** Text that a schema of protocol/ has let through. */
function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}
