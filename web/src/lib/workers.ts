// The only place that starts workers. Trusted Types refuse every script URL that does not come from
// this policy, and the policy knows exactly the two that the build made.
import cryptoWorkerUrl from '../../../client/crypto-worker.ts?worker&url';
import { opaqueWasmUrl } from '../../../client/opaque-wasm.ts';
import strengthWorkerUrl from './strength-worker.ts?worker&url';

interface ScriptUrlPolicy {
	createScriptURL(url: string): string;
}
interface TrustedTypes {
	createPolicy(name: string, rules: ScriptUrlPolicy): ScriptUrlPolicy;
}

const rules: ScriptUrlPolicy = {
	createScriptURL(url) {
		if (url === cryptoWorkerUrl || url === strengthWorkerUrl) return url;
		throw new TypeError('not a worker of this page');
	}
};

const trustedTypes = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
const policy = trustedTypes?.createPolicy('tacet-worker', rules) ?? rules;

const startWorker = (url: string, name = ''): Worker =>
	new Worker(policy.createScriptURL(url), { type: 'module', name });

/** Its name tells it where OPAQUE's Wasm lies. */
export const startCryptoWorker = (): Worker => startWorker(cryptoWorkerUrl, opaqueWasmUrl);
export const startStrengthWorker = (): Worker => startWorker(strengthWorkerUrl);
