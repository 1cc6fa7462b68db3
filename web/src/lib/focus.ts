// For the one field that a screen is about. The attribute `autofocus` would do nothing when a screen
// takes the place of another.
export const focusOnShow = (field: HTMLElement): void => field.focus();

/**
 * For an answer that may stand far above the field that was typed into: on a phone nobody would see that
 * anything was said.
 */
export const inSight = (element: HTMLElement): void => element.scrollIntoView({ block: 'nearest' });

/** The text of the open note, inside the editor's shadow root. */
export const focusText = (): void =>
	document
		.querySelector('.note-text')
		?.shadowRoot?.querySelector<HTMLElement>('.cm-content')
		?.focus();
