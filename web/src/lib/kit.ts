// The recovery kit as a text file.
import type { Kit } from './app.svelte.ts';
import { longDate } from './times.ts';

export function kitAsText(kit: Kit, origin: string): string {
	const words = kit.words.map((word, index) => `${String(index + 1).padStart(2)}  ${word}`);
	return [
		'Tacet recovery kit',
		'',
		`Server   ${origin}`,
		`Handle   ${kit.handle}`,
		`Made on  ${longDate(kit.madeAtMs)}`,
		'',
		...words,
		'',
		'These twelve words are the second key to your notes, for the day the password is forgotten.',
		'Whoever holds them can read your notes. Nobody can reset your password or make these words',
		'again: keep this sheet where you keep what matters.',
		''
	].join('\n');
}
