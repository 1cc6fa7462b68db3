// Kinds of second factors, apart from what is kept or signed of one: routes name them before anybody is
// logged in.

/** In the order in which a policy names them. */
export const factorKinds = ['totp', 'webauthn', 'backup_codes', 'sms'] as const;
export type FactorKind = (typeof factorKinds)[number];
