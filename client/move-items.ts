// Items from one space to another. Each begins anew there, as its text stands: the history of its
// edits stays where it was, under the keys of that space.
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type ItemId } from '../protocol/ids.ts';
import { encodeChange, type Change } from '../protocol/page.ts';
import { targetPageBytes } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { Answer } from './api.ts';
import { fail, type TacetError } from './errors.ts';
import { makeSeed } from './items.ts';
import type { VaultSpace } from './vault-space.ts';

/** Copies items as they stand, each of them or none of its batch; what is in the trash stays behind. */
export async function copyItems(
	from: VaultSpace,
	items: readonly ItemId[],
	to: VaultSpace
): Promise<Result<void, TacetError>> {
	let batch: Change[] = [];
	let bytes = 0;
	for (const item of items) {
		const seed = seedOf(from, item);
		if (!seed.ok) return seed;
		if (seed.value === null) continue;
		batch.push(seed.value);
		bytes += encodeChange(seed.value).length;
		if (bytes < targetPageBytes) continue;
		const written = await to.write(batch);
		if (!written.ok) return fail(written.error);
		batch = [];
		bytes = 0;
	}
	if (batch.length === 0) return ok(undefined);
	const written = await to.write(batch);
	return written.ok ? ok(undefined) : fail(written.error);
}

/** Null where there is nothing to copy. What can't be copied is said: it may be deleted afterwards. */
function seedOf(from: VaultSpace, item: ItemId): Result<Change | null, TacetError> {
	const text = from.items.read(item);
	if (text === null || text.trashedAtMs !== null) return ok(null);
	const { title, body, path, createdAtMs } = text;
	const seed = makeSeed({ title, body, path, createdAtMs });
	if (!seed.ok) return fail(seed.error);
	return ok({ type: 'seed', item: idFromBytes<ItemId>(randomBytes(16)), seed: seed.value });
}

/** It goes from here once it stands on the log there: between the two it is in both, never in none. */
export async function moveItem(from: VaultSpace, item: ItemId, to: VaultSpace): Answer<null> {
	const text = from.items.read(item);
	// Of what lies in the trash no copy is made, and nothing is taken away that was not copied.
	if (text === null || text.trashedAtMs !== null) return fail('not_found');
	if (from === to) return ok(null);
	if (!from.mayEdit || !to.mayEdit) return fail('forbidden');
	const copied = await copyItems(from, [item], to);
	if (!copied.ok) return copied;
	const stands = await to.sync.until(() => to.sync.status.waiting === 0);
	if (!stands.ok) return stands;
	const ended = await from.write([{ type: 'tombstone', item }]);
	return ended.ok ? ok(null) : fail(ended.error);
}
