// Hashes of sealed pages. They need no key: whoever has the bytes makes them, and no message to the
// crypto worker carries pages only to be hashed.
import { sha256, sha256Async } from '../crypto/hash.ts';

/** How many pages are sealed, opened or hashed at once: enough to keep WebCrypto's threads busy. */
const pagesAtOnce = 16;
const syncHashBytes = 4_096;

/** Up to the size of an edit the synchronous hash is done before WebCrypto's thread has begun. */
export const hashPage = (bytes: Uint8Array): Promise<Uint8Array> | Uint8Array =>
	bytes.length <= syncHashBytes ? sha256(bytes) : sha256Async(bytes);

/** SHA-256 of each, 32 bytes, in order. */
export const hashPages = (pages: readonly Uint8Array[]): Promise<readonly Uint8Array[]> =>
	inTurns(pages, hashPage);

/** Maps in order, with a bounded number under way. */
export async function inTurns<In, Out>(
	inputs: readonly In[],
	work: (input: In, index: number) => Promise<Out> | Out
): Promise<Out[]> {
	const outputs: Out[] = [];
	outputs.length = inputs.length;
	let next = 0;
	const worker = async (): Promise<void> => {
		while (next < inputs.length) {
			const index = next++;
			outputs[index] = await work(inputs[index] as In, index);
		}
	};
	await Promise.all(Array.from({ length: Math.min(pagesAtOnce, inputs.length) }, worker));
	return outputs;
}
