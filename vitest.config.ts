import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { playwright } from '@vitest/browser-playwright';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';

const setupFiles: string[] = [];
const executablePath = await findChromium();

// wrangler's configuration names this folder; tests of the Worker do not need what is in it.
mkdirSync(fileURLToPath(new URL('web/build', import.meta.url)), { recursive: true });

/** Gives Wasm files the shape they have in a Worker: the import is a compiled module. */
function wasmModules(where: 'node' | 'browser'): Plugin {
	const wasmFile = /\.wasm$/;
	return {
		name: 'wasm-modules',
		enforce: 'pre',
		load: {
			filter: { id: wasmFile },
			handler(id) {
				const file = JSON.stringify(id);
				if (where === 'browser') {
					return `import url from ${JSON.stringify(`${id}?url`)};
						export default await WebAssembly.compileStreaming(fetch(url));`;
				}
				return `import { readFileSync } from 'node:fs';
					export default new WebAssembly.Module(readFileSync(${file}));`;
			}
		}
	};
}

/** Every sign-up and login stretches a password on purpose, and tests share the machine. */
const patience = { testTimeout: 60_000, hookTimeout: 60_000 };
/** Processes and browsers on a loaded machine: the summary names what needed its second try. */
const secondTry = { retry: 1 };
const everywhere = ['test/{protocol,crypto}/**/*.test.ts'];
/** Bytes in, bytes out: files that leave nothing behind share a process, which is slow to start. */
const stateless = { isolate: false };

const worker = () =>
	cloudflareTest({
		wrangler: { configPath: './wrangler.toml' },
		miniflare: {
			bindings: {
				TACET_SECRET: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
				TACET_SIGN_UP: 'open',
				TACET_TLS: 'any'
			}
		}
	});

export default defineConfig({
	test: {
		reporters: ['default', './test/reporter.ts'],
		// A third of the time a test waits for an edge, a browser, a disk or a clock.
		maxWorkers: availableParallelism() + 1,
		projects: [
			{
				plugins: [wasmModules('node')],
				test: {
					name: 'node',
					include: [
						'test/{client,web,scripts,adversary,ciphertext-only,simulation,soak,bench}/**/*.test.ts',
						'test/*.test.ts'
					],
					exclude: ['**/*.browser.test.ts'],
					setupFiles,
					...patience,
					...secondTry
				}
			},
			{
				plugins: [wasmModules('node')],
				test: {
					name: 'node-bytes',
					include: everywhere,
					exclude: ['**/*.browser.test.ts'],
					...patience,
					...stateless
				}
			},
			{
				plugins: [worker()],
				test: {
					name: 'workerd',
					include: ['test/{durable-objects,worker}/**/*.test.ts'],
					exclude: ['**/*.browser.test.ts', '**/*.node.test.ts'],
					...patience
				}
			},
			{
				plugins: [worker()],
				test: {
					name: 'workerd-bytes',
					include: everywhere,
					exclude: ['**/*.browser.test.ts', '**/*.node.test.ts'],
					...patience,
					...stateless
				}
			},
			{
				plugins: [wasmModules('browser')],
				// Published vectors lie beside the project: test/crypto/vectors.ts.
				server: { fs: { allow: ['.', '../shared/vectors'] } },
				test: {
					name: 'chromium',
					include: [...everywhere, 'test/client/**/*.browser.test.ts'],
					exclude: ['**/*.node.test.ts'],
					...patience,
					...stateless,
					browser: {
						enabled: true,
						headless: true,
						screenshotFailures: false,
						provider: playwright({
							launchOptions: { args: chromiumArgs, ...(executablePath && { executablePath }) }
						}),
						instances: [{ browser: 'chromium' }]
					},
					sequence: { groupOrder: 1 }
				}
			},
			{
				test: {
					name: 'built',
					include: ['test/{conformance,e2e}/**/*.test.ts'],
					...secondTry,
					testTimeout: 240_000,
					hookTimeout: 240_000,
					sequence: { groupOrder: 2 }
				}
			}
		]
	}
});
