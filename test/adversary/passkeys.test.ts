// Unlocking by a passkey, when the passkey is lost, changed, or somebody else's.
import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passkeySalt } from '../../crypto/client/passkey.ts';
import type { PasskeyDialog } from '../../client/passkeys.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import {
	newHandle,
	password,
	signedUp,
	startEdge,
	stateOf,
	valueOf,
	type Device,
	type Edge
} from '../client/edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

type Options = Parameters<PasskeyDialog['get']>[0];

/** An authenticator with PRF in software, which a test can make lie. */
function newAuthenticator() {
	const secret = randomBytes(32);
	const id = new Uint8Array(randomBytes(32));
	const asked: Options[] = [];
	const given: Uint8Array[] = [];
	const lie: { id?: Uint8Array; output?: Uint8Array } = {};
	const bytes = (view: Uint8Array): ArrayBuffer => new Uint8Array(view).buffer;
	const dialog: PasskeyDialog = {
		create: () =>
			Promise.resolve({
				rawId: bytes(id),
				type: 'public-key',
				response: {
					clientDataJSON: bytes(randomBytes(64)),
					attestationObject: bytes(randomBytes(64)),
					getTransports: () => ['internal']
				},
				// As those do that answer only when they are used.
				getClientExtensionResults: () => ({ prf: {} })
			}),
		get(options) {
			asked.push(options);
			const salt = options.extensions.prf.eval.first;
			const own = new Uint8Array(createHmac('sha256', secret).update(salt).digest());
			const output = lie.output?.slice() ?? own;
			given.push(output);
			return Promise.resolve({
				rawId: bytes(lie.id ?? id),
				type: 'public-key',
				response: {
					clientDataJSON: bytes(randomBytes(64)),
					authenticatorData: bytes(randomBytes(37)),
					signature: bytes(randomBytes(70)),
					userHandle: null
				},
				getClientExtensionResults: () => ({ prf: { results: { first: output } } })
			});
		}
	};
	return { id, dialog, asked, given, lie };
}
type Authenticator = ReturnType<typeof newAuthenticator>;

async function withPasskey({ tacet }: Device, { dialog }: Authenticator): Promise<void> {
	valueOf(await tacet.stepUp({ password }));
	valueOf(await valueOf(await tacet.passkeys()).add({ name: 'A passkey', dialog }));
}

const profileOf = async ({ store }: Device) => {
	const loaded = await store.loadProfile();
	if (!loaded.ok || loaded.value === null) throw new Error('a locked device has a profile');
	return loaded.value;
};

describe('a passkey that unlocks', () => {
	test('WAN-05 is asked about what follows from the account alone, and what it answers is overwritten', async () => {
		const device = await signedUp(edge, newHandle());
		const { account } = stateOf(device);
		const authenticator = newAuthenticator();
		await withPasskey(device, authenticator);
		await device.tacet.lock();
		valueOf(await device.tacet.unlock({ dialog: authenticator.dialog }));
		expect(authenticator.asked.length).toBe(2);
		for (const { extensions, userVerification, allowCredentials } of authenticator.asked) {
			expect(equalBytes(extensions.prf.eval.first, passkeySalt(account))).toBe(true);
			expect(userVerification).toBe('required');
			expect(allowCredentials.map(({ id }) => id)).toEqual([authenticator.id]);
		}
		for (const output of authenticator.given) expect(output).toEqual(new Uint8Array(32));
		await device.tacet.close();
	});

	test('WAN-05 opens nothing under another id or with another answer, and nothing is overwritten', async () => {
		const device = await signedUp(edge, newHandle());
		const own = newAuthenticator();
		const other = newAuthenticator();
		await withPasskey(device, own);
		await withPasskey(device, other);
		await device.tacet.lock();
		const before = await profileOf(device);
		for (const lie of [
			{ output: new Uint8Array(randomBytes(32)) },
			{ id: other.id },
			{ id: new Uint8Array(randomBytes(32)) }
		]) {
			Object.assign(own.lie, { id: undefined, output: undefined }, lie);
			const tried = await device.tacet.unlock({ dialog: own.dialog });
			expect(tried).toMatchObject({ error: { code: 'keyslot_unreadable' } });
			expect(device.tacet.state.phase).toBe('locked');
			expect(device.cores.running).toBe(0);
		}
		expect((await profileOf(device)).sealedPasskeys).toEqual(before.sealedPasskeys);
		valueOf(await device.tacet.unlock({ dialog: other.dialog }));
		await device.tacet.close();
	});

	test('WAN-05 is one way of several: removed or lost, it takes nothing with it', async () => {
		const device = await signedUp(edge, newHandle());
		const authenticator = newAuthenticator();
		valueOf(await device.tacet.stepUp({ password }));
		const passkeys = valueOf(await device.tacet.passkeys());
		valueOf(await passkeys.add({ name: 'Mine', dialog: authenticator.dialog }));
		expect(device.tacet.state).toMatchObject({ passkeyUnlock: true });
		await device.tacet.lock();
		const lost: PasskeyDialog = {
			create: () => Promise.resolve(null),
			get: () => Promise.resolve(null)
		};
		expect(await device.tacet.unlock({ dialog: lost })).toMatchObject({
			error: { code: 'passkey_unanswered' }
		});
		valueOf(await device.tacet.unlock({ password }));
		valueOf(await valueOf(await device.tacet.passkeys()).remove(authenticator.id));
		await device.tacet.lock();
		expect(device.tacet.state).toMatchObject({ phase: 'locked', passkeyUnlock: false });
		expect(await device.tacet.unlock({ dialog: authenticator.dialog })).toMatchObject({
			error: { code: 'passkey_unanswered' }
		});
		valueOf(await device.tacet.unlock({ password }));
		await device.tacet.close();
	});

	test('THF-04 is added by nobody who has only found the device unlocked', async () => {
		const device = await signedUp(edge, newHandle());
		await device.tacet.lock();
		const authenticator = newAuthenticator();
		valueOf(await device.tacet.unlock({ password }));
		const passkeys = valueOf(await device.tacet.passkeys());
		const added = await passkeys.add({ name: 'A thief’s', dialog: authenticator.dialog });
		expect(added).toEqual({ ok: false, error: { code: 'step_up_needed' } });
		const wrong = await device.tacet.stepUp({ password: 'not the password' });
		expect(wrong).toMatchObject({ error: { code: 'wrong_password' } });
		const again = await passkeys.add({ name: 'A thief’s', dialog: authenticator.dialog });
		expect(again).toEqual({ ok: false, error: { code: 'step_up_needed' } });
		expect((await profileOf(device)).sealedPasskeys).toBeNull();
		await device.tacet.close();
	});
});
