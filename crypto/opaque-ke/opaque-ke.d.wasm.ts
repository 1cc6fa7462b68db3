// What importing opaque-ke.wasm gives where the bundler knows Wasm modules: a WebAssembly.Module.
declare const module: object;
export default module;
