// The Markdown editor: CodeMirror bound to a note's text. Fetched when the first note is opened.
import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { markdown, markdownLanguage } from '@codemirror/lang-markdown';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorState, type Extension } from '@codemirror/state';
import {
	drawSelection,
	dropCursor,
	EditorView,
	highlightSpecialChars,
	keymap,
	placeholder
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type * as Y from 'yjs';
import { caretBeforeCarriageReturn } from './line-ends.ts';

export interface EditorOptions {
	readonly host: HTMLElement;
	readonly body: Y.Text;
	readonly undo: Y.UndoManager;
	readonly label: string;
	readonly readOnly: boolean;
}

const look = EditorView.theme({
	'&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: '1.0625rem' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { overflow: 'visible', fontFamily: 'var(--editor-face)', lineHeight: '1.6' },
	'.cm-content': { padding: '0', caretColor: 'var(--accent)', minHeight: '40vh' },
	'.cm-line': { padding: '0' },
	'.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
	'& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
		background: 'color-mix(in srgb, var(--accent) 16%, transparent)'
	},
	'&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
		background: 'color-mix(in srgb, var(--accent) 26%, transparent)'
	},
	'.cm-placeholder': { color: 'var(--muted)' },
	'.cm-specialChar': { color: 'var(--muted)' }
});

const ink = HighlightStyle.define([
	{ tag: tags.heading1, fontSize: '1.35em', fontWeight: '640', lineHeight: '1.3' },
	{ tag: tags.heading2, fontSize: '1.2em', fontWeight: '640', lineHeight: '1.35' },
	{ tag: tags.heading3, fontSize: '1.08em', fontWeight: '640' },
	{ tag: tags.heading, fontWeight: '640' },
	{ tag: tags.strong, fontWeight: '680' },
	{ tag: tags.emphasis, fontStyle: 'italic' },
	{ tag: tags.strikethrough, textDecoration: 'line-through' },
	{ tag: tags.link, color: 'var(--accent)' },
	{ tag: tags.url, color: 'var(--accent)' },
	{ tag: tags.monospace, fontFamily: 'var(--face-mono)', fontSize: '0.9em' },
	{ tag: tags.quote, color: 'var(--muted)' },
	{ tag: tags.contentSeparator, color: 'var(--muted)' },
	{ tag: tags.processingInstruction, color: 'var(--muted)' },
	{ tag: tags.labelName, color: 'var(--muted)' }
]);

/** A carriage return stays in the text, byte for byte, but there is nothing of it to see. */
function renderSpecial(code: number, description: string | null): HTMLElement {
	const shown = document.createElement('span');
	if (code === 0x0d) return shown;
	shown.className = 'cm-specialChar';
	shown.textContent = '\u2022';
	shown.title = description ?? `character ${code.toString(16)}`;
	return shown;
}

function extensions({ body, undo, label, readOnly }: EditorOptions): Extension {
	return [
		EditorState.lineSeparator.of('\n'),
		caretBeforeCarriageReturn,
		EditorState.readOnly.of(readOnly),
		EditorView.contentAttributes.of({
			'aria-label': label,
			'aria-readonly': String(readOnly),
			autocapitalize: 'sentences',
			spellcheck: 'true'
		}),
		EditorView.lineWrapping,
		// Pasted text takes this note's line ends; only imported text keeps its own.
		EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, '\n')),
		highlightSpecialChars({ render: renderSpecial }),
		drawSelection(),
		dropCursor(),
		placeholder('Write in Markdown'),
		markdown({ base: markdownLanguage, completeHTMLTags: false, pasteURLAsLink: true }),
		syntaxHighlighting(ink),
		look,
		keymap.of([...yUndoManagerKeymap, ...defaultKeymap, indentWithTab]),
		yCollab(body, null, { undoManager: undo })
	];
}

/** Shows the editor in a shadow root of `host`: its styles are constructed, which the policy allows
 * there only. */
export function showEditor(options: EditorOptions): EditorView {
	const root = options.host.shadowRoot ?? options.host.attachShadow({ mode: 'open' });
	return new EditorView({
		parent: root,
		root,
		state: EditorState.create({ doc: options.body.toString(), extensions: extensions(options) })
	});
}
