// An account that asks for more than a password: how a test gives it a factor, what it is asked, and how
// it answers; and HTTP that is lost, or answered otherwise, on its way.
import { expect } from 'vitest';
import type { FactorAsked, LoginQuestion, NewTotp } from '../../client/index.ts';
import type { AccountPolicy } from '../../protocol/account-write.ts';
import type { FactorAnswer } from '../../protocol/factor-answer.ts';
import { codeOf } from './authenticator-app.ts';
import { valueOf, type Device } from './edge.ts';

type Engine = Pick<Device, 'tacet'>;

/** What a refused call answers, whatever else is in it. */
export const refused = (code: string) => ({
	...{ ok: false, error: expect.objectContaining({ code }) as unknown }
});

/** An authenticator app, of whose codes the present one is still good. */
export async function addTotp({ tacet }: Engine, name = 'Phone'): Promise<NewTotp> {
	const added = valueOf(await tacet.security.addTotp());
	valueOf(await added.confirm({ code: codeOf(added, -1), name }));
	return added;
}

/** An app whose codes logins ask for from now on, and what else the policy says. */
export async function askForTotp(
	device: Engine,
	policy: Partial<AccountPolicy> = {}
): Promise<NewTotp> {
	const app = await addTotp(device);
	valueOf(await device.tacet.security.setPolicy({ suffices: ['totp'], ...policy }));
	return app;
}

export const totp = (code: string): FactorAnswer => ({ kind: 'totp', code });

/** One that no app shows now. */
export const wrongCodeOf = (app: NewTotp): string => {
	const shown = [-1, 0, 1].map((away) => codeOf(app, away));
	return ['000000', '000001', '000002', '000003'].find((code) => !shown.includes(code))!;
};

/** The first question that a call of the engine asks, while it waits for the answer. */
export async function asked<Answered>(
	begin: (onQuestion: (question: LoginQuestion) => void) => Promise<Answered>
): Promise<{ readonly question: LoginQuestion; readonly answered: Promise<Answered> }> {
	let answered: Promise<Answered> | undefined;
	const question = await new Promise<LoginQuestion>((resolve, reject) => {
		answered = begin(resolve);
		void answered.then((answer) => {
			reject(new Error(`not asked: ${JSON.stringify(answer)}`));
		});
	});
	return { question, answered: answered! };
}

/** {@link asked} for a second factor. */
export async function askedFactor<Answered>(
	begin: Parameters<typeof asked<Answered>>[0]
): Promise<{ readonly question: FactorAsked; readonly answered: Promise<Answered> }> {
	const { question, answered } = await asked(begin);
	if (question.next !== 'factor') throw new Error('asked for something else');
	return { question, answered };
}

/** Whether a request goes to that path. */
export const isTo = (path: string, input: RequestInfo | URL): boolean =>
	new URL(input instanceof Request ? input.url : input).pathname === path;

export interface TappedFetch {
	/** Of the route that is lost or changed. */
	path: string;
	/** Requests that never arrive, or answers that do not. */
	lose: 'up' | 'down' | null;
	/** What an answer is changed to. */
	answer: ((body: unknown) => unknown) | null;
	readonly fetch: typeof fetch;
}

/** HTTP of one device, on which requests of a route can be lost, or answered otherwise. */
export function tappedFetch(path: string): TappedFetch {
	const tapped: TappedFetch = {
		...{ path, lose: null, answer: null },
		fetch: async (input, init) => {
			const isIt = isTo(tapped.path, input);
			if (isIt && tapped.lose === 'up') throw new TypeError('no network');
			const response = await fetch(input, init);
			if (isIt && tapped.lose === 'down' && response.ok) throw new TypeError('no network');
			if (!isIt || tapped.answer === null || !response.ok) return response;
			const body = await tapped.answer(await response.json());
			return new Response(JSON.stringify(body), { status: 200, headers: response.headers });
		}
	};
	return tapped;
}
