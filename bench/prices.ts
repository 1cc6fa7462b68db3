// What the platform charges and allows, in one place. Sources: the platform's documentation,
// github.com/cloudflare/cloudflare-docs: partials/durable-objects/durable-objects-pricing.mdx at
// 07e200b7, workers/platform/pricing.mdx and durable-objects/best-practices/rules-of-durable-objects.mdx
// at 07acbb66, durable-objects/platform/limits.mdx at 078f3e28; read on 2026-11-22.

/** US dollars by the piece, list price, before what a month's fee includes. */
export const prices = {
	workerRequest: 0.3e-6,
	workerCpuMs: 0.02e-6,
	objectRequest: 0.15e-6,
	gigabyteSecond: 12.5e-6,
	rowRead: 0.001e-6,
	rowWritten: 1e-6,
	gigabyteMonth: 0.2
} as const;

/** What the fee of the paid plan includes, a month and account. */
export const included = {
	feeDollars: 5,
	workerRequests: 10e6,
	workerCpuMs: 30e6,
	objectRequests: 1e6,
	gigabyteSeconds: 400_000,
	rowsRead: 25e9,
	rowsWritten: 50e6,
	gigabytes: 5
} as const;

/** What the free plan allows, a day and account; storage in all. */
export const freeDay = {
	workerRequests: 100_000,
	objectRequests: 100_000,
	gigabyteSeconds: 13_000,
	rowsRead: 5e6,
	rowsWritten: 100_000,
	storedGigabytes: 5
} as const;

/** Twenty frames that come in on a socket are one request. */
export const framesPerRequest = 20;
/** An object is charged for 128 MB whatever it uses. */
export const objectGigabytes = 0.128;

/** Requests a second that one object is said to bear, by what they do. */
export const objectRequestsPerSecond = {
	passing: 1_000,
	parsing: { from: 500, to: 750 },
	writing: { from: 200, to: 500 }
} as const;
