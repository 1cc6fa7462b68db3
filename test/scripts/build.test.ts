// Builds in copies of the project, so that nobody's build is disturbed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { newFolder, root } from './starting.ts';

const buildTimeoutMs = 240_000;
const rooms = ['protocol', 'crypto', 'durable-objects', 'worker', 'client', 'web', 'scripts'];
const files = ['package.json', 'package-lock.json', 'wrangler.toml', 'tsconfig.base.json'];
const generated = /(^|\/)(node_modules|\.svelte-kit|build|opaque-ke\.(js|wasm))$/;

const copies: string[] = [];

function copyOfProject(): string {
	const copy = newFolder();
	copies.push(copy);
	for (const name of [...rooms, ...files]) {
		cpSync(path.join(root, name), path.join(copy, name), {
			recursive: true,
			filter: (source) => !generated.test(path.relative(root, source))
		});
	}
	symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
	return copy;
}

function build(copy: string): string {
	return execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, encoding: 'utf8' });
}

/** Name → digest of everything that is served or deployed. */
function digests(copy: string): Record<string, string> {
	const made: [string, string][] = [];
	for (const folder of ['web/build', 'dist']) {
		for (const name of readdirSync(path.join(copy, folder), {
			recursive: true,
			encoding: 'utf8'
		})) {
			const file = path.join(copy, folder, name);
			if (!statSync(file).isFile()) continue;
			const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
			made.push([`${folder}/${name}`, digest]);
		}
	}
	return Object.fromEntries(made.sort());
}

afterAll(() => {
	for (const copy of copies) rmSync(copy, { recursive: true });
});

describe('a build', { timeout: buildTimeoutMs }, () => {
	test('gives the same bytes twice, and has nothing to do the second time', () => {
		const [one, other] = [copyOfProject(), copyOfProject()];
		expect(build(one)).toContain('Building');
		build(other);
		const made = digests(one);
		expect(Object.keys(made)).toContain('dist/index.js');
		expect(Object.keys(made)).toContain('web/build/index.html');
		expect(digests(other)).toEqual(made);
		expect(build(one)).not.toContain('Building');
	});
});
