// The engine's public face, and the repository's only barrel.
export type { ActivityEntry, ActivityEvent } from './activity.ts';
export type { Paper } from './account.ts';
export type {
	AccountKeyAsked,
	FactorAsked,
	LogInOptions,
	LoginQuestion,
	SessionsAsked
} from './api-account.ts';
export type {
	Contact,
	DeviceLinkOffer,
	DeviceLinkTaken,
	DeviceStanding,
	EpochStatus,
	IdentityStanding,
	Invitation,
	InvitationPreview,
	ItemHistory,
	ItemVersion,
	Joining,
	LinkView,
	OtherHeartbeat,
	OwnDevice,
	ShareLink,
	ShareRequest,
	SpaceMember
} from './api-sharing.ts';
export type {
	FactorsOverview,
	FactorSummary,
	NewBackupCodes,
	NewTelephone,
	NewTotp,
	PasskeyPort,
	TacetFactors
} from './api-factors.ts';
export type { Answer, Space, Tacet, TacetOptions, TacetState } from './api.ts';
export { connectCrypto } from './connect-crypto.ts';
export type { CryptoWorker } from './crypto-port.ts';
export type { LocalErrorCode, TacetError, TacetErrorCode } from './errors.ts';
export { createIdbStore } from './idb-store.ts';
export type { AccountFault } from './account-watch.ts';
export type { LoginDoubt } from './login-doubt.ts';
export type { ImportFile, ImportProgress, ImportReport, SkippedFile } from './import-files.ts';
export { remoteOrigin } from './item-doc.ts';
export type { ItemSummary, ItemText } from './items.ts';
export { parseLinkUrl, type LinkUrl } from './link-url.ts';
export { createMemoryStore } from './memory-store.ts';
export type { OperatorOverview, SignUpInviteInput, Usage } from './operator.ts';
export type { OpenItem, OpenState } from './open-item.ts';
export type { PutBackPlan, PutBackReport } from './put-back.ts';
export type { PutBackStop } from './put-back-runs.ts';
export type { SearchHit, TextRange } from './search.ts';
export type {
	AccountOverview,
	ChainFault,
	ChainFaultCode,
	EarlierFault,
	LogInStep,
	PuttingBack,
	SignUpStep,
	SyncProblem,
	SyncStatus,
	Trust
} from './status.ts';
export type { Store } from './store.ts';
export { openShareLink } from './open-share-link.ts';
export { createTacet } from './tacet.ts';
