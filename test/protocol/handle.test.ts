import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseHandle } from '../../protocol/handle.ts';

test.each([
	['ada', 'ada'],
	['  Ada.Lovelace ', 'ada.lovelace'],
	['ADA-99_x', 'ada-99_x'],
	['ａｄａ', 'ada'],
	['ﬁnn', 'finn'],
	['Zoe\u0308', 'zoë'],
	['ZOË', 'zoë'],
	['Straße', 'straße'],
	['李小龍', '李小龍'],
	['Ⅷab', 'viiiab'],
	['a\u0301\u0323bc', 'ạ\u0301bc']
])('%j is the handle %j', (typed, handle) => {
	expect(parseHandle(typed)).toEqual({ ok: true, value: handle });
});

test('composed and decomposed, wide and narrow, upper and lower case are one handle', () => {
	const forms = ['Amélie', 'Ame\u0301lie', 'AMÉLIE', 'ＡＭＥ\u0301ＬＩＥ', 'amélie'];
	expect(new Set(forms.map((typed) => JSON.stringify(parseHandle(typed)))).size).toBe(1);
});

test.each([
	['a space inside', 'ada love'],
	['a control character', 'ada\u0007x'],
	['a NUL', 'ada\0x'],
	['a line break', 'ada\nx'],
	['a right-to-left override', 'ada\u202ex'],
	['a bidi isolate', 'ada\u2066x'],
	['a zero-width space', 'ada\u200bx'],
	['a zero-width joiner', 'ada\u200dx'],
	['a zero-width non-joiner', 'ada\u200cx'],
	['a word joiner', 'ada\u2060x'],
	['a byte order mark inside', 'ada\ufeffx'],
	['a soft hyphen', 'ada\u00adx'],
	['a variation selector', 'ada\ufe0fx'],
	['a variation selector of the supplement', 'ada\u{e0100}x'],
	['a combining grapheme joiner', 'ada\u034fx'],
	['a Hangul filler', 'ada\u3164x'],
	['a half-width Hangul filler', 'ada\uffa0x'],
	['a Mongolian vowel separator', 'ada\u180ex'],
	['a tag character', 'ada\u{e0041}x'],
	['an at sign', 'ada@example.org'],
	['a slash', 'ada/x'],
	['an emoji', 'ada😀'],
	['a private-use character', 'ada\ue000'],
	['a lone surrogate', 'ada\ud800'],
	['a mark in front', '\u0301ada'],
	['a dot in front', '.ada'],
	['a hyphen in front', '-ada']
])('%s is refused, not dropped', (_, typed) => {
	expect(parseHandle(typed)).toEqual({ ok: false, error: 'handle_has_other_characters' });
});

test('lengths are counted in code points, after normalising', () => {
	expect(parseHandle('ab')).toEqual({ ok: false, error: 'handle_too_short' });
	expect(parseHandle('')).toEqual({ ok: false, error: 'handle_too_short' });
	expect(parseHandle('𠀀𠀁')).toEqual({ ok: false, error: 'handle_too_short' });
	expect(parseHandle('𠀀𠀁𠀂').ok).toBe(true);
	expect(parseHandle('a'.repeat(64)).ok).toBe(true);
	expect(parseHandle('a'.repeat(65))).toEqual({ ok: false, error: 'handle_too_long' });
	expect(parseHandle('𠀀'.repeat(64)).ok).toBe(true);
	expect(parseHandle('\ufdfa'.repeat(64))).toEqual({ ok: false, error: 'handle_too_long' });
	expect(parseHandle('a'.repeat(10_000_000))).toEqual({ ok: false, error: 'handle_too_long' });
});

test('a normalised handle is its own normal form, for every character there is', () => {
	for (let point = 0; point < 0x110000; point++) {
		const handle = parseHandle(`ab${String.fromCodePoint(point)}c`);
		if (!handle.ok) continue;
		if (!parseHandle(handle.value).ok) throw new Error(point.toString(16));
		const again = parseHandle(handle.value);
		if (again.ok && again.value !== handle.value) throw new Error(point.toString(16));
		if (/\p{Default_Ignorable_Code_Point}|\p{C}|\p{Z}/u.test(handle.value)) {
			throw new Error(`invisible: ${point.toString(16)}`);
		}
	}
});

test('any text is judged, and what is accepted is stable', () => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (typed) => {
			const handle = parseHandle(typed);
			if (handle.ok) expect(parseHandle(handle.value)).toEqual(handle);
		}),
		{ numRuns: 2_000 }
	);
});
