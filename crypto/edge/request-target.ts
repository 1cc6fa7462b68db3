// Two spellings of one target URI are one target: RFC 3986 §6.2.2 (syntax) and §6.2.3 (scheme), as
// RFC 9449 §4.3 asks for. What is no plain http or https URI has no normal form.

/** scheme, host, port, path: no user, no query, no fragment, nothing outside ASCII. */
const target =
	/^(https?):\/\/([\w.-]+|\[[\da-f:.]+\])(?::(\d*))?((?:\/(?:[\w\-.~!$&'()*+,;=:@]|%[\da-f]{2})*)*)$/i;
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };
const unreserved = /^[\w\-.~]$/;

/**
 * The normal form of an http or https URI without query and fragment, for comparison.
 *
 * Source: RFC 3986 §6.2.2.1 to §6.2.2.3 and §6.2.3.
 * @returns null for anything else.
 */
export function normaliseTarget(uri: string): string | null {
	const [, scheme, host, port = '', path = ''] = target.exec(uri) ?? [];
	if (scheme === undefined || host === undefined) return null;
	const lowerScheme = scheme.toLowerCase();
	const isDefaultPort = port === '' || port === defaultPorts[lowerScheme];
	const authority = `${host.toLowerCase()}${isDefaultPort ? '' : `:${port}`}`;
	// Dots may be written as %2E: letters first, segments then.
	const segments = path
		.replace(/%[\da-f]{2}/gi, normaliseEscape)
		.split('/')
		.slice(1);
	return `${lowerScheme}://${authority}/${withoutDotSegments(segments).join('/')}`;
}

function normaliseEscape(escape: string): string {
	const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
	return unreserved.test(character) ? character : escape.toUpperCase();
}

/** RFC 3986 §5.2.4, over the segments after the first slash. */
function withoutDotSegments(segments: readonly string[]): string[] {
	const kept: string[] = [];
	for (const [index, segment] of segments.entries()) {
		if (segment === '..') kept.pop();
		if (segment !== '.' && segment !== '..') kept.push(segment);
		else if (index === segments.length - 1) kept.push('');
	}
	return kept;
}
