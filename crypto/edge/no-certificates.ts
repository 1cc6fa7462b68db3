// Stands in the Worker's bundle for what reads certificates (wrangler.toml, [alias]). @simplewebauthn/server
// asks for it only to judge statements of attestation and of its metadata service, none of which gets
// as far: crypto/edge/webauthn.ts cuts them off. Whatever did would meet a TypeError, which is a no. A
// version of the library that asks for one name more does not build.
export const AuthorityKeyIdentifierExtension = undefined;
export const CRLDistributionPointsExtension = undefined;
export const KeyDescription = undefined;
export const SubjectKeyIdentifierExtension = undefined;
export const X509Certificate = undefined;
export const X509ChainBuilder = undefined;
export const X509Crl = undefined;
export const id_ce_keyDescription = undefined;
