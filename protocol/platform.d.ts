// The only outside world of protocol/: text encoding. No I/O, no clock, no randomness.
declare class TextEncoder {
	encode(text?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
	constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
	decode(bytes?: Uint8Array): string;
}
