// A share link opened by whoever has it: no account, nothing stored, a space to read. The link's own
// identity is a member of the space, so that its log is verified here like anywhere.
import { jwkThumbprint } from '../crypto/jwk.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import type { ResponseOf } from '../protocol/http.ts';
import type { InviteRecord } from '../protocol/invite.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { settingsOf } from './admin-draft.ts';
import type { LinkView, SpaceMember } from './api-sharing.ts';
import type { Answer, TacetOptions } from './api.ts';
import { bytesOf, textOf } from './contacts.ts';
import type { CryptoPort, CryptoWorker, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { Http, type Pass } from './http.ts';
import { Items } from './items.ts';
import { parseLinkUrl, type LinkUrlOf } from './link-url.ts';
import { createMemoryStore } from './memory-store.ts';
import { wasOwner } from './past-members.ts';
import { deviceJwk, generateDeviceKeyPair } from './profile.ts';
import { Proofs } from './proofs.ts';
import { Search } from './search.ts';
import { readOnlyActions } from './read-only.ts';
import { mayBeGood } from './session.ts';
import { OpenSpace, type SpaceView } from './space.ts';
import { SpaceSync } from './sync.ts';

export type LinkOptions = Pick<
	TacetOptions,
	'origin' | 'startCrypto' | 'WebSocket' | 'fetch' | 'nowMs'
>;

type Opening = ResponseOf<'linkFinish'>;

interface Parts {
	readonly options: LinkOptions;
	readonly http: Http;
	readonly crypto: CryptoPort;
	/** By a key made for this view, which the opening is bound to. */
	readonly proofs: Proofs;
	readonly jkt: string;
	readonly link: LinkUrlOf<'share'>;
	readonly nowMs: () => number;
}

/** Opens a share link. `passphrase_needed` says that it has one: call again with it. */
export async function openLinkView(
	options: LinkOptions,
	url: string,
	passphrase?: string
): Answer<LinkView> {
	const link = parseLinkUrl(url);
	if (link?.type !== 'share') return fail('link_invalid');
	const { origin } = options;
	const http = new Http({ origin, ...(options.fetch && { fetch: options.fetch }) });
	const worker = options.startCrypto();
	let view: LinkView | null = null;
	try {
		const nowMs = options.nowMs ?? Date.now;
		const key = await generateDeviceKeyPair();
		const proofs = new Proofs(key, nowMs);
		const jkt = textOf(jwkThumbprint(await deviceJwk(key)));
		const parts = { options, http, crypto: worker.port, proofs, jkt, link, nowMs };
		const opened = await openWith(parts, passphrase, worker);
		if (opened.ok) view = opened.value;
		return opened;
	} finally {
		if (view === null) worker.end();
	}
}

async function openWith(
	parts: Parts,
	passphrase: string | undefined,
	worker: CryptoWorker
): Answer<LinkView> {
	const opening = await (passphrase === undefined ? knock(parts) : prove(parts, passphrase));
	if (!opening.ok) return opening;
	const { secret, space, link } = parts.link;
	const device = idFromBytes<DeviceId>(randomBytes(16));
	const sealed = bytesOf(opening.value.record);
	const opened = await parts.crypto.sharing.openLink({ secret, space, link, sealed, device });
	if (!opened.ok) return fail('link_invalid');
	const { record, me } = opened.value;
	if (me.account !== opening.value.account) return fail('server_misbehaved');
	const view = new View(parts, { record, me, device, worker, opening: opening.value });
	const shown = await view.open();
	if (shown.ok) return ok(view);
	await view.close();
	return shown;
}

/** The door alone: a link without a passphrase opens to that. */
async function knock(parts: Parts): Answer<Opening> {
	const { http, crypto, link, jkt } = parts;
	const door = textOf(await crypto.sharing.linkDoor(link.secret));
	const place = { space: link.space, link: link.link };
	const started = await http.call('linkStart', { ...place, door, ke1: null, jkt }, passOf(parts));
	if (!started.ok) return notFoundAsInvalid(started);
	const { guarded, opening } = started.value;
	if (guarded) return fail('passphrase_needed');
	return opening === null ? fail('server_misbehaved') : ok(opening);
}

/** OPAQUE: the edge learns whether a guess was right, and nothing of the passphrase. */
async function prove(parts: Parts, passphrase: string): Answer<Opening> {
	const { http, crypto, link, jkt } = parts;
	const pass = passOf(parts);
	const door = textOf(await crypto.sharing.linkDoor(link.secret));
	const place = { space: link.space, link: link.link };
	const ke1 = await crypto.sharing.startLinkLogin(link.secret, passphrase);
	if (!ke1.ok) return fail('wrong_passphrase');
	const start = { ...place, door, ke1: textOf(ke1.value), jkt };
	const started = await http.call('linkStart', start, pass);
	if (!started.ok) return notFoundAsInvalid(started);
	const { login, opening } = started.value;
	// It has no passphrase: whoever typed one may come in all the same.
	if (login === null) return opening === null ? fail('server_misbehaved') : ok(opening);
	const ke3 = await crypto.sharing.finishLinkLogin(bytesOf(login.ke2));
	if (!ke3.ok) return fail('wrong_passphrase');
	const finish = { ...place, login: login.login, ke3: textOf(ke3.value), jkt };
	const finished = await http.call('linkFinish', finish, pass);
	return finished.ok ? finished : notFoundAsInvalid(finished);
}

/** The token of an opening goes in the body, where one is asked for. */
const passOf = ({ proofs }: Parts): Pass => ({ proofs, token: null });

/** Alike for a link that never was, one that was taken back, and one with another secret. */
function notFoundAsInvalid(refused: Result<never, TacetError>): Result<never, TacetError> {
	if (refused.ok) return refused;
	if (refused.error.code === 'not_found') return fail('link_invalid');
	if (refused.error.code === 'login_failed') return fail('wrong_passphrase');
	return refused;
}

interface OpenedLink {
	readonly record: InviteRecord;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	readonly worker: CryptoWorker;
	readonly opening: Opening;
}

class View implements LinkView, SpaceView {
	readonly #parts: Parts;
	readonly #opened: OpenedLink;
	readonly #items: Items;
	readonly #search: Search;
	readonly #sync: SpaceSync;
	readonly #store = createMemoryStore();
	readonly space: OpenSpace;
	#opening: Opening;
	/** When it came, by this device's clock. */
	#receivedAtMs: number;

	constructor(parts: Parts, opened: OpenedLink) {
		this.#parts = parts;
		this.#opened = opened;
		this.#opening = opened.opening;
		this.#receivedAtMs = parts.nowMs();
		this.#items = new Items({
			onChange: (ids) => {
				this.#search.changed(ids);
				this.space.changed();
			}
		});
		this.#search = new Search(this.#items);
		this.#sync = this.#newSync();
		this.space = new OpenSpace({
			id: opened.record.space,
			items: this.#items,
			search: this.#search,
			write: () => Promise.resolve(err('forbidden')),
			status: () => this.#sync.status,
			syncNow: () => {
				this.#sync.retryNow();
			},
			nowMs: parts.nowMs,
			view: this,
			actions: readOnlyActions()
		});
	}

	#newSync(): SpaceSync {
		const { options, crypto, nowMs, proofs } = this.#parts;
		const { record, me, device } = this.#opened;
		return new SpaceSync({
			origin: options.origin,
			WebSocket: options.WebSocket ?? WebSocket,
			token: (refused) => this.#token(refused),
			proofs,
			space: record.space,
			genesisHash: record.genesisHash,
			me,
			device,
			store: this.#store,
			crypto,
			content: this.#items,
			nowMs,
			mayWrite: () => false,
			givesHeartbeats: false,
			repairWaitMs: () => 0,
			onChange: () => {
				this.space.changed();
			},
			onStored: () => undefined
		});
	}

	/** Shows it once everything on offer is verified. */
	async open(): Promise<Result<null, TacetError>> {
		this.#sync.expect(this.#opened.record.head);
		const loaded = await this.#sync.load();
		if (!loaded.ok) return fail(loaded.error);
		await this.#sync.lead();
		const reached = await this.#sync.until(() => this.#sync.caughtUp);
		if (!reached.ok) return reached.error.code === 'not_found' ? fail('link_ended') : reached;
		return (await this.#isAsSaid()) ? ok(null) : fail('link_invalid');
	}

	/** Whoever made the link owned the space by its log, and let this very identity in, as a link. */
	async #isAsSaid(): Promise<boolean> {
		const { record, me } = this.#opened;
		const own = this.#sync.members.get(me.account);
		if (own?.kind !== 'link' || !equalBytes(own.identity.hash, me.identityHash)) return false;
		const { space, head, inviter: account, inviterIdentity: hash } = record;
		return wasOwner(this.#store, { space, seq: head.seq }, { account, hash });
	}

	async #token(refused: boolean): Promise<Result<string, TacetError>> {
		const { http, nowMs, link } = this.#parts;
		const { accessToken } = this.#opening;
		if (mayBeGood(this.#receivedAtMs, nowMs()) && !refused) return ok(accessToken);
		const place = { space: link.space, link: link.link };
		const request = { ...place, accessToken };
		const refreshed = await http.call('linkRefresh', request, passOf(this.#parts));
		if (!refreshed.ok) {
			return refreshed.error.code === 'not_found' ? fail('link_ended') : refreshed;
		}
		this.#opening = refreshed.value;
		this.#receivedAtMs = nowMs();
		return ok(refreshed.value.accessToken);
	}

	get spaceName(): string {
		return this.name;
	}

	get inviterName(): string {
		return this.#opened.record.inviterName;
	}

	get expiresAtMs(): number | null {
		return this.#opened.record.expiresAtMs;
	}

	get name(): string {
		return this.#items.name?.name ?? this.#opened.record.spaceName;
	}

	get kind() {
		return this.#items.name?.kind ?? 'space';
	}

	get role() {
		return this.#sync.role;
	}

	get ownIdentity() {
		return this.#sync.selfThere;
	}

	/** Who they are is nobody's here to know. */
	get members(): readonly SpaceMember[] {
		return [];
	}

	get epoch() {
		return this.#sync.epochStatus;
	}

	get heartbeats() {
		return this.#sync.heartbeats;
	}

	get policy() {
		return settingsOf(this.#sync.state);
	}

	activity(limit: number) {
		return this.#sync.activity(limit);
	}

	async close(): Promise<void> {
		await this.#sync.close();
		this.#search.close();
		this.#opened.worker.end();
	}
}
