// Published attacks on end-to-end encrypted services that these tests carry out, by the ids that
// their names begin with, and how bad each was where it worked.
//
// 1 keys, content, an account or a whole vault lost; 2 integrity, freshness, downgrade, or takeover
// with a precondition; 3 a leak or a denial of service, limited; 4 what is known to remain.
export const severities = {
	'COM-01': 1,
	'COM-03': 1,
	'CRY-01': 1,
	'CRY-02': 2,
	'CRY-03': 3,
	'EDG-01': 1,
	'EDG-02': 2,
	'EDG-04': 2,
	'EDG-05': 2,
	'EDG-06': 2,
	'EDG-07': 2,
	'EDG-09': 2,
	'EDG-10': 3,
	'EDG-11': 2,
	'EDG-12': 3,
	'INT-01': 1,
	'INT-02': 1,
	'INT-04': 2,
	'INT-05': 2,
	'INT-06': 2,
	'INT-07': 2,
	'INT-08': 3,
	'INT-10': 2,
	'INT-14': 1,
	'INT-17': 2,
	'KEY-01': 1,
	'KEY-02': 1,
	'KEY-03': 1,
	'KEY-05': 1,
	'KEY-06': 1,
	'KEY-07': 1,
	'KEY-10': 1,
	'KEY-11': 2,
	'KEY-12': 1,
	'KEY-14': 2,
	'KEY-15': 1,
	'KEY-17': 1,
	'KEY-18': 1,
	'MFA-01': 1,
	'MFA-02': 2,
	'MFA-04': 1,
	'MFA-05': 2,
	'NET-01': 2,
	'NET-02': 4,
	'PWD-01': 1,
	'PWD-02': 1,
	'PWD-04': 2,
	'PWD-05': 3,
	'PWD-06': 2,
	'PWD-07': 1,
	'PWD-08': 2,
	'PWD-11': 2,
	'PWD-12': 2,
	'PWD-13': 3,
	'SES-01': 1,
	'SES-03': 1,
	'SES-04': 2,
	'SES-06': 2,
	'SES-07': 2,
	'SES-08': 2,
	'SES-10': 2,
	'THF-01': 1,
	'THF-02': 2,
	'THF-03': 3,
	'THF-04': 1,
	'WAN-01': 1,
	'WAN-02': 2,
	'WAN-04': 3,
	'WAN-05': 2
} as const satisfies Record<string, 1 | 2 | 3 | 4>;

export type AttackId = keyof typeof severities;

/** Ids at the beginning of a test's name. */
export const idsOf = (name: string): readonly AttackId[] =>
	(/^[A-Z]{3}-\d\d(?:, [A-Z]{3}-\d\d)*/.exec(name)?.[0].split(', ') ?? []).filter(
		(id): id is AttackId => id in severities
	);
