// What the parts of sharing may use of an unlocked account.
import type { AdminIntent } from './admin-draft.ts';
import type { Answer } from './api.ts';
import type { Contacts } from './contacts.ts';
import type { CryptoPort, UnlockedAccount } from './crypto-port.ts';
import type { TacetError } from './errors.ts';
import type { Http } from './http.ts';
import type { Keyring, KnownSpace } from './keyring.ts';
import type { PutBackPlan, PutBackReport } from './put-back.ts';
import type { Session } from './session.ts';
import type { OpenSpace } from './space.ts';
import type { VaultSpace } from './vault-space.ts';
import type { PageId } from '../protocol/commit.ts';
import type { FetchedPage } from '../protocol/frames.ts';
import type { DeviceId, ItemId, SpaceId } from '../protocol/ids.ts';
import type { KeyringEntry } from '../protocol/keyring-entry.ts';
import type { SpaceKind } from '../protocol/page.ts';
import type { Result } from '../protocol/result.ts';

/** What only the tab that syncs can do: input and answer cross over from other tabs. */
export interface LeaderCalls {
	administer: {
		readonly input: { readonly space: SpaceId; readonly intent: AdminIntent };
		readonly answer: null;
	};
	createSpace: {
		readonly input: { readonly name: string; readonly kind: SpaceKind };
		readonly answer: KnownSpace;
	};
	moveItem: {
		readonly input: {
			readonly from: SpaceId;
			readonly item: ItemId;
			readonly to: SpaceId;
		};
		readonly answer: null;
	};
	checkJoining: { readonly input: null; readonly answer: null };
	fetchPages: {
		readonly input: { readonly space: SpaceId; readonly pages: readonly PageId[] };
		readonly answer: readonly FetchedPage[];
	};
	planPutBack: { readonly input: SpaceId; readonly answer: PutBackPlan };
	putBack: { readonly input: SpaceId; readonly answer: PutBackReport };
}

export interface Desk {
	readonly origin: string;
	readonly nowMs: () => number;
	readonly http: Http;
	readonly session: Session;
	readonly crypto: CryptoPort;
	readonly me: UnlockedAccount;
	readonly handle: string;
	readonly device: DeviceId;
	readonly keyring: Keyring;
	readonly contacts: Contacts;
	/** Into the keyring, by way of the outbox. */
	write(entries: readonly KeyringEntry[]): Promise<Result<void, TacetError>>;
	spaceOf(space: SpaceId): VaultSpace | null;
	call<Name extends keyof LeaderCalls>(
		name: Name,
		input: LeaderCalls[Name]['input']
	): Answer<LeaderCalls[Name]['answer']>;
	/** A new space of this account's own, open in this tab. */
	createSpace(input: LeaderCalls['createSpace']['input']): Answer<OpenSpace>;
	/** Something that `state` shows changed. */
	changed(): void;
}
