// What the documents say, held against the code: tables, limits, names, links, worked example.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { wireErrors } from '../protocol/errors.ts';
import { routes } from '../protocol/http.ts';
import { labels } from '../protocol/labels.ts';
import * as limits from '../protocol/limits.ts';
import { toHex } from '../protocol/bytes.ts';
import { severities } from './adversary/attacks.ts';
import { workedExample } from './example.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');

function filesBelow(folder: string, pattern: RegExp): string[] {
	if (!existsSync(path.join(root, folder))) return [];
	return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
		.filter((name) => pattern.test(name) && !/(^|\/)(node_modules|build|\.svelte-kit)\//.test(name))
		.map((name) => `${folder}/${name}`);
}

const documents = [
	...readdirSync(root).filter((name) => name.endsWith('.md')),
	...['docs', 'crypto', 'bench', 'test'].flatMap((folder) => filesBelow(folder, /\.md$/))
];

/** The text of the section under a heading, up to the next heading of that depth or above. */
function section(document: string, heading: string): string {
	const lines = read(document).split('\n');
	const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading);
	if (start < 0) throw new Error(`${document} has no section '${heading}'`);
	const depth = lines[start]!.indexOf(' ');
	const length = lines
		.slice(start + 1)
		.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= depth);
	return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
}

/** Rows of the tables in a text, without their heads. */
const tableRows = (text: string): string[][] =>
	text
		.split('\n')
		.filter((line) => line.startsWith('|') && !/^\|[\s|:-]+\|$/.test(line))
		.map((line) =>
			line
				.slice(1, -1)
				.split('|')
				.map((cell) => cell.trim())
		);

const unquoted = (text = ''): string => text.replace(/^`(.*)`$/, '$1');
const numberOf = (text = ''): number => Number(text.replaceAll(',', ''));

/** The members of a union of string literals, as its source file has them. */
function unionMembers(file: string, type: string): string[] {
	const [, body = ''] = new RegExp(`type ${type} =([^;]*);`).exec(read(file)) ?? [];
	return [...body.matchAll(/'([a-z_]+)'/g)].map((match) => match[1]!);
}

describe('docs/formats.md', () => {
	test('has a worked example that the code makes, byte for byte', async () => {
		const text = section('docs/formats.md', 'Worked example');
		const shown = [...text.matchAll(/^(\S.*)\n((?: {2}[0-9a-f]+\n)+)/gm)].map(
			([, name = '', hex = '']) => [name, hex.replace(/\s/g, '')] as const
		);
		const made = Object.entries(await workedExample()).map(
			([name, bytes]) => [name, toHex(bytes)] as const
		);
		expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(made));
	});

	test('names every label, and no other', () => {
		const named = tableRows(section('docs/formats.md', 'Labels'))
			.map(([label]) => unquoted(label))
			.slice(1);
		expect(named.toSorted()).toEqual(Object.values(labels).toSorted());
	});

	test('has limits with the values that are in force', () => {
		const [, ...rows] = tableRows(section('docs/formats.md', 'Limits'));
		const inForce: Readonly<Record<string, unknown>> = limits;
		const stated = rows.map(([name, value]) => [unquoted(name), numberOf(value)] as const);
		expect(stated.length).toBeGreaterThan(10);
		expect(stated).toEqual(stated.map(([name]) => [name, inForce[name]]));
	});
});

describe('docs/protocol.md', () => {
	test('has the table of errors that both sides go by', () => {
		const [, ...rows] = tableRows(section('docs/protocol.md', 'Errors'));
		const stated = rows.map(([code, http, close, retry]) => [
			unquoted(code),
			{
				httpStatus: numberOf(http),
				closeCode: close === '–' ? null : numberOf(close),
				retry
			}
		]);
		expect(Object.fromEntries(stated)).toEqual(wireErrors);
	});

	test('names every route, with its method and path, and no other', () => {
		const [, ...rows] = tableRows(section('docs/protocol.md', 'HTTP'));
		const stated = rows.map(([route]) => unquoted(route));
		const served = Object.values(routes).map(({ method, path }) => `${method} ${path}`);
		expect(stated.toSorted()).toEqual(served.toSorted());
	});

	test('names every way in which an entry can break the rules', () => {
		const text = section('docs/protocol.md', 'The log of a space');
		const faults = [
			...unionMembers('crypto/log-rules.ts', 'RuleFault'),
			...unionMembers('crypto/log-membership.ts', 'AdminFault'),
			...unionMembers('client/status.ts', 'ChainFaultCode')
		];
		expect(faults.length).toBeGreaterThan(20);
		expect(faults.filter((fault) => !text.includes(`\`${fault}\``))).toEqual([]);
	});
});

