// Where a request comes from, as the platform says it: shown to the account's owner beside a session, and
// nothing is decided by it. Whatever is not of the form is no place.
import type { Place } from '../protocol/http-fields.ts';
import { maxCityCharacters } from '../protocol/limits.ts';

/** @param request whose `cf` the platform sets; elsewhere there is none. */
export function placeOf(request: { readonly cf?: unknown }): Place | null {
	const { country, city } = (request.cf ?? {}) as { country?: unknown; city?: unknown };
	if (typeof country !== 'string' || !/^[A-Z][A-Z0-9]$/.test(country)) return null;
	const isName = typeof city === 'string' && city !== '' && !/\p{C}/u.test(city);
	return { country, city: isName ? city.slice(0, maxCityCharacters) : null };
}
