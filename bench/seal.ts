// B12: sealing a page of 64 KiB as the product does (a subkey for each page, its place as AAD, padding,
// the record put together), beside WebCrypto's AES-GCM over as many bytes, in Chromium and in Node.
// Rounds of all of them take turns, so that a busy machine is equally busy for each.
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import { targetPageBytes } from '../protocol/limits.ts';
import { inProject } from '../scripts/project.mjs';
import { chromiumFile, newFolder, openBrowser, removeFolder } from './browser.ts';
import { measureSealing, type SealOptions, type SealTimes } from './limits/seal-page.ts';
import { spreadOf, type Spread } from './statistics.ts';

/** Microseconds a page. */
export type SealFigures = Readonly<Record<keyof SealTimes, Spread>> & {
	/** By the raw cipher of the same round. */
	readonly sealRatio: Spread;
	readonly openRatio: Spread;
	readonly sealManyRatio: Spread;
};

export interface SealResults {
	readonly node: SealFigures;
	/** Null where no Chromium is installed. */
	readonly chromium: SealFigures | null;
}

/** Of the changes in a page that is full. */
const contentBytes = targetPageBytes - 64;
/** client/crypto-spaces.ts */
const pagesAtOnce = 16;

export async function measureSeal(rounds: number): Promise<SealResults> {
	// Short rounds, and many: what else the machine does falls on neighbours alike.
	const options = { contentBytes, rounds: rounds * 4, pagesARound: 50, atOnce: pagesAtOnce };
	return {
		node: figuresOf(await measureSealing(options)),
		chromium: (await chromiumFile()) === null ? null : figuresOf(await inChromium(options))
	};
}

function figuresOf(times: SealTimes): SealFigures {
	const ratio = (own: readonly number[], raw: readonly number[]): Spread =>
		spreadOf(own.map((us, round) => us / (raw[round] ?? Number.NaN)));
	const each = Object.entries(times) as [keyof SealTimes, readonly number[]][];
	const spreads = each.map(([name, us]) => [name, spreadOf(us)]);
	return {
		...(Object.fromEntries(spreads) as Record<keyof SealTimes, Spread>),
		sealRatio: ratio(times.seal, times.rawSeal),
		openRatio: ratio(times.open, times.rawOpen),
		sealManyRatio: ratio(times.sealMany, times.rawSealMany)
	};
}

declare const sealing: { readonly measureSealing: typeof measureSealing };

async function inChromium(options: SealOptions): Promise<SealTimes> {
	const { outputFiles } = await bundle({
		entryPoints: [inProject('bench/limits/seal-page.ts')],
		bundle: true,
		format: 'iife',
		globalName: 'sealing',
		write: false,
		logLevel: 'error'
	});
	const script = outputFiles[0]?.text ?? '';
	const server = createServer((request, response) => {
		const isScript = request.url === '/seal.js';
		response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
		response.end(isScript ? script : '<!doctype html><title>Sealing</title>');
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const folder = newFolder();
	const url = `http://localhost:${(server.address() as AddressInfo).port}`;
	const { page, close } = await openBrowser(path.join(folder, 'profile'), url);
	try {
		await page.addScriptTag({ url: `${url}/seal.js` });
		return await page.evaluate((given) => sealing.measureSealing(given), options);
	} finally {
		await close();
		server.close();
		removeFolder(folder);
	}
}
