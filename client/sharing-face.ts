// Sharing as the engine offers it in every phase: most of it is the unlocked vault's, the rest needs
// no account. What does the work is imported when it is asked for.
import type {
	Contact,
	DeviceLinkOffer,
	DeviceLinkTaken,
	InvitationPreview,
	ShareRequest,
	TacetSharing
} from './api-sharing.ts';
import type { Answer, Space } from './api.ts';
import type { CryptoWorker } from './crypto-port.ts';
import type { PollEnd } from './device-linking.ts';
import { fail, type TacetError } from './errors.ts';
import type { Http } from './http.ts';
import type { LinkUrlOf } from './link-url.ts';
import type * as Operator from './operator.ts';
import type { OperatorOverview, SignUpInviteInput, Usage } from './operator.ts';
import type { Session } from './session.ts';
import type { Sharing } from './sharing.ts';
import type { ResponseOf } from '../protocol/http.ts';
import type { OperatorChange } from '../protocol/http-operator.ts';
import type { AccountId, InviteId, ItemId, RequestId, SpaceId } from '../protocol/ids.ts';
import type { HandOver } from '../protocol/invite.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface FaceParts {
	readonly http: Http;
	readonly deviceName: string | undefined;
	readonly nowMs: () => number;
	readonly origin: string;
	/** Null unless the vault is open. */
	readonly session: () => Session | null;
	/** Null unless the vault is open. */
	readonly sharing: () => Sharing | null;
	readonly isSignedOut: () => boolean;
	/** A crypto worker for as long as `attempt` takes. */
	readonly withCrypto: <Value>(
		attempt: (crypto: CryptoWorker) => Promise<Result<Value, TacetError>>
	) => Promise<Result<Value, TacetError>>;
	/** Before the first login on this device. */
	readonly onHandedOver: (handOver: HandOver) => void;
}

export class SharingFace implements TacetSharing {
	readonly #parts: FaceParts;

	constructor(parts: FaceParts) {
		this.#parts = parts;
	}

	createSpace(input: { readonly name: string }): Answer<Space> {
		return this.#share((sharing) => sharing.createSpace(input));
	}

	shareItem(space: SpaceId, item: ItemId): Answer<Space> {
		return this.#share((sharing) => sharing.shareItem(space, item));
	}

	moveItem(from: SpaceId, item: ItemId, to: SpaceId): Answer<void> {
		return this.#share((sharing) => sharing.moveItem(from, item, to));
	}

	/** Also for somebody who is signed out: it says what there is to sign up for. */
	async readInvitation(url: string): Answer<InvitationPreview> {
		const sharing = this.#parts.sharing();
		if (sharing !== null) return sharing.readInvitation(url);
		const { http, withCrypto } = this.#parts;
		const { previewInvitation } = await import('./invitation-record.ts');
		return withCrypto(({ port: crypto }) => previewInvitation({ http, crypto }, url));
	}

	acceptInvitation(url: string): Answer<void> {
		return this.#share((sharing) => sharing.acceptInvitation(url));
	}

	forgetJoining(invite: InviteId): Answer<void> {
		return this.#share((sharing) => sharing.forgetJoining(invite));
	}

	async checkJoining(): Promise<void> {
		await this.#parts.sharing()?.checkJoining();
	}

	requests(): Answer<readonly ShareRequest[]> {
		return this.#share((sharing) => sharing.requests());
	}

	acceptRequest(request: RequestId): Answer<void> {
		return this.#share((sharing) => sharing.acceptRequest(request));
	}

	dismissRequest(request: RequestId): Answer<void> {
		return this.#share((sharing) => sharing.dismissRequest(request));
	}

	findPerson(handle: string): Answer<Contact> {
		return this.#share((sharing) => sharing.findPerson(handle));
	}

	confirmContact(account: AccountId): Answer<void> {
		return this.#share((sharing) => sharing.confirmContact(account));
	}

	confirmDevice(): Answer<void> {
		return this.#share((sharing) => sharing.confirmDevice());
	}

	linkDevice(): Answer<DeviceLinkOffer> {
		return this.#share((sharing) => sharing.linkDevice());
	}

	async takeDeviceLink(url: string): Answer<DeviceLinkTaken> {
		const { http, deviceName = 'A device', nowMs, isSignedOut, withCrypto } = this.#parts;
		if (!isSignedOut()) return fail('already_signed_in');
		const { claimDeviceLink, takenEndsAtMs } = await import('./device-linking.ts');
		const claimed = await withCrypto(({ port: crypto }) =>
			claimDeviceLink({ http, crypto, deviceName }, url)
		);
		if (!claimed.ok) return claimed;
		const { code, link } = claimed.value;
		const endsAtMs = takenEndsAtMs(nowMs());
		return ok({
			code,
			handedOver: (signal?: AbortSignal) => this.#awaitHandOver(link, { signal, endsAtMs, nowMs })
		});
	}

	async #awaitHandOver(
		link: LinkUrlOf<'device'>,
		end: PollEnd
	): Answer<{ readonly handle: string }> {
		const { awaitHandOver, openHandOver } = await import('./device-linking.ts');
		const { http, withCrypto, onHandedOver } = this.#parts;
		const sealed = await awaitHandOver(http, link, end);
		if (!sealed.ok) return sealed;
		const opened = await withCrypto(({ port }) => openHandOver(port, link, sealed.value));
		if (!opened.ok) return opened;
		onHandedOver(opened.value);
		return ok({ handle: opened.value.handle });
	}

	signUpRead(): Answer<ResponseOf<'signUpRead'>> {
		return this.#parts.http.call('signUpRead', {});
	}

	usage(): Answer<Usage> {
		return this.#operate(({ readUsage }, session) => readUsage(session));
	}

	operatorRead(): Answer<OperatorOverview> {
		return this.#operate(({ readOperation }, session) => readOperation(session));
	}

	operatorWrite(change: OperatorChange): Answer<OperatorOverview> {
		return this.#operate(({ writeOperation }, session) => writeOperation(session, change));
	}

	inviteToSignUp(
		input: SignUpInviteInput
	): Answer<{ readonly url: string; readonly overview: OperatorOverview }> {
		const { origin, nowMs } = this.#parts;
		return this.#operate(({ inviteToSignUp }, session) =>
			inviteToSignUp({ session, origin, nowMs }, input)
		);
	}

	async #operate<Value>(
		work: (of: typeof Operator, session: Session) => Answer<Value>
	): Answer<Value> {
		const session = this.#parts.session();
		return session === null ? fail('locked') : work(await import('./operator.ts'), session);
	}

	/** Not in the engine's turn: some of it waits for other people. */
	#share<Value>(work: (sharing: Sharing) => Answer<Value>): Answer<Value> {
		const sharing = this.#parts.sharing();
		return sharing === null ? Promise.resolve(fail('locked')) : work(sharing);
	}
}
