// What the crypto core does for sharing: invitations, claims, requests, share links and device links.
// Secrets of links come from the engine, which keeps them in the keyring; keys that derive from them
// stay here.
import type { OpaqueClient } from '../crypto/opaque-ke/opaque-ke.js';
import {
	confirmCode,
	generateDeviceNonce,
	openDeviceClaim,
	openHandOver,
	sealDeviceClaim,
	sealHandOver
} from '../crypto/client/device-link.ts';
import { deriveLinkIdentity, type LinkIdentity } from '../crypto/client/link-identity.ts';
import {
	claimMac,
	isClaimMac,
	linkDoorHash,
	linkDoorKey,
	linkPassword,
	openClaimName,
	openInviteRecord,
	sealClaimName,
	sealInviteRecord
} from '../crypto/client/link-secret.ts';
import {
	finishLogin,
	finishRegistration,
	startLogin,
	startRegistration,
	type ExportKey,
	type OpaqueClientState
} from '../crypto/client/opaque-client.ts';
import {
	preparePassword,
	type PasswordFault,
	type PreparedPassword
} from '../crypto/client/password.ts';
import { openRequest, sealRequest } from '../crypto/client/request.ts';
import { safetyWords } from '../crypto/client/safety-words.ts';
import type { AccountKeys } from '../crypto/client/account-keys.ts';
import { openIdentity, verifyRenewal, type Identity } from '../crypto/identity.ts';
import { roles, type Role } from '../protocol/commit.ts';
import type {
	AccountId,
	DeviceId,
	DeviceLinkId,
	InviteId,
	LinkId,
	SpaceId
} from '../protocol/ids.ts';
import type { HandOver, InviteRecord } from '../protocol/invite.ts';
import type { ClaimPlace } from '../protocol/labels.ts';
import { minPasswordCharacters } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { PasswordRefusal, UnlockedAccount } from './crypto-port.ts';

/** Somebody's identity, as the rest of the engine handles it. */
export interface KnownIdentity {
	readonly account: AccountId;
	/** The newest entry. */
	readonly entry: Uint8Array;
	/** 32 bytes. */
	readonly hash: Uint8Array;
	/** Of the entries before it that lead to it, oldest first. */
	readonly earlier: readonly Uint8Array[];
}

export interface Claim {
	readonly identity: Uint8Array;
	readonly mac: Uint8Array;
	readonly name: Uint8Array;
}

export interface InvitePlace {
	readonly space: SpaceId;
	readonly invite: InviteId;
	readonly role: Role;
	readonly expiresAtMs: number;
}

export interface FormedLink {
	readonly account: AccountId;
	readonly identity: Uint8Array;
	readonly record: Uint8Array;
	/** 32 bytes: what the edge keeps of the door key. */
	readonly door: Uint8Array;
}

export interface ReceivedRequest {
	readonly space: SpaceId;
	readonly invite: InviteId;
	readonly secret: Uint8Array;
	readonly sender: KnownIdentity;
	readonly senderName: string;
}

export interface SharingPort {
	sealInvite(input: {
		readonly secret: Uint8Array;
		readonly invite: InviteId;
		readonly record: InviteRecord;
	}): Promise<Uint8Array>;
	openInvite(input: {
		readonly secret: Uint8Array;
		readonly space: SpaceId;
		readonly invite: InviteId;
		readonly sealed: Uint8Array;
	}): Promise<Result<InviteRecord, 'open_failed'>>;
	/** As this account, which goes by `name`. */
	formClaim(input: {
		readonly secret: Uint8Array;
		readonly invite: InviteId;
		readonly record: InviteRecord & { readonly expiresAtMs: number };
		readonly name: string;
	}): Promise<Claim>;
	/** Null for a MAC that was made without the secret, or for another place or identity. */
	checkClaim(input: {
		readonly secret: Uint8Array;
		readonly place: InvitePlace;
		readonly claim: Claim;
	}): Promise<{ readonly person: KnownIdentity; readonly name: string | null } | null>;
	/** Of this account with each of these identity hashes. */
	safetyWords(others: readonly Uint8Array[]): Promise<readonly (readonly string[])[]>;
	/** Judges a log of identities from its first entry on; null if it is not that account's. */
	openIdentities(account: AccountId, entries: readonly Uint8Array[]): Promise<KnownIdentity | null>;
	sealRequest(input: {
		readonly recipient: Uint8Array;
		readonly space: SpaceId;
		readonly invite: InviteId;
		readonly secret: Uint8Array;
		readonly senderName: string;
	}): Promise<Uint8Array>;
	openRequest(sealed: Uint8Array): Promise<ReceivedRequest | null>;

