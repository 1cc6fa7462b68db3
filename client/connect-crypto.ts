// The page's end of a crypto worker.
import { transfer, wrap } from 'comlink';
import { endMessage, type CommitDraft, type CryptoPort, type CryptoWorker } from './crypto-port.ts';

/** How long a worker may take to overwrite its keys. */
const endTimeoutMs = 200;

/** Talks to a Worker that runs crypto-worker.ts. */
export function connectCrypto(worker: Worker): CryptoWorker {
	// Every method of the port answers with a promise and takes data only, so that the proxy has the
	// very same shape; comlink's mapped type can't say so.
	const remote = wrap<CryptoPort>(worker) as unknown as CryptoPort;
	const here: Partial<CryptoPort> = {
		formCommits: (device, drafts) =>
			remote.formCommits(device, transfer(drafts, drafts.flatMap(roomsOf))),
		// Hashing is no code of the locked page.
		hashPages: async (pages) => (await import('./page-hashes.ts')).hashPages(pages)
	};
	return {
		port: new Proxy(remote, {
			get: (target, name): unknown => Reflect.get(Object.hasOwn(here, name) ? here : target, name)
		}),
		end() {
			worker.postMessage(endMessage);
			// One that is stretching a password hears nothing until it is done.
			setTimeout(() => {
				worker.terminate();
			}, endTimeoutMs);
		}
	};
}

/** Pages that are laid out belong to whoever seals them: their memory goes over, and is not copied. */
const roomsOf = ({ pages }: CommitDraft): ArrayBuffer[] =>
	pages.flatMap((page) =>
		!(page instanceof Uint8Array) && page.room.buffer instanceof ArrayBuffer
			? [page.room.buffer]
			: []
	);
