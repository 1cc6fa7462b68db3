// How this browser shows Tacet. Not private, so it may lie in the open; theme.js reads it too.
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
export const faces = ['serif', 'sans', 'mono'] as const;
export type Face = (typeof faces)[number];

const oneOf = <Name extends string>(
	names: readonly Name[],
	kept: string | null
): Name | undefined => names.find((name) => name === kept);

export function readHere(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		// A browser that refuses storage throws here; it gets the defaults.
		return null;
	}
}

export function writeHere(key: string, value: string): void {
	try {
		localStorage.setItem(key, value);
	} catch {
		// Refused or full: the choice holds for this tab.
	}
}

const paper = { light: '#FBF9F5', dark: '#161513' } as const;

export class Preferences {
	#theme = $state<Theme>(oneOf(themes, readHere('tacet.theme')) ?? 'system');
	#face = $state<Face>(oneOf(faces, readHere('tacet.face')) ?? 'serif');
	#singleKeys = $state(readHere('tacet.single-keys') !== 'off');
	#kitLaterUntilMs = $state(Number(readHere('tacet.kit-later')) || 0);

	get theme(): Theme {
		return this.#theme;
	}

	set theme(theme: Theme) {
		this.#theme = theme;
		writeHere('tacet.theme', theme);
		this.show();
	}

	get face(): Face {
		return this.#face;
	}

	set face(face: Face) {
		this.#face = face;
		writeHere('tacet.face', face);
	}

	/** Shortcuts of one letter can be in the way of speech input (WCAG 2.1.4). */
	get singleKeys(): boolean {
		return this.#singleKeys;
	}

	set singleKeys(on: boolean) {
		this.#singleKeys = on;
		writeHere('tacet.single-keys', on ? 'on' : 'off');
	}

	/** Until then nobody is asked whether the recovery kit is still there. */
	get kitLaterUntilMs(): number {
		return this.#kitLaterUntilMs;
	}

	set kitLaterUntilMs(untilMs: number) {
		this.#kitLaterUntilMs = untilMs;
		writeHere('tacet.kit-later', String(untilMs));
	}

	/** Puts the theme on the document, and on the browser's own frame. */
	show(): void {
		const root = document.documentElement;
		if (this.#theme === 'system') delete root.dataset['theme'];
		else root.dataset['theme'] = this.#theme;
		for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
			const own = meta.media.includes('dark') ? 'dark' : 'light';
			meta.content = paper[this.#theme === 'system' ? own : this.#theme];
		}
	}
}
