import { expect, test } from 'vitest';
import { onDemand } from '../../client/on-demand.ts';

test('a face that is loaded on demand is loaded once, anew if it did not arrive, and may be awaited', async () => {
	let loads = 0;
	class Face {
		#said: readonly string[] = [];
		say(word: string): Promise<readonly string[]> {
			this.#said = [...this.#said, word];
			return Promise.resolve(this.#said);
		}
	}
	const face: Pick<Face, 'say'> = onDemand(() => {
		loads += 1;
		return loads === 1
			? Promise.reject(new TypeError('did not arrive'))
			: Promise.resolve(new Face());
	});
	expect(await Promise.resolve(face)).toBe(face);
	expect(loads).toBe(0);
	await expect(face.say('heron')).rejects.toThrow('did not arrive');
	expect(await Promise.all([face.say('heron'), face.say('tacet')])).toEqual([
		['heron'],
		['heron', 'tacet']
	]);
	expect(loads).toBe(2);
});
