// In which requests a log goes back to an edge that lost its end.
import { expect, test } from 'vitest';
import type { KnownAccount } from '../../client/account-log.ts';
import { planAccountPutBack, type PutBackRequest } from '../../client/crypto-put-back.ts';
import { judgeRecords, type AccountState } from '../../crypto/account-log.ts';
import { sha256 } from '../../crypto/hash.ts';
import { slotsOf } from '../../protocol/account-write.ts';
import { fromBase64Url, toHex } from '../../protocol/bytes.ts';
import { maxBodyBytes } from '../../protocol/limits.ts';
import {
	AccountAuthor,
	factorOf,
	keyslotOf,
	makeIdentities,
	openPolicy,
	passwordOf,
	registrationRecordOf
} from '../crypto/account-fixture.ts';

const keys = await makeIdentities(1, 1);
const bytesOf = (text: string): Uint8Array => {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('no base64url');
	return bytes.value;
};

/** As an edge keeps an account: its log, and the records in force. */
class Kept {
	readonly author: AccountAuthor;
	#records: readonly Uint8Array[];

	constructor(author: AccountAuthor, records: readonly Uint8Array[]) {
		this.author = author;
		this.#records = records;
	}

	async take({ writes, registrationRecord, keyslots }: PutBackRequest): Promise<void> {
		for (const { write, signature } of writes) {
			const taken = await this.author.take({
				...{ write: bytesOf(write), signature: bytesOf(signature) }
			});
			expect(taken.ok).toBe(true);
		}
		const came = registrationRecord === null ? keyslots : [registrationRecord, ...keyslots];
		const state = this.author.current;
		const inForce = hashesOf(state);
		const all = [...this.#records, ...came.map(bytesOf)];
		const byHash = new Map(all.map((record) => [toHex(sha256(record)), record]));
		this.#records = [...byHash].flatMap(([hash, record]) => (inForce.has(hash) ? [record] : []));
		const recordHash = toHex(state.material.password.recordHash);
		const isRecord = (record: Uint8Array) => toHex(sha256(record)) === recordHash;
		const judged = judgeRecords(state, {
			registrationRecord: this.#records.find(isRecord) ?? null,
			keyslots: this.#records.filter((record) => !isRecord(record))
		});
		expect(judged.ok).toBe(true);
		expect(this.#records.some(isRecord)).toBe(true);
	}
}

const hashesOf = ({ material }: AccountState): ReadonlySet<string> =>
	new Set([material.password.recordHash, ...slotsOf(material).map(({ hash }) => hash)].map(toHex));

const firstRecords = [registrationRecordOf(1), keyslotOf('password', 1), keyslotOf('recovery', 2)];
const knownOf = (author: AccountAuthor, password: number): KnownAccount => ({
	writes: author.writes,
	registrationRecord: registrationRecordOf(password),
	keyslots: [keyslotOf('password', password), keyslotOf('recovery', 2)],
	...{ factors: [], pending: null }
});

async function policies(author: AccountAuthor, count: number): Promise<void> {
	for (let index = 0; index < count; index++) {
		const policy = { ...openPolicy, sessionCap: 1 + (index % 9) };
		expect((await author.add({ type: 'policy', policy })).ok).toBe(true);
	}
}

const changePassword = async (author: AccountAuthor, fill: number): Promise<void> => {
	expect((await author.add({ type: 'password', password: passwordOf(fill) })).ok).toBe(true);
};

test('many writes go back in several requests, each of which leaves a whole account', async () => {
	const author = await AccountAuthor.create(keys);
	const before = author.branch();
	await policies(author, 170);
	await changePassword(author, 10);
	await policies(author, 20);
	await changePassword(author, 11);
	await policies(author, 160);
	const requests = planAccountPutBack(knownOf(author, 11), 1)!;
	expect(requests.length).toBeGreaterThan(1);
	const kept = new Kept(before, firstRecords);
	for (const request of requests) {
		expect(JSON.stringify(request).length).toBeLessThanOrEqual(maxBodyBytes);
		await kept.take(request);
	}
	expect(before.writes).toEqual(author.writes);
	expect(planAccountPutBack(knownOf(author, 11), author.writes.length)).toEqual([]);
});

test('what was cut off goes on from where it came to', async () => {
	const author = await AccountAuthor.create(keys);
	const before = author.branch();
	await policies(author, 230);
	const kept = new Kept(before, firstRecords);
	await kept.take(planAccountPutBack(knownOf(author, 1), 1)![0]!);
	for (const request of planAccountPutBack(knownOf(author, 1), before.writes.length)!) {
		await kept.take(request);
	}
	expect(before.writes).toEqual(author.writes);
});

test('does not end where a password is in force whose record nobody has', async () => {
	const author = await AccountAuthor.create(keys);
	for (let fill = 20; fill < 220; fill++) await changePassword(author, fill);
	const known = knownOf(author, 219);
	expect(planAccountPutBack(known, 1)).toBeNull();
	expect(planAccountPutBack(known, author.writes.length - 100)).toHaveLength(1);
});

test('brings what is public of factors, and only while they are in force', async () => {
	const author = await AccountAuthor.create(keys);
	const [passkey, codes] = [factorOf(5, 'webauthn'), factorOf(6, 'backup_codes')];
	await author.add({ type: 'factor_add', factor: passkey });
	await author.add({ type: 'factor_add', factor: codes });
	await author.add({ type: 'factor_remove', factor: codes.factor });
	const data = new Uint8Array(40);
	const known = {
		...knownOf(author, 1),
		factors: [passkey, codes].map(({ factor }) => ({ factor, data }))
	};
	const [request] = planAccountPutBack(known, 1)!;
	expect(request!.factors.map(({ factor }) => factor)).toEqual([passkey.factor]);
});
