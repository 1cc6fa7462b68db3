// Linking one more device: it claims an offer that an unlocked device shows as a QR code, both show
// the same six digits, and the old one hands over what the new one can't be lied to about. Everything
// is under the secret in the code. Source: docs/formats.md, Device link.
import type { DeviceLinkId } from '../../protocol/ids.ts';
import {
	deviceNonceBytes,
	encodeDeviceClaim,
	encodeHandOver,
	parseDeviceClaim,
	parseHandOver,
	type DeviceClaim,
	type HandOver
} from '../../protocol/invite.ts';
import { confirmInput, deviceLinkAad } from '../../protocol/labels.ts';
import type { Result } from '../../protocol/result.ts';
import { hmacSha256 } from '../mac.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { deriveFromLinkSecret } from './link-secret.ts';
import { openPadded, sealPadded } from './padded-record.ts';

const confirmDigits = 6;

/** A new nonce for a claim: 16 random bytes. */
export const generateDeviceNonce = (random: RandomSource = randomBytes): Uint8Array =>
	random(deviceNonceBytes);

/**
 * Seals what a new device says of itself.
 *
 * @param secret 32 bytes, of the device link.
 * @param random only for vectors.
 * @returns a committed record, under `maxHandOverBytes`.
 */
export const sealDeviceClaim = (
	secret: Uint8Array,
	link: DeviceLinkId,
	claim: DeviceClaim,
	random: RandomSource = randomBytes
): Promise<Uint8Array> =>
	sealPadded(
		deriveFromLinkSecret(secret, 'deviceLink'),
		{ plaintext: encodeDeviceClaim(claim), aad: deviceLinkAad('claim', link) },
		random
	);

/**
 * Opens what {@link sealDeviceClaim} made.
 *
 * @param sealed as received, any length.
 * @returns the claim; `open_failed` for another secret or link and every change alike.
 */
export const openDeviceClaim = (
	secret: Uint8Array,
	link: DeviceLinkId,
	sealed: Uint8Array
): Promise<Result<DeviceClaim, 'open_failed'>> =>
	openPadded(deriveFromLinkSecret(secret, 'deviceLink'), {
		sealed,
		aad: deviceLinkAad('claim', link),
		parse: parseDeviceClaim
	});

/**
 * Seals what the linked device hands over, once the person has compared the codes.
 *
 * @param secret 32 bytes, of the device link.
 * @param random only for vectors.
 * @returns a committed record, under `maxHandOverBytes`.
 */
export const sealHandOver = (
	secret: Uint8Array,
	link: DeviceLinkId,
	handOver: HandOver,
	random: RandomSource = randomBytes
): Promise<Uint8Array> =>
	sealPadded(
		deriveFromLinkSecret(secret, 'handOver'),
		{ plaintext: encodeHandOver(handOver), aad: deviceLinkAad('handOver', link) },
		random
	);

/**
 * Opens what {@link sealHandOver} made.
 *
 * @param sealed as received, any length.
 * @returns what was handed over; `open_failed` for another secret or link and every change alike.
 */
export const openHandOver = (
	secret: Uint8Array,
	link: DeviceLinkId,
	sealed: Uint8Array
): Promise<Result<HandOver, 'open_failed'>> =>
	openPadded(deriveFromLinkSecret(secret, 'handOver'), {
		sealed,
		aad: deviceLinkAad('handOver', link),
		parse: parseHandOver
	});

/**
 * The code that both devices show, for the person to compare: the first four bytes of
 * HMAC-SHA-256 as a number, big-endian, modulo 1,000,000.
 *
 * @param secret 32 bytes, of the device link.
 * @param nonce 16 bytes, of the claim.
 * @returns six digits, zeros in front.
 */
export function confirmCode(secret: Uint8Array, link: DeviceLinkId, nonce: Uint8Array): string {
	const key = deriveFromLinkSecret(secret, 'confirm');
	const mac = hmacSha256(key, confirmInput(link, nonce));
	key.fill(0);
	const number = new DataView(mac.buffer, mac.byteOffset).getUint32(0);
	return String(number % 10 ** confirmDigits).padStart(confirmDigits, '0');
}