describe('the documents', () => {
	test('give limits the values that are in force wherever they name one beside a number', () => {
		const inForce: Readonly<Record<string, unknown>> = limits;
		const wrong = documents.flatMap((document) =>
			[...read(document).matchAll(/([\d,]+) (?:\w+ )?\(`(\w+)`\)/g)]
				.filter(([, value, name]) => inForce[name!] !== numberOf(value))
				.map(([text]) => `${document}: ${text}`)
		);
		expect(wrong).toEqual([]);
	});

	test('link only to files and headings that are there', () => {
		const broken = documents.flatMap((document) =>
			linksOf(document)
				.filter((link) => !leadsSomewhere(document, link))
				.map((link) => `${document}: ${link}`)
		);
		expect(broken).toEqual([]);
	});

	test('name only commands that package.json has', () => {
		const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
		const unknown = documents.flatMap((document) =>
			[...read(document).matchAll(/npm run ([\w:-]+)/g)]
				.filter(([, name]) => !(name! in scripts))
				.map(([text]) => `${document}: ${text}`)
		);
		expect(unknown).toEqual([]);
	});

	test('have every heading that code cites', () => {
		const rooms = ['protocol', 'crypto', 'client', 'durable-objects', 'worker'];
		const cited = rooms
			.flatMap((room) => filesBelow(room, /\.ts$/))
			.flatMap((file) => [...read(file).matchAll(/(docs\/[a-z-]+\.md), ([A-Z][\w ]*)/g)]);
		const missing = cited.filter(
			([, document, heading]) => !new RegExp(`^#+ ${heading!}`, 'm').test(read(document!))
		);
		expect(cited.length).toBeGreaterThan(5);
		expect(missing.map(([text]) => text)).toEqual([]);
	});

	test('number decisions without a gap, and head each with its number', () => {
		const names = readdirSync(path.join(root, 'docs/decisions')).toSorted();
		const headed = names.map((name) => {
			const [, number = ''] = /^# (\d+)\. /.exec(read(`docs/decisions/${name}`)) ?? [];
			return [name.slice(0, 4), number.padStart(4, '0')];
		});
		const expected = names.map((_, index) => String(index + 1).padStart(4, '0'));
		expect(headed).toEqual(expected.map((number) => [number, number]));
	});
});

function linksOf(document: string): string[] {
	const prose = read(document).replace(/```[\s\S]*?```/g, '');
	return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
		.map((match) => match[1]!)
		.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(document: string, link: string): boolean {
	const [file = '', anchor] = link.split('#');
	const target = file === '' ? document : path.join(path.dirname(document), file);
	if (!existsSync(path.join(root, target))) return false;
	return anchor === undefined || anchorsOf(target).has(anchor);
}

/** As GitHub makes them: lower case, punctuation dropped, spaces to hyphens. */
const anchorsOf = (document: string): ReadonlySet<string> =>
	new Set(
		[...read(document).matchAll(/^#+ (.*)$/gm)].map((match) =>
			match[1]!
				.toLowerCase()
				.replace(/[^\p{L}\p{N}\s_-]/gu, '')
				.trim()
				.replaceAll(' ', '-')
		)
	);

describe('docs/threat-model.md', () => {
	/** Each promise on one line, from the sections about attackers. */
	const promises = read('docs/threat-model.md')
		.split('\n## ')
		.slice(3, -1)
		.flatMap((part) => part.split('\n- ').slice(1))
		.map((promise) =>
			promise
				.replace(/\n\n[\s\S]*/, '')
				.replace(/\s+/g, ' ')
				// Prettier escapes what could be taken for emphasis.
				.replaceAll('\\_', '_')
				.trim()
		);

	test('names only tests that are there', () => {
		const named = promises.flatMap((promise) => [
			...promise.matchAll(/`(test\/[^`]+)`: “([^”]+)”/g)
		]);
		const stands = (file: string, name: string) =>
			existsSync(path.join(root, file)) &&
			name.split(' › ').every((part) => read(file).includes(part));
		const missing = named.filter(([, file, name]) => !stands(file!, name!));
		expect(named.length).toBeGreaterThan(10);
		expect(missing.map(([text]) => text)).toEqual([]);
	});

	test('gives every promise a test, or says that there is none', () => {
		const settled =
			/Shown by_ `test\/.*”\.$|_Not yet shown by a test\._$|^(\*\*[^*]+\*\* )?\*\*Not promised/;
		expect(promises.length).toBeGreaterThan(30);
		expect(promises.filter((promise) => !settled.test(promise))).toEqual([]);
	});
});

test('docs/attacks.md has every attack that tests carry out, and no other', () => {
	const [, ...rows] = tableRows(read('docs/attacks.md'));
	const listed = rows.map(([id, severity]) => [id, numberOf(severity)] as const);
	expect(Object.fromEntries(listed)).toEqual(severities);
});

test('SECURITY.md lists the runtime dependencies, all and only', () => {
	const [, ...rows] = tableRows(section('SECURITY.md', 'Runtime dependencies'));
	const { dependencies } = JSON.parse(read('package.json')) as {
		dependencies: Record<string, string>;
	};
	expect(rows.map(([name]) => unquoted(name)).toSorted()).toEqual(
		Object.keys(dependencies).toSorted()
	);
});

describe('docs/glossary.md', () => {
	const words = tableRows(read('docs/glossary.md'))
		.slice(1)
		.map(([word]) => word!);

	test('is in order, and has no word twice', () => {
		const sorted = [...new Set(words)].toSorted((a, b) => (a < b ? -1 : 1));
		expect(words).toEqual(sorted);
	});

	test('has only words that code or documents use', () => {
		const rooms = ['protocol', 'crypto', 'client', 'durable-objects', 'worker', 'web'];
		const texts = [
			...documents.filter((name) => name !== 'docs/glossary.md'),
			...rooms.flatMap((room) => filesBelow(room, /\.(ts|svelte)$/))
		]
			.map((name) => read(name).toLowerCase())
			.join('\n');
		expect(words.filter((word) => !texts.includes(word))).toEqual([]);
	});
});
