// The first of ours that the browser runs: what every start needs is fetched beside the framework,
// not after it.
import { isShareLink } from '#lib/place.svelte.ts';

if (!isShareLink(location.hash)) {
	const page = import('#lib/AccountPage.svelte');
	const engine = import('#lib/engine.ts').then(({ begin }) => begin().started);
	// Whoever shows the page asks again, and says what is wrong.
	for (const beginning of [page, engine]) void beginning.catch(() => undefined);
}
