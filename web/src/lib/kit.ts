// The recovery kit as a file: a page that stands on its own, loads nothing and runs nothing, so that any
// browser can show and print it years from now.
import { encode } from 'uqr';
import type { Kit } from './app.svelte.ts';
import { recoverHref } from './place.svelte.ts';
import { longDate } from './times.ts';

/** What the QR code says: the page where the words are typed. The words are not in it. */
export const recoveryPage = (kit: Kit, origin: string): string =>
	`${origin}/${recoverHref(kit.handle)}`;

/** Said on the sheet and in the file, in that order. */
export const kitUses = [
	'These twelve words are the second key to your notes, for the day the password is forgotten, or every device is lost.',
	'To use them, open the address in the QR code, or ‘Forgot your password?’ where you log in. They are good once: afterwards you get a new kit.',
	'Whoever holds them can read your notes. Nobody can reset your password or make these words again: keep this sheet on paper, where you keep what matters.'
] as const;

/** Said beside the account key. */
export const accountKeyUse =
	'Asked for once on each new device, with the password. It opens nothing by itself.';

export function kitAsHtml(kit: Kit, origin: string): string {
	const facts = [
		['Server', origin],
		['Handle', kit.handle],
		['Made on', longDate(kit.madeAtMs)]
	];
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tacet recovery kit: ${escaped(kit.handle)}</title>
<style>
body { max-width: 640px; margin: 40px auto; padding: 0 20px; font: 16px/1.5 Georgia, serif; color: #000; background: #fff }
h1 { font-size: 24px; font-weight: 500 }
dt { color: #555; font-size: 14px } dd { margin: 0 0 8px; overflow-wrap: anywhere }
ol { columns: 3; border-block: 1px solid #999; padding: 16px 0 16px 2em; font: 600 16px/2 monospace }
dd.key { font: 600 16px/1.5 monospace }
svg { width: 144px; height: 144px }
</style>
</head>
<body>
<h1>Tacet recovery kit</h1>
<dl>
${facts.map(([name = '', value = '']) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join('\n')}
</dl>
<ol>
${kit.words.map((word) => `<li>${escaped(word)}</li>`).join('\n')}
</ol>
${keyAsHtml(kit)}${qrAsSvg(recoveryPage(kit, origin))}
${kitUses.map((words) => `<p>${words}</p>`).join('\n')}
</body>
</html>
`;
}

const keyAsHtml = ({ accountKey }: Kit): string =>
	accountKey === null
		? ''
		: `<dl><dt>Account key</dt><dd class="key">${escaped(accountKey)}</dd></dl>\n<p>${accountKeyUse}</p>\n`;

/** Into the person's downloads. */
export function saveKit(kit: Kit, origin: string): void {
	const url = URL.createObjectURL(new Blob([kitAsHtml(kit, origin)], { type: 'text/html' }));
	const link = document.createElement('a');
	link.href = url;
	link.download = `tacet-recovery-kit-${kit.handle}.html`;
	link.click();
	URL.revokeObjectURL(url);
}

const names: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;'
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (found) => names[found] ?? '');

/** As in QrCode.svelte: the quiet around it is part of the code. */
function qrAsSvg(value: string): string {
	const { data, size } = encode(value, { ecc: 'M', border: 4 });
	const path = data
		.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
		.join('');
	return `<svg viewBox="0 0 ${size} ${size}" role="img" aria-label="Address of the recovery page"><path d="${path}"/></svg>`;
}
