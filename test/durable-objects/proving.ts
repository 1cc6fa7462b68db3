// Whose key each token of these tests is bound to, so that whoever has a token can show it: as an
// honest device does, with the nonce that it was given last.
import { makeDpopProof, type ProofKey } from '../../crypto/client/dpop-proof.ts';
import { jwkThumbprint } from '../../crypto/jwk.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import type { Proven, Replied } from '../../durable-objects/proven.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';
import type { Refusal } from '../../protocol/errors.ts';
import type { RouteAuth, RouteName } from '../../protocol/http.ts';
import type { Result } from '../../protocol/result.ts';
import { newProofKey } from '../crypto/proof-maker.ts';

export interface BoundKey {
	readonly key: ProofKey;
	nonce: string | null;
}

const keysByJkt = new Map<string, BoundKey>();
const keysByToken = new Map<string, BoundKey>();
/** What whoever has a token and not its key signs with. */
const stray: BoundKey = { key: await newProofKey(), nonce: null };

export const jktOf = (jwk: ProofKey['jwk']): string => toBase64Url(jwkThumbprint(jwk));

export async function newBoundKey(): Promise<BoundKey> {
	const bound = { key: await newProofKey(), nonce: null };
	keysByJkt.set(jktOf(bound.key.jwk), bound);
	return bound;
}

/** Thumbprint of a new key, for what opens a link. */
export const newJkt = async (): Promise<string> => jktOf((await newBoundKey()).key.jwk);

/** A key and no other shows this token from now on. */
export function bind(token: string, bound: BoundKey): void {
	keysByToken.set(token, bound);
}

export const keyOf = (token: string): BoundKey => keysByToken.get(token) ?? stray;

/** Any field of what is asked or answered. */
type Fields = Readonly<Record<string, unknown>>;
const textIn = (fields: unknown, name: string): string => {
	const value = (fields as Fields | null | undefined)?.[name];
	return typeof value === 'string' ? value : '';
};

/** Whose key a request has to be shown with. */
export function ownerOf(name: RouteName, request: unknown, token: string | undefined): BoundKey {
	switch (name) {
		case 'sessionRefresh':
			return keyOf(textIn(request, 'refreshToken'));
		case 'linkRefresh':
			return keyOf(textIn(request, 'accessToken'));
		case 'linkStart':
		case 'linkFinish':
			return keysByJkt.get(textIn(request, 'jkt')) ?? stray;
		case 'recoveryStep':
		case 'recoverySend':
		case 'recoveryPassword':
		case 'recoveryFinish':
		case 'loginFinish': {
			const { device } = request as { device?: { jwk?: ProofKey['jwk'] } };
			return (device?.jwk && keysByJkt.get(jktOf(device.jwk))) ?? stray;
		}
		default:
			return keyOf(token ?? '');
	}
}

/** Tokens that an answer brought are bound to the key that asked for them. */
export function noteAnswer(
	name: RouteName,
	{ answer, key }: { readonly answer: unknown; readonly key: BoundKey }
): void {
	const fields = answer as Fields;
	const given = {
		loginFinish: fields['session'],
		loginFactor: fields['session'],
		loginChoose: fields['session'],
		sessionRefresh: fields['session'],
		linkStart: fields['opening'],
		linkFinish: fields,
		linkRefresh: fields
	} as Partial<Record<RouteName, unknown>>;
	for (const token of ['accessToken', 'refreshToken']) {
		const text = textIn(given[name], token);
		if (text !== '') bind(text, key);
	}
}

export async function proofBy(
	{ key, nonce }: BoundKey,
	request: { readonly method: string; readonly url: string; readonly body: string },
	accessToken: string | null
): Promise<string> {
	const described = await describeRequest({ ...request, body: utf8Encode(request.body) });
	const context = { accessToken, nonce, nowMs: Date.now() };
	return makeDpopProof(key, { request: described, context });
}

/** What the Worker hands on of some request that shows a token. */
export async function provenBy(
	bound: BoundKey,
	token: string | null,
	assurance: RouteAuth = token === null ? 'proof' : 'session'
): Promise<Proven> {
	const request = { method: 'POST', url: 'https://tacet.test/v1/any', body: '' };
	return {
		token,
		proof: await proofBy(bound, request, token),
		request: await describeRequest({ ...request, body: new Uint8Array() }),
		assurance
	};
}

type Unproven<Input> = Input extends [Proven, ...infer Rest] ? [token: string, ...Rest] : Input;
type Bare<Output> =
	Awaited<Output> extends Replied<infer Value>
		? Promise<Result<Value, Refusal>>
		: Promise<Awaited<Output>>;
/** An object's methods, as somebody calls them who has a token and shows its key. */
export type Shown<Target> = {
	readonly [Name in keyof Target as Target[Name] extends (...input: never[]) => unknown
		? Name
		: never]: Target[Name] extends (...input: infer Input) => infer Output
		? (...input: Unproven<Input>) => Bare<Output>
		: never;
};

const isReplied = (said: unknown): said is Replied<unknown> =>
	typeof said === 'object' && said !== null && 'answer' in said && 'nonce' in said;

/** Calls an object past the Worker: a token in the first place is shown with its key. */
export function shownTo<Target>(stub: unknown): Shown<Target> {
	const methods = stub as Record<string, (...input: unknown[]) => Promise<unknown>>;
	const ask = async (name: string, input: readonly unknown[]): Promise<unknown> => {
		const [first, ...rest] = input;
		const token = typeof first === 'string' ? first : null;
		const [request] = token === null ? input : rest;
		const key = ownerOf(name as RouteName, request, token ?? undefined);
		for (let tries = 0; ; tries++) {
			// A token that is in the body is shown by its key alone.
			const shown = name === 'linkRefresh' || name === 'refresh' ? null : token;
			const proven = token === null ? input : [await provenBy(key, shown), ...rest];
			const said = await methods[name]!(...proven);
			if (!isReplied(said)) return said;
			key.nonce = said.nonce ?? key.nonce;
			const { answer } = said;
			if (!answer.ok && answer.error.code === 'use_dpop_nonce' && tries === 0) continue;
			if (answer.ok) noteAnswer(name as RouteName, { answer: answer.value, key });
			return answer;
		}
	};
	return new Proxy(
		{},
		{
			get:
				(_, name) =>
				(...input: unknown[]) =>
					ask(String(name), input)
		}
	) as Shown<Target>;
}
