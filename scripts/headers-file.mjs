// Reads a `_headers` file as Workers assets does: a line with a path pattern, then indented lines
// `Name: value`, or `! Name` to take one away. `*` matches anything, `:name` one segment.

/**
 * @typedef {{ pattern: string; set: [name: string, value: string][]; unset: string[] }} HeaderRule
 */

/**
 * @param {string} text
 * @returns {HeaderRule[]}
 */
export function parseHeadersFile(text) {
	/** @type {HeaderRule[]} */
	const rules = [];
	for (const [index, raw] of text.split(/\r?\n/).entries()) {
		const line = raw.trim();
		if (line === '' || line.startsWith('#')) continue;
		const rule = rules.at(-1);
		if (line.startsWith('/')) {
			rules.push({ pattern: patternOf(line), set: [], unset: [] });
		} else if (!rule) {
			throw new Error(`_headers line ${index + 1}: a header before the first path`);
		} else if (line.startsWith('! ')) {
			rule.unset.push(line.slice(2).trim().toLowerCase());
		} else {
			rule.set.push(headerOf(line, index + 1));
		}
	}
	return rules;
}

/** @param {string} path */
function patternOf(path) {
	const literal = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
	return `^${literal.replace(/:[A-Za-z]\w*/g, '[^/]+').replaceAll('*', '.*')}$`;
}

/**
 * @param {string} line
 * @param {number} number
 * @returns {[string, string]}
 */
function headerOf(line, number) {
	const colon = line.indexOf(':');
	const name = line.slice(0, colon).trim().toLowerCase();
	const value = line.slice(colon + 1).trim();
	if (colon < 1 || /\s/.test(name) || value === '') {
		throw new Error(`_headers line ${number}: neither a path nor a header`);
	}
	return [name, value];
}
