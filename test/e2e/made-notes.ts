// Folders of notes made up for a story.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes `count` notes of about a kilobyte under `name`; answers where each lies and its text. */
export async function writeNotes(
	into: string,
	name: string,
	count: number
): Promise<Map<string, string>> {
	const notes = new Map<string, string>();
	for (let at = 0; at < count; at += 1) {
		const file = `${name}/${String(at % 20)}/note-${String(at)}.md`;
		notes.set(file, `# Note ${String(at)}\n\n${`paragraph ${String(at)} `.repeat(60)}\n`);
	}
	for (const [file, text] of notes) {
		await mkdir(path.join(into, path.dirname(file)), { recursive: true });
		await writeFile(path.join(into, file), text);
	}
	return notes;
}
