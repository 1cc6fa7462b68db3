// Where the person is. Kept behind the #, which browsers never send: the server must not learn which
// note is open.
import { createSubscriber } from 'svelte/reactivity';
import { on } from 'svelte/events';
import { parseId, type ItemId, type SpaceId } from '../../../protocol/ids.ts';

export type View =
	| { readonly name: 'notes'; readonly item: ItemId | null }
	| { readonly name: 'space'; readonly space: SpaceId }
	| { readonly name: 'trash' | 'import' | 'settings' };

export const notesHref = '#/';
export const trashHref = '#/trash';
export const importHref = '#/import';
export const settingsHref = '#/settings';
export const itemHref = (item: ItemId): string => `#/note/${item}`;

export const spaceHref = (space: SpaceId): string => `#/space/${space}`;

export function parseView(hash: string): View {
	const [name = '', id] = hash.replace(/^#\/?/, '').split('/');
	if (name === 'trash' || name === 'import' || name === 'settings') return { name };
	const space = name === 'space' ? parseId<SpaceId>(id) : null;
	if (space?.ok) return { name: 'space', space: space.value };
	const item = name === 'note' ? parseId<ItemId>(id) : null;
	return { name: 'notes', item: item?.ok ? item.value : null };
}

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
