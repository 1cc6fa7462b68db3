// A face of the engine that is loaded when it is asked for: what a locked page need not fetch.

type Asked = (...input: never[]) => Promise<unknown>;

/** Looks like what `load` gives, whose methods all answer later. What did not arrive is asked for anew. */
export function onDemand<Face extends Record<keyof Face, Asked>>(load: () => Promise<Face>): Face {
	let loading: Promise<Face> | null = null;
	const loaded = (): Promise<Face> => {
		loading ??= load().catch((error: unknown) => {
			loading = null;
			throw error;
		});
		return loading;
	};
	return new Proxy({} as Face, {
		get: (_, name) => {
			// Else whoever awaits the face would wait for a method of it.
			if (name === 'then') return undefined;
			return async (...input: never[]) => (await loaded())[name as keyof Face](...input);
		}
	});
}
