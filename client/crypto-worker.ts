// The module that a browser's crypto worker runs, and nothing else. web/ makes the Worker through
// its Trusted Types policy; connect-crypto.ts is the other end.
import { expose, transfer } from 'comlink';
import { CryptoCore } from './crypto-core.ts';
import { fetchWasm } from './http.ts';
import { endMessage, type SealedPage } from './crypto-port.ts';

class WorkerCore extends CryptoCore {
	override async openPages(pages: readonly SealedPage[]): Promise<readonly (Uint8Array | null)[]> {
		const opened = await super.openPages(pages);
		return transfer(opened, buffersOf(opened));
	}

	override async formCommits(...input: Parameters<CryptoCore['formCommits']>) {
		const formed = await super.formCommits(...input);
		return transfer(formed, buffersOf(formed.flatMap(({ pages }) => pages)));
	}
}

const buffersOf = (arrays: readonly (Uint8Array | null)[]): ArrayBuffer[] => [
	...new Set(
		arrays.flatMap((bytes) => (bytes?.buffer instanceof ArrayBuffer ? [bytes.buffer] : []))
	)
];

// The page names the worker after the address of OPAQUE's Wasm: a file that the page itself knows is
// one that its service worker keeps.
const core = new WorkerCore(() => fetchWasm(self.name));
expose(core);
self.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
	if (data !== endMessage) return;
	core.wipe();
	self.close();
});
