// Passkeys that unlock this device, with or without a network. Each opens a keyslot of its own, which stays
// here: a copy of the root, so that with the passkey nothing is lost but one way to it. The browser's
// dialog is the page's to open; what a passkey answers goes on to the crypto core, and is overwritten.
import { open, seal } from '../crypto/client/aead.ts';
import { deriveProfileKey } from '../crypto/client/device-key.ts';
import {
	passkeyCreationOptions,
	passkeyRequestOptions,
	splitAsserted,
	splitCreated,
	type AssertedCredential,
	type CreatedCredential,
	type PasskeyAnswer
} from '../crypto/client/passkey.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import { localRecordAad } from '../protocol/labels.ts';
import {
	maxCredentialIdBytes,
	maxFactors,
	minCredentialIdBytes,
	passkeyChallengeBytes
} from '../protocol/limits.ts';
import { passkeyTransports, type PasskeyTransport } from '../protocol/passkey.ts';
import { ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, isUint, parseEach } from '../protocol/shape.ts';
import { openKnownAccount } from './account-log.ts';
import type { AccountParts, OpenedAccount } from './account.ts';
import type { UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Profile } from './store.ts';

/** A browser's dialogs. Null: nobody answered, whyever. */
export interface PasskeyDialog {
	create(options: ReturnType<typeof passkeyCreationOptions>): Promise<CreatedCredential | null>;
	get(options: ReturnType<typeof passkeyRequestOptions>): Promise<AssertedCredential | null>;
}

export interface UnlockPasskey {
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	readonly transports: readonly PasskeyTransport[];
	/** As its person calls it. */
	readonly name: string;
	readonly addedAtMs: number;
}

interface KeptPasskey extends UnlockPasskey {
	readonly keyslot: Uint8Array;
}

export interface PasskeysParts extends AccountParts {
	readonly name: OpenedAccount['name'];
	readonly profile: () => Profile;
	readonly changed: (change: Pick<Profile, 'sealedPasskeys'>) => Promise<Result<void, TacetError>>;
}

/** What the browser shows whom a passkey is for. */
const app = 'Tacet';
const maxNameCharacters = 64;

export class Passkeys {
	readonly #parts: PasskeysParts;

	constructor(parts: PasskeysParts) {
		this.#parts = parts;
	}