	/** OPAQUE registration of a share link's passphrase; {@link SharingPort.formLink} takes it up. */
	startPassphrase(
		secret: Uint8Array,
		passphrase: string
	): Promise<Result<Uint8Array, PasswordRefusal>>;
	/** @returns the registration record, 192 bytes. */
	finishPassphrase(response: Uint8Array): Promise<Result<Uint8Array, 'malformed'>>;
	formLink(input: {
		readonly secret: Uint8Array;
		readonly link: LinkId;
		readonly record: InviteRecord;
		readonly hasPassphrase: boolean;
	}): Promise<FormedLink>;
	/** What the edge asks for at the door, 32 bytes. */
	linkDoor(secret: Uint8Array): Promise<Uint8Array>;
	startLinkLogin(
		secret: Uint8Array,
		passphrase: string
	): Promise<Result<Uint8Array, PasswordFault>>;
	finishLinkLogin(ke2: Uint8Array): Promise<Result<Uint8Array, 'login_failed'>>;
	/** Unlocks this core as the link's member: of an account there is none. */
	openLink(input: {
		readonly secret: Uint8Array;
		readonly space: SpaceId;
		readonly link: LinkId;
		readonly sealed: Uint8Array;
		readonly device: DeviceId;
	}): Promise<
		Result<{ readonly record: InviteRecord; readonly me: UnlockedAccount }, 'open_failed'>
	>;

	claimDevice(input: {
		readonly secret: Uint8Array;
		readonly link: DeviceLinkId;
		readonly deviceName: string;
	}): Promise<{ readonly claim: Uint8Array; readonly code: string }>;
	openDeviceClaim(input: {
		readonly secret: Uint8Array;
		readonly link: DeviceLinkId;
		readonly sealed: Uint8Array;
	}): Promise<{ readonly deviceName: string; readonly code: string } | null>;
	sealHandOver(input: {
		readonly secret: Uint8Array;
		readonly link: DeviceLinkId;
		readonly handOver: HandOver;
	}): Promise<Uint8Array>;
	openHandOver(input: {
		readonly secret: Uint8Array;
		readonly link: DeviceLinkId;
		readonly sealed: Uint8Array;
	}): Promise<HandOver | null>;
}

export interface SharingParts {
	readonly withOpaque: <Value>(work: (opaque: OpaqueClient) => Value) => Promise<Value>;
	/** The same for a step that stretches. */
	readonly stretching: <Value>(work: (opaque: OpaqueClient) => Value) => Promise<Value>;
	/** The unlocked account; throws while there is none. */
	readonly own: () => { readonly identity: Identity; readonly keys: AccountKeys };
	readonly unlockLink: (link: LinkIdentity, device: DeviceId) => Promise<UnlockedAccount>;
}

interface Attempt {
	readonly password: PreparedPassword;
	readonly state: OpaqueClientState;
}

export class SharingCore implements SharingPort {
	readonly #parts: SharingParts;
	#attempt: Attempt | null = null;
	#exportKey: ExportKey | null = null;

	constructor(parts: SharingParts) {
		this.#parts = parts;
	}

	sealInvite(input: Parameters<SharingPort['sealInvite']>[0]): Promise<Uint8Array> {
		const { secret, invite, record } = input;
		return sealInviteRecord(secret, { type: 'invite', space: record.space, invite }, record);
	}

	openInvite(
		input: Parameters<SharingPort['openInvite']>[0]
	): Promise<Result<InviteRecord, 'open_failed'>> {
		const { secret, space, invite, sealed } = input;
		return openInviteRecord(secret, { type: 'invite', space, invite }, sealed);
	}

	async formClaim(input: Parameters<SharingPort['formClaim']>[0]): Promise<Claim> {
		const { secret, invite, record, name } = input;
		const { identity } = this.#parts.own();
		const place = claimPlaceOf({ ...record, invite }, record.inviterIdentity, identity);
		return {
			identity: identity.bytes,
			mac: claimMac(secret, place),
			name: await sealClaimName(secret, { invite, invitee: identity.account }, name)
		};
	}

