// Takes notes out of the page as Markdown files: made here, and given to nobody but the person.
import { toHex } from '../../../protocol/bytes.ts';
import type { ChainFault, Space } from '../../../client/index.ts';
import { spaceName } from './sharing.svelte.ts';
import { zipOf, type ZipEntry } from './zip-file.ts';

const maxNameCharacters = 80;
/** Not allowed in names of files on some system, or of a meaning of their own. */
// eslint-disable-next-line no-control-regex -- control characters are among them
const unfit = /[\u0000-\u001f\u007f<>:"/\\|?*]/g;

const fileName = (title: string): string => {
	const name = [...title.replace(unfit, ' ').trim()].slice(0, maxNameCharacters).join('');
	return name.replace(/^\.+|[. ]+$/g, '') || 'Untitled';
};

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** 'Note.md', 'Note (2).md': no name is given twice, on systems that do not tell cases apart too. */
function freeName(taken: Set<string>, folder: string, title: string): string {
	for (let turn = 1; ; turn += 1) {
		const name = `${folder}${fileName(title)}${turn === 1 ? '' : ` (${turn})`}.md`;
		if (taken.has(name.toLowerCase())) continue;
		taken.add(name.toLowerCase());
		return name;
	}
}

async function entriesOf(space: Space, folder: string, taken: Set<string>): Promise<ZipEntry[]> {
	const entries: ZipEntry[] = [];
	for (const { id, trashedAtMs } of [...space.items, ...space.trashed]) {
		const read = await space.read(id);
		if (!read.ok) continue;
		const { title, body, updatedAtMs } = read.value;
		const within = trashedAtMs === null ? folder : `${folder}Trash/`;
		const path = freeName(taken, within, title);
		entries.push({ path, bytes: bytesOf(body), changedAtMs: updatedAtMs });
	}
	return entries;
}

/** What the server showed, for whoever looks into it. Holds no key and nothing of any note. */
function evidenceText(space: Space, evidence: ChainFault): string {
	const { fault, verified, offered, entry, foundAtMs } = evidence;
	const head = ({ seq, hash }: ChainFault['verified']) => ({ seq, hash: toHex(hash) });
	const shown = {
		space: space.id,
		fault,
		found: new Date(foundAtMs).toISOString(),
		verified: head(verified),
		offered: head(offered),
		entry: entry && { commit: toHex(entry.commit), signature: toHex(entry.signature) }
	};
	return `${JSON.stringify(shown, null, '\t')}\n`;
}

/** Lets the browser save a zip of all notes, those in the trash in a folder of that name. */
export async function exportSpaces(spaces: readonly Space[], name: string): Promise<void> {
	const taken = new Set<string>();
	const entries: ZipEntry[] = [];
	for (const space of spaces) {
		const folder = spaces.length === 1 ? '' : `${fileName(spaceName(space))}/`;
		entries.push(...(await entriesOf(space, folder, taken)));
		const { trust } = space.sync;
		if (trust.state === 'verified') continue;
		const bytes = bytesOf(evidenceText(space, trust.evidence));
		entries.push({ path: `${folder}evidence.json`, bytes, changedAtMs: trust.evidence.foundAtMs });
	}
	save(zipOf(entries), `${fileName(name)}.zip`);
}

function save(blob: Blob, name: string): void {
	const url = URL.createObjectURL(blob);
	const link = document.createElement('a');
	link.href = url;
	link.download = name;
	link.click();
	// The browser has taken hold of it by the next task.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
