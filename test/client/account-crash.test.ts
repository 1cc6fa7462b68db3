// A device that dies while it changes its account, at each point where something was kept or sent: what is
// left is one account, the one of before or the one that was meant, and its devices go on from there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { codeOf } from './authenticator-app.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	password,
	spaceOf,
	startEdge,
	synced,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { isTo } from './guarded.ts';
import { routes } from '../../protocol/http.ts';

const next = 'another long password';
let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

/** In this order a change is kept, sent, and remembered. */
const points = [
	'before it is kept',
	'once it is kept',
	'before the edge hears of it',
	'once the edge has taken it',
	'before it is remembered',
	'once it is remembered'
] as const;

/** What is left of a device is its store. */
class Mortal {
	readonly store: Store = createMemoryStore();
	#steps: number | null = null;
	readonly died = Promise.withResolvers<'died'>();

	/** At the next change of its account. */
	diesAt(point: (typeof points)[number]): void {
		this.#steps = points.indexOf(point);
	}

	async #pass(): Promise<void> {
		if (this.#steps === null) return;
		if (this.#steps-- > 0) return;
		this.#steps = 0;
		this.died.resolve('died');
		await new Promise<never>(() => undefined);
	}

	get dying(): Store {
		return new Proxy(this.store, {
			get: (store, name: keyof Store) => {
				if (name !== 'saveProfile') return store[name].bind(store);
				return async (...input: Parameters<Store['saveProfile']>) => {
					await this.#pass();
					const saved = await store.saveProfile(...input);
					await this.#pass();
					return saved;
				};
			}
		});
	}

	readonly fetch: typeof fetch = async (input, init) => {
		if (!isTo(routes.accountWrite.path, input)) return fetch(input, init);
		await this.#pass();
		const answer = await fetch(input, init);
		await this.#pass();
		return answer;
	};
}

interface Story {
	readonly handle: string;
	readonly mortal: Mortal;
	readonly device: Device;
	readonly words: string;
}

async function begun(): Promise<Story> {
	const mortal = new Mortal();
	const handle = newHandle();
	const device = await newDevice(edge, { store: mortal.dying, fetch: mortal.fetch });
	const { recoveryCode } = valueOf(await device.tacet.signUp({ handle, password }));
	await synced(spaceOf(device));
	valueOf(await device.tacet.stepUp({ password }));
	valueOf(await device.tacet.security.read());
	return { handle, mortal, device, words: recoveryCode.join(' ') };
}

/** Another tab of the same profile, later. */
const revived = ({ mortal }: Story): Promise<Device> => newDevice(edge, { store: mortal.store });

type Change = 'password' | 'code' | 'factor';

/** What meets each point by default: each change at least twice, and most where the edge alone has heard of it. */
const sample: Record<(typeof points)[number], readonly Change[]> = {
	'before it is kept': ['code'],
	'once it is kept': ['password'],
	'before the edge hears of it': ['factor'],
	'once the edge has taken it': ['password', 'factor'],
	'before it is remembered': ['code'],
	'once it is remembered': ['password']
};
const isSlow = process.env['SLOW'] !== undefined;

describe.each(points)('dying %s', (point) => {
	const testOf = (change: Change) => test.runIf(isSlow || sample[point].includes(change));

	testOf('password')('a change of the password leaves one password, here and there', async () => {
		const story = await begun();
		story.mortal.diesAt(point);
		const changed = story.device.tacet.security.changePassword(next);
		expect(await Promise.race([story.mortal.died.promise, changed])).toBe('died');
		const again = await revived(story);
		const opened = await again.tacet.unlock({ password });
		if (!opened.ok) {
			expect(opened.error.code).toBe('wrong_password');
			valueOf(await again.tacet.unlock({ password: next }));
		}
		const { head } = valueOf(await again.tacet.security.read());
		const wasKept = point !== 'before it is kept';
		expect(head.n).toBe(wasKept ? 2 : 1);
		const [inForce, other] = wasKept ? [next, password] : [password, next];
		await again.tacet.lock();
		expect(await again.tacet.unlock({ password: other })).toMatchObject({
			error: { code: 'wrong_password' }
		});
		valueOf(await again.tacet.unlock({ password: inForce }));
		const elsewhere = await newDevice(edge);
		valueOf(await elsewhere.tacet.logIn({ handle: story.handle, password: inForce }));
		expect(valueOf(await elsewhere.tacet.security.read()).head).toEqual(head);
		await Promise.all([again.tacet.close(), elsewhere.tacet.close()]);
	});

	testOf('code')('another recovery code leaves one code', async () => {
		const story = await begun();
		const { security } = story.device.tacet;
		const made = valueOf(await security.newKit()).recoveryCode.join(' ');
		story.mortal.diesAt(point);
		expect(await Promise.race([story.mortal.died.promise, security.confirmKit(made)])).toBe('died');
		const again = await revived(story);
		valueOf(await again.tacet.unlock({ password }));
		const { kit } = valueOf(await again.tacet.security.read());
		const wasKept = point !== 'before it is kept';
		expect(kit.confirmed).toBe(wasKept);
		const [inForce, other] = wasKept ? [made, story.words] : [story.words, made];
		expect(await again.tacet.security.confirmKit(other)).toMatchObject({
			error: { code: 'wrong_code' }
		});
		valueOf(await again.tacet.security.confirmKit(inForce));
		await again.tacet.close();
	});

	testOf('factor')('a second factor is there, whole, or not at all', async () => {
		const story = await begun();
		const app = valueOf(await story.device.tacet.security.addTotp());
		story.mortal.diesAt(point);
		const confirmed = app.confirm({ code: codeOf(app, -1), name: 'Phone' });
		expect(await Promise.race([story.mortal.died.promise, confirmed])).toBe('died');
		const again = await revived(story);
		valueOf(await again.tacet.unlock({ password }));
		const { factors } = valueOf(await again.tacet.security.factors());
		// What shows that it works is good once: it is not sent again.
		const wasTaken = points.indexOf(point) >= points.indexOf('once the edge has taken it');
		expect(factors.map(({ kind, kept }) => [kind, kept !== null])).toEqual(
			wasTaken ? [['totp', true]] : []
		);
		const second = valueOf(await again.tacet.security.addTotp());
		valueOf(await second.confirm({ code: codeOf(second), name: 'Other phone' }));
		const other = await loggedIn(edge, story.handle);
		const seen = valueOf(await other.tacet.security.factors()).factors;
		expect(seen).toHaveLength(wasTaken ? 2 : 1);
		await Promise.all([again.tacet.close(), other.tacet.close()]);
	});
});