	async checkClaim(
		input: Parameters<SharingPort['checkClaim']>[0]
	): Promise<{ readonly person: KnownIdentity; readonly name: string | null } | null> {
		const { secret, place, claim } = input;
		const invitee = await openIdentity(claim.identity);
		if (!invitee.ok) return null;
		const { identity: own } = this.#parts.own();
		const claimPlace = claimPlaceOf(place, own.hash, invitee.value);
		if (!isClaimMac(secret, claimPlace, claim.mac)) return null;
		const namePlace = { invite: place.invite, invitee: invitee.value.account };
		const name = await openClaimName(secret, namePlace, claim.name);
		return { person: known([invitee.value]), name: name.ok ? name.value : null };
	}

	safetyWords(others: readonly Uint8Array[]): Promise<readonly (readonly string[])[]> {
		const { identity } = this.#parts.own();
		return Promise.resolve(others.map((other) => safetyWords(identity.hash, other)));
	}

	async openIdentities(
		account: AccountId,
		entries: readonly Uint8Array[]
	): Promise<KnownIdentity | null> {
		const log = await openIdentityLog(account, entries);
		return log === null ? null : known(log);
	}

	async sealRequest(input: Parameters<SharingPort['sealRequest']>[0]): Promise<Uint8Array> {
		const recipient = await openIdentity(input.recipient);
		if (!recipient.ok) throw new TypeError('the recipient has no identity');
		const { identity, keys } = this.#parts.own();
		const { space, invite, secret, senderName } = input;
		const body = { space, invite, secret, senderEntry: identity.bytes, senderName };
		return sealRequest(recipient.value, body, keys.signing.privateKey);
	}

	async openRequest(sealed: Uint8Array): Promise<ReceivedRequest | null> {
		const { identity, keys } = this.#parts.own();
		const opened = await openRequest({ identity, seed: keys.kem.seed }, sealed);
		return opened.ok ? { ...opened.value, sender: known([opened.value.sender]) } : null;
	}

