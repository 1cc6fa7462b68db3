// Real files: every README.md of the packages that the project is built with.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import path from 'node:path';
import { inProject } from '../../scripts/project.mjs';

export interface RealFile {
	/** Where it lies in the folder that is imported, the folder's name first. */
	readonly path: string;
	readonly bytes: Buffer;
}

/** Copies them, in their folders, and a few files that are hard to keep as they are. */
export async function gatherReadmes(into: string): Promise<RealFile[]> {
	const root = path.join(into, 'readmes');
	const packages = inProject('node_modules');
	const found = globSync('**/README.md', { cwd: packages });
	for (const name of found) await put(path.join(packages, name), path.join(root, name));
	for (const [name, bytes] of Object.entries(hardToKeep)) {
		await mkdir(path.join(root, 'hard'), { recursive: true });
		await writeFile(path.join(root, 'hard', name), bytes);
	}
	const names = [...found, ...Object.keys(hardToKeep).map((name) => path.join('hard', name))];
	return Promise.all(
		names.sort().map(async (name) => ({
			path: `readmes/${name.split(path.sep).join('/')}`,
			bytes: await readFile(path.join(root, name))
		}))
	);
}

async function put(from: string, to: string): Promise<void> {
	await mkdir(path.dirname(to), { recursive: true });
	await cp(from, to, { dereference: true });
}

/** Line ends, marks, and letters that software likes to change. */
const hardToKeep: Readonly<Record<string, string>> = {
	'crlf.md': '# Windows\r\n\r\nEvery line\r\nends in two.\r\n',
	'mixed-ends.md': 'one\rtwo\r\nthree\nfour\n\r\n',
	'byte-order-mark.md': '\uFEFF# Marked at its beginning\n',
	'emoji.md': '# 👩‍👩‍👧‍👦 🏳️‍🌈 𝒜 \u{1F469}\u{1F3FD}\u200D\u{1F680}\n\nA family, a flag, an astronaut.\n',
	'decomposed.md': 'e\u0301 is not \u00E9\n',
	'no-end.md': 'no line end at the end',
	'empty.md': '',
	'right-to-left.md': '# שלום\n\nمرحبا بالعالم\n',
	'separators.md': 'a\u2028b\u2029c\u0085d\ttab\u000Bvertical\n',
	'html.md': '<script>document.title = "taken"</script><img src=x onerror=alert(1)>\n'
};
