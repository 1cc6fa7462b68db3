// A space at the edge with its owner, for the tests of it.
import { expect } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Role } from '../../protocol/commit.ts';
import type { Append } from '../../protocol/frames.ts';
import { bindings, connect, type TestSocket } from './edge.ts';
import {
	after,
	noChange,
	randomPage,
	type Content,
	type Log,
	type Person,
	type Session
} from './person.ts';

export const stubOf = ({ space }: Log) => bindings.SPACE.getByName(space);

/** A space with an owner, and a socket of hers that has pulled. */
export class Stage {
	log: Log;
	readonly owner: Person;
	readonly session: Session;
	readonly socket: TestSocket;

	constructor(log: Log, owner: Person, session: Session, socket: TestSocket) {
		this.log = log;
		this.owner = owner;
		this.session = session;
		this.socket = socket;
	}

	static async open(owner: Person, session: Session): Promise<Stage> {
		const { log, append } = await owner.genesis(session.device);
		const socket = await connect(log.space, session.token);
		expect(await socket.ask(append)).toEqual({ type: 'appended', count: 1, seq: 1 });
		return new Stage(after(log, append), owner, session, socket);
	}

	get stub() {
		return stubOf(this.log);
	}

	form(content: Content): Promise<Append> {
		return this.owner.commit(this.log, this.session.device, content);
	}

	/** Appends, and follows the log. */
	async add(content: Content): Promise<Append> {
		const append = await this.form(content);
		const answer = await this.socket.ask(append);
		expect(answer).toMatchObject({ type: 'appended', seq: this.log.head.seq + 1 });
		this.log = after(this.log, append);
		return append;
	}

	edit(contentBytes = 100): Promise<Append> {
		return this.add({ pages: [randomPage(contentBytes)] });
	}

	async refusal(content: Content): Promise<string> {
		const append = await this.form(content);
		const answer = await this.socket.ask(append);
		if (answer.type !== 'refused') throw new Error(`it was not refused: ${answer.type}`);
		const key = `${this.log.space}/${this.session.device}`;
		this.owner.counts.set(key, (this.owner.counts.get(key) ?? 1) - 1);
		return answer.refusal.code;
	}

	/** Makes somebody a member, with the wrap that their role asks for. */
	async admit(
		person: Pick<Person, 'account' | 'identity'>,
		role: Role,
		kind: 'person' | 'link' = 'person'
	): Promise<Uint8Array | null> {
		const wrap = role === 'auditor' ? null : randomBytes(1_168);
		const recipient = person.account;
		await this.add({
			admin: {
				...noChange,
				members: [{ account: recipient, role, kind, identityEntry: person.identity.bytes }],
				wraps: wrap ? [{ kind: 'content', number: 1, recipient, hash: sha256(wrap) }] : []
			},
			wraps: wrap ? [wrap] : []
		});
		return wrap;
	}

	/** Ends somebody's membership, under a new epoch. */
	async remove(
		{ account }: Pick<Person, 'account'>,
		kind: 'person' | 'link' = 'person',
		epoch = 2
	): Promise<void> {
		const wrap = randomBytes(1_168);
		const previousKey = randomBytes(72);
		const recipient = this.owner.account;
		await this.add({
			admin: {
				...noChange,
				members: [{ account, role: null, kind, identityEntry: null }],
				epoch: { number: epoch, commitment: randomBytes(32), previousHash: sha256(previousKey) },
				wraps: [{ kind: 'content', number: epoch, recipient, hash: sha256(wrap) }]
			},
			wraps: [wrap],
			previousKey
		});
	}
}

export const pull = async (socket: TestSocket, seq = 0) => {
	socket.send({ type: 'pull', after: seq });
	return socket.nextOf('entries');
};
