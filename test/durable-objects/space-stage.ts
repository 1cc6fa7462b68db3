// A space at the edge with its owner, for the tests of it.
import { expect } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { MemberChange, MemberKind, Role } from '../../protocol/commit.ts';
import type { Append } from '../../protocol/frames.ts';
import type { AccountId } from '../../protocol/ids.ts';
import type { Space } from '../../durable-objects/space.ts';
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
import { shownTo } from './proving.ts';

/** The space itself, asked past the Worker by whoever has a token and its key. */
export const shownToSpace = (log: Log) => shownTo<Space>(stubOf(log));

export const stubOf = ({ space }: Log) => bindings.SPACE.getByName(space);

/** A space with an owner, and a socket of hers that has pulled. */
export class Stage {
	log: Log;
	readonly owner: Person;
	readonly session: Session;
	readonly socket: TestSocket;
	epoch = 1;

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

	get shown() {
		return shownToSpace(this.log);
	}

	/** The share links, as the owner is told of them. */
	async links() {
		const answer = await this.shown.linkList(this.session.token);
		if (!answer.ok) throw new Error(answer.error.code);
		return answer.value.links;
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
		return this.add({ pages: [randomPage(contentBytes)], epoch: this.epoch });
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
		kind: MemberKind = 'person'
	): Promise<Uint8Array | null> {
		const wrap = role === 'auditor' ? null : randomBytes(1_168);
		const recipient = person.account;
		const wraps = wrap
			? [{ kind: 'content' as const, number: this.epoch, recipient, hash: sha256(wrap) }]
			: [];
		const identityEntry = person.identity.bytes;
		const members = [{ account: recipient, role, kind, identityEntry }];
		await this.add({ admin: { ...noChange, members, wraps }, wraps: wrap ? [wrap] : [] });
		return wrap;
	}

	/** Ends somebody's membership. */
	remove({ account }: Pick<Person, 'account'>, kind: MemberKind = 'person'): Promise<Append> {
		const change = { account, role: null, kind, identityEntry: null };
		return this.change(change, [this.owner.account]);
	}

	/** Changes a member under a new epoch, whose key goes to these. */
	change(change: MemberChange, readers: readonly AccountId[]): Promise<Append> {
		this.epoch += 1;
		const number = this.epoch;
		const previousKey = randomBytes(72);
		const sealed = readers.map((recipient) => ({ recipient, wrap: randomBytes(1_168) }));
		return this.add({
			admin: {
				...noChange,
				members: [change],
				epoch: { number, commitment: randomBytes(32), previousHash: sha256(previousKey) },
				wraps: sealed.map(({ recipient, wrap }) => ({
					...{ kind: 'content', number, recipient },
					hash: sha256(wrap)
				}))
			},
			wraps: sealed.map(({ wrap }) => wrap),
			previousKey
		});
	}
}

export const pull = async (socket: TestSocket, seq = 0) => {
	socket.send({ type: 'pull', after: seq });
	return socket.nextOf('entries');
};
