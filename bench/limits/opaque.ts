// What a login can't do without, as a Worker of its own: rounds of one blindEvaluate and three X25519
// (`limit`), and rounds of opaque-ke's answer to KE1 (`answer`), which is the project's.
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { init } from '../../crypto/opaque-ke/opaque-ke.js';
import wasm from './opaque-ke.wasm';

const rounds = {
	async limit(count: number): Promise<void> {
		const { Point } = ristretto255;
		const scalar = ristretto255_hasher.hashToScalar(new Uint8Array(64).fill(7));
		const element = Point.BASE.multiply(scalar).toBytes();
		const own = await makePair();
		const theirs = await makePair();
		for (let round = 0; round < count; round++) {
			Point.fromBytes(element).multiply(scalar).toBytes();
			for (let exchange = 0; exchange < 3; exchange++) {
				const algorithm = { name: 'X25519', public: theirs.publicKey };
				await crypto.subtle.deriveBits(algorithm, own.privateKey, 256);
			}
		}
	},
	async answer(count: number): Promise<void> {
		const { client, server } = await init(wasm);
		const serverSetup = server.createSetup();
		const { startLoginRequest } = client.startLogin({ password: 'measured' });
		for (let round = 0; round < count; round++) {
			server.startLogin({
				serverSetup,
				userIdentifier: 'measured',
				registrationRecord: null,
				startLoginRequest
			});
		}
	}
};

const makePair = (): Promise<CryptoKeyPair> =>
	crypto.subtle.generateKey('X25519', false, ['deriveBits']);

export default {
	async fetch(request: Request): Promise<Response> {
		const { pathname, searchParams } = new URL(request.url);
		const count = Number(searchParams.get('rounds'));
		await (pathname === '/answer' ? rounds.answer(count) : rounds.limit(count));
		return new Response('done');
	}
};