	/** Oldest first. */
	list(): Promise<readonly UnlockPasskey[]> {
		return openPasskeys(this.#parts.profile());
	}

	/** `step_up_needed` unless the password was shown once more a moment ago. */
	async mayAdd(): Promise<Result<void, TacetError>> {
		return (await this.#parts.crypto.mayOpenRoot()) ? ok(undefined) : fail('step_up_needed');
	}

	/** Makes one; see {@link Passkeys.mayAdd}. */
	async add(input: {
		readonly name: string;
		readonly dialog: PasskeyDialog;
	}): Promise<Result<void, TacetError>> {
		const { crypto, profile, nowMs, changed } = this.#parts;
		const may = await this.mayAdd();
		if (!may.ok) return may;
		const kept = await openPasskeys(profile());
		if (kept.length >= maxFactors) return fail('refused');
		const answered = await this.#make(input.dialog, kept);
		if (!answered.ok) return answered;
		const { credentialId, transports, output } = answered.value;
		const sealed = await crypto.sealForPasskey({
			...{ credentialId, output: output.reveal() },
			known: await openKnownAccount(profile())
		});
		output.wipe();
		if (!sealed.ok) return fail(sealed.error);
		const called = [...input.name.trim()].slice(0, maxNameCharacters).join('');
		const made = { credentialId, transports, name: called, addedAtMs: nowMs() };
		const all = [...kept, { ...made, keyslot: sealed.value }];
		return changed({ sealedPasskeys: await sealPasskeys(profile(), all) });
	}

	/** The password opens what it opened: this is one way fewer. Its keyslot is nowhere else. */
	async remove(credentialId: Uint8Array): Promise<Result<void, TacetError>> {
		const { profile, changed } = this.#parts;
		const kept = await openPasskeys(profile());
		const left = kept.filter((one) => !equalBytes(one.credentialId, credentialId));
		const sealedPasskeys = left.length === 0 ? null : await sealPasskeys(profile(), left);
		return changed({ sealedPasskeys });
	}

	async #make(dialog: PasskeyDialog, kept: readonly KeptPasskey[]) {
		const { origin, name } = this.#parts;
		const { account, handle } = name;
		const rpId = new URL(origin).hostname;
		const challenge = randomBytes(passkeyChallengeBytes);
		const ask = { rpId, account, challenge };
		const created = await dialog.create(
			passkeyCreationOptions({ ...ask, app, handle, passkeys: kept })
		);
		if (created === null) return fail('passkey_unanswered');
		const made = splitCreated(created);
		if (!made.ok) return fail('passkey_without_prf');
		const { credentialId, sent } = made.value;
		const { transports } = sent.response;
		if (made.value.output !== null) {
			return ok({ credentialId, transports, output: made.value.output });
		}
		// Many answer only when they are used.
		const passkeys = [{ credentialId, transports }];
		const used = await use(dialog, passkeyRequestOptions({ ...ask, passkeys }));
		if (!used.ok) return used;
		return ok({ credentialId, transports, output: used.value.output });
	}
}

/** Unlocks by one of the passkeys that were added here. */
export async function askPasskey(
	{ crypto, origin }: AccountParts,
	{ profile, name }: Pick<OpenedAccount, 'profile' | 'name'>,
	dialog: PasskeyDialog
): Promise<Result<UnlockedAccount, TacetError>> {
	const passkeys = await openPasskeys(profile);
	if (passkeys.length === 0) return fail('passkey_unanswered');
	const { account, identity } = name;
	const rpId = new URL(origin).hostname;
	const challenge = randomBytes(passkeyChallengeBytes);
	const used = await use(dialog, passkeyRequestOptions({ rpId, account, challenge, passkeys }));
	if (!used.ok) return used;
	const { credentialId, output } = used.value;
	const own = passkeys.find((one) => equalBytes(one.credentialId, credentialId));
	const opened =
		own === undefined
			? fail('keyslot_unreadable')
			: await crypto.openByPasskey({
					...{ account, identity, device: profile.device },
					...{ keyslot: own.keyslot, credentialId, output: output.reveal() },
					writes: (await openKnownAccount(profile)).writes
				});
	output.wipe();
	return opened.ok ? opened : fail('keyslot_unreadable');
}

type Used = Pick<PasskeyAnswer<unknown>, 'credentialId'> & {
	readonly output: NonNullable<PasskeyAnswer<unknown>['output']>;
};

async function use(
	dialog: PasskeyDialog,
	options: ReturnType<typeof passkeyRequestOptions>
): Promise<Result<Used, TacetError>> {
	const asserted = await dialog.get(options);
	if (asserted === null) return fail('passkey_unanswered');
	const answer = splitAsserted(asserted);
	if (!answer.ok || answer.value.output === null) return fail('passkey_without_prf');
	const { credentialId, output } = answer.value;
	return ok({ credentialId, output });
}

type Keys = Pick<Profile, 'device' | 'deviceSecret'>;

const aadOf = ({ device }: Keys): Uint8Array => localRecordAad(device, 'profile', 'passkeys');

async function sealPasskeys(keys: Keys, passkeys: readonly KeptPasskey[]): Promise<Uint8Array> {
	const plaintext = encodeCbor([
		1,
		passkeys.map(({ credentialId, transports, name, addedAtMs, keyslot }) => [
			...[credentialId, [...transports], name, addedAtMs, keyslot]
		])
	]);
	return seal(await deriveProfileKey(keys.deviceSecret), { plaintext, aad: aadOf(keys) });
}

async function openPasskeys(
	profile: Keys & Pick<Profile, 'sealedPasskeys'>
): Promise<readonly KeptPasskey[]> {
	const { sealedPasskeys: sealed } = profile;
	if (sealed === null) return [];
	const key = await deriveProfileKey(profile.deviceSecret);
	const opened = await open(key, { sealed, aad: aadOf(profile) });
	const decoded = opened.ok ? decodeCbor(opened.value) : opened;
	if (!decoded.ok || !isArray(decoded.value, 2) || decoded.value[0] !== 1) return [];
	return parseEach(decoded.value[1], maxFactors, parseKept) ?? [];
}

function parseKept(value: Cbor): KeptPasskey | null {
	if (!isArray(value, 5)) return null;
	const [credentialId, ways, name, addedAtMs, keyslot] = value;
	const transports = parseEach(
		ways,
		passkeyTransports.length,
		(way) => passkeyTransports.find((known) => known === way) ?? null
	);
	if (!isBytes(credentialId) || credentialId.length < minCredentialIdBytes) return null;
	if (credentialId.length > maxCredentialIdBytes || transports === null) return null;
	if (typeof name !== 'string' || !isUint(addedAtMs) || !isBytes(keyslot)) return null;
	return { credentialId, transports, name, addedAtMs, keyslot };
}
