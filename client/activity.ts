// What can be read off a log without any key: who committed, when, and how much. For owners and
// auditors alike.
import type { Role } from '../protocol/commit.ts';
import type { AccountId, DeviceId, Seq } from '../protocol/ids.ts';

export type ActivityEvent =
	| { readonly type: 'created' }
	| { readonly type: 'pages'; readonly pages: number; readonly bytes: number }
	| { readonly type: 'superseded'; readonly pages: number }
	| { readonly type: 'added'; readonly account: AccountId; readonly role: Role }
	| { readonly type: 'role_changed'; readonly account: AccountId; readonly role: Role }
	| { readonly type: 'removed'; readonly account: AccountId }
	| { readonly type: 'left'; readonly account: AccountId }
	| { readonly type: 'epoch'; readonly number: number }
	| { readonly type: 'settings' };

export interface ActivityEntry {
	readonly seq: Seq;
	readonly author: AccountId;
	readonly device: DeviceId;
	/** By the author's clock. */
	readonly timeMs: number;
	readonly events: readonly ActivityEvent[];
}
