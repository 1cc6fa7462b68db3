// What is left out of the Worker's bundle must not be missed: the verifier of passkeys, bundled by the
// aliases that wrangler goes by, takes and refuses what it does with its library whole.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as Verifier from '../../crypto/edge/webauthn.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { assertedOf, checkOf, createdOf, typedPair } from '../crypto/edge/webauthn-pair.ts';
import { Question, SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import { flipped, hex, valueOf } from '../crypto/vectors.ts';
import { newFolder, root } from './starting.ts';

const folder = newFolder();
const outfile = path.join(folder, 'webauthn.mjs');

/** Package → our file in its place, from wrangler.toml. */
function aliases(): Record<string, string> {
	const [, table = ''] =
		/^\[alias\]\n((?:".*\n)*)/m.exec(readFileSync(path.join(root, 'wrangler.toml'), 'utf8')) ?? [];
	const rows = [...table.matchAll(/^"(.*)" = "\.\/(.*)"$/gm)];
	return Object.fromEntries(rows.map(([, name, file]) => [name!, path.join(root, file!)]));
}

let verifier: typeof Verifier;
let files: string[];

beforeAll(async () => {
	const { metafile, warnings } = await build({
		...{ entryPoints: [path.join(root, 'crypto/edge/webauthn.ts')], outfile, bundle: true },
		...{ platform: 'neutral', format: 'esm', minify: true, logLevel: 'silent' },
		metafile: true,
		...{ mainFields: ['module', 'main'], conditions: ['workerd', 'worker', 'browser'] },
		alias: aliases()
	});
	expect(warnings).toEqual([]);
	files = Object.keys(metafile.inputs);
	verifier = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as typeof Verifier;
});

afterAll(() => {
	rmSync(folder, { recursive: true });
});

test('the bundle has what it needs of the library, and nothing that reads certificates', () => {
	const withPackage = (name: string) => files.filter((file) => file.includes(`/${name}/`));
	expect(Object.keys(aliases()).length).toBe(3);
	expect(withPackage('@simplewebauthn/server').length).toBeGreaterThan(10);
	for (const name of [...Object.keys(aliases()), 'tsyringe', '@peculiar/asn1-cms']) {
		expect(withPackage(name), name).toEqual([]);
	}
});

test('a published pair is taken, and not with another bit', async () => {
	const created = await verifier.verifyPasskeyCreated(
		createdOf(typedPair),
		checkOf(typedPair.blocks[0])
	);
	const passkey = valueOf(created);
	const judge = (signature: Uint8Array) => {
		const asserted = assertedOf(typedPair);
		const response = { ...asserted.response, signature: toBase64Url(signature) };
		return verifier.verifyPasskeyAsserted(
			{ ...asserted, response },
			[passkey],
			checkOf(typedPair.blocks[1])
		);
	};
	const signature = hex(typedPair.blocks[1].signature);
	expect((await judge(signature)).ok).toBe(true);
	for (let index = 0; index < signature.length; index++) {
		expect((await judge(flipped(signature, index))).ok, `at ${index}`).toBe(false);
	}
});

test('a statement of attestation changes nothing', async () => {
	for (const fmt of ['packed', 'tpm', 'android-key', 'android-safetynet', 'apple', 'fido-u2f']) {
		const question = new Question();
		const attStmt = new Map<string, unknown>([['x5c', [new Uint8Array(40)]]]);
		const created = new SoftAuthenticator().create(question.challenge, {
			statement: { fmt, attStmt }
		});
		expect((await verifier.verifyPasskeyCreated(created, question.check())).ok, fmt).toBe(true);
	}
});
