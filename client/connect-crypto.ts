// The page's end of a crypto worker.
import { wrap } from 'comlink';
import type { CryptoPort, CryptoWorker } from './crypto-port.ts';

/** Talks to a Worker that runs crypto-worker.ts. */
export function connectCrypto(worker: Worker): CryptoWorker {
	// Every method of the port answers with a promise and takes data only, so that the proxy has the
	// very same shape; comlink's mapped type can't say so.
	const port = wrap<CryptoPort>(worker) as unknown as CryptoPort;
	return {
		port,
		end() {
			worker.terminate();
		}
	};
}
