// Joins the headless engine to this browser: its store, its locks, its worker.
import { connectCrypto, createIdbStore, createTacet, type Tacet } from '../../../client/index.ts';
import { deviceName } from './platform.ts';
import { startCryptoWorker } from './workers.ts';

export const openTacet = (): Tacet =>
	createTacet({
		origin: location.origin,
		store: createIdbStore(),
		startCrypto: () => connectCrypto(startCryptoWorker()),
		locks: navigator.locks,
		channel: (name) => new BroadcastChannel(name),
		deviceName
	});
