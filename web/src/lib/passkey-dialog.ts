// The browser's dialogs for passkeys.
import type { PasskeyDialog } from '../../../client/passkeys.ts';

/** What the person closed, what ran out of time, what no authenticator answers: all alike. */
async function answered(asking: Promise<Credential | null>): Promise<PublicKeyCredential | null> {
	try {
		const credential = await asking;
		return credential instanceof PublicKeyCredential ? credential : null;
	} catch (error) {
		if (error instanceof DOMException) return null;
		throw error;
	}
}

export const passkeyDialog: PasskeyDialog = {
	async create(publicKey) {
		const made = await answered(navigator.credentials.create({ publicKey }));
		return made as Awaited<ReturnType<PasskeyDialog['create']>>;
	},
	async get(publicKey) {
		const used = await answered(navigator.credentials.get({ publicKey }));
		return used as Awaited<ReturnType<PasskeyDialog['get']>>;
	}
};

/** Whether this device itself has passkeys, behind a finger, a face or its own PIN. */
export const hasOwnPasskeys = async (): Promise<boolean> =>
	typeof PublicKeyCredential !== 'undefined' &&
	(await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable());

/** Whether this browser and device can unlock by one: with the PRF extension, and without another key. */
export async function canUnlockByPasskey(): Promise<boolean> {
	if (!(await hasOwnPasskeys())) return false;
	// Older browsers do not say; they are not offered it, and can be told to on the page about unlocking.
	const known = await PublicKeyCredential.getClientCapabilities?.();
	return known?.['extension:prf'] === true;
}
