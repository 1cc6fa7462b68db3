// Names under which the edge finds its objects: keyed hashes, so that a copy of the storage lists
// neither handles nor addresses, and nobody outside can compute a name.
import { toHex } from '../../protocol/bytes.ts';
import type { Handle } from '../../protocol/handle.ts';
import { keyedNameInput } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { hmacSha256 } from '../mac.ts';

/** Name of the one Deployment object. */
export const deploymentObjectName = 'deployment';

/** Name of the Limiter object that counts messages to telephones: no network is named like that. */
export const messageLimiterName = 'messages';

/**
 * The keyed hash of a handle, 32 bytes: OPAQUE's credential identifier, and in hex the name of the
 * Account object.
 *
 * @param key the deployment's naming key, 32 bytes.
 */
export const hashHandle = (key: Uint8Array, handle: Handle): Uint8Array =>
	hmacSha256(key, keyedNameInput('handle', handle));

/** Name of the Account object of a handle: 64 hex digits. */
export const accountObjectName = (handleHash: Uint8Array): string => toHex(handleHash);

/**
 * Name of the Limiter object for a client's network: an IPv4 address, or the /64 of an IPv6 one,
 * which is what one subscriber has. 64 hex digits.
 *
 * @param key the deployment's naming key, 32 bytes.
 * @param address as the platform writes it (CF-Connecting-IP); IPv4-mapped IPv6 counts as IPv4.
 */
export function limiterObjectName(key: Uint8Array, address: string): Result<string, 'malformed'> {
	const network = parseNetwork(address);
	return network.ok
		? ok(toHex(hmacSha256(key, keyedNameInput('network', network.value))))
		: network;
}

/** The network part of an address: 4 bytes for IPv4, 8 for IPv6. */
export function parseNetwork(address: string): Result<Uint8Array, 'malformed'> {
	if (!address.includes(':')) return parseIpv4(address);
	const groups = parseIpv6(address);
	if (!groups.ok) return groups;
	const isMapped =
		groups.value.slice(0, 5).every((group) => group === 0) && groups.value[5] === 0xffff;
	const kept = isMapped ? groups.value.slice(6) : groups.value.slice(0, 4);
	return ok(Uint8Array.from(kept.flatMap((group) => [group >> 8, group & 0xff])));
}

function parseIpv4(address: string): Result<Uint8Array, 'malformed'> {
	const parts = address.split('.');
	if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) {
		return err('malformed');
	}
	const numbers = parts.map(Number);
	return numbers.every((part) => part <= 255) ? ok(Uint8Array.from(numbers)) : err('malformed');
}

/** Eight 16-bit groups, RFC 4291 §2.2, all three text forms; no zone. */
function parseIpv6(address: string): Result<number[], 'malformed'> {
	const halves = address.split('::');
	// An IPv4 address in dots may stand at the very end only.
	const head = parseGroups(halves[0] ?? '', halves.length === 1);
	const tail = parseGroups(halves[1] ?? '', true);
	if (halves.length > 2 || head === null || tail === null) return err('malformed');
	const missing = 8 - head.length - tail.length;
	if (halves.length === 1 ? missing !== 0 : missing < 1) return err('malformed');
	return ok([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
	if (text === '') return [];
	const groups: number[] = [];
	const parts = text.split(':');
	for (const [index, part] of parts.entries()) {
		if (/^[0-9a-f]{1,4}$/i.test(part)) {
			groups.push(Number.parseInt(part, 16));
			continue;
		}
		const embedded = parseIpv4(part);
		if (!mayEndInIpv4 || index !== parts.length - 1 || !embedded.ok) return null;
		const [a = 0, b = 0, c = 0, d = 0] = embedded.value;
		groups.push((a << 8) | b, (c << 8) | d);
	}
	return groups;
}
