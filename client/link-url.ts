// Links that carry a secret: invitations, share links, device links. All of it stands behind '#', so
// that no server, log or preview fetcher ever sees it.
//
//   <origin>/#/join/<base64url(space 16 ‖ invite 16)>.<base64url(secret 32)>
//   <origin>/#/s/<base64url(space 16 ‖ link 16)>.<base64url(secret 32)>
//   <origin>/#/link/<base64url(device link 16)>.<handle, percent-encoded>.<base64url(secret 32)>
import { concatBytes, fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type DeviceLinkId,
	type InviteId,
	type LinkId,
	type SpaceId
} from '../protocol/ids.ts';
import { linkSecretBytes } from '../protocol/invite.ts';

export type LinkUrl =
	| {
			readonly type: 'join';
			readonly space: SpaceId;
			readonly invite: InviteId;
			/** 32 bytes. */
			readonly secret: Uint8Array;
	  }
	| {
			readonly type: 'share';
			readonly space: SpaceId;
			readonly link: LinkId;
			readonly secret: Uint8Array;
	  }
	| {
			readonly type: 'device';
			readonly link: DeviceLinkId;
			readonly handle: string;
			readonly secret: Uint8Array;
	  };

export type LinkUrlOf<Type extends LinkUrl['type']> = LinkUrl & { readonly type: Type };

const words = { join: 'join', share: 's', device: 'link' } as const;

/** @param origin 'https://host[:port]' */
export function formatLinkUrl(origin: string, link: LinkUrl): string {
	const secret = toBase64Url(link.secret);
	return `${origin}/#/${words[link.type]}/${placeOf(link)}.${secret}`;
}

function placeOf(link: LinkUrl): string {
	switch (link.type) {
		case 'join':
			return toBase64Url(concatBytes(bytesOfId(link.space), bytesOfId(link.invite)));
		case 'share':
			return toBase64Url(concatBytes(bytesOfId(link.space), bytesOfId(link.link)));
		case 'device':
			// A dot separates the parts, and a handle may hold some.
			return `${toBase64Url(bytesOfId(link.link))}.${encodeURIComponent(link.handle).replaceAll('.', '%2E')}`;
	}
}

/** Reads what stands behind '#', or a whole address; null for anything that was cut or altered. */
export function parseLinkUrl(text: string): LinkUrl | null {
	const fragment = text.slice(text.indexOf('#') + 1).trim();
	const parts = /^\/(join|s|link)\/([^/]+)$/.exec(fragment);
	if (parts === null) return null;
	const fields = (parts[2] ?? '').split('.');
	const secret = bytesOf(fields.at(-1), linkSecretBytes);
	if (secret === null) return null;
	return parts[1] === 'link'
		? deviceLinkOf(fields, secret)
		: spaceLinkOf(parts[1] === 'join' ? 'join' : 'share', fields, secret);
}

function spaceLinkOf(
	type: 'join' | 'share',
	fields: readonly string[],
	secret: Uint8Array
): LinkUrl | null {
	const place = bytesOf(fields[0], 2 * idBytes);
	if (place === null || fields.length !== 2) return null;
	const space = idFromBytes<SpaceId>(place.subarray(0, idBytes));
	const rest = place.subarray(idBytes);
	return type === 'join'
		? { type, space, invite: idFromBytes<InviteId>(rest), secret }
		: { type, space, link: idFromBytes<LinkId>(rest), secret };
}

function deviceLinkOf(fields: readonly string[], secret: Uint8Array): LinkUrl | null {
	const link = bytesOf(fields[0], idBytes);
	const handle = decoded(fields[1]);
	if (link === null || !handle || fields.length !== 3) return null;
	return { type: 'device', link: idFromBytes<DeviceLinkId>(link), handle, secret };
}

function bytesOf(text: string | undefined, length: number): Uint8Array | null {
	const bytes = fromBase64Url(text ?? '');
	return bytes.ok && bytes.value.length === length ? bytes.value : null;
}

function decoded(text: string | undefined): string | null {
	try {
		return decodeURIComponent(text ?? '');
	} catch {
		// A percent sign that was cut off: URIError.
		return null;
	}
}
