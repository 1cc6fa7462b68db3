// For rooms that a bundler gives the address of a Wasm file.
declare module '*.wasm?url' {
	const url: string;
	export default url;
}
