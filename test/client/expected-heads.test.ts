// Heads that were verified elsewhere, and that an edge must offer here before long.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpaceFrame } from '../../protocol/frames.ts';
import { startEdge, type Edge } from './edge.ts';
import { close, foundedBy, joined, newPerson, synced, type Person } from './people.ts';

let edge: Edge;
let ada: Person;
let bob: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob] = [await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

test('answers that were under way before a head was known say nothing about it', async () => {
	const held: (() => void)[] = [];
	let isSlow = false;
	let came = (): void => undefined;
	class Slow extends WebSocket {
		override addEventListener(type: string, listener: unknown): void {
			const listen = listener as (event: unknown) => void;
			super.addEventListener(type, (event: Event) => {
				if (!isSlow || type !== 'message') {
					listen(event);
					return;
				}
				held.push(() => {
					listen(event);
				});
				const { data } = event as MessageEvent<ArrayBuffer>;
				const frame = parseSpaceFrame(new Uint8Array(data));
				if (frame.ok && frame.value.type === 'entries') came();
			});
		}
	}
	const nextEntries = () =>
		new Promise<void>((resolve) => {
			came = resolve;
		});
	const writer = await foundedBy(ada);
	const reader = await joined(writer, bob, 'viewer', { WebSocket: Slow });
	isSlow = true;
	const first = nextEntries();
	await writer.write('One');
	await synced(writer);
	await first;
	const answer = nextEntries();
	reader.sync.expect(writer.sync.head);
	await answer;
	await writer.write('Two');
	await synced(writer);
	reader.sync.expect(writer.sync.head);
	isSlow = false;
	for (const hear of held) hear();
	const { seq } = writer.sync.head;
	const isDistrusted = (): boolean => reader.sync.status.trust.state === 'not_trusted';
	await reader.until(() => isDistrusted() || reader.sync.head.seq === seq);
	expect(reader.sync.status.trust.state).toBe('verified');
	await close(reader, writer);
});
