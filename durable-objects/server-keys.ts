// The deployment's own keys, as bytes: made once, kept sealed under the edge secret.
//
//   server keys = CBOR [ version 1, OPAQUE setup (128), naming key (32),
//                        factor key (32), [ [id, secret (32), made ms] … ] ]
//                                                                token keys, newest first
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from '../protocol/shape.ts';
import { factorKeyBytes } from '../crypto/edge/factor-seal.ts';
import type { TokenKey } from '../crypto/edge/session-token.ts';

export interface DatedTokenKey extends TokenKey {
	readonly madeAtMs: number;
}

export interface ServerKeys {
	readonly opaqueSetup: Uint8Array;
	/** Keys the hashes that name accounts and networks. */
	readonly namingKey: Uint8Array;
	/** What secrets of second factors are sealed under. */
	readonly factorKey: Uint8Array;
	readonly tokenKeys: readonly DatedTokenKey[];
}

const maxTokenKeys = 8;

export const encodeServerKeys = (keys: ServerKeys): Uint8Array =>
	encodeCbor([
		1,
		keys.opaqueSetup,
		keys.namingKey,
		keys.factorKey,
		keys.tokenKeys.map(({ id, secret, madeAtMs }) => [id, secret, madeAtMs])
	]);

export function parseServerKeys(bytes: Uint8Array): Result<ServerKeys, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 5)) return err('malformed');
	const [version, opaqueSetup, namingKey, factorKey, tokenKeyList] = decoded.value;
	if (version !== 1 || !isBytes(opaqueSetup, 128)) return err('malformed');
	if (!isBytes(namingKey, 32)) return err('malformed');
	if (!isBytes(factorKey, factorKeyBytes)) return err('malformed');
	const tokenKeys = parseEach(tokenKeyList, maxTokenKeys, parseTokenKey);
	if (tokenKeys === null || tokenKeys.length === 0) return err('malformed');
	return ok({ opaqueSetup, namingKey, factorKey, tokenKeys });
}

function parseTokenKey(value: Cbor): DatedTokenKey | null {
	if (!isArray(value, 3)) return null;
	const [id, secret, madeAtMs] = value;
	return isCount(id) && isBytes(secret, 32) && isUint(madeAtMs) ? { id, secret, madeAtMs } : null;
}
