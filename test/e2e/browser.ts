// What the stories share: the built page served by the real edge, a wire between them that can be
// cut, and browser profiles that tell, when a story fails, what the person saw.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
	chromium,
	type BrowserContext,
	type BrowserContextOptions,
	type Page
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect as assert } from 'vitest';
import { build } from '../../scripts/build.mjs';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';
import { serve } from '../../scripts/serve.mjs';
import { openWire, type Wire } from './wire.ts';

export const password = 'a tortoise on the old pier';

/** How long a step may take on a busy machine before it counts as never. */
const stepTimeoutMs = 60_000;

export interface Edge {
	/** Address of the wire in front of the server. */
	readonly url: string;
	readonly dataDir: string;
	readonly wire: Wire;
	/** Ends it as a crash would. */
	kill(): Promise<void>;
	/** Serves the same data again. */
	restart(): Promise<void>;
	/** Ends it in order, so that everything it has stands in its files. */
	stop(): Promise<void>;
}

async function startEdge(): Promise<Edge> {
	await build();
	const dataDir = await mkdtemp(path.join(tmpdir(), 'tacet-e2e-'));
	let serving = await serve({ signUp: 'open', dataDir });
	const wire = await openWire(Number(new URL(serving.url).port));
	return {
		url: wire.url,
		dataDir,
		wire,
		kill: () => serving.kill(),
		restart: async () => {
			serving = await serve({ signUp: 'open', dataDir });
			wire.leadTo(Number(new URL(serving.url).port));
		},
		stop: async () => {
			await wire.close();
			await serving.stop();
		}
	};
}

/** One browser profile: a context with a folder of its own on the disk. */
export interface Profile {
	readonly context: BrowserContext;
	readonly page: Page;
	readonly folder: string;
	/** Errors on the console, uncaught ones, and requests to other origins. */
	readonly problems: string[];
	/** Addresses that asked for a newer proof, which the engine made by itself: no problem. */
	readonly staleProofs: string[];
	/** Closes the browser and opens it again on the same folder, at the app's address. */
	reopen(): Promise<Profile>;
	close(): Promise<void>;
}

export interface Story {
	readonly edge: Edge;
	profile(options?: ProfileOptions): Promise<Profile>;
	/** Removed at the end. */
	folder(): Promise<string>;
}

export interface ProfileOptions {
	/** A closed profile whose folder is copied. */
	readonly copyOf?: Profile;
	/** The folder of an earlier run of this profile. */
	readonly folder?: string;
	/** Runs in every page before its own scripts. */
	readonly before?: () => void;
	readonly settings?: BrowserContextOptions;
}

/**
 * For stories of an account, on pages that are looked at one by one: nothing moves, and nothing is
 * fetched to be kept for a time without a network, which takes a browser as long as signing up.
 */
export const still = {
	settings: { reducedMotion: 'reduce', serviceWorkers: 'block' }
} as const satisfies ProfileOptions;

/** To be called once in a file of stories: starts the edge, and ends everything. */
export function tellStories(): Story {
	let edge: Edge | null = null;
	const folders: string[] = [];
	const open = new Set<Profile>();

	beforeAll(async () => {
		edge = await startEdge();
	});
	afterEach(async ({ task }) => {
		if (task.result?.state === 'fail') for (const profile of open) console.log(await seen(profile));
		edge?.wire.mend();
	});
	afterAll(async () => {
		for (const profile of open) await profile.close();
		await edge?.stop();
		if (edge !== null) folders.push(edge.dataDir);
		for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	});

	const newFolder = async (): Promise<string> => {
		const folder = await mkdtemp(path.join(tmpdir(), 'tacet-e2e-'));
		folders.push(folder);
		return folder;
	};
	const story: Story = {
		get edge() {
			if (edge === null) throw new Error('the edge has not started');
			return edge;
		},
		folder: newFolder,
		async profile(options = {}) {
			const folder = options.folder ?? (await newFolder());
			if (options.copyOf) await cp(options.copyOf.folder, folder, { recursive: true });
			const profile = await launch(folder, story, options);
			open.add(profile);
			profile.context.on('close', () => open.delete(profile));
			return profile;
		}
	};
	return story;
}

async function launch(folder: string, story: Story, options: ProfileOptions): Promise<Profile> {
	const executablePath = await findChromium();
	const context = await chromium.launchPersistentContext(folder, {
		...(executablePath && { executablePath }),
		args: chromiumArgs,
		locale: 'en-GB',
		viewport: { width: 1280, height: 800 },
		permissions: ['clipboard-read', 'clipboard-write'],
		...options.settings
	});
	context.setDefaultTimeout(stepTimeoutMs);
	const problems: string[] = [];
	const staleProofs: string[] = [];
	const { origin } = new URL(story.edge.url);
	watch(context, { problems, staleProofs }, origin);
	if (options.before) await context.addInitScript(options.before);
	const page = context.pages()[0] ?? (await context.newPage());
	await page.goto(story.edge.url);
	return {
		context,
		page,
		folder,
		problems,
		staleProofs,
		close: () => context.close(),
		async reopen() {
			await context.close();
			const { before, settings } = options;
			return story.profile({ folder, ...(before && { before }), ...(settings && { settings }) });
		}
	};
}

function watch(
	context: BrowserContext,
	{ problems, staleProofs }: Pick<Profile, 'problems' | 'staleProofs'>,
	origin: string
): void {
	context.on('response', (response) => {
		const isStale = response.headers()['tacet-code'] === 'use_dpop_nonce';
		if (isStale) staleProofs.push(response.url());
	});
	context.on('console', (message) => {
		if (message.type() === 'error')
			problems.push(`console: ${message.text()} (${message.location().url})`);
	});
	context.on('weberror', (error) => problems.push(`uncaught: ${error.error().message}`));
	context.on('request', (request) => {
		const url = new URL(request.url());
		const local = url.protocol === 'data:' || url.protocol === 'blob:';
		if (!local && url.origin !== origin) problems.push(`request to ${request.url()}`);
	});
}

/** What the person has before the eyes, for the report of a failure. */
async function seen({ context, problems }: Profile): Promise<string> {
	const pages = await Promise.all(
		context.pages().map(async (page) => {
			const text = await page
				.locator('body')
				.innerText({ timeout: 2_000 })
				.catch((error: unknown) => `(not readable: ${String(error)})`);
			return `--- ${page.url()}\n${text.slice(0, 3_000)}`;
		})
	);
	return [...pages, ...problems].join('\n');
}

/** What the browser itself says on the console about a server that can't be reached. */
const unreachable = /net::ERR_|WebSocket connection to .* failed|Failed to fetch/;

/** Nothing went wrong but, where a story cuts the wire, that the server could not be reached. */
export function assertNoProblems(
	{ problems, staleProofs }: Profile,
	{ mayBeUnreachable = false, but = /^$/ }: { mayBeUnreachable?: boolean; but?: RegExp } = {}
): void {
	const stale = [...staleProofs];
	const unexpected = problems.filter((problem) => {
		if (mayBeUnreachable && unreachable.test(problem)) return false;
		const place = stale.findIndex((url) => /status of 401/.test(problem) && problem.includes(url));
		if (place >= 0) stale.splice(place, 1);
		return place < 0 && !but.test(problem);
	});
	assert(unexpected).toEqual([]);
}
