// An authenticator and a browser in software, which sign whatever they are told to: so that each thing
// that is wrong is wrong alone, under a good signature.
import { p256 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { encode } from 'cborg';
import {
	PasskeyChallenges,
	type ChallengeSubject
} from '../../../crypto/edge/passkey-challenges.ts';
import {
	relyingPartyOf,
	type PasskeyCheck,
	type RelyingParty,
	type StoredPasskey
} from '../../../crypto/edge/webauthn.ts';
import { concatBytes, toBase64Url, utf8Encode } from '../../../protocol/bytes.ts';
import { bytesOfId, type AccountId } from '../../../protocol/ids.ts';
import type { PasskeyAsserted, PasskeyCreated } from '../../../protocol/passkey.ts';

export const account = '00112233445566778899aabbccddeeff' as AccountId;
export const party = partyOf('https://notes.example.org');
export const nowMs = 1_700_000_000_000;

export const flag = { UP: 1, UV: 4, BE: 8, BS: 16, AT: 64, ED: 128 } as const;

/** The whole of an answer's client data; a member that is undefined is left out. */
export type ClientData = Readonly<Record<string, unknown>>;

export interface Statement {
	readonly fmt?: unknown;
	readonly attStmt?: unknown;
}

export interface Wrong {
	readonly clientData?: ClientData;
	/** In place of the client data's JSON. */
	readonly clientDataBytes?: Uint8Array;
	readonly rpId?: string;
	/** Bits to turn over. */
	readonly flags?: number;
	readonly counter?: number;
	/** In the authenticator data, in place of its own. */
	readonly credentialId?: Uint8Array;
	readonly publicKey?: Uint8Array;
	/** After the authenticator data. */
	readonly trailing?: Uint8Array;
	/** In an attestation object. */
	readonly statement?: Statement;
	/** Members of the answer itself. */
	readonly answer?: Readonly<Record<string, unknown>>;
	readonly response?: Readonly<Record<string, unknown>>;
}

function partyOf(origin: string): RelyingParty {
	const found = relyingPartyOf(origin);
	if (!found.ok) throw new Error('an origin with a name has passkeys');
	return found.value;
}

const text = (bytes: Uint8Array): string => toBase64Url(bytes);

/** COSE_Key of a P-256 public key. */
export function es256Key(secretKey: Uint8Array): Uint8Array {
	const point = p256.getPublicKey(secretKey, false);
	return coseKey([
		[1, 2],
		[3, -7],
		[-1, 1],
		[-2, point.slice(1, 33)],
		[-3, point.slice(33)]
	]);
}

export const coseKey = (members: readonly (readonly [unknown, unknown])[]): Uint8Array =>
	new Uint8Array(encode(new Map(members as [unknown, unknown][])));

export class SoftAuthenticator {
	readonly credentialId: Uint8Array;
	readonly #secretKey: Uint8Array;
	#counter: number;
	readonly #flags: number;

	constructor({ seed = 1, counter = 1, isSynced = false } = {}) {
		this.credentialId = sha256(Uint8Array.of(seed));
		this.#secretKey = sha256(Uint8Array.of(seed, seed));
		this.#counter = counter;
		this.#flags = flag.UP | flag.UV | (isSynced ? flag.BE | flag.BS : 0);
	}

	get publicKey(): Uint8Array {
		return es256Key(this.#secretKey);
	}

	/** As an account keeps it. */
	get stored(): StoredPasskey {
		const { credentialId, publicKey } = this;
		const isBackupEligible = (this.#flags & flag.BE) !== 0;
		return { credentialId, publicKey, signCount: this.#counter, isBackupEligible };
	}

	create(challenge: Uint8Array, wrong: Wrong = {}): PasskeyCreated {
		const id = wrong.credentialId ?? this.credentialId;
		const authData = concatBytes(
			this.#authData(wrong, flag.AT),
			new Uint8Array(16),
			Uint8Array.of(id.length >> 8, id.length & 0xff),
			id,
			wrong.publicKey ?? this.publicKey,
			wrong.trailing ?? new Uint8Array()
		);
		return {
			...this.#answer(wrong),
			response: {
				clientDataJSON: text(clientDataBytes('webauthn.create', challenge, wrong)),
				attestationObject: text(attestationObject(authData, wrong.statement)),
				transports: ['internal'],
				...wrong.response
			}
		};
	}

	assert(challenge: Uint8Array, wrong: Wrong = {}): PasskeyAsserted {
		this.#counter++;
		const clientData = clientDataBytes('webauthn.get', challenge, wrong);
		const authenticatorData = concatBytes(
			this.#authData(wrong, 0),
			wrong.trailing ?? new Uint8Array()
		);
		const signature = this.sign(concatBytes(authenticatorData, sha256(clientData)));
		return {
			...this.#answer(wrong),
			response: {
				clientDataJSON: text(clientData),
				authenticatorData: text(authenticatorData),
				signature: text(signature),
				userHandle: text(bytesOfId(account)),
				...wrong.response
			}
		};
	}

	sign(message: Uint8Array): Uint8Array {
		return p256.sign(message, this.#secretKey, { format: 'der' });
	}

	#answer(wrong: Wrong) {
		const id = text(this.credentialId);
		return { id, rawId: id, type: 'public-key' as const, ...wrong.answer };
	}

	#authData(wrong: Wrong, more: number): Uint8Array {
		const counter = new Uint8Array(4);
		new DataView(counter.buffer).setUint32(0, wrong.counter ?? this.#counter);
		const flags = (this.#flags | more) ^ (wrong.flags ?? 0);
		return concatBytes(sha256(utf8Encode(wrong.rpId ?? party.rpId)), Uint8Array.of(flags), counter);
	}
}

function clientDataBytes(type: string, challenge: Uint8Array, wrong: Wrong): Uint8Array {
	if (wrong.clientDataBytes) return wrong.clientDataBytes;
	const data = { type, challenge: text(challenge), origin: party.origin, crossOrigin: false };
	return utf8Encode(JSON.stringify({ ...data, ...wrong.clientData }));
}

const attestationObject = (authData: Uint8Array, statement: Statement = {}): Uint8Array =>
	new Uint8Array(
		encode(
			new Map<string, unknown>([
				['fmt', statement.fmt ?? 'none'],
				['attStmt', statement.attStmt ?? new Map()],
				['authData', authData]
			])
		)
	);

/** One question of one account: the challenge that was given, and what its answer is held against. */
export class Question {
	readonly challenges = new PasskeyChallenges();
	readonly challenge: Uint8Array;
	readonly #subject: ChallengeSubject;

	constructor(subject: Partial<ChallengeSubject> = {}) {
		this.#subject = { purpose: 'login', account, holder: 'login 1', ...subject };
		this.challenge = this.challenges.give(this.#subject, nowMs);
	}

	check(changed: Partial<PasskeyCheck> = {}): PasskeyCheck {
		const { challenges } = this;
		const subject = this.#subject;
		return { party, challenges, subject, nowMs: nowMs + 1, asksForVerification: true, ...changed };
	}
}
