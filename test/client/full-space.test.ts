// A space that is full at the edge, on a device with something of its own that was refused: what gives
// room back passes it, and nothing that was written is lost.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomBytes } from '../../crypto/random.ts';
import { toHex } from '../../protocol/bytes.ts';
import type { OperatorLimits } from '../../protocol/http-operator.ts';
import { minBytesOfSpace } from '../../protocol/limits.ts';
import {
	bodyOf,
	loggedIn,
	newHandle,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

let edge: Edge;
const handle = newHandle();
/** Of whoever runs this server. */
let ada: Device;
let other: Device;
beforeAll(async () => {
	edge = await startEdge();
	ada = await signedUp(edge, handle);
	other = await loggedIn(edge, handle);
});
afterAll(() => edge.remove());

async function setLimits(change: Partial<OperatorLimits>): Promise<void> {
	const { limits } = valueOf(await ada.tacet.operatorRead());
	valueOf(await ada.tacet.operatorWrite({ set: 'limits', limits: { ...limits, ...change } }));
}

const body = () => toHex(randomBytes(60_000));
const titlesOf = (device: Device) => spaceOf(device).items.map(({ title }) => title);

test('a deletion passes what was refused before it, which waits for room and then comes too', async () => {
	await setLimits({ bytesPerSpace: minBytesOfSpace });
	const space = spaceOf(ada);
	const written: string[] = [];
	while (space.sync.problem !== 'over_quota') {
		const title = `Note ${String(written.length)}`;
		valueOf(await space.create({ title, body: body() }));
		written.push(title);
		await until(space, () => space.sync.waiting === 0 || space.sync.problem === 'over_quota');
	}
	const refused = written.at(-1)!;
	const first = space.items.find(({ title }) => title === written[0])!;
	await until(spaceOf(other), () => titlesOf(other).length === written.length - 1);
	expect(titlesOf(other)).not.toContain(refused);

	valueOf(await space.deleteForever(first.id));
	await until(spaceOf(other), () => !titlesOf(other).includes(written[0]!));
	// Its page is kept for a while, as history: of the refused note there is all, and here alone.
	expect(titlesOf(ada)).toContain(refused);
	expect(await bodyOf(space, refused)).toHaveLength(120_000);
	expect(titlesOf(other)).not.toContain(refused);

	await setLimits({ bytesPerSpace: 8 * minBytesOfSpace });
	await synced(space);
	expect(space.sync.problem).toBe(null);
	await until(spaceOf(other), () => titlesOf(other).includes(refused));
	expect(await bodyOf(spaceOf(other), refused)).toBe(await bodyOf(space, refused));
	expect(titlesOf(other).sort()).toEqual(written.slice(1).sort());
	await Promise.all([ada.tacet.close(), other.tacet.close()]);
}, 120_000);
