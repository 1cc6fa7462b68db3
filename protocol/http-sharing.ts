// Routes of sharing: invitations, share links, requests by handle, and linking one more device.
// Records are sealed for those who hold a secret; the edge keeps them, counts, and compares.
import * as v from 'valibot';
import {
	accessToken,
	bytesText,
	empty,
	handle,
	id,
	identityEntry,
	timeMs,
	type RouteAuth
} from './http-fields.ts';
import type { AccountId, DeviceLinkId, InviteId, LinkId, RequestId, SpaceId } from './ids.ts';
import {
	hashBytes,
	maxAuditEventsPerRead,
	maxHandOverBytes,
	maxInviteRecordBytes,
	maxInvitesPerSpace,
	maxLinksPerSpace,
	maxRequestBytes,
	maxRequestsPerAccount,
	maxSealedNameBytes,
	sealedEventBytes
} from './limits.ts';

const record = bytesText(72, maxInviteRecordBytes);
const invite = v.strictObject({ space: id<SpaceId>(), invite: id<InviteId>() });
const link = v.strictObject({ space: id<SpaceId>(), link: id<LinkId>() });
const eventNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1_000_000));

/** Who claims: a MAC under the invitation's secret over claimInput, and a name sealed under it. */
const claim = {
	identity: identityEntry,
	mac: bytesText(32),
	name: bytesText(72, maxSealedNameBytes)
};

/** Thumbprint of the key that an opening is bound to (RFC 7638): whoever opens makes one for it. */
const jkt = bytesText(hashBytes);

/** What whoever opens a share link gets: the record, and a token of its member for the socket. */
const opening = v.strictObject({
	record,
	account: id<AccountId>(),
	accessToken,
	accessExpiresAtMs: timeMs
});

const route = <Request, Response, Auth extends RouteAuth>(
	path: `/v1/${string}`,
	auth: Auth,
	request: Request,
	response: Response
) => ({ method: 'POST', path, auth, request, response }) as const;

