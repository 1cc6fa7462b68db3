// Looks at what a page shows now, in all its forms: light and dark, wide and narrow.
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

declare global {
	interface Window {
		axe: typeof axe;
	}
}

const desktop = { width: 1280, height: 800 };
const phone = { width: 360, height: 780 };
const smallest = { width: 320, height: 640 };

type Findings = Pick<axe.AxeResults, 'violations'> & {
	/** How many rules found something to look at, and no fault with it. */
	readonly passed: number;
};

/** By way of the page, where axe stays; paths to all that is well would cost more than looking. */
async function look(page: Page): Promise<Findings> {
	const isThere = await page.evaluate(() => 'axe' in window);
	if (!isThere) await page.evaluate(axe.source);
	return page.evaluate(async () => {
		const { violations, passes } = await window.axe.run(document, { resultTypes: ['violations'] });
		return { violations, passed: passes.length };
	});
}

/** axe finds nothing, and nothing has to be scrolled sideways. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
	const found: string[] = [];
	for (const colorScheme of ['light', 'dark'] as const) {
		for (const size of [desktop, phone]) {
			await page.emulateMedia({ colorScheme });
			await page.setViewportSize(size);
			const { violations, passed } = await look(page);
			expect(passed).toBeGreaterThan(10);
			for (const { id, nodes } of violations) {
				for (const { target, failureSummary } of nodes) {
					found.push(
						`${what}, ${colorScheme}, ${String(size.width)} px: ${id}: ${JSON.stringify(target)} ${failureSummary ?? ''}`
					);
				}
			}
		}
	}
	await page.setViewportSize(smallest);
	const sideways = await page.evaluate(() => {
		const { scrollWidth, clientWidth } = document.documentElement;
		return scrollWidth - clientWidth;
	});
	if (sideways > 0) found.push(`${what}: ${String(sideways)} px to be scrolled sideways at 320 px`);
	await page.setViewportSize(desktop);
	expect(found).toEqual([]);
}