	async startPassphrase(
		secret: Uint8Array,
		passphrase: string
	): Promise<Result<Uint8Array, PasswordRefusal>> {
		const prepared = preparePassword(passphrase);
		if (!prepared.ok) return prepared;
		if ([...prepared.value].length < minPasswordCharacters) return err('password_too_short');
		const password = linkPassword(secret, prepared.value);
		const { state, request } = await this.#parts.withOpaque((opaque) =>
			startRegistration(opaque, password)
		);
		this.#attempt = { password, state };
		return ok(request);
	}

	async finishPassphrase(response: Uint8Array): Promise<Result<Uint8Array, 'malformed'>> {
		const attempt = this.#takeAttempt();
		const finished = await this.#parts.stretching((opaque) =>
			finishRegistration(opaque, { ...attempt, response })
		);
		attempt.state.wipe();
		if (!finished.ok) return finished;
		this.#exportKey = finished.value.exportKey;
		return ok(finished.value.record);
	}

	async formLink(input: Parameters<SharingPort['formLink']>[0]): Promise<FormedLink> {
		const { secret, link, record, hasPassphrase } = input;
		const exportKey = hasPassphrase ? this.#takeExportKey() : null;
		const { identity, keys } = await deriveLinkIdentity(secret, exportKey);
		keys.kem.seed.wipe();
		const place = { type: 'link', space: record.space, link, exportKey } as const;
		const sealed = await sealInviteRecord(secret, place, record);
		exportKey?.wipe();
		const door = linkDoorHash(linkDoorKey(secret));
		return { account: identity.account, identity: identity.bytes, record: sealed, door };
	}

	linkDoor(secret: Uint8Array): Promise<Uint8Array> {
		return Promise.resolve(linkDoorKey(secret));
	}

	async startLinkLogin(
		secret: Uint8Array,
		passphrase: string
	): Promise<Result<Uint8Array, PasswordFault>> {
		const prepared = preparePassword(passphrase);
		if (!prepared.ok) return prepared;
		const password = linkPassword(secret, prepared.value);
		const { state, ke1 } = await this.#parts.withOpaque((opaque) => startLogin(opaque, password));
		this.#attempt = { password, state };
		return ok(ke1);
	}

	async finishLinkLogin(ke2: Uint8Array): Promise<Result<Uint8Array, 'login_failed'>> {
		const attempt = this.#takeAttempt();
		const finished = await this.#parts.stretching((opaque) =>
			finishLogin(opaque, { ...attempt, ke2 })
		);
		attempt.state.wipe();
		if (!finished.ok) return finished;
		finished.value.sessionKey.wipe();
		this.#exportKey = finished.value.exportKey;
		return ok(finished.value.ke3);
	}

	async openLink(
		input: Parameters<SharingPort['openLink']>[0]
	): Promise<
		Result<{ readonly record: InviteRecord; readonly me: UnlockedAccount }, 'open_failed'>
	> {
		const { secret, space, link, sealed, device } = input;
		const exportKey = this.#exportKey;
		const place = { type: 'link', space, link, exportKey } as const;
		const record = await openInviteRecord(secret, place, sealed);
		if (!record.ok) return record;
		const identity = await deriveLinkIdentity(secret, exportKey);
		exportKey?.wipe();
		this.#exportKey = null;
		return ok({ record: record.value, me: await this.#parts.unlockLink(identity, device) });
	}

	async claimDevice(
		input: Parameters<SharingPort['claimDevice']>[0]
	): Promise<{ readonly claim: Uint8Array; readonly code: string }> {
		const { secret, link, deviceName } = input;
		const nonce = generateDeviceNonce();
		const claim = await sealDeviceClaim(secret, link, { nonce, deviceName });
		return { claim, code: confirmCode(secret, link, nonce) };
	}

	async openDeviceClaim(
		input: Parameters<SharingPort['openDeviceClaim']>[0]
	): Promise<{ readonly deviceName: string; readonly code: string } | null> {
		const { secret, link, sealed } = input;
		const opened = await openDeviceClaim(secret, link, sealed);
		if (!opened.ok) return null;
		const { deviceName, nonce } = opened.value;
		return { deviceName, code: confirmCode(secret, link, nonce) };
	}

	sealHandOver(input: Parameters<SharingPort['sealHandOver']>[0]): Promise<Uint8Array> {
		return sealHandOver(input.secret, input.link, input.handOver);
	}

	async openHandOver(input: Parameters<SharingPort['openHandOver']>[0]): Promise<HandOver | null> {
		const opened = await openHandOver(input.secret, input.link, input.sealed);
		return opened.ok ? opened.value : null;
	}

	wipe(): void {
		this.#attempt?.state.wipe();
		this.#exportKey?.wipe();
		this.#attempt = null;
		this.#exportKey = null;
	}

	#takeAttempt(): Attempt {
		const attempt = this.#attempt;
		if (attempt === null) throw new Error('no passphrase is under way');
		this.#attempt = null;
		return attempt;
	}

	#takeExportKey(): ExportKey {
		const exportKey = this.#exportKey;
		if (exportKey === null) throw new Error('no passphrase was registered');
		this.#exportKey = null;
		return exportKey;
	}
}

const claimPlaceOf = (
	{ space, invite, role, expiresAtMs }: InvitePlace,
	inviterIdentity: Uint8Array,
	invitee: Identity
): ClaimPlace => ({
	space,
	invite,
	role: roles.indexOf(role) + 1,
	expiresAtMs,
	inviterIdentity,
	invitee: invitee.account,
	inviteeIdentity: invitee.hash
});

function known(log: readonly Identity[]): KnownIdentity {
	const newest = log.at(-1);
	if (newest === undefined) throw new TypeError('a log of identities has entries');
	const earlier = log.slice(0, -1).map(({ hash }) => hash);
	return { account: newest.account, entry: newest.bytes, hash: newest.hash, earlier };
}

/** The log's first entry names the account; each later one is signed by the one before. */
export async function openIdentityLog(
	account: AccountId,
	entries: readonly Uint8Array[]
): Promise<readonly Identity[] | null> {
	const log: Identity[] = [];
	for (const bytes of entries) {
		const identity = await openIdentity(bytes);
		if (!identity.ok || identity.value.account !== account) return null;
		const before = log.at(-1);
		const follows =
			before === undefined
				? identity.value.entry.body.n === 1
				: await verifyRenewal(before, identity.value);
		if (!follows) return null;
		log.push(identity.value);
	}
	return log.length === 0 ? null : log;
}
