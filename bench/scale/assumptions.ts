// What nobody has measured, because nobody uses it yet. Each number is a guess that can be argued with;
// docs/scaling.md lists them.
export interface Assumptions {
	readonly devicesPerPerson: readonly number[];
	readonly openingsPerPersonDay: number;
	/** Commits; half a minute of typing at eight characters a second makes 62 of them. */
	readonly editsPerPersonDay: number;
	/** How different people are in it: sigma of a lognormal share. */
	readonly editSigma: number;
	/** Most pages are closed again soon, the others stay open for hours. */
	readonly shortOpeningMinutes: number;
	readonly longOpeningMinutes: number;
	readonly longOpeningShare: number;
	readonly openingSigma: number;
	readonly sharedSpacesPerPerson: number;
	/** Members of a shared space: Pareto. */
	readonly memberAlpha: number;
	/** Of edits, those in the person's own first space. */
	readonly ownSpaceShare: number;
	/** People behind one address: Pareto. */
	readonly networkAlpha: number;
	readonly largestNetworkShare: number;
	/** Weight of each hour: all people in one time zone, so that the peak is as high as it can be. */
	readonly dayCurve: readonly number[];
	readonly idleBeforeHibernationMs: number;
}

export const assumed: Assumptions = {
	devicesPerPerson: [0.5, 0.35, 0.15],
	openingsPerPersonDay: 3,
	editsPerPersonDay: 30,
	editSigma: 1.2,
	shortOpeningMinutes: 4,
	longOpeningMinutes: 180,
	longOpeningShare: 0.3,
	openingSigma: 1,
	sharedSpacesPerPerson: 0.25,
	memberAlpha: 1.3,
	ownSpaceShare: 0.6,
	networkAlpha: 1.1,
	largestNetworkShare: 0.02,
	dayCurve: [
		...[0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 0.6, 1.2, 1.8, 2.1, 2.2, 2],
		...[1.7, 1.8, 1.9, 1.8, 1.6, 1.4, 1.2, 1.1, 0.9, 0.7, 0.4, 0.2]
	],
	idleBeforeHibernationMs: 10_000
};

export const dayMs = 86_400_000;

/** The busiest hour, by the mean. */
export function peakFactor({ dayCurve }: Assumptions): number {
	const mean = dayCurve.reduce((sum, weight) => sum + weight, 0) / dayCurve.length;
	return Math.max(...dayCurve) / mean;
}
