// A share link of a space at the edge, with the half of it that its owner and its openers hold. Its
// record is random bytes: nobody here opens any.
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { decodeCbor } from '../../protocol/cbor.ts';
import type { Refusal } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/http.ts';
import { idFromBytes, type DeviceId, type LinkId } from '../../protocol/ids.ts';
import type { Result } from '../../protocol/result.ts';
import { bytesOf, keyStretching, Person } from './person.ts';
import { newJkt } from './proving.ts';
import type { Stage } from './space-stage.ts';

interface Terms {
	readonly expiresAtMs?: number;
	readonly openings?: number;
	readonly passphrase?: string;
}

/** The device that a token names: a random one for each opening of a link. */
export function deviceOfToken(token: string): DeviceId {
	const [body = ''] = token.slice('tacet_at_'.length).split('.');
	const decoded = decodeCbor(bytesOf(body));
	const device = decoded.ok && Array.isArray(decoded.value) ? decoded.value[4] : null;
	if (!(device instanceof Uint8Array)) throw new Error('the token names no device');
	return idFromBytes<DeviceId>(device);
}

/** What an answer says: a code, or that it went well. */
export const codeOf = (answer: Result<unknown, Refusal>): string =>
	answer.ok ? 'ok' : answer.error.code;

export class Link {
	readonly stage: Stage;
	/** Holds the keys of the link's member. */
	readonly person: Person;
	readonly passphrase: string | null;
	readonly id: LinkId = idFromBytes<LinkId>(randomBytes(16));
	readonly door = randomBytes(32);
	readonly record = toBase64Url(randomBytes(200));
	readonly #terms: Terms;
	readonly #registration: ReturnType<Person['edge']['opaque']['startRegistration']>;
	registrationResponse: string | null = null;
	registrationRecord: string | null = null;

	constructor(stage: Stage, person: Person, terms: Terms) {
		this.stage = stage;
		this.person = person;
		this.#terms = terms;
		this.passphrase = terms.passphrase ?? null;
		const password = this.passphrase ?? 'none';
		this.#registration = person.edge.opaque.startRegistration({ password });
	}

	get place() {
		return { space: this.stage.log.space, link: this.id };
	}

	get terms(): RequestOf<'linkCreate'> {
		return {
			...this.place,
			account: this.person.account,
			record: this.record,
			door: toBase64Url(sha256(this.door)),
			expiresAtMs: this.#terms.expiresAtMs ?? null,
			openings: this.#terms.openings ?? null,
			registrationRecord: this.registrationRecord
		};
	}

	/** The keys of a link that the edge has not heard of. */
	static async prepare(stage: Stage, terms: Terms = {}): Promise<Link> {
		return new Link(stage, await Person.create(stage.owner.edge), terms);
	}

	/** A link that the edge keeps, and that is no member yet. */
	static async make(stage: Stage, terms: Terms = {}): Promise<Link> {
		const link = await Link.prepare(stage, terms);
		if (link.passphrase !== null) await link.#register(link.passphrase);
		const made = await stage.shown.linkCreate(stage.session.token, link.terms);
		if (!made.ok) throw new Error(`no link: ${made.error.code}`);
		return link;
	}

	/** A link that can be opened. */
	static async stand(stage: Stage, terms: Terms = {}): Promise<Link> {
		const link = await Link.make(stage, terms);
		await stage.admit(link.person, 'viewer', 'link');
		return link;
	}

	/** Asks for the same passphrase to be registered, each time with the same bytes. */
	registration(): RequestOf<'linkRegister'> {
		return { ...this.place, registrationRequest: this.#registration.registrationRequest };
	}

	async #register(password: string): Promise<void> {
		const { stage, person } = this;
		const answer = await stage.shown.linkRegister(stage.session.token, this.registration());
		if (!answer.ok) throw new Error(`no registration: ${answer.error.code}`);
		this.registrationResponse = answer.value.registrationResponse;
		const finished = person.edge.opaque.finishRegistration({
			password,
			clientRegistrationState: this.#registration.clientRegistrationState,
			registrationResponse: answer.value.registrationResponse,
			keyStretching
		});
		this.registrationRecord = finished.registrationRecord;
	}

	/** The first message of an attempt at the passphrase. */
	ke1(): string {
		return this.person.edge.opaque.startLogin({ password: 'whichever' }).startLoginRequest;
	}

	async start({ door = this.door, ke1 = null }: { door?: Uint8Array; ke1?: string | null } = {}) {
		const jkt = await newJkt();
		return this.stage.shown.linkStart({ ...this.place, door: toBase64Url(door), ke1, jkt });
	}

	/** The same asked of a link that is not there. */
	async startOfNone() {
		const link = idFromBytes<LinkId>(randomBytes(16));
		return this.stage.shown.linkStart({
			...this.place,
			...{ link, door: toBase64Url(this.door), ke1: null, jkt: await newJkt() }
		});
	}

	/** The last request of an attempt, after its first was answered; throws for a wrong passphrase. */
	async attempt(password = this.passphrase ?? ''): Promise<RequestOf<'linkFinish'>> {
		const { opaque } = this.person.edge;
		const { clientLoginState, startLoginRequest } = opaque.startLogin({ password });
		const started = await this.start({ ke1: startLoginRequest });
		if (!started.ok || started.value.login === null) throw new Error(codeOf(started));
		const { login, ke2 } = started.value.login;
		const finished = opaque.finishLogin({
			clientLoginState,
			loginResponse: ke2,
			password,
			keyStretching
		});
		if (finished === undefined) throw new Error('the passphrase is wrong');
		return { ...this.place, login, ke3: finished.finishLoginRequest, jkt: await newJkt() };
	}

	async open(): Promise<ResponseOf<'linkFinish'>> {
		if (this.passphrase !== null) {
			const answer = await this.stage.shown.linkFinish(await this.attempt());
			if (!answer.ok) throw new Error(`not opened: ${answer.error.code}`);
			return answer.value;
		}
		const answer = await this.start();
		if (!answer.ok || answer.value.opening === null) throw new Error(codeOf(answer));
		return answer.value.opening;
	}

	async refresh({ accessToken }: Pick<ResponseOf<'linkFinish'>, 'accessToken'>) {
		return this.stage.shown.linkRefresh(accessToken, { ...this.place, accessToken });
	}
}