/** Every one asks or answers about a space, unless it says otherwise. */
export const sharingRoutes = {
	/** By an owner. `over_quota` beyond `maxInvitesPerSpace`. The same once more is taken as that. */
	inviteCreate: route(
		'/v1/invites/create',
		'session',
		v.strictObject({ ...invite.entries, record, expiresAtMs: timeMs }),
		empty
	),
	/** By whoever has the link. `not_found` when unknown, revoked or expired. */
	inviteRead: route(
		'/v1/invites/read',
		'none',
		invite,
		v.strictObject({ record, expiresAtMs: timeMs, claimed: v.boolean() })
	),
	/** Once, by the account of the session. `already_claimed` for anybody after the first. */
	inviteClaim: route(
		'/v1/invites/claim',
		'session',
		v.strictObject({ ...invite.entries, ...claim }),
		empty
	),
	/** By an owner. */
	inviteList: route(
		'/v1/invites/list',
		'session',
		v.strictObject({ space: id<SpaceId>() }),
		v.strictObject({
			invites: v.pipe(
				v.array(
					v.strictObject({
						invite: id<InviteId>(),
						expiresAtMs: timeMs,
						claim: v.nullable(v.strictObject({ ...claim, claimedAtMs: timeMs })),
						/** Somebody else tried to claim it after the first. */
						contested: v.boolean()
					})
				),
				v.maxLength(maxInvitesPerSpace)
			)
		})
	),
	/** By an owner: it is gone, claimed or not. */
	inviteRevoke: route('/v1/invites/revoke', 'session', invite, empty),

	/** By an owner: OPAQUE registration (RFC 9807 section 5) of a link's passphrase. */
	linkRegister: route(
		'/v1/links/register',
		'session',
		v.strictObject({ ...link.entries, registrationRequest: bytesText(32) }),
		v.strictObject({ registrationResponse: bytesText(64) })
	),
	/** By an owner, before the commit that makes the link a member. */
	linkCreate: route(
		'/v1/links/create',
		'session',
		v.strictObject({
			...link.entries,
			/** The link's member, kind 'link'. */
			account: id<AccountId>(),
			record,
			/** SHA-256 of the door key: whoever opens shows the key first. */
			door: bytesText(32),
			expiresAtMs: v.nullable(timeMs),
			/** How often it may be opened; null: as often as they like. */
			openings: v.nullable(count),
			registrationRecord: v.nullable(bytesText(192))
		}),
		empty
	),
	/** By an owner. */
	linkList: route(
		'/v1/links/list',
		'session',
		v.strictObject({ space: id<SpaceId>() }),
		v.strictObject({
			links: v.pipe(
				v.array(
					v.strictObject({
						link: id<LinkId>(),
						account: id<AccountId>(),
						expiresAtMs: v.nullable(timeMs),
						openingsLeft: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
						opened: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
						/** Whether an opening of it may still be kept open. */
						inUse: v.boolean(),
						guarded: v.boolean(),
						frozen: v.boolean()
					})
				),
				v.maxLength(maxLinksPerSpace)
			)
		})
	),
	/** By an owner. A link whose member was removed ends by itself. */
	linkRemove: route('/v1/links/remove', 'session', link, empty),
	/**
	 * By whoever has the link, who shows the door key: else `not_found`. Without a passphrase this is
	 * the opening. With one, `ke1` is needed and counts as a guess until it is finished.
	 */
	linkStart: route(
		'/v1/links/start',
		'none',
		v.strictObject({ ...link.entries, door: bytesText(32), ke1: v.nullable(bytesText(96)), jkt }),
		v.strictObject({
			guarded: v.boolean(),
			login: v.nullable(v.strictObject({ login: bytesText(16), ke2: bytesText(320) })),
			opening: v.nullable(opening)
		})
	),
	linkFinish: route(
		'/v1/links/finish',
		'none',
		v.strictObject({ ...link.entries, login: bytesText(16), ke3: bytesText(64), jkt }),
		opening
	),
	/**
	 * A new token for an opening of at most `linkOpeningTtlSeconds` ago; counts as no opening. The proof
	 * is by the key that the opening is bound to, and without a token: it is in the body, and may have
	 * expired.
	 */
	linkRefresh: route(
		'/v1/links/refresh',
		'proof',
		v.strictObject({ ...link.entries, accessToken: v.pipe(v.string(), v.maxLength(1_024)) }),
		opening
	),

	/**
	 * By an owner or an auditor: a part of the access log, oldest first, the newest part or the one
	 * before event `before`. The chain of events is the caller's to check.
	 */
	eventList: route(
		'/v1/events/list',
		'session',
		v.strictObject({ space: id<SpaceId>(), before: v.nullable(eventNumber) }),
		v.strictObject({
			/** Number of the oldest event that is kept; 1 if there is none. */
			oldest: eventNumber,
			/** How far the log goes before the first of these events: its hash there. */
			after: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
			previous: bytesText(hashBytes),
			events: v.pipe(
				v.array(v.strictObject({ key: eventNumber, sealed: bytesText(sealedEventBytes) })),
				v.maxLength(maxAuditEventsPerRead)
			)
		})
	),

	/** About the account of a handle: the identity log that this edge has for it. */
	identityRead: route(
		'/v1/identities/read',
		'session',
		v.strictObject({ handle }),
		v.strictObject({
			account: id<AccountId>(),
			identities: v.pipe(v.array(identityEntry), v.minLength(1), v.maxLength(64))
		})
	),
	/** To the account of a handle: an invitation, sealed to its identity. */
	requestSend: route(
		'/v1/requests/send',
		'session',
		v.strictObject({ handle, sealed: bytesText(64, maxRequestBytes) }),
		empty
	),
	/** Of the own account. */
	requestList: route(
		'/v1/requests/list',
		'session',
		empty,
		v.strictObject({
			requests: v.pipe(
				v.array(
					v.strictObject({
						request: id<RequestId>(),
						sealed: bytesText(64, maxRequestBytes),
						receivedAtMs: timeMs
					})
				),
				v.maxLength(maxRequestsPerAccount)
			)
		})
	),
	requestDismiss: route(
		'/v1/requests/dismiss',
		'session',
		v.strictObject({ request: id<RequestId>() }),
		empty
	),

	/** About the own account: offers to link one more device, for `deviceLinkTtlSeconds`. */
	deviceLinkOpen: route(
		'/v1/device-links/open',
		'session',
		v.strictObject({ link: id<DeviceLinkId>() }),
		empty
	),
	/** By the new device, once. */
	deviceLinkClaim: route(
		'/v1/device-links/claim',
		'none',
		v.strictObject({ handle, link: id<DeviceLinkId>(), claim: bytesText(72, maxHandOverBytes) }),
		empty
	),
	deviceLinkRead: route(
		'/v1/device-links/read',
		'session',
		v.strictObject({ link: id<DeviceLinkId>() }),
		v.strictObject({ claim: v.nullable(bytesText(72, maxHandOverBytes)) })
	),
	deviceLinkHandOver: route(
		'/v1/device-links/hand-over',
		'session',
		v.strictObject({ link: id<DeviceLinkId>(), sealed: bytesText(72, maxHandOverBytes) }),
		empty
	),
	/** By the new device: null until it was handed over. */
	deviceLinkTake: route(
		'/v1/device-links/take',
		'none',
		v.strictObject({ handle, link: id<DeviceLinkId>() }),
		v.strictObject({ sealed: v.nullable(bytesText(72, maxHandOverBytes)) })
	)
} as const;
