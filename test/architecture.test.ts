// The rules of who may import and do what, as data, checked against every source file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Room → rooms that it may import besides itself. The longest name that fits a file is its room. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
	protocol: [],
	crypto: ['protocol'],
	'crypto/client': ['crypto', 'protocol'],
	'crypto/edge': ['crypto', 'protocol'],
	'durable-objects': ['protocol', 'crypto', 'crypto/edge'],
	worker: ['protocol', 'crypto', 'crypto/edge', 'durable-objects'],
	client: ['protocol', 'crypto', 'crypto/client'],
	web: ['client', 'protocol']
};

/** Packages of the rooms whose outside world is closed. */
const mayUse: Readonly<Record<string, RegExp>> = {
	protocol: /^(valibot|cborg)(\/|$)/,
	crypto: /^(@noble\/(ciphers|curves|hashes|post-quantum)|@scure\/bip39|hash-wasm)(\/|$)/,
	'crypto/client': /^(@noble\/(ciphers|curves|hashes|post-quantum)|@scure\/bip39|hash-wasm)(\/|$)/,
	'crypto/edge': /^(@noble\/(ciphers|curves|hashes|post-quantum)|@simplewebauthn\/server)(\/|$)/
};

/** What only named places may do. `inside` limits the rule to some rooms. */
const onlyThere: readonly {
	what: string;
	pattern: RegExp;
	allowed: RegExp;
	inside?: RegExp;
}[] = [
	{
		what: 'calls fetch',
		// An object's method of that name is called by the platform, and calls nothing.
		pattern: /(?<![.\w#])(?<!override async )(?:(?:globalThis|self|window)\.)?fetch\(/,
		allowed: /^(client\/http\.ts|durable-objects\/sms-gateway\.ts|web\/src\/service-worker\/)/
	},
	{
		what: 'opens a WebSocket',
		pattern: /\bnew (?:globalThis\.)?WebSocket\(/,
		allowed: /^client\/socket\.ts$/
	},
	{
		what: 'uses IndexedDB',
		pattern: /\bindexedDB\b|from 'idb'/,
		allowed: /^client\/idb-store\.ts$/
	},
	{
		what: 'imports the platform of the edge',
		pattern: /from 'cloudflare:/,
		allowed: /^(worker|durable-objects)\//
	},
	{
		what: 'reads a clock or an unseeded generator',
		pattern: /\bDate\b|\bperformance\.|\bMath\.random\b|\bTemporal\b/,
		allowed: /^$/,
		inside: /^(protocol|crypto)\//
	},
	{
		what: 'speaks SQL',
		pattern: /\.exec\(|\.sql\.|\b(?:INSERT INTO|UPDATE \w+ SET|DELETE FROM|SELECT .+ FROM)\b/,
		allowed: /^durable-objects\/(.*-store|.*-migrations|migrate)\.ts$/,
		inside: /^(worker|durable-objects)\//
	},
	{
		what: 'keeps something in web storage',
		pattern: /\b(?:localStorage|sessionStorage)\b/,
		allowed: /^web\//
	}
];

const vagueNames =
	/(^|\/)(utils?|helpers?|common|shared|misc|types|services?|managers?)(\.ts|\/|$)/;

interface Import {
	readonly specifier: string;
	readonly isTypeOnly: boolean;
}

interface Source {
	readonly name: string;
	readonly room: string;
	/** Without comments. */
	readonly code: string;
	readonly imports: readonly Import[];
}

const skippedFolders = new Set(['node_modules', '.svelte-kit', 'build']);

function sourceNames(folder: string): string[] {
	if (!existsSync(path.join(root, folder))) return [];
	return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
		const name = `${folder}/${entry.name}`;
		if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : sourceNames(name);
		return /\.(ts|svelte)$/.test(name) && !/\.d(\.\w+)?\.ts$/.test(name) ? [name] : [];
	});
}

function roomOf(name: string): string | undefined {
	const rooms = Object.keys(mayImport).filter((room) => name.startsWith(`${room}/`));
	return rooms.sort((a, b) => b.length - a.length)[0];
}

function scriptOf(name: string): string {
	const text = readFileSync(path.join(root, name), 'utf8');
	if (!name.endsWith('.svelte')) return text;
	return [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)]
		.map((match) => match[1])
		.join('\n');
}

function importsOf(file: ts.SourceFile): Import[] {
	const found: Import[] = [];
	const visit = (node: ts.Node): void => {
		if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
			const clause = node.importClause;
			const named = clause?.namedBindings;
			const onlyTypes =
				clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
				(clause?.name === undefined &&
					named !== undefined &&
					ts.isNamedImports(named) &&
					named.elements.every((element) => element.isTypeOnly));
			found.push({ specifier: node.moduleSpecifier.text, isTypeOnly: onlyTypes });
		} else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
			const specifier = (node.moduleSpecifier as ts.StringLiteral).text;
			found.push({ specifier, isTypeOnly: node.isTypeOnly });
		} else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
			const argument = node.arguments[0];
			if (argument && ts.isStringLiteral(argument)) {
				found.push({ specifier: argument.text, isTypeOnly: false });
			}
		}
		ts.forEachChild(node, visit);
	};
	visit(file);
	return found;
}

