export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
/** iPadOS says that it is a Mac, but has touch points. */
export const isIos =
	/iPhone|iPad/.test(navigator.platform) || (isMac && navigator.maxTouchPoints > 1);
/** Whether this browser knows what a passkey is. */
export const hasPasskeys = (): boolean => 'PublicKeyCredential' in globalThis;
export const isInstalled = (): boolean => matchMedia('(display-mode: standalone)').matches;

const browsers: readonly (readonly [RegExp, string])[] = [
	[/Edg(A|iOS)?\//, 'Edge'],
	[/OPR\//, 'Opera'],
	[/Firefox\/|FxiOS\//, 'Firefox'],
	[/Chrome\/|CriOS\//, 'Chrome'],
	[/Safari\//, 'Safari']
];
const systems: readonly (readonly [RegExp, string])[] = [
	[/Android/, 'Android'],
	[/iPhone/, 'iPhone'],
	[/iPad/, 'iPad'],
	[/CrOS/, 'ChromeOS'],
	[/Windows/, 'Windows'],
	[/Macintosh/, 'Mac'],
	[/Linux/, 'Linux']
];

const nameIn = (names: typeof browsers): string | undefined =>
	names.find(([pattern]) => pattern.test(navigator.userAgent))?.[1];

/** 'Firefox on Linux': what this device is called where the account's devices are listed. */
export const deviceName = `${nameIn(browsers) ?? 'A browser'} on ${
	isIos && isMac && !/iPhone|iPad/.test(navigator.userAgent)
		? 'iPad'
		: (nameIn(systems) ?? 'a device')
}`;

const probeName = '__Host-tacet-probe';

/**
 * Whether this browser keeps cookies for TLS alone here. Not every one does without TLS, at localhost,
 * where others do; and a person may have turned them off.
 */
export function takesSecureCookies(): boolean {
	const probe = (value: string, seconds: number): void => {
		document.cookie = `${probeName}=${value}; Path=/; Secure; SameSite=Strict; Max-Age=${seconds}`;
	};
	probe('1', 60);
	const isKept = document.cookie.split('; ').includes(`${probeName}=1`);
	probe('', 0);
	return isKept;
}
