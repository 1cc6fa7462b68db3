// Where things are, and a digest of files. Runs on any Node: nothing here needs a package.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** @param {...string} parts */
export const inProject = (...parts) => path.join(root, ...parts);

const generated = new Set(['node_modules', '.svelte-kit', 'build', '.types', 'tsconfig.json']);

/**
 * Every file under these files and folders, sorted, without what is generated.
 * @param {readonly string[]} names relative to the project
 * @returns {string[]}
 */
export function filesUnder(names) {
	return names
		.filter((name) => existsSync(inProject(name)))
		.flatMap((name) => {
			if (statSync(inProject(name)).isFile()) return [name];
			const inside = readdirSync(inProject(name)).filter((entry) => !generated.has(entry));
			return filesUnder(inside.map((entry) => path.posix.join(name, entry)));
		})
		.sort();
}

/**
 * One hex SHA-256 over the names and bytes of the files.
 * @param {readonly string[]} names relative to the project
 */
export function digestOf(names) {
	const hash = createHash('sha256');
	for (const name of filesUnder(names)) {
		const bytes = readFileSync(inProject(name));
		hash.update(`${name}\0${bytes.length}\0`).update(bytes);
	}
	return hash.digest('hex');
}
