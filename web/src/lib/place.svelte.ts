// Where the person is. Kept behind the #, which browsers never send: the server must not learn which
// note is open.
import { createSubscriber } from 'svelte/reactivity';
import { on } from 'svelte/events';
import { parseId, type ItemId } from '../../../protocol/ids.ts';

export type View =
	| { readonly name: 'notes'; readonly item: ItemId | null }
	| { readonly name: 'trash' | 'import' | 'settings' };

export const notesHref = '#/';
export const trashHref = '#/trash';
export const importHref = '#/import';
export const settingsHref = '#/settings';
export const itemHref = (item: ItemId): string => `#/note/${item}`;

export function parseView(hash: string): View {
	const [name = '', id] = hash.replace(/^#\/?/, '').split('/');
	if (name === 'trash' || name === 'import' || name === 'settings') return { name };
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
