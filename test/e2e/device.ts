// A device without a browser, on the same account: it reads everything, as the engine does.
import { readFile } from 'node:fs/promises';
import { createMemoryStore, createTacet, type Space, type Tacet } from '../../client/index.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { inProject } from '../../scripts/project.mjs';
import { password } from './browser.ts';
import { accountKeys } from './person.ts';

export interface HeadlessDevice {
	/** The account's first one. */
	readonly space: Space;
	readonly tacet: Tacet;
	/** Resolves with the first of the account's spaces that is so. */
	spaceThat(is: (space: Space) => boolean): Promise<Space>;
	/** Whether the edge answers it. */
	isLoggedIn(): Promise<boolean>;
	close(): Promise<void>;
}

export const loadOpaque = async (): Promise<WebAssembly.Module> =>
	WebAssembly.compile(await readFile(inProject('crypto/opaque-ke/opaque-ke.wasm')));

export async function headlessDevice(
	origin: string,
	handle: string,
	deviceName = 'A device'
): Promise<HeadlessDevice> {
	const tacet = createTacet({
		origin,
		deviceName,
		store: createMemoryStore(),
		startCrypto: () => startCryptoInProcess(loadOpaque)
	});
	await tacet.start();
	const done = await tacet.logIn({ handle, password, accountKey: accountKeys.get(handle) });
	if (!done.ok) throw new Error(`login failed: ${done.error.code}`);
	if (tacet.state.phase !== 'unlocked') throw new Error(`it is ${tacet.state.phase}`);
	const { space } = tacet.state;
	return {
		...{ space, tacet },
		spaceThat: (is) => spaceThat(tacet, is),
		isLoggedIn: async () => (await tacet.account()).ok,
		async close() {
			await tacet.logOut({ discardUnsent: true });
			await tacet.close();
		}
	};
}

async function spaceThat(tacet: Tacet, is: (space: Space) => boolean): Promise<Space> {
	const { promise, resolve } = Promise.withResolvers<Space>();
	const stops = new Map<Space, () => void>();
	const look = (): void => {
		const spaces = tacet.state.phase === 'unlocked' ? tacet.state.spaces : [];
		for (const space of spaces) {
			if (!stops.has(space)) stops.set(space, space.subscribe(look));
			if (is(space)) resolve(space);
		}
	};
	const stop = tacet.subscribe(look);
	look();
	const found = await promise;
	for (const end of [stop, ...stops.values()]) end();
	return found;
}

/** Resolves when the space says so. */
export async function until(space: Space, test: () => boolean): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<undefined>();
	const look = (): void => {
		if (test()) resolve(undefined);
	};
	const stop = space.subscribe(look);
	look();
	await promise;
	stop();
}

/** Path of the file that a note came from → the note's text. Waits until there are `count` notes. */
export async function bodiesByPath(space: Space, count: number): Promise<Map<string, string>> {
	await until(space, () => space.items.length >= count && space.sync.pulling === null);
	const bodies = new Map<string, string>();
	for (const { id } of space.items) {
		const text = await space.read(id);
		if (!text.ok) throw new Error(`a note does not open: ${text.error.code}`);
		bodies.set(`${text.value.path ?? ''}/${text.value.title}.md`, text.value.body);
	}
	return bodies;
}
