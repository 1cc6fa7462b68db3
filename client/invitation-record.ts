// Reading an invitation, with or without an account: the edge is asked for the record, and the
// secret in the link opens it or does not.
import type { InviteRecord } from '../protocol/invite.ts';
import { ok } from '../protocol/result.ts';
import type { InvitationPreview } from './api-sharing.ts';
import type { Answer } from './api.ts';
import { bytesOf } from './contacts.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail } from './errors.ts';
import type { Http } from './http.ts';
import { parseLinkUrl, type LinkUrlOf } from './link-url.ts';

export interface OpenedInvitation {
	readonly record: InviteRecord & { readonly expiresAtMs: number };
	readonly claimed: boolean;
}

interface Parts {
	readonly http: Http;
	readonly crypto: CryptoPort;
}

export async function openInvitation(
	{ http, crypto }: Parts,
	{ space, invite, secret }: LinkUrlOf<'join'>
): Answer<OpenedInvitation> {
	const read = await http.call('inviteRead', { space, invite });
	if (!read.ok) return read.error.code === 'not_found' ? fail('invitation_ended') : read;
	const sealed = bytesOf(read.value.record);
	const opened = await crypto.sharing.openInvite({ secret, space, invite, sealed });
	if (!opened.ok) return fail('link_invalid');
	const { expiresAtMs } = opened.value;
	if (expiresAtMs === null) return fail('link_invalid');
	return ok({ record: { ...opened.value, expiresAtMs }, claimed: read.value.claimed });
}

/** For somebody who is signed out, and so has no identity to compare. */
export async function previewInvitation(parts: Parts, url: string): Answer<InvitationPreview> {
	const link = parseLinkUrl(url);
	if (link?.type !== 'join') return fail('link_invalid');
	const opened = await openInvitation(parts, link);
	if (!opened.ok) return opened;
	const { space, spaceName, inviterName, role, expiresAtMs } = opened.value.record;
	const { claimed } = opened.value;
	return ok({ space, spaceName, inviterName, role, expiresAtMs, claimed, safetyWords: [] });
}
