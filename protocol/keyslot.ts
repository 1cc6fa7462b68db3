// A keyslot: the root of an account, sealed under one way of unlocking. The edge keeps keyslots
// and can open none; it checks their form. Sealing and opening: crypto/client/keyslots.ts.
//
//   keyslot = CBOR [ version 1, kind (text), slot id (16), generation ≥ 1, committed record (104) ]
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import { keyslotKinds, type KeyslotKind } from './labels.ts';
import { hashBytes, sealOverheadBytes } from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount } from './shape.ts';

/** A keyslot as stored, its form checked. */
export interface Keyslot {
	readonly kind: KeyslotKind;
	/** 16 bytes: random, new with every sealing; a passkey's are out of its credential id. */
	readonly slot: Uint8Array;
	/** Which root of the account is inside, from 1. */
	readonly generation: number;
	/** 104 bytes: commitment 32, sealed root 72. */
	readonly record: Uint8Array;
}

const keyslotVersion = 1;
const slotIdBytes = 16;
const rootBytes = 32;
const recordBytes = hashBytes + sealOverheadBytes + rootBytes;

/** Canonical bytes of a keyslot. */
export const encodeKeyslot = ({ kind, slot, generation, record }: Keyslot): Uint8Array =>
	encodeCbor([keyslotVersion, kind, slot, generation, record]);

/** Reads a keyslot's form, to store it or to choose which to try; nothing in it is authenticated. */
export function parseKeyslot(bytes: Uint8Array): Result<Keyslot, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 5)) return err('malformed');
	const [version, kind, slot, generation, record] = decoded.value;
	if (version !== keyslotVersion || !isKeyslotKind(kind)) return err('malformed');
	if (!isBytes(slot, slotIdBytes) || !isCount(generation)) return err('malformed');
	if (!isBytes(record, recordBytes)) return err('malformed');
	return ok({ kind, slot, generation, record });
}

const isKeyslotKind = (value: Cbor | undefined): value is KeyslotKind =>
	keyslotKinds.some((kind) => kind === value);
