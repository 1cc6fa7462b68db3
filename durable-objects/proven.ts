// What the Worker hands on of a request that shows a key, and how an object answers it. An object
// judges, the Worker doesn't: whoever judges proofs remembers them (proof-guard.ts).
import { describeRequest, type ProvenRequest } from '../crypto/proven-request.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { ResponseOf, RouteAuth, RouteName } from '../protocol/http.ts';
import type { Result } from '../protocol/result.ts';

/** Plain data. Nothing of it is verified but what `request` says, which the Worker saw itself. */
export interface Proven {
	/** The access token; null where the route asks for none. */
	readonly token: string | null;
	/** The proof, as it came. */
	readonly proof: string;
	readonly request: ProvenRequest;
	/** What the route asks for, as its table says. */
	readonly assurance: RouteAuth;
}

/** An answer with the nonce that the next proof has to carry, where somebody was asked who has one. */
export interface Replied<Value> {
	readonly answer: Result<Value, Refusal>;
	readonly nonce: string | null;
}

export type Reply<Name extends RouteName> = Promise<Replied<ResponseOf<Name>>>;

/** An upgrade has no body, and no header field of its program but the protocols that it offers. */
export async function provenOfUpgrade({ url, headers }: Request): Promise<Proven> {
	const offered = (headers.get('Sec-WebSocket-Protocol') ?? '').split(',');
	const [, token, proof] = offered.map((part) => part.trim());
	const request = await describeRequest({ method: 'GET', url, body: new Uint8Array() });
	return { token: token ?? null, proof: proof ?? '', request, assurance: 'session' };
}
