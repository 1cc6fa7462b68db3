// Joins the headless engine to this browser: its store, its locks, its worker.
import type { Tacet } from '../../../client/index.ts';
import { connectCrypto } from '../../../client/connect-crypto.ts';
import { createIdbStore } from '../../../client/idb-store.ts';
import { createTacet } from '../../../client/tacet.ts';
import { deviceName, takesSecureCookies } from './platform.ts';
import { startCryptoWorker } from './workers.ts';

interface Begun {
	readonly tacet: Tacet;
	readonly started: Promise<void>;
}

let begun: Begun | null = null;

/** The page's one engine; it begins to read its store at the first call. */
export const begin = (): Begun => (begun ??= start());

function start(): Begun {
	const store = createIdbStore();
	const tacet = createTacet({
		origin: location.origin,
		store,
		startCrypto: () => connectCrypto(startCryptoWorker()),
		locks: navigator.locks,
		channel: (name) => new BroadcastChannel(name),
		deviceName,
		keep: takesSecureCookies() ? 'cookie' : 'answer'
	});
	const stop = tacet.subscribe(() => {
		const { state } = tacet;
		if (state.phase !== 'starting' || state.first === null) return;
		stop();
		store.readAhead(state.first.spaces);
		// Whoever needs it next says so if it does not arrive.
		void prepare().catch(() => undefined);
	});
	return { tacet, started: tacet.start() };
}

/** What an unlocked account needs, while its keys are on their way. */
const prepare = (): Promise<unknown> =>
	Promise.all([
		import('./FirstList.svelte'),
		import('../../../client/vault.ts'),
		import('./Desk.svelte')
	]);
