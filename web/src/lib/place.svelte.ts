// Where the person is. Kept behind the #, which browsers never send: the server must not learn which
// note is open.
import { createSubscriber } from 'svelte/reactivity';
import { on } from 'svelte/events';
import { parseId, type ItemId, type SpaceId } from '../../../protocol/ids.ts';

export interface NotesView {
	readonly name: 'notes';
	/** The list of one space; null for all of them. */
	readonly space: SpaceId | null;
	readonly item: ItemId | null;
	/** Where that note lies; null if the address does not say. */
	readonly itemSpace: SpaceId | null;
}

export type View =
	| NotesView
	| { readonly name: 'space'; readonly space: SpaceId }
	| { readonly name: 'account'; readonly part: AccountPart }
	/** Links that carry a secret: all of what stands behind the #. */
	| { readonly name: 'join' | 'link'; readonly url: string }
	/** Where the link of a sign-up invite leads: its code. */
	| { readonly name: 'sign-up'; readonly code: string }
	/** Where a recovery kit leads: its twelve words are typed there. */
	| { readonly name: 'recover'; readonly handle: string }
	| { readonly name: 'trash' | 'import' | 'settings' | 'invitations' };

/** Pages of the account; the first one leads to the others. */
export const accountParts = [
	'overview',
	'devices',
	'factors',
	'password',
	'unlocking',
	'kit',
	'limits',
	'operator'
] as const;
export type AccountPart = (typeof accountParts)[number];

export const notesHref = '#/';
export const trashHref = '#/trash';
export const importHref = '#/import';
export const settingsHref = '#/settings';
export const invitationsHref = '#/invitations';
export const accountHref = '#/account';

export const recoverHref = (handle: string): string => `#/recover/${encodeURIComponent(handle)}`;
export const partHref = (part: AccountPart): string =>
	part === 'overview' ? accountHref : `${accountHref}/${part}`;
export const spaceHref = (space: SpaceId): string => `#/space/${space}`;
/** The notes of one space. */
export const listHref = (space: SpaceId | null): string =>
	space === null ? notesHref : `#/in/${space}`;

/** Both ids: whoever is in one space could give a note there the id of one in another. */
export const itemHref = (item: ItemId, itemSpace: SpaceId, list: SpaceId | null = null): string =>
	list === null ? `#/note/${item}/${itemSpace}` : `#/in/${list}/${item}`;

const idOf = <Id extends SpaceId | ItemId>(text: string | undefined): Id | null => {
	const id = parseId<Id>(text);
	return id.ok ? id.value : null;
};

export function parseView(hash: string): View {
	const [name = '', first, second] = hash.replace(/^#\/?/, '').split('/');
	switch (name) {
		case 'trash':
		case 'import':
		case 'settings':
		case 'invitations':
			return { name };
		case 'account':
			return { name, part: accountParts.find((part) => part === first) ?? 'overview' };
		case 'join':
		case 'link':
			return { name, url: hash };
		case 'sign-up':
			return { name, code: first ?? '' };
		case 'recover':
			return { name, handle: decoded(first ?? '') };
		case 'space': {
			const space = idOf<SpaceId>(first);
			return space === null ? parseNotes(null, null, null) : { name, space };
		}
		case 'in': {
			const space = idOf<SpaceId>(first);
			return parseNotes(space, space === null ? null : idOf(second), space);
		}
		case 'note':
			return parseNotes(null, idOf(first), idOf(second));
		default:
			return parseNotes(null, null, null);
	}
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return '';
	}
}

const parseNotes = (
	space: SpaceId | null,
	item: ItemId | null,
	itemSpace: SpaceId | null
): NotesView => ({ name: 'notes', space, item, itemSpace });

/** A share link: shown by a page of its own, without an account. */
export const isShareLink = (hash: string): boolean => hash.startsWith('#/s/');

export class Place {
	#subscribe = createSubscriber((update) => on(window, 'hashchange', update));

	get view(): View {
		this.#subscribe();
		return parseView(location.hash);
	}

	go(href: string): void {
		location.hash = href;
	}

	/** Without a new step in the browser's history. */
	replace(href: string): void {
		location.replace(href);
	}
}
