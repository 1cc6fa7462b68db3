// Takes the compiled opaque-ke out of @serenity-kit/opaque into crypto/opaque-ke/: the Wasm as a
// file and its glue without the loader. As published the package compiles Wasm from bytes while it
// is imported, which a Worker may not do and a strict CSP should not allow.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = path.join(root, 'node_modules/@serenity-kit/opaque/esm/index.js');
const folder = path.join(root, 'crypto/opaque-ke');
const glueFile = path.join(folder, 'opaque-ke.js');
const wasmFile = path.join(folder, 'opaque-ke.wasm');

// The build was looked at when it was pinned; another one must be looked at before it is used.
const wasmSha256 = '32255973125fe9ac1fdf54d7f152361b302299f4b6678a1cb1c9baa978f0d6db';

const embeddedWasm =
	/^function _loadWasmModule[\s\S]*?function wasmData\(imports\)\{return _loadWasmModule\(0, null, '([A-Za-z0-9+/=]+)'\)\}\n/;
const loader = /async function __wbg_load\([\s\S]*?(?=var client = )/;
const tail = /const ready = __wbg_init\([\s\S]*$/;

const init = `async function init(module) {
    if (wasm === undefined) __wbg_finalize_init(await WebAssembly.instantiate(module, __wbg_get_imports()));
    return { client, server };
}

async function step(module, work) {
    const instance = await WebAssembly.instantiate(module, __wbg_get_imports());
    const before = wasm;
    __wbg_finalize_init(instance);
    try {
        return work(client);
    } finally {
        wasm = before;
        cachedDataViewMemory0 = null;
        cachedUint8ArrayMemory0 = null;
    }
}

export { init, step };
`;

/**
 * Both files as they should be, from the text of the package's module.
 * @param {string} text
 */
export function extract(text) {
	const embedded = embeddedWasm.exec(text);
	if (!embedded?.[1] || !loader.test(text) || !tail.test(text)) {
		throw new Error('@serenity-kit/opaque has another shape than the one known here');
	}
	const wasm = Buffer.from(embedded[1], 'base64');
	const glue = text.replace(embedded[0], '').replace(loader, '').replace(tail, init);
	if (/\bfetch\(|wasmData|__wbg_load\b/.test(glue)) {
		throw new Error('the glue of @serenity-kit/opaque still holds its own loader');
	}
	return { wasm, glue };
}

/** Writes both files unless they are there already. */
export function extractOpaque() {
	const { wasm, glue } = extract(readFileSync(source, 'utf8'));
	const digest = createHash('sha256').update(wasm).digest('hex');
	if (digest !== wasmSha256) throw new Error(`opaque-ke.wasm has the digest ${digest}`);
	mkdirSync(folder, { recursive: true });
	writeIfChanged(wasmFile, wasm);
	writeIfChanged(glueFile, Buffer.from(glue));
}

/**
 * @param {string} file
 * @param {Buffer} bytes
 */
function writeIfChanged(file, bytes) {
	if (existsSync(file) && readFileSync(file).equals(bytes)) return;
	writeFileSync(`${file}.${process.pid}`, bytes);
	renameSync(`${file}.${process.pid}`, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) extractOpaque();
