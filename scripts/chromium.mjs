// Finds the Chromium that browser tests run in.
import { existsSync } from 'node:fs';

export const chromiumArgs = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync'
];

/** The system's Chromium, else the one Playwright installed, else undefined. */
export async function findChromium() {
	const system = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
	for (const file of [process.env['CHROMIUM_PATH'], ...system]) {
		if (file && existsSync(file)) return file;
	}
	const { chromium } = await import('playwright-core');
	const installed = chromium.executablePath();
	return existsSync(installed) ? installed : undefined;
}
