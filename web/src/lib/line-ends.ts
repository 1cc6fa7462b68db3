// Imported text may end its lines with CR LF. The editor keeps every CR, and this keeps the caret on
// its left at the end of a line, so that nothing is ever typed between CR and LF.
import { EditorSelection, EditorState, type Extension } from '@codemirror/state';

export const caretBeforeCarriageReturn: Extension = EditorState.transactionFilter.of((change) => {
	if (change.selection === undefined || change.docChanged) return change;
	const { main } = change.selection;
	const { doc, selection: before } = change.startState;
	const line = doc.lineAt(main.head);
	if (!main.empty || main.head !== line.to || !line.text.endsWith('\r')) return change;
	// A step to the right from before the CR goes on to the next line.
	const stepsOn = before.main.head === main.head - 1 && line.to < doc.length;
	const head = stepsOn ? line.to + 1 : line.to - 1;
	return [change, { selection: EditorSelection.cursor(head), sequential: true }];
});
