// Words for who may do what, who somebody is, and what happened.
import type { ActivityEvent } from '../../../client/activity.ts';
import type { Contact, IdentityStanding, SpaceMember } from '../../../client/api-sharing.ts';
import type { OwnerFault } from '../../../client/status.ts';
import type { Role } from '../../../protocol/commit.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { Words } from './messages.ts';
import { count, counted, fileBytes } from './times.ts';

interface RoleWords {
	readonly name: string;
	/** Within a sentence. */
	readonly one: string;
	readonly can: string;
}

export const roleWords: Readonly<Record<Role, RoleWords>> = {
	owner: {
		name: 'Owner',
		one: 'an owner',
		can: 'Reads and writes. Lets people in and out, changes roles, makes links, deletes the space.'
	},
	editor: {
		name: 'Editor',
		one: 'an editor',
		can: 'Reads and writes notes. Can’t change who is in.'
	},
	viewer: { name: 'Viewer', one: 'a viewer', can: 'Reads. Can’t write.' },
	auditor: {
		name: 'Auditor',
		one: 'an auditor',
		can: 'Sees who is in, and who did how much when. Never holds the key to what is written.'
	}
};

/** Nothing is given to these before a person has said who it is. */
export const isBarred = ({ identity }: Pick<Contact, 'identity'>): boolean =>
	identity === 'changed' || identity === 'renewed' || identity === 'earlier';

const shortId = (account: AccountId): string => account.slice(0, 6);

/** Somebody, and what others call them where nothing confirms it. */
export type Person = Pick<Contact, 'account' | 'handle'> &
	Partial<Pick<SpaceMember, 'unconfirmedName'>>;

/** A name that nothing confirms stands in quotes, beside a part of the id; a taken one not at all. */
export function nameOf({ account, handle, unconfirmedName = null }: Person): string {
	if (handle !== null) return handle;
	const said = unconfirmedName?.isTaken === false ? `‘${unconfirmedName.name}’` : 'Somebody';
	return `${said} (${shortId(account)})`;
}

export const memberName = (member: SpaceMember): string => {
	if (member.kind === 'link') return `Share link (${shortId(member.account)})`;
	return member.kind === 'app' ? `App (${shortId(member.account)})` : nameOf(member);
};

/** Names for the accounts in a log; somebody who left is known by a part of the id only. */
export function namesIn(members: readonly SpaceMember[]): (account: AccountId) => string {
	const names = new Map(
		members.map((member) => [
			member.account,
			member.identity === 'own' ? 'you' : memberName(member)
		])
	);
	return (account) => names.get(account) ?? `somebody (${shortId(account)})`;
}

/** What an owner did that stops this device in a space, and what to do about it. */
export function ownerFaultWords(fault: OwnerFault, named: (account: AccountId) => string): Words {
	const name = named(fault.author);
	const by = name === 'you' ? 'another device of yours' : name;
	if (fault.fault === 'identity_replaced') {
		return {
			what: `In your place, ${by} put an identity that is not yours.`,
			then: `Whoever has that one can read and write here under your name. This device reads nothing new here and sends nothing; what you have stays, and can be read. Tell the others by another way, by phone or face to face: what appears here under your name from now on is not from you.`
		};
	}
	return {
		what: `Key ${count(fault.epoch)} of this space, made by ${by}, does not work on this device.`,
		then: `It was handed out wrongly, by mistake or on purpose. Until an owner makes a new key, this device reads nothing new here and sends nothing; what you have stays, and what you write is kept. Ask ${by === name ? `${by}, or another owner,` : 'an owner'} to make a new key.`
	};
}

interface StandingWords {
	readonly short: string;
	readonly tone: 'quiet' | 'good' | 'amber' | 'wax';
	readonly says: (name: string) => string;
}

export const identityWords: Readonly<Record<IdentityStanding, StandingWords>> = {
	own: { short: 'This is you', tone: 'quiet', says: () => 'This is your own identity.' },
	pinned: {
		short: 'Not compared yet',
		tone: 'quiet',
		says: (name) =>
			`This is the identity that ${name} showed when you first met here. To be sure that nobody stood between you even then, read these words to each other, by phone or face to face: both of you must see the same ones, in the same order.`
	},
	compared: {
		short: 'Compared',
		tone: 'good',
		says: (name) => `You have compared these words with ${name}: nobody stands between you.`
	},
	renewed: {
		short: 'New identity, to be confirmed',
		tone: 'amber',
		says: (name) =>
			`${name} has a new identity, and the old one signed it. It gets no key before you confirm it. Ask ${name} whether that is so, and compare the words.`
	},
	earlier: {
		short: 'An identity from before',
		tone: 'amber',
		says: (name) =>
			`${name} has renewed their identity since, and this space still holds the one before. Whoever has what ${name} lost may read on here, until an owner lets the new one in.`
	},
	changed: {
		short: 'Not trusted: another identity',
		tone: 'wax',
		says: (name) =>
			`This is another identity than the one this device knows of ${name}, and the old one did not sign it. Either ${name} began anew, or somebody else is in between. It gets nothing. Ask ${name} by another way before you do anything.`
	},
	unknown: {
		short: 'Met for the first time',
		tone: 'quiet',
		says: (name) =>
			`You have not met ${name} here before. To be sure who it is, read these words to each other, by phone or face to face: both of you must see the same ones, in the same order.`
	}
};

const reads = (role: Role): boolean => role !== 'auditor';
const writes = (role: Role): boolean => role === 'owner' || role === 'editor';

/** What follows from a change of role, in plain sentences. */
export function consequences(name: string, from: Role, to: Role): readonly string[] {
	const said: string[] = [];
	if (to === 'owner') {
		said.push(
			`${name} can let people in and out, change every role, yours included, and delete the space.`
		);
	}
	if (from === 'owner') said.push(`${name} can’t change who is in any more.`);
	if (!reads(from) && reads(to)) {
		said.push(`${name} gets the key, and can read everything that is here, older notes too.`);
	}
	if (reads(from) && !reads(to)) {
		said.push(
			`A new key is made in the same step: ${name} can’t read what is written from now on, and keeps what was read or copied before.`
		);
	}
	if (!writes(from) && writes(to)) said.push(`${name} can write, change and delete notes.`);
	if (writes(from) && !writes(to)) {
		said.push(
			`${name} can’t write any more. Changes of theirs that have not arrived yet are refused, and stay on their device.`
		);
	}
	return said;
}

type Named = (account: AccountId) => string;

/** Goes on after the name of whoever did it. */
export function eventWords(event: ActivityEvent, named: Named): string {
	switch (event.type) {
		case 'created':
			return 'made the space';
		case 'pages':
			return `wrote ${fileBytes(event.bytes)} in ${counted(event.pages, 'part')}`;
		case 'superseded':
			return `replaced ${counted(event.pages, 'older part')}`;
		case 'added':
			return `let in ${named(event.account)} as ${roleWords[event.role].one}`;
		case 'role_changed':
			return `made ${named(event.account)} ${roleWords[event.role].one}`;
		case 'removed':
			return `removed ${named(event.account)}`;
		case 'left':
			return 'left';
		case 'epoch':
			return `made key ${count(event.number)}`;
		case 'settings':
			return 'changed the settings';
	}
}
