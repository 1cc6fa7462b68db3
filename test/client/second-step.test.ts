// Logins of an account that asks for a second step, over the real edge; and an edge that leaves it out.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewTotp } from '../../client/index.ts';
import { answerWithPasskey } from '../../client/factor-answers.ts';
import { parseBackupCode } from '../../crypto/backup-codes.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import type { FactorKind } from '../../protocol/factor-kind.ts';
import type { FactorAnswer } from '../../protocol/factor-answer.ts';
import { routes } from '../../protocol/http.ts';
import { codeOf } from './authenticator-app.ts';
import {
	newDevice,
	newHandle,
	password,
	signedUp,
	startEdge,
	stateOf,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { addTotp, askedFactor, refused, tappedFetch, totp, wrongCodeOf } from './guarded.ts';
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

interface Guarded {
	readonly handle: string;
	readonly device: Device;
	readonly app: NewTotp;
	readonly passkeys: SoftPasskeys;
	readonly codes: readonly string[];
}

/** Somebody with every kind of factor, of whose logins these kinds suffice. */
async function guarded(...suffices: FactorKind[]): Promise<Guarded> {
	const handle = newHandle();
	const device = await signedUp(edge, handle);
	const { security } = device.tacet;
	const app = await addTotp(device);
	const passkeys = new SoftPasskeys(edge.url);
	valueOf(await security.addPasskey({ passkeys, name: 'Key' }));
	const backups = valueOf(await security.addBackupCodes());
	valueOf(await backups.confirm(backups.codes[0]!));
	const telephone = valueOf(await security.addSms('+15550123456'));
	valueOf(await telephone.confirm({ code: sentCode(), name: 'Mobile' }));
	valueOf(await security.setPolicy({ suffices }));
	return { handle, device, app, passkeys, codes: backups.codes };
}

const sentCode = () => /^\d{6}/.exec(gateway.messages.at(-1)?.text ?? '')?.[0] ?? 'none';

/** A login that stands at the question for a second step. */
async function asked(handle: string, { tacet }: Device) {
	const { question, answered: entered } = await askedFactor((onQuestion) =>
		tacet.logIn({ handle, password, onQuestion })
	);
	return { question, entered };
}

const backup = (text: string): FactorAnswer => ({
	...{ kind: 'backup_codes', code: toBase64Url(codeBytes(parseBackupCode(text))) }
});
function codeBytes<Value>(result: { ok: true; value: Value } | { ok: false }): Value {
	if (!result.ok) throw new Error('no value');
	return result.value;
}

const every: FactorKind[] = ['totp', 'webauthn', 'backup_codes', 'sms'];

describe('a login that asks for a second step', () => {
	it('names what suffices, and opens nothing before a right answer', async () => {
		const { handle, app } = await guarded('totp', 'backup_codes');
		const one = await newDevice(edge);
		const { question, entered } = await asked(handle, one);
		expect(question.factors.map(({ kind }) => kind)).toEqual(['totp', 'backup_codes']);
		expect(question.webauthn).toBeNull();
		expect(one.tacet.state.phase).toBe('signed_out');
		expect(await question.answer(totp(wrongCodeOf(app)))).toMatchObject(refused('factor_wrong'));
		valueOf(await question.answer(totp(codeOf(app))));
		valueOf(await entered);
		expect(stateOf(one).loginDoubt).toBeNull();
	});

	it('takes a passkey, for which each answer has a challenge of its own', async () => {
		const { handle, passkeys } = await guarded(...every);
		const one = await newDevice(edge);
		const { question, entered } = await asked(handle, one);
		const { hostname } = new URL(edge.url);
		const first = await answerWithPasskey(question.webauthn!, passkeys, hostname);
		const passkey = question.factors.find(({ kind }) => kind === 'webauthn')!;
		const again = valueOf(await question.send(passkey.factor));
		expect(again!.challenge).not.toBe(question.webauthn!.challenge);
		const second = await answerWithPasskey(again!, passkeys, hostname);
		valueOf(await question.answer(second!));
		valueOf(await entered);
		const other = await newDevice(edge);
		const next = await asked(handle, other);
		expect(await next.question.answer(first!)).toMatchObject(refused('factor_wrong'));
		next.question.cancel();
	});

	it('takes a backup code once', async () => {
		const { handle, device, codes } = await guarded(...every);
		const one = await newDevice(edge);
		const { question, entered } = await asked(handle, one);
		valueOf(await question.answer(backup(codes[4]!)));
		valueOf(await entered);
		const { factors } = valueOf(await device.tacet.security.factors());
		const left = factors.find(({ kind }) => kind === 'backup_codes')!;
		expect(left.kept).toMatchObject({ codesLeft: 9 });
		const next = await asked(handle, await newDevice(edge));
		expect(await next.question.answer(backup(codes[4]!))).toMatchObject(refused('factor_wrong'));
		next.question.cancel();
	});

	it('takes the code of a message, which is sent when somebody asks for it', async () => {
		const { handle } = await guarded(...every);
		const { question, entered } = await asked(handle, await newDevice(edge));
		const before = gateway.messages.length;
		const telephone = question.factors.find(({ kind }) => kind === 'sms')!;
		expect(valueOf(await question.send(telephone.factor))).toBeNull();
		expect(gateway.messages).toHaveLength(before + 1);
		valueOf(await question.answer({ kind: 'sms', code: sentCode() }));
		valueOf(await entered);
	});

	it('MFA-05: takes nothing weaker where only passkeys suffice', async () => {
		const { handle, app, codes, passkeys } = await guarded('webauthn');
		const { question, entered } = await asked(handle, await newDevice(edge));
		expect(question.factors.map(({ kind }) => kind)).toEqual(['webauthn']);
		const { hostname } = new URL(edge.url);
		const wrong = refused('factor_wrong');
		expect(await question.answer(totp(codeOf(app)))).toMatchObject(wrong);
		expect(await question.answer(backup(codes[1]!))).toMatchObject(wrong);
		const answer = await answerWithPasskey(question.webauthn!, passkeys, hostname);
		valueOf(await question.answer(answer!));
		valueOf(await entered);
	});

	it('MFA-01: ends after five wrong codes, and the next one waits, but not on a known device', async () => {
		const { handle, device, app } = await guarded('totp');
		const { question, entered } = await asked(handle, await newDevice(edge));
		for (let tries = 1; tries < 5; tries++) {
			expect(await question.answer(totp(wrongCodeOf(app)))).toMatchObject(refused('factor_wrong'));
		}
		await question.answer(totp(wrongCodeOf(app)));
		expect(await entered).toMatchObject(refused('second_step_failed'));
		const next = await asked(handle, await newDevice(edge));
		expect(await next.question.answer(totp(codeOf(app)))).toMatchObject(refused('rate_limited'));
		next.question.cancel();
		await device.tacet.lock();
		const home = await askedFactor((onQuestion) => device.tacet.unlock({ password, onQuestion }));
		valueOf(await home.question.answer(totp(codeOf(app))));
		valueOf(await home.answered);
	});

	it('is what was wrong, and not the password, where a locked device answers wrongly too often', async () => {
		const { device, app } = await guarded('totp');
		await device.tacet.lock();
		const { question, answered } = await askedFactor((onQuestion) =>
			device.tacet.unlock({ password, onQuestion })
		);
		for (let tries = 1; tries <= 5; tries++) await question.answer(totp(wrongCodeOf(app)));
		expect(await answered).toMatchObject(refused('second_step_failed'));
		const wrong = await device.tacet.unlock({ password: 'another one altogether' });
		expect(wrong).toMatchObject(refused('wrong_password'));
	});

	it('is asked of whoever shows anew who they are', async () => {
		const { device, app } = await guarded('totp');
		expect(await device.tacet.stepUp({ password })).toMatchObject(refused('second_step_needed'));
		const shown = await device.tacet.stepUp({
			password,
			onQuestion: (question) => {
				if (question.next === 'factor') void question.answer(totp(codeOf(app)));
			}
		});
		expect(shown).toMatchObject({ ok: true });
	});
});

describe('an edge that asks for less than the account does', () => {
	/** What a login is told first, changed on its way down. */
	function lying(change: (step: Record<string, unknown>) => Promise<unknown>): typeof fetch {
		const tapped = tappedFetch(routes.loginFinish.path);
		tapped.answer = (step) => change(step as Record<string, unknown>);
		return tapped.fetch;
	}

	it('MFA-05: is told on by every device that it lets in without a second step', async () => {
		const { handle, app } = await guarded('totp');
		const liar = lying(async ({ login }) => {
			const done = await fetch(edge.url + routes.loginFactor.path, {
				method: 'POST',
				headers: { 'Content-Type': 'application/json' },
				body: JSON.stringify({ handle, login, answer: totp(codeOf(app)), keep: 'answer' })
			});
			return done.json();
		});
		const one = await newDevice(edge, { fetch: liar });
		valueOf(await one.tacet.logIn({ handle, password }));
		expect(stateOf(one).loginDoubt).toBe('second_step_skipped');
	});

	it('MFA-05: is told on where it names a weaker factor and leaves a passkey out', async () => {
		const { handle, app } = await guarded('totp', 'webauthn');
		const liar = lying((step) => {
			const factors = step['factors'] as { kind: string }[];
			const weaker = factors.filter(({ kind }) => kind !== 'webauthn');
			return Promise.resolve({ ...step, factors: weaker, webauthn: null });
		});
		const one = await newDevice(edge, { fetch: liar });
		const { question, entered } = await asked(handle, one);
		valueOf(await question.answer(totp(codeOf(app))));
		valueOf(await entered);
		expect(stateOf(one).loginDoubt).toBe('factor_left_out');
	});
});
