export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
/** iPadOS says that it is a Mac, but has touch points. */
export const isIos =
	/iPhone|iPad/.test(navigator.platform) || (isMac && navigator.maxTouchPoints > 1);
export const isInstalled = (): boolean => matchMedia('(display-mode: standalone)').matches;
