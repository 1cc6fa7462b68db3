// Second factors as their owner adds them, over the real edge.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FactorsOverview } from '../../client/index.ts';
import { routes } from '../../protocol/http.ts';
import type { FactorKind } from '../../protocol/factor-kind.ts';
import { codeOf } from './authenticator-app.ts';
import {
	newDevice,
	newHandle,
	signedUp,
	startEdge,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { addTotp, refused, tappedFetch } from './guarded.ts';
import { startGateway, type MessageGateway } from './message-gateway.ts';
import { SoftPasskeys } from './soft-passkeys.ts';

let edge: Edge;
let gateway: MessageGateway;
beforeAll(async () => {
	gateway = await startGateway();
	edge = await startEdge({ gateway });
});
afterAll(async () => {
	await edge.remove();
	await gateway.close();
});

const security = ({ tacet }: Device) => tacet.security;

const overviewOf = async (device: Device): Promise<FactorsOverview> =>
	valueOf(await security(device).factors());

const askFor = (device: Device, ...suffices: FactorKind[]) =>
	security(device).setPolicy({ suffices });

describe('a one-time password', () => {
	it('is added by a right code, under a name that only its owner sees', async () => {
		const ada = await signedUp(edge, newHandle());
		const added = valueOf(await security(ada).addTotp());
		expect(added.secretBase32).toMatch(/^[A-Z2-7]{32}$/);
		expect(added.uri).toContain(`secret=${added.secretBase32}`);
		const wrong = [0, 1, 2, 3].map(String).find((digit) => codeOf(added)[0] !== digit)!;
		const code = wrong + codeOf(added).slice(1);
		expect(await added.confirm({ code, name: 'Phone' })).toMatchObject(refused('factor_wrong'));
		expect((await overviewOf(ada)).factors).toEqual([]);
		const typed = codeOf(added).replace(/^.../, '$& ');
		const factor = valueOf(await added.confirm({ code: typed, name: 'Phone' }));
		expect((await overviewOf(ada)).factors).toMatchObject([
			{ factor, kind: 'totp', name: 'Phone', kept: { usedAtMs: null, codesLeft: null } }
		]);
		valueOf(await security(ada).rename(factor, 'Old phone'));
		expect((await overviewOf(ada)).factors).toMatchObject([{ name: 'Old phone' }]);
	});

	it('that was taken while its answer was lost is there', async () => {
		const tapped = tappedFetch(routes.accountWrite.path);
		const ada = await signedUp(edge, newHandle(), { fetch: tapped.fetch });
		const added = valueOf(await security(ada).addTotp());
		let lost = 0;
		tapped.answer = () => {
			tapped.answer = null;
			lost += 1;
			throw new TypeError('the connection broke');
		};
		const factor = valueOf(await added.confirm({ code: codeOf(added), name: 'Phone' }));
		expect(lost).toBe(1);
		expect((await overviewOf(ada)).factors).toMatchObject([{ factor, name: 'Phone' }]);
		valueOf(await askFor(ada, 'totp'));
	});

	it('goes again, but not while logins ask for it', async () => {
		const ada = await signedUp(edge, newHandle());
		await addTotp(ada);
		const [added] = (await overviewOf(ada)).factors;
		valueOf(await askFor(ada, 'totp'));
		expect((await overviewOf(ada)).policy.suffices).toEqual(['totp']);
		expect(await security(ada).removeFactor(added!.factor)).toMatchObject(refused('last_factor'));
		valueOf(await askFor(ada));
		valueOf(await security(ada).removeFactor(added!.factor));
		expect((await overviewOf(ada)).factors).toEqual([]);
	});
});

describe('a passkey', () => {
	it('is added by the browser’s dialog, once for each authenticator', async () => {
		const ada = await signedUp(edge, newHandle());
		const passkeys = new SoftPasskeys(edge.url);
		const factor = valueOf(await security(ada).addPasskey({ passkeys, name: 'Blue key' }));
		expect((await overviewOf(ada)).factors).toMatchObject([
			{ factor, kind: 'webauthn', name: 'Blue key', kept: { codesLeft: null } }
		]);
		const again = await security(ada).addPasskey({ passkeys, name: 'Again' });
		expect(again).toMatchObject(refused('cancelled'));
		const other = new SoftPasskeys(edge.url, 2);
		valueOf(await security(ada).addPasskey({ passkeys: other, name: 'Red key' }));
		expect((await overviewOf(ada)).factors).toHaveLength(2);
	});

	it('of a page elsewhere is not taken', async () => {
		const ada = await signedUp(edge, newHandle());
		const passkeys = new SoftPasskeys('https://evil.test');
		const added = await security(ada).addPasskey({ passkeys, name: 'Key' });
		expect(added).toMatchObject(refused('factor_wrong'));
		expect((await overviewOf(ada)).factors).toEqual([]);
	});

	it('is none if the person says no', async () => {
		const ada = await signedUp(edge, newHandle());
		const passkeys = new SoftPasskeys(edge.url);
		passkeys.refuses = true;
		const added = await security(ada).addPasskey({ passkeys, name: 'Key' });
		expect(added).toMatchObject(refused('cancelled'));
	});
});

describe('backup codes', () => {
	it('are ten, and take the place of those before once one was typed in', async () => {
		const ada = await signedUp(edge, newHandle());
		const first = valueOf(await security(ada).addBackupCodes());
		expect(new Set(first.codes).size).toBe(10);
		expect(await first.confirm('0000-0000-0000-0000')).toMatchObject(refused('factor_wrong'));
		expect(await first.confirm('not a code')).toMatchObject(refused('factor_wrong'));
		const one = valueOf(await first.confirm(first.codes[3]!.toLowerCase().replaceAll('-', ' ')));
		expect((await overviewOf(ada)).factors).toMatchObject([
			{ factor: one, kind: 'backup_codes', kept: { codesLeft: 10 } }
		]);
		const second = valueOf(await security(ada).addBackupCodes());
		const other = valueOf(await second.confirm(second.codes[0]!));
		expect((await overviewOf(ada)).factors).toMatchObject([{ factor: other }]);
	});

	it('do not suffice by themselves', async () => {
		const ada = await signedUp(edge, newHandle());
		const codes = valueOf(await security(ada).addBackupCodes());
		valueOf(await codes.confirm(codes.codes[0]!));
		expect(await askFor(ada, 'backup_codes')).toMatchObject(refused('last_factor'));
	});
});

describe('a telephone', () => {
	const sentCode = () => /^\d{6}/.exec(gateway.messages.at(-1)?.text ?? '')?.[0] ?? 'none';

	it('is added by the code of a message, which goes to the gateway as it is documented', async () => {
		const ada = await signedUp(edge, newHandle());
		expect(valueOf(await ada.tacet.usage())).toMatchObject({ sendsSms: true });
		const telephone = valueOf(await security(ada).addSms('+1 (555) 012-3456'));
		const { host } = new URL(edge.url);
		const code = sentCode();
		expect(gateway.messages.at(-1)).toEqual({
			to: '+15550123456',
			text: `${code} is your code for ${host}\n\n@${host} #${code}`
		});
		expect(gateway.requests.at(-1)?.headers).toMatchObject({
			authorization: `Bearer ${gateway.token}`,
			'content-type': 'application/json'
		});
		const other = code === '000000' ? '000001' : '000000';
		const confirm = (typed: string) => telephone.confirm({ code: typed, name: 'Mobile' });
		expect(await confirm(other)).toMatchObject(refused('factor_wrong'));
		valueOf(await confirm(code));
		const { factors } = await overviewOf(ada);
		expect(factors).toMatchObject([{ kind: 'sms', name: 'Mobile' }]);
		expect(JSON.stringify(factors)).not.toContain('5550123456');
		expect(await askFor(ada, 'sms')).toMatchObject(refused('last_factor'));
	});

	it('is no number, and nothing is sent', async () => {
		const ada = await signedUp(edge, newHandle());
		const before = gateway.requests.length;
		for (const typed of ['', '5550123456', '+0155501234', 'call me']) {
			expect(await security(ada).addSms(typed)).toMatchObject(refused('malformed'));
		}
		expect(gateway.requests).toHaveLength(before);
	});

	it('is sent nothing that the gateway refuses, and its token goes to no other address', async () => {
		const ada = await signedUp(edge, newHandle());
		const elsewhere = await startGateway();
		gateway.headers = { Location: elsewhere.url };
		for (const status of [307, 302, 500, 401]) {
			gateway.status = status;
			expect(await security(ada).addSms('+15550123456')).toMatchObject(refused('unavailable'));
		}
		expect(elsewhere.requests).toEqual([]);
		gateway.status = 202;
		gateway.headers = {};
		await elsewhere.close();
	});
});

describe('what guards the account', () => {
	it('is not told or changed while it is locked', async () => {
		const ada = await signedUp(edge, newHandle());
		await ada.tacet.lock();
		expect(await security(ada).factors()).toMatchObject(refused('locked'));
		expect(await security(ada).addTotp()).toMatchObject(refused('locked'));
		expect(await (await newDevice(edge)).tacet.security.factors()).toMatchObject(refused('locked'));
	});

	it('is changed by two devices in turn, each knowing what the other did', async () => {
		const handle = newHandle();
		const ada = await signedUp(edge, handle);
		const other = await newDevice(edge);
		valueOf(await other.tacet.logIn({ handle, password: 'a tortoise on the old pier' }));
		await addTotp(ada);
		await addTotp(other, 'Other phone');
		await addTotp(ada);
		expect((await overviewOf(other)).factors).toHaveLength(3);
	});

	it('is remembered with its log: after a lock, nothing is new', async () => {
		const handle = newHandle();
		const ada = await signedUp(edge, handle);
		await addTotp(ada);
		await ada.tacet.lock();
		valueOf(await ada.tacet.unlock({ password: 'a tortoise on the old pier' }));
		expect((await overviewOf(ada)).factors).toHaveLength(1);
	});
});
