// Ways to write the path of a route otherwise, for a router that might take them for the same and a
// check that might not.
export const spellings: readonly ((path: string) => string)[] = [
	(path) => `${path}/`,
	(path) => `${path}/.`,
	(path) => `${path}%2f`,
	(path) => `${path}?`,
	(path) => path.toUpperCase(),
	(path) => path.replace('/v1/', '/v1//'),
	(path) => path.replace('/v1/', '/v1/./'),
	(path) => path.replace('/v1/', '/v1/%2e/'),
	(path) => path.replace('/v1/', '/v1/health/../'),
	(path) => path.replace('/v1/', '/%76%31/'),
	(path) => path.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`)
];
