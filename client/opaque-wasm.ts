// Where the page's build put OPAQUE's Wasm. Named here, and handed to the crypto worker by the page,
// so that the file is one of the page's own: its service worker keeps those for offline use.
export { default as opaqueWasmUrl } from '../crypto/opaque-ke/opaque-ke.wasm?url';
