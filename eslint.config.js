import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import tsdoc from 'eslint-plugin-tsdoc';
import ts from 'typescript-eslint';

const rooms = ['protocol', 'crypto', 'durable-objects', 'worker', 'client', 'cli', 'web'];
const pureRooms = ['protocol/**/*.ts', 'crypto/**/*.ts'];
const plainJs = ['scripts/**/*.{mjs,js}', 'eslint.config.js'];

const noDefaultExport = {
	selector: 'ExportDefaultDeclaration',
	message: 'Name what is exported.'
};
const noEnum = { selector: 'TSEnumDeclaration', message: 'Use an `as const` object and a union.' };
const noBarrel = {
	selector: 'ExportAllDeclaration',
	message: 'Import the file that has the thing.'
};
const noTypeScriptPrivate = {
	selector: ':matches(PropertyDefinition, MethodDefinition)[accessibility="private"]',
	message: 'Use #private: TypeScript-private methods can be called over RPC.'
};
const structure = [noEnum, noBarrel, noTypeScriptPrivate];

/** TSDoc's syntax, but for the hyphen that it wants between a parameter and what is said of it. */
const tsdocSyntax = {
	...tsdoc.rules.syntax,
	create(context) {
		const report = (problem) => {
			if (problem.messageId !== 'tsdoc-param-tag-missing-hyphen') context.report(problem);
		};
		return tsdoc.rules.syntax.create(Object.create(context, { report: { value: report } }));
	}
};

/** Rules that need types, and are about mistakes more than about taste. */
const typed = {
	'@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
	'@typescript-eslint/no-confusing-void-expression': 'off',
	'@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
	'@typescript-eslint/consistent-type-imports': 'error',
	// Where a string is spread here, code points are what is wanted.
	'@typescript-eslint/no-misused-spread': 'off',
	// A brand is a type parameter that is used once.
	'@typescript-eslint/no-unnecessary-type-parameters': 'off',
	// A checked index is `T | undefined`; where the bounds are plain to see, `!` says so.
	'@typescript-eslint/no-non-null-assertion': 'off'
};

export default defineConfig(
	{
		ignores: [
			'**/node_modules/',
			'.types/',
			'.wrangler/',
			'.cache/',
			'dist/',
			'data/',
			'bench/out/',
			'crypto/opaque-ke/opaque-ke.js',
			'test/vectors/',
			'web/build/',
			'web/.svelte-kit/'
		]
	},
	{ linterOptions: { reportUnusedDisableDirectives: 'error' } },
	js.configs.recommended,
	{
		files: ['**/*.ts'],
		ignores: ['web/**'],
		extends: [ts.configs.strictTypeChecked],
		languageOptions: {
			parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }
		},
		rules: typed
	},
	{
		files: ['web/**/*.{ts,svelte}'],
		extends: [ts.configs.strict, svelte.configs['flat/recommended']]
	},
	{
		files: ['web/**/*.svelte', 'web/**/*.svelte.ts'],
		languageOptions: { parserOptions: { parser: ts.parser } }
	},
	{
		files: ['web/**/*.{ts,svelte}'],
		rules: {
			'no-undef': 'off',
			'@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
			'@typescript-eslint/consistent-type-imports': 'error',
			'@typescript-eslint/no-non-null-assertion': 'off',
			'svelte/no-at-html-tags': 'error',
			// svelte-check fails on warnings, and knows better which ignore is used.
			'svelte/no-unused-svelte-ignore': 'off',
			// Not every map is state that a view reads.
			'svelte/prefer-svelte-reactivity': 'off',
			// One page at the root of its own origin: there is no base path to add.
			'svelte/no-navigation-without-resolve': 'off'
		}
	},
	{
		files: rooms.map((room) => `${room}/**/*.{ts,svelte}`),
		rules: {
			'no-console': 'error',
			'no-restricted-syntax': ['error', noDefaultExport, ...structure]
		}
	},
	{
		files: ['test/**/*.ts', 'bench/**/*.ts'],
		rules: {
			'no-restricted-syntax': ['error', ...structure],
			'@typescript-eslint/no-unsafe-assignment': 'off',
			'@typescript-eslint/no-unsafe-member-access': 'off'
		}
	},
	{
		files: pureRooms,
		plugins: { tacet: { rules: { tsdoc: tsdocSyntax } } },
		rules: {
			'tacet/tsdoc': 'error',
			'no-restricted-globals': [
				'error',
				...['Date', 'performance', 'fetch', 'console', 'setTimeout', 'localStorage', 'WebSocket']
			],
			'no-restricted-properties': [
				'error',
				{ object: 'Math', property: 'random', message: 'Randomness comes from crypto/random.ts.' }
			]
		}
	},
	{
		files: ['client/**/*.ts'],
		rules: { 'no-restricted-globals': ['error', 'localStorage', 'sessionStorage', 'document'] }
	},
	{
		files: ['worker/index.ts', 'web/vite.config.ts', '**/*.d.ts', '**/*.d.*.ts'],
		rules: { 'no-restricted-syntax': ['error', ...structure] }
	},
	{
		files: ['web/static/**/*.js'],
		languageOptions: { globals: { document: 'readonly', localStorage: 'readonly' } }
	},
	{
		files: ['worker/log.ts', 'durable-objects/log.ts'],
		rules: { 'no-console': 'off' }
	},
	{ files: ['client/index.ts'], rules: { 'no-restricted-syntax': ['error', noEnum] } },
	{
		files: plainJs,
		languageOptions: {
			globals: Object.fromEntries(
				[
					...['process', 'console', 'URL', 'Buffer', 'fetch', 'AbortSignal', 'setTimeout'],
					...['clearTimeout', 'Headers', 'Response', 'Request', 'crypto', 'TextDecoder']
				].map((name) => [name, 'readonly'])
			)
		}
	}
);
