// The one way that a function says 'no' about bytes or people from outside. Our own mistakes throw.

export type Result<Value, Failure> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly error: Failure };

/** Wraps a success. */
export const ok = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({
	ok: true,
	value
});

/** Wraps a refusal; `error` is a code from a declared union, or an object that carries one. */
export const err = <Failure>(error: Failure): { readonly ok: false; readonly error: Failure } => ({
	ok: false,
	error
});
