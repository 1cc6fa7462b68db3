// For the one field that a screen is about. The attribute `autofocus` would do nothing when a screen
// takes the place of another.
export const focusOnShow = (field: HTMLElement): void => field.focus();

/** The text of the open note, inside the editor's shadow root. */
export const focusText = (): void =>
	document
		.querySelector('.note-text')
		?.shadowRoot?.querySelector<HTMLElement>('.cm-content')
		?.focus();