function withoutComments(text: string): string {
	return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

function load(name: string): Source {
	const text = scriptOf(name);
	const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
	const room = roomOf(name);
	if (room === undefined) throw new Error(`${name} is in no room`);
	return { name, room, code: withoutComments(text), imports: importsOf(file) };
}

const topRooms = [...new Set(Object.keys(mayImport).map((room) => room.split('/')[0]!))];
const sources = topRooms.flatMap(sourceNames).map(load);

/** The file of ours that an import names, or undefined for a package. */
function targetOf(source: Source, specifier: string): string | undefined {
	const bare = specifier.replace(/\?.*$/, '');
	if (bare.startsWith('#lib/')) return `web/src/lib/${bare.slice('#lib/'.length)}`;
	if (!bare.startsWith('.')) return undefined;
	return path.posix.join(path.posix.dirname(source.name), bare);
}

function importFault(source: Source, { specifier, isTypeOnly }: Import): string | undefined {
	const target = targetOf(source, specifier);
	if (target === undefined) {
		const allowed = mayUse[source.room];
		return !allowed || allowed.test(specifier) ? undefined : `uses the package ${specifier}`;
	}
	const room = roomOf(target);
	if (room === source.room) return undefined;
	if (room === undefined || !mayImport[source.room]?.includes(room)) return `imports ${target}`;
	// The objects are re-exported for the platform; elsewhere the door knows only their shape.
	if (source.room === 'worker' && room === 'durable-objects' && !isTypeOnly) {
		return source.name === 'worker/index.ts' ? undefined : `imports values of ${target}`;
	}
	return undefined;
}

/** The first cycle of value imports, as a list of files, or undefined. */
function firstCycle(): string[] | undefined {
	const edges = new Map(
		sources.map((source) => [
			source.name,
			source.imports
				.filter((entry) => !entry.isTypeOnly)
				.map((entry) => targetOf(source, entry.specifier))
				.filter((target) => target !== undefined)
		])
	);
	const done = new Set<string>();
	const walk = (name: string, trail: readonly string[]): string[] | undefined => {
		const start = trail.indexOf(name);
		if (start >= 0) return [...trail.slice(start), name];
		if (done.has(name)) return undefined;
		for (const next of edges.get(name) ?? []) {
			const cycle = walk(next, [...trail, name]);
			if (cycle) return cycle;
		}
		done.add(name);
		return undefined;
	};
	for (const name of edges.keys()) {
		const cycle = walk(name, []);
		if (cycle) return cycle;
	}
	return undefined;
}

describe('rooms', () => {
	test('import only what their row of the table allows', () => {
		const faults = sources.flatMap((source) =>
			source.imports.flatMap((entry) => {
				const fault = importFault(source, entry);
				return fault ? [`${source.name} ${fault}`] : [];
			})
		);
		expect(sources.length).toBeGreaterThan(0);
		expect(faults).toEqual([]);
	});

	test('have no cycle of value imports', () => {
		expect(firstCycle()).toBeUndefined();
	});

	test.each(onlyThere)('only where it belongs: code that $what', ({ pattern, allowed, inside }) => {
		const elsewhere = sources
			.filter((source) => inside?.test(source.name) ?? true)
			.filter((source) => pattern.test(source.code) && !allowed.test(source.name));
		expect(elsewhere.map((source) => source.name)).toEqual([]);
	});

	test('EDG-06 of the edge keep nothing that two requests could share', () => {
		const ofEdge = /^(worker|durable-objects|protocol|crypto\/(?!client\/))/;
		const variable =
			/^(?:export )?(?:let|var) |^(?:export )?const [^=]+= new (?:Weak)?(?:Map|Set)\(\)/m;
		const shared = sources.filter(({ name, code }) => ofEdge.test(name) && variable.test(code));
		expect(shared.map(({ name }) => name)).toEqual([]);
	});

	test('have no file or folder that could hold anything', () => {
		const names = sources.map((source) => source.name);
		expect(names.filter((name) => vagueNames.test(name))).toEqual([]);
	});

	test('have files of at most 500 lines', () => {
		const long = sources.filter(
			({ name }) => readFileSync(path.join(root, name), 'utf8').split('\n').length > 501
		);
		expect(long.map((source) => source.name)).toEqual([]);
	});
});

/** Every path in backquotes that starts at one of our folders, with the document that names it. */
function pathsNamedIn(document: string): string[] {
	const text = readFileSync(path.join(root, document), 'utf8');
	const quoted = [...text.matchAll(/`([\w.-]+(?:\/[\w.[\]()+-]+)+\/?)`/g)].map(
		(match) => match[1]!
	);
	const ours = new Set([...topRooms, 'scripts', 'test', 'bench', 'docs']);
	return quoted.filter((name) => ours.has(name.split('/')[0]!) && !isGenerated(name));
}

const isGenerated = (name: string) => /^web\/(build|\.svelte-kit)|opaque-ke\.(js|wasm)$/.test(name);

function documents(): string[] {
	const top = readdirSync(root).filter((name) => name.endsWith('.md'));
	const folder = path.join(root, 'docs');
	const inDocs = existsSync(folder)
		? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`)
		: [];
	return [...top, ...inDocs].filter((name) => name.endsWith('.md'));
}

test('every path that a document names exists', () => {
	const missing = documents().flatMap((document) =>
		pathsNamedIn(document)
			.filter((name) => !existsSync(path.join(root, name)))
			.map((name) => `${document}: ${name}`)
	);
	expect(missing).toEqual([]);
});

interface LockedPackage {
	readonly version?: string;
	readonly resolved?: string;
	readonly integrity?: string;
	readonly link?: boolean;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('the package lock', () => {
	const readJson = (name: string) =>
		JSON.parse(readFileSync(path.join(root, name), 'utf8')) as unknown;
	const { packages } = readJson('package-lock.json') as {
		packages: Readonly<Record<string, LockedPackage>>;
	};

	/** Node's search: beside the package, then beside each folder above it. */
	function isLocked(from: string, name: string): boolean {
		for (
			let place = from;
			;
			place = place.slice(0, Math.max(place.lastIndexOf('/node_modules/'), 0))
		) {
			if (`${place && `${place}/`}node_modules/${name}` in packages) return true;
			if (place === '') return false;
		}
	}

	test('lists every optional dependency that it names, so that `npm ci` accepts it', () => {
		const missing = Object.entries(packages).flatMap(([place, locked]) =>
			Object.keys(locked.optionalDependencies ?? {})
				.filter((name) => !isLocked(place, name))
				.map((name) => `${place || 'the project'} → ${name}`)
		);
		expect(missing).toEqual([]);
	});

	test('has a digest for everything and names no registry', () => {
		const entries = Object.entries(packages).filter(([place]) => place !== '');
		expect(entries.filter(([, locked]) => !locked.integrity).map(([place]) => place)).toEqual([]);
		expect(entries.filter(([, locked]) => locked.resolved).map(([place]) => place)).toEqual([]);
	});

	test('belongs to a package.json with exact versions only', () => {
		const manifest = readJson('package.json') as Readonly<Record<string, Record<string, string>>>;
		const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'];
		const ranges = kinds
			.flatMap((kind) => Object.entries(manifest[kind] ?? {}))
			.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
		expect(ranges).toEqual([]);
	});
});
