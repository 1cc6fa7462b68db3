// Draws the PNG icons from static/icons/mark.svg, with Chromium. Run when the mark changes:
// node web/make-icons.mjs. The results are committed.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import { chromium } from 'playwright-core';

const icons = fileURLToPath(new URL('./static/icons/', import.meta.url));
const mark = readFileSync(`${icons}mark.svg`, 'utf8');
const paper = '#FBF9F5';

/** A maskable icon may be cut to a circle: its mark stays inside the inner 80 %. */
const drawn = [
	{ file: 'icon-192.png', edge: 192, markShare: 0.72, radiusShare: 0.2 },
	{ file: 'icon-512.png', edge: 512, markShare: 0.72, radiusShare: 0.2 },
	{ file: 'maskable-512.png', edge: 512, markShare: 0.56, radiusShare: 0 }
];

const browser = await chromium.launch({
	executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu']
});
for (const { file, edge, markShare, radiusShare } of drawn) {
	const page = await browser.newPage({ viewport: { width: edge, height: edge } });
	await page.setContent(`<style>
		html { background: transparent }
		body { margin: 0; display: grid; place-items: center; width: ${edge}px; height: ${edge}px;
			background: ${paper}; border-radius: ${edge * radiusShare}px }
		svg { width: ${edge * markShare}px; translate: 0 ${edge * markShare * 0.02}px }
	</style>${mark}`);
	await page.screenshot({ path: `${icons}${file}`, omitBackground: true });
	await page.close();
}
await browser.close();
