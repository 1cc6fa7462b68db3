// Messages to telephones, by an HTTP gateway that the operator names; without one there are none. What
// it is asked, and what it learns: docs/sms-gateway.md.
import { smsTimeoutMs } from './limits.ts';

/** What takes messages to telephones. */
export interface MessageGateway {
	/** Whether it says that it took the message. Never throws. */
	send(message: { readonly to: string; readonly text: string }): Promise<boolean>;
}

export interface SmsSettings {
	/** https, or http on this machine. */
	readonly TACET_SMS_URL?: string;
	readonly TACET_SMS_TOKEN?: string;
}

export class SmsGateway implements MessageGateway {
	readonly #url: URL;
	readonly #token: string;

	constructor(url: URL, token: string) {
		this.#url = url;
		this.#token = token;
	}

	/** The gateway that these settings name; null if they name none that may be used. */
	static of({ TACET_SMS_URL, TACET_SMS_TOKEN }: SmsSettings): SmsGateway | null {
		const url = URL.parse(TACET_SMS_URL ?? '');
		if (url === null || !isSafe(url) || !TACET_SMS_TOKEN) return null;
		return new SmsGateway(url, TACET_SMS_TOKEN);
	}

	async send(message: { readonly to: string; readonly text: string }): Promise<boolean> {
		try {
			const response = await fetch(this.#url, {
				method: 'POST',
				headers: {
					Authorization: `Bearer ${this.#token}`,
					'Content-Type': 'application/json'
				},
				body: JSON.stringify(message),
				// The token is for the address that the operator named, and for no other.
				redirect: 'manual',
				signal: AbortSignal.timeout(smsTimeoutMs)
			});
			await response.body?.cancel();
			return response.ok;
		} catch {
			// Not reached, or too slow. What it says of why could quote the number.
			return false;
		}
	}
}

const isSafe = ({ protocol, hostname, username, password }: URL): boolean => {
	const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
	const isPlain = username === '' && password === '';
	return isPlain && (protocol === 'https:' || (protocol === 'http:' && isLocal));
};
