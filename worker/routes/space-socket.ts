// The way to a space's socket. Only the form is checked here; the Space verifies token and proof, and
// goes on from where the address says.
//
// A browser's program can't read the status of a failed upgrade. So what it has to act on (log in
// again, load a newer version, wait) is said by opening the socket and closing it with the code.
import type { Context } from 'hono';
import * as v from 'valibot';
import { isWireErrorCode, wireErrors, type Refusal } from '../../protocol/errors.ts';
import { errorResponse, parseSocketQuery, staleProofReason } from '../../protocol/http.ts';
import { parseId, type SpaceId } from '../../protocol/ids.ts';
import { maxProofCharacters } from '../../protocol/limits.ts';
import { socketProtocol } from '../../protocol/version.ts';
import { codeHeader, nonceHeader, refuse, type AppEnv } from '../answer.ts';
import { countRequest } from '../route.ts';

const maxTokenCharacters = 1_024;

export async function spaceSocket(context: Context<AppEnv>): Promise<Response> {
	context.set('route', 'spaceSocket');
	const space = parseId<SpaceId>(context.req.param('space'));
	if (!space.ok) return refuse({ code: 'not_found' });
	if (context.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
		return refuse({ code: 'malformed' });
	}
	const offered = (context.req.header('Sec-WebSocket-Protocol') ?? '').split(',');
	const [protocol, token, proof, ...rest] = offered.map((part) => part.trim());
	if (protocol === undefined || !/^tacet\.\d{1,3}$/.test(protocol)) {
		return refuse({ code: 'malformed' });
	}
	if (protocol !== socketProtocol) return refuseSocket(protocol, { code: 'version_too_old' });
	const isWhole = isWithin(token, maxTokenCharacters) && isWithin(proof, maxProofCharacters);
	if (!isWhole || rest.length > 0) return refuseSocket(protocol, { code: 'unauthenticated' });
	const query = parseSocketQuery(new URL(context.req.url).search);
	if (!query.ok) return refuseSocket(protocol, { code: query.error });
	const counted = await countRequest(context, { handle: null, rate: 'socket' });
	if (!counted.ok) return refuseSocket(protocol, counted.error);
	const answer = await context.env.SPACE.getByName(space.value).fetch(context.req.raw);
	if (answer.status === 101) return answer;
	return refuseSocket(protocol, await refusalOf(answer), answer.headers.get(nonceHeader));
}

const isWithin = (text: string | undefined, maxCharacters: number): boolean =>
	text !== undefined && text.length > 0 && text.length <= maxCharacters;

async function refusalOf(answer: Response): Promise<Refusal> {
	const parsed = v.safeParse(errorResponse, await answer.json());
	const code = parsed.success ? parsed.output.error.code : null;
	return { code: isWireErrorCode(code) ? code : 'internal' };
}

function refuseSocket(protocol: string, refusal: Refusal, nonce: string | null = null): Response {
	const { code } = refusal;
	const isOfProof = code === 'use_dpop_nonce' || code === 'invalid_dpop_proof';
	const { closeCode } = wireErrors[isOfProof ? 'unauthenticated' : code];
	if (closeCode === null) return refuse(refusal);
	const { 0: client, 1: server } = new WebSocketPair();
	server.accept();
	const isStale = code === 'use_dpop_nonce' && nonce !== null;
	server.close(closeCode, isStale ? staleProofReason(nonce) : code);
	const headers = { 'Sec-WebSocket-Protocol': protocol, [codeHeader]: refusal.code };
	return new Response(null, { status: 101, webSocket: client, headers });
}
