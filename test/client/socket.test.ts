// How often a device asks for a socket that it is refused: later each time, and in the end it is in.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wireErrors } from '../../protocol/errors.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { spaceSocketPath } from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { socketProtocol } from '../../protocol/version.ts';
import { newHandle, newWire, signedUp, spaceOf, startEdge, synced, type Edge } from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const { closeCode: tooMany } = wireErrors.rate_limited;
/** Of each of its spaces, one of which may ask more often than the other meanwhile. */
const enough = 2;

interface Attempt {
	readonly atMs: number;
	isRefused: boolean;
}

/** Asks for a socket without a session: it is counted like any other. Answers with its end. */
function askInVain(url: string): Promise<number> {
	const nowhere = spaceSocketPath('e'.repeat(32) as SpaceId, null);
	const socket = new WebSocket(url.replace(/^http/, 'ws') + nowhere, [socketProtocol, 'x', 'y']);
	return new Promise((resolve) => {
		socket.addEventListener('close', ({ code }) => {
			resolve(code);
		});
	});
}

test('a network that asks for too many sockets is refused, asks later each time, and gets in', async () => {
	const wire = newWire(encodeSpaceFrame);
	const asked = new Map<string, Attempt[]>();
	const sockets = new Set<WebSocket>();
	class Noted extends wire.WebSocket {
		constructor(url: string, protocols?: string | string[]) {
			super(url, protocols);
			const [space = ''] = url.split('?');
			const attempt: Attempt = { atMs: performance.now(), isRefused: false };
			asked.set(space, [...(asked.get(space) ?? []), attempt]);
			sockets.add(this);
			super.addEventListener('close', (event: unknown) => {
				attempt.isRefused = (event as CloseEvent).code === tooMany;
			});
		}
	}
	const device = await signedUp(edge, newHandle(), { WebSocket: Noted as typeof WebSocket });
	const space = spaceOf(device);
	await synced(space);

	const wasRefused = (): boolean =>
		asked.size === 2 &&
		[...asked.values()].every(
			(attempts) => attempts.filter(({ isRefused }) => isRefused).length >= enough
		);
	const neighbour = async (): Promise<void> => {
		while (!wasRefused()) await askInVain(edge.url);
	};
	while ((await askInVain(edge.url)) !== tooMany);
	asked.clear();
	for (const socket of sockets) socket.close();
	await Promise.all(Array.from({ length: 8 }, neighbour));
	await synced(space);

	expect(asked.size).toBe(2);
	for (const attempts of asked.values()) {
		expect(attempts.length).toBeGreaterThan(2);
		for (const [index, { atMs, isRefused }] of attempts.entries()) {
			const nextMs = attempts[index + 1]?.atMs ?? Infinity;
			// A quarter of a second, doubled each time, less what chance takes off.
			if (isRefused) expect(nextMs - atMs).toBeGreaterThanOrEqual(125 * 2 ** index);
		}
	}
	await device.tacet.close();
});
