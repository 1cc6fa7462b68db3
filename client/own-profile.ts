// Who is known on this device: its profile, as the store has it. Other tabs may change it at any time, so
// a change is one of what is stored, and not of what this tab remembers.
import { randomBytes } from '../crypto/random.ts';
import { idFromBytes, type DeviceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { UnlockWays } from './api.ts';
import { fail, type TacetError } from './errors.ts';
import type { Known } from './open-vault.ts';
import { openName, sealName } from './profile.ts';
import type { Profile, Store, StoreFault } from './store.ts';
import type { Tabs } from './tabs.ts';

export interface OwnProfileParts {
	readonly store: Store;
	readonly tabs: Pick<Tabs, 'alone'>;
	/** What is stored changed by this tab. */
	readonly onChange: () => void;
}

export class OwnProfile {
	readonly #parts: OwnProfileParts;
	#known: Known | null = null;

	constructor(parts: OwnProfileParts) {
		this.#parts = parts;
	}

	/** Null: this device belongs to nobody, as far as this tab knows. */
	get known(): Known | null {
		return this.#known;
	}

	get ways(): UnlockWays {
		const { deviceKeyslot = null, sealedPasskeys = null } = this.#known?.profile ?? {};
		return { offlineUnlock: deviceKeyslot !== null, passkeyUnlock: sealedPasskeys !== null };
	}

	async load(): Promise<Result<Known | null, StoreFault>> {
		const loaded = await this.#parts.store.loadProfile();
		if (!loaded.ok) return loaded;
		const profile = loaded.value;
		const name = profile === null ? null : await openName(profile);
		this.#known = profile === null || name === null ? null : { profile, name };
		return ok(this.#known);
	}

	/** It is in the store already. */
	take({ profile, name }: Known): void {
		this.#known = { profile, name };
	}

	update(change: Partial<Profile>): Promise<Result<void, TacetError>> {
		return this.#parts.tabs.alone('session', () => this.#change(change));
	}

	async #change(change: Partial<Profile>): Promise<Result<void, TacetError>> {
		const { store, onChange } = this.#parts;
		const loaded = await store.loadProfile();
		if (!loaded.ok) return fail(loaded.error);
		if (loaded.value === null || this.#known === null) return fail('signed_out');
		const profile = { ...loaded.value, ...change };
		const saved = await store.saveProfile(profile);
		if (!saved.ok) return fail(saved.error);
		this.#known = { ...this.#known, profile };
		onChange();
		return ok(undefined);
	}

	/** The next login names this device anew: its old name is in use elsewhere. */
	async takeNewWriter(): Promise<void> {
		if (this.#known === null) return;
		const writer = idFromBytes<DeviceId>(randomBytes(16));
		const name = { ...this.#known.name, writer };
		await this.update({ sealedName: await sealName(this.#known.profile, name) });
		this.#known = { ...this.#known, name };
	}

	/** With all that is stored. */
	async erase(): Promise<Result<void, StoreFault>> {
		const { store, tabs } = this.#parts;
		// A tab that is just keeping a new token would bring the profile back.
		const erased = await tabs.alone('session', () => store.erase());
		if (erased.ok) this.#known = null;
		return erased;
	}

	/** Another tab has erased it. */
	forget(): void {
		this.#known = null;
	}
}
