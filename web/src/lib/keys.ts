// Keys that work everywhere behind the lock. The map that ? shows is made from the same list.
import { isMac } from './platform.ts';
import {
	accountHref,
	importHref,
	invitationsHref,
	notesHref,
	settingsHref,
	trashHref
} from './place.svelte.ts';
import type { DeskState } from './desk.svelte.ts';

interface Shortcut {
	/** As in KeyboardEvent.key, lower case; `mod+` is ⌘ on a Mac, Ctrl elsewhere. */
	readonly keys: string;
	readonly does: string;
	readonly run: (desk: DeskState) => void;
}

const focus = (selector: string): void => document.querySelector<HTMLElement>(selector)?.focus();

const showSearch = (desk: DeskState): void => {
	const { view } = desk.app.place;
	if (view.name !== 'notes') desk.app.place.go(notesHref);
	requestAnimationFrame(() => focus('#search'));
};

/** Back to the row of the note that was open, wherever the list has scrolled. */
const leaveNote = (): void => {
	const row = document.querySelector<HTMLElement>('.note-list a[aria-current]');
	if (row === null || row.offsetParent === null) focus('.back');
	else row.focus();
};

export const shortcuts: readonly Shortcut[] = [
	{ keys: 'mod+k', does: 'Find a note or a command', run: (desk) => (desk.dialog = 'palette') },
	{ keys: 'n', does: 'New note', run: (desk) => void desk.newNote() },
	{ keys: '/', does: 'Search', run: showSearch },
	{ keys: 'escape', does: 'From the note back to the list', run: leaveNote },
	{ keys: 'mod+shift+l', does: 'Lock', run: (desk) => void desk.app.tacet.lock() },
	{
		keys: 'mod+z',
		does: 'Outside of text: undo the last delete',
		run: ({ app: { toasts } }) => {
			const toast = toasts.latestAction;
			if (toast !== undefined) toasts.run(toast);
		}
	},
	{ keys: '?', does: 'This map', run: (desk) => (desk.dialog = 'keys') }
];

/** Keys of the parts themselves, for the map only. */
export const otherKeys: readonly (readonly [string, string])[] = [
	['↑ ↓ PgUp PgDn Home End', 'Move in the list'],
	['Enter', 'Open the note; in the title: go on to the text'],
	['Tab, Shift+Tab', 'Move between parts; in the text: indent']
];

export const places: readonly (readonly [string, string])[] = [
	['Notes', notesHref],
	['Invitations', invitationsHref],
	['Trash', trashHref],
	['Import', importHref],
	['Account', accountHref],
	['Settings', settingsHref]
];

const isEditable = (target: EventTarget | undefined): boolean =>
	target instanceof HTMLElement &&
	(target.isContentEditable || target.matches('input, textarea, select'));

/** 'mod+shift+l', as `shortcuts` has it. */
function keysOf(event: KeyboardEvent): string {
	const mod = isMac ? event.metaKey : event.ctrlKey;
	const key = event.key.toLowerCase();
	return `${mod ? 'mod+' : ''}${event.shiftKey && mod ? 'shift+' : ''}${key}`;
}

export const keyHandler =
	(desk: DeskState) =>
	(event: KeyboardEvent): void => {
		if (event.defaultPrevented || event.isComposing || event.altKey || desk.dialog !== null) return;
		const keys = keysOf(event);
		const shortcut = shortcuts.find((one) => one.keys === keys);
		if (shortcut === undefined) return;
		// The editor lives in a shadow root: the window sees its host, the path has the text itself.
		const inText = isEditable(event.composedPath()[0]);
		const single = keys.length === 1;
		if (single && (inText || !desk.app.preferences.singleKeys)) return;
		if (keys === 'mod+z' && (inText || desk.app.toasts.latestAction === undefined)) return;
		if (keys === 'escape' && !inText) return;
		event.preventDefault();
		shortcut.run(desk);
	};

const names: Readonly<Record<string, string>> = {
	mod: isMac ? '⌘' : 'Ctrl',
	shift: isMac ? '⇧' : 'Shift',
	escape: 'Esc'
};

export const keyNames = (keys: string): string[] =>
	keys.split('+').map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
