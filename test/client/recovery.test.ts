// Getting into an account by the words of its kit, when the password, and every device but one, or all of
// them, are gone; and what a device that stops on the way finds when it starts again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RecoveryOpen, RecoveryProgress } from '../../client/api-recovery.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { routes, type ResponseOf } from '../../protocol/http.ts';
import { randomBytes } from '../../crypto/random.ts';
import {
	newDevice,
	newHandle,
	password,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { askedFactor, askForTotp, refused, tappedFetch, totp, wrongCodeOf } from './guarded.ts';
import { codeOf } from './authenticator-app.ts';

type Begun = Exclude<ResponseOf<'recoveryStep'>, { next: 'factor' }>;

const newPassword = 'a heron under the new bridge';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

interface Someone {
	readonly handle: string;
	readonly words: string;
	readonly home: Device;
}

/** With a device that is unlocked, and a note. */
async function someone(): Promise<Someone> {
	const handle = newHandle();
	const home = await newDevice(edge, {});
	const { recoveryCode } = valueOf(await home.tacet.signUp({ handle, password }));
	valueOf(await spaceOf(home).create({ title: 'Kept' }));
	await synced(spaceOf(home));
	return { handle, words: recoveryCode.join(' '), home };
}

const openOf = (progress: RecoveryProgress): RecoveryOpen => {
	if (progress.next !== 'password') throw new Error('it still waits');
	return progress;
};

/** As another device of the account, after comparing the code. */
async function approve({ home }: Someone, code: string): Promise<void> {
	const alert = valueOf(await home.tacet.recovery.alert());
	expect(alert?.code).toBe(code);
	valueOf(await home.tacet.recovery.approve(alert!));
}

async function begin(who: Someone, options: Parameters<typeof newDevice>[1] = {}) {
	const device = await newDevice(edge, options);
	const { handle, words } = who;
	const progress = valueOf(await device.tacet.recovery.goOn({ handle, words }));
	if (progress.next !== 'wait') throw new Error('it does not wait');
	return { device, begun: progress.begun };
}

const titlesOf = (device: Device) => spaceOf(device).items.map(({ title }) => title);

describe('a recovery', () => {
	test('waits, is seen by the other device, and once that has approved it gives a new password and a new kit', async () => {
		const who = await someone();
		const { handle, words, home } = who;
		const isTold = new Promise<void>((resolve) => {
			stateOf(home).accountNews.subscribe(resolve);
		});
		const { device, begun } = await begin(who);
		await isTold;
		expect(begun).toMatchObject({ handle, isFinishing: false });
		expect(begun.readyAtMs - begun.startedAtMs).toBeGreaterThan(86_000_000);
		expect(device.cores.running).toBe(0);
		expect(device.tacet.state.phase).toBe('signed_out');
		await approve(who, begun.code);
		valueOf(await device.tacet.recovery.look());
		const open = openOf(valueOf(await device.tacet.recovery.goOn({ handle, words })));
		expect(open).toMatchObject({ approved: true, delayDays: 1 });
		expect(open.waitedMs).toBeLessThan(60_000);
		expect(await open.setPassword('short')).toEqual(refused('password_too_short'));
		const { recoveryCode } = valueOf(await open.setPassword(newPassword));
		expect(recoveryCode).toHaveLength(12);
		expect(recoveryCode.join(' ')).not.toBe(words);
		valueOf(await open.finish({ kitConfirmed: true }));
		await until(spaceOf(device), () => titlesOf(device).includes('Kept'));
		expect(valueOf(await device.tacet.recovery.begun())).toBe(null);
		expect(stateOf(device).kit?.checkedAtMs).not.toBe(null);

		// Every other session ended; the old password and the old words are good no more.
		await until(home.tacet, () => home.tacet.state.phase === 'locked');
		expect(home.tacet.state).toMatchObject({ sessionEnded: true });
		const stranger = await newDevice(edge, {});
		expect(await stranger.tacet.logIn({ handle, password })).toEqual(refused('login_failed'));
		expect(await stranger.tacet.recovery.goOn({ handle, words })).toEqual(refused('login_failed'));
		valueOf(await stranger.tacet.logIn({ handle, password: newPassword }));
		expect(await home.tacet.unlock({ password })).toEqual(refused('wrong_password'));
		valueOf(await home.tacet.unlock({ password: newPassword }));
		expect(titlesOf(home)).toEqual(['Kept']);
		// The new kit is a kit.
		const next = await newDevice(edge, {});
		const again = await next.tacet.recovery.goOn({ handle, words: recoveryCode.join(' ') });
		expect(valueOf(again).next).toBe('wait');
		for (const one of [home, device, stranger, next]) await one.tacet.close();
	});

	test('of a device that is locked keeps what lies on it', async () => {
		const who = await someone();
		const { handle, words, home } = who;
		const other = await newDevice(edge, {});
		valueOf(await other.tacet.logIn({ handle, password }));
		await home.tacet.lock();
		const waiting = valueOf(await home.tacet.recovery.goOn({ handle, words }));
		if (waiting.next !== 'wait') throw new Error('it does not wait');
		await approve({ ...who, home: other }, waiting.begun.code);
		const open = openOf(valueOf(await home.tacet.recovery.goOn({ handle, words })));
		valueOf(await open.setPassword(newPassword));
		valueOf(await open.finish({ kitConfirmed: true }));
		expect(titlesOf(home)).toEqual(['Kept']);
		expect(stateOf(home).standing).toEqual({ state: 'confirmed' });
		await home.tacet.lock();
		valueOf(await home.tacet.unlock({ password: newPassword }));
		await Promise.all([home.tacet.close(), other.tacet.close()]);
	});

	test('of a policy without a wait needs nothing but the words', async () => {
		const who = await someone();
		const { handle, words, home } = who;
		valueOf(await home.tacet.security.setPolicy({ recoveryDelayDays: 0 }));
		await home.tacet.close();
		const device = await newDevice(edge, {});
		const open = openOf(valueOf(await device.tacet.recovery.goOn({ handle, words })));
		expect(open).toMatchObject({ approved: false, delayDays: 0 });
		valueOf(await open.setPassword(newPassword));
		valueOf(await open.finish({ kitConfirmed: true }));
		await until(spaceOf(device), () => titlesOf(device).includes('Kept'));
		const { events } = valueOf(await device.tacet.account());
		expect(events.map(({ kind }) => kind)).toEqual(
			expect.arrayContaining(['recovery_started', 'recovery_done'])
		);
		await device.tacet.close();
	});

	test('REC-02 ends where another device calls it off', async () => {
		const who = await someone();
		const { handle, words, home } = who;
		const { device } = await begin(who);
		const alert = valueOf(await home.tacet.recovery.alert());
		valueOf(await home.tacet.recovery.cancel(alert!.recovery));
		expect(valueOf(await home.tacet.recovery.alert())).toBe(null);
		expect(await device.tacet.recovery.look()).toEqual(refused('recovery_called_off'));
		expect(valueOf(await device.tacet.recovery.begun())).toBe(null);
		expect(valueOf(await home.tacet.recovery.alert())).toBe(null);
		expect(await home.tacet.recovery.approve(alert!)).toEqual(refused('not_found'));
		// Whoever has the words may ask again, and is seen again.
		expect(valueOf(await device.tacet.recovery.goOn({ handle, words })).next).toBe('wait');
		expect(valueOf(await home.tacet.recovery.alert())).not.toBe(null);
		await Promise.all([home.tacet.close(), device.tacet.close()]);
	});

	test('tells what is wrong with the words before anything is sent', async () => {
		let asked = 0;
		const counting: typeof fetch = (...input) => {
			asked += 1;
			return fetch(...input);
		};
		const device = await newDevice(edge, { fetch: counting });
		const goOn = (words: string) => device.tacet.recovery.goOn({ handle: newHandle(), words });
		expect(await goOn('zoo zoo')).toEqual(refused('recovery_code_word_count'));
		expect(await goOn(`${'zoo '.repeat(11)}tacet`)).toEqual(refused('recovery_code_unknown_word'));
		expect(await goOn('zoo '.repeat(12))).toEqual(refused('recovery_code_checksum'));
		expect(asked).toBe(0);
		expect(await goOn(`${'zoo '.repeat(11)}wrong`)).toEqual(refused('login_failed'));
		expect(device.cores.running).toBe(0);
		await device.tacet.close();
	});
});

describe('a recovery of an account that asks for a second factor', () => {
	/** Everything but the words and the app is gone. */
	async function allLost(policy: { readonly recoveryDelayDays?: number } = {}) {
		const who = await someone();
		const app = await askForTotp(who.home, policy);
		await who.home.tacet.close();
		const device = await newDevice(edge, {});
		const { handle, words } = who;
		const goOn = () =>
			askedFactor((onQuestion) => device.tacet.recovery.goOn({ handle, words, onQuestion }));
		return { who, app, device, goOn };
	}

	test('REC-02 begins once it is answered, and nothing is known of it before', async () => {
		const who = await someone();
		const app = await askForTotp(who.home);
		const device = await newDevice(edge, {});
		const { handle, words } = who;
		const { recovery } = device.tacet;
		expect(await recovery.goOn({ handle, words })).toEqual(refused('second_step_needed'));
		const first = await askedFactor((onQuestion) => recovery.goOn({ handle, words, onQuestion }));
		expect(first.question.factors).toMatchObject([{ kind: 'totp' }]);
		const wrong = await first.question.answer(totp(wrongCodeOf(app)));
		expect(wrong).toEqual(refused('factor_wrong'));
		first.question.cancel();
		expect(await first.answered).toEqual(refused('cancelled'));
		expect(valueOf(await recovery.begun())).toBe(null);
		expect(await recovery.look()).toEqual(refused('not_found'));
		expect(valueOf(await who.home.tacet.recovery.alert())).toBe(null);
		expect(device.cores.running).toBe(0);

		const second = await askedFactor((onQuestion) => recovery.goOn({ handle, words, onQuestion }));
		valueOf(await second.question.answer(totp(codeOf(app))));
		const waiting = valueOf(await second.answered);
		if (waiting.next !== 'wait') throw new Error('it does not wait');
		expect(valueOf(await recovery.begun())).toEqual(waiting.begun);
		// How far it is, is told without a factor; and an own device's word lets it in without another.
		await approve(who, waiting.begun.code);
		const open = openOf(valueOf(await recovery.goOn({ handle, words })));
		expect(open.approved).toBe(true);
		open.close();
		await Promise.all([device.tacet.close(), who.home.tacet.close()]);
	});

	test('REC-02 ends after five wrong answers, and has not begun', async () => {
		const { app, device, goOn } = await allLost();
		const { question, answered } = await goOn();
		for (let tries = 1; tries <= 5; tries++) await question.answer(totp(wrongCodeOf(app)));
		expect(await answered).toEqual(refused('second_step_failed'));
		expect(valueOf(await device.tacet.recovery.begun())).toBe(null);
		await device.tacet.close();
	});

	test('lets in at once where the policy says so, and ends with a login that asks once more', async () => {
		const { who, app, device, goOn } = await allLost({ recoveryDelayDays: 0 });
		const { question, answered } = await goOn();
		const shown = totp(codeOf(app));
		valueOf(await question.answer(shown));
		const open = openOf(valueOf(await answered));
		expect(open).toMatchObject({ approved: false, delayDays: 0 });
		const { recoveryCode } = valueOf(await open.setPassword(newPassword));
		const ending = await askedFactor((onQuestion) =>
			open.finish({ kitConfirmed: true, onQuestion })
		);
		// The code that began it is good no more.
		const again = await ending.question.answer(shown);
		expect(again).toEqual(refused('factor_wrong'));
		valueOf(await ending.question.answer(totp(codeOf(app, 1))));
		valueOf(await ending.answered);
		await until(spaceOf(device), () => titlesOf(device).includes('Kept'));
		expect(stateOf(device).loginDoubt).toBe(null);
		await device.tacet.close();

		// Of the new kit, too, nothing is had without the factor.
		const next = await newDevice(edge, {});
		const words = recoveryCode.join(' ');
		const other = await next.tacet.recovery.goOn({ handle: who.handle, words });
		expect(other).toEqual(refused('second_step_needed'));
		await next.tacet.close();
	});

	test('is over although nobody answers the login after it: the new password is good', async () => {
		const { who, app, device, goOn } = await allLost({ recoveryDelayDays: 0 });
		const { question, answered } = await goOn();
		valueOf(await question.answer(totp(codeOf(app))));
		const open = openOf(valueOf(await answered));
		valueOf(await open.setPassword(newPassword));
		const ending = await askedFactor((onQuestion) =>
			open.finish({ kitConfirmed: true, onQuestion })
		);
		ending.question.cancel();
		expect(await ending.answered).toEqual({
			ok: false,
			error: { code: 'cancelled', passwordIsSet: true }
		});
		expect(device.cores.running).toBe(0);
		const { handle } = who;
		const login = await askedFactor((onQuestion) =>
			device.tacet.logIn({ handle, password: newPassword, onQuestion })
		);
		valueOf(await login.question.answer(totp(codeOf(app, 1))));
		valueOf(await login.answered);
		await device.tacet.close();
	});
});

describe('an edge that gives an account out before its time', () => {
	/** Everything that an honest edge gives to whoever is logged in. */
	async function grantOf(who: Someone) {
		const read: ResponseOf<'accountRead'>[] = [];
		const reading = tappedFetch(routes.accountRead.path);
		reading.answer = (body) => {
			read.push(body as ResponseOf<'accountRead'>);
			return body;
		};
		const spy = await newDevice(edge, { fetch: reading.fetch });
		valueOf(await spy.tacet.logIn({ handle: who.handle, password }));
		valueOf(await spy.tacet.account());
		await spy.tacet.close();
		const [material] = read;
		if (material === undefined) throw new Error('the account was not read');
		const { account, handleHash, log, registrationRecord, keyslots, factors } = material;
		return { account, handleHash, log, registrationRecord, keyslots, factors };
	}

	test.for([
		['without a word', null],
		['with a word that no device gave', toBase64Url(randomBytes(64))]
	] as const)('REC-02 is refused: %s', async ([, approval]) => {
		const who = await someone();
		const lying = tappedFetch(routes.recoveryStep.path);
		const { device } = await begin(who, { fetch: lying.fetch });
		const grant = await grantOf(who);
		lying.answer = (body) => {
			const { recovery, startedAtMs } = body as Begun;
			return { next: 'ready', recovery, startedAtMs, approval, ...grant };
		};
		const { handle, words } = who;
		expect(await device.tacet.recovery.goOn({ handle, words })).toEqual(
			refused('recovery_too_early')
		);
		expect(device.cores.running).toBe(0);
		await Promise.all([device.tacet.close(), who.home.tacet.close()]);
	});

	test('REC-02 is refused by the clock of the device that waits, and not before its time is over', async () => {
		const who = await someone();
		const lying = tappedFetch(routes.recoveryStep.path);
		let aheadMs = 0;
		const nowMs = () => Date.now() + aheadMs;
		const { device } = await begin(who, { fetch: lying.fetch, nowMs });
		const grant = await grantOf(who);
		lying.answer = (body) => {
			const { recovery } = body as Begun;
			return { next: 'ready', recovery, startedAtMs: 0, approval: null, ...grant };
		};
		const { handle, words } = who;
		const goOn = () => device.tacet.recovery.goOn({ handle, words });
		aheadMs = 23 * 3_600_000;
		expect(await goOn()).toEqual(refused('recovery_too_early'));
		aheadMs = 24 * 3_600_000;
		const open = openOf(valueOf(await goOn()));
		expect(open).toMatchObject({ approved: false, delayDays: 1 });
		open.close();
		await Promise.all([device.tacet.close(), who.home.tacet.close()]);
	});
});

describe('a device that stops on the way', () => {
	// All come from one network, whose logins an edge counts: those before have taken most of them.
	let busy: Edge;
	beforeAll(async () => {
		busy = edge;
		edge = await startEdge();
	});
	afterAll(() => busy.remove());

	/** Approved; and what a device finds that starts with the same store. */
	async function stage() {
		const who = await someone();
		const store: Store = createMemoryStore();
		const tapped = tappedFetch(routes.recoveryFinish.path);
		const { device, begun } = await begin(who, { store, fetch: tapped.fetch });
		await approve(who, begun.code);
		const { handle, words } = who;
		const restart = (): Promise<Device> => newDevice(edge, { store });
		const goOn = async ({ tacet }: Device) =>
			openOf(valueOf(await tacet.recovery.goOn({ handle, words })));
		return { who, device, tapped, restart, goOn };
	}
	/** The one way in that must be good, and those that must not. */
	async function onlyGood({ handle, words }: Someone, good: string): Promise<void> {
		for (const candidate of [password, newPassword]) {
			const stranger = await newDevice(edge, {});
			const answer = await stranger.tacet.logIn({ handle, password: candidate });
			expect(answer.ok).toBe(candidate === good);
			await stranger.tacet.close();
		}
		const other = await newDevice(edge, {});
		const byWords = await other.tacet.recovery.goOn({ handle, words });
		expect(byWords.ok).toBe(good === password);
		await other.tacet.close();
	}
	const finishAnew = async (open: RecoveryOpen) => {
		valueOf(await open.setPassword(newPassword));
		valueOf(await open.finish({ kitConfirmed: true }));
	};

	test('while it waits, or before the end is sent, finds everything as it was, and goes on', async () => {
		const { who, device, restart, goOn } = await stage();
		await device.tacet.close();
		const second = await restart();
		expect(valueOf(await second.tacet.recovery.begun())).toMatchObject({ isFinishing: false });
		const open = await goOn(second);
		valueOf(await open.setPassword('never put in force'));
		await second.tacet.close();
		const third = await restart();
		await finishAnew(await goOn(third));
		await until(spaceOf(third), () => titlesOf(third).includes('Kept'));
		await onlyGood(who, newPassword);
		await Promise.all([third.tacet.close(), who.home.tacet.close()]);
	});

	test('as the end is sent, and never arrives, has changed nothing, and goes on', async () => {
		const { who, device, tapped, restart, goOn } = await stage();
		const open = await goOn(device);
		valueOf(await open.setPassword('never put in force'));
		tapped.lose = 'up';
		expect(await open.finish({ kitConfirmed: true })).toEqual(refused('offline'));
		await device.tacet.close();
		const second = await restart();
		expect(valueOf(await second.tacet.recovery.begun())).toMatchObject({ isFinishing: true });
		expect((await second.tacet.logIn({ handle: who.handle, password: newPassword })).ok).toBe(
			false
		);
		await finishAnew(await goOn(second));
		await onlyGood(who, newPassword);
		await Promise.all([second.tacet.close(), who.home.tacet.close()]);
	});

	test('as the end was taken, and the answer lost, logs in with the new password', async () => {
		const { who, device, tapped, restart, goOn } = await stage();
		const open = await goOn(device);
		valueOf(await open.setPassword(newPassword));
		tapped.lose = 'down';
		expect(await open.finish({ kitConfirmed: true })).toEqual(refused('offline'));
		// The same bytes are answered as before.
		tapped.lose = null;
		await device.tacet.close();
		const second = await restart();
		expect(valueOf(await second.tacet.recovery.begun())).toMatchObject({ isFinishing: true });
		const { handle, words } = who;
		expect(await second.tacet.recovery.goOn({ handle, words })).toEqual(refused('login_failed'));
		valueOf(await second.tacet.logIn({ handle, password: newPassword }));
		await until(spaceOf(second), () => titlesOf(second).includes('Kept'));
		await onlyGood(who, newPassword);
		await Promise.all([second.tacet.close(), who.home.tacet.close()]);
	});

	test('of which only the answer to the end was lost, finishes by itself', async () => {
		const { who, device, tapped, goOn } = await stage();
		const open = await goOn(device);
		valueOf(await open.setPassword(newPassword));
		let lost = 0;
		tapped.answer = (body) => {
			lost += 1;
			if (lost === 1) throw new TypeError('no network');
			return body;
		};
		valueOf(await open.finish({ kitConfirmed: true }));
		expect(lost).toBe(2);
		expect(valueOf(await device.tacet.recovery.begun())).toBe(null);
		await onlyGood(who, newPassword);
		await Promise.all([device.tacet.close(), who.home.tacet.close()]);
	});

	test('after the end, before it has logged in, leaves a good password', async () => {
		const { who, device, tapped, restart, goOn } = await stage();
		const open = await goOn(device);
		valueOf(await open.setPassword(newPassword));
		tapped.path = routes.loginStart.path;
		tapped.lose = 'up';
		expect(await open.finish({ kitConfirmed: true })).toEqual({
			ok: false,
			error: { code: 'offline', passwordIsSet: true }
		});
		expect(device.tacet.state.phase).toBe('signed_out');
		await device.tacet.close();
		const second = await restart();
		expect(valueOf(await second.tacet.recovery.begun())).toBe(null);
		await onlyGood(who, newPassword);
		await Promise.all([second.tacet.close(), who.home.tacet.close()]);
	});
});
