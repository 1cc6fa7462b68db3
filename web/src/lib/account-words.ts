// The account as people read it: its devices in one list, and what opens it.
import type { KitStanding } from '../../../client/api-sharing.ts';
import type { AccountFacts } from '../../../client/crypto-account-writes.ts';
import type { AccountOverview, OwnDevice } from '../../../client/index.ts';
import type { Place } from '../../../protocol/http-fields.ts';
import type { DeviceId } from '../../../protocol/ids.ts';
import { longDate } from './times.ts';

type Session = AccountOverview['sessions'][number];

/** A device as the keyring and the server know it. */
export interface DeviceLine {
	readonly device: DeviceId;
	/** Null: logged in, but without a line in the keyring yet. */
	readonly name: string | null;
	readonly addedAtMs: number | null;
	readonly isThis: boolean;
	/** Null: not logged in, or the server was not asked yet. */
	readonly session: Session | null;
}

export const lineTitle = ({ name, device }: Pick<DeviceLine, 'name' | 'device'>): string =>
	name ?? `A device without a name (${device.slice(0, 6)})`;

const countryNames = new Intl.DisplayNames(undefined, { type: 'region', fallback: 'code' });
/** The platform's own codes, which no country has. */
const otherNetworks: Readonly<Record<string, string>> = {
	T1: 'over Tor',
	XX: ''
};

/** 'near Lyon, France'; empty where nothing is known. By the network: people are often elsewhere. */
export function placeWords(place: Place | null): string {
	if (place === null) return '';
	const { country, city } = place;
	const other = otherNetworks[country];
	if (other !== undefined) return other;
	const name = countryNames.of(country) ?? country;
	return city === null ? `in ${name}` : `near ${city}, ${name}`;
}

/** This device first, then those that are logged in, the one that was seen last first. */
export function deviceLines(
	known: readonly OwnDevice[],
	sessions: readonly Session[]
): readonly DeviceLine[] {
	const named = known.map(({ device, name, addedAtMs, isThis }) => ({
		device,
		name,
		addedAtMs,
		isThis,
		session: sessions.find((session) => session.device === device) ?? null
	}));
	const unnamed = sessions
		.filter(({ device }) => !known.some((one) => one.device === device))
		.map((session) => ({
			device: session.device,
			name: null,
			addedAtMs: null,
			isThis: session.current,
			session
		}));
	const seen = ({ isThis, session }: DeviceLine): number =>
		isThis ? Infinity : (session?.refreshedAtMs ?? 0);
	return [...named, ...unnamed].toSorted((a, b) => seen(b) - seen(a));
}

interface KeyslotWords {
	readonly name: string;
	readonly note: string;
}

const ofKeyslots: Readonly<Record<string, KeyslotWords>> = {
	password: {
		name: 'Password',
		note: 'Stretched on this device and mixed with a secret of the server, so that nobody can try passwords without asking the server each time.'
	},
	recovery: {
		name: 'Recovery kit',
		note: 'The twelve words of your sheet, for the day the password is forgotten.'
	}
};

/** What opens the account, by the kind of its keyslot. */
export const keyslotWords = (kind: string): KeyslotWords =>
	ofKeyslots[kind] ?? { name: 'Another way', note: 'This version does not know what it is.' };

/** One line about the kit. */
/** @param facts what the account's log says, if it was read. */
export function kitSummary(kit: KitStanding | null, facts: AccountFacts['kit'] | null): string {
	if (kit === null) {
		if (facts === null) return 'Not known here';
		const made = `Made ${longDate(facts.madeAtMs)}`;
		return facts.confirmed ? made : `${made}, not confirmed`;
	}
	const { checkedAtMs, madeAtMs } = kit;
	return checkedAtMs === null
		? `Made ${longDate(madeAtMs)}, not confirmed`
		: `Read back ${longDate(checkedAtMs)}`;
}
