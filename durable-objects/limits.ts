// Numbers that only the edge must know. What both sides must agree on is in protocol/limits.ts.
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { OperatorLimits } from '../protocol/http-operator.ts';
import { maxMembers } from '../protocol/limits.ts';
import type { Rate } from './gcra.ts';

const secondMs = 1_000;

/** What a deployment allows whose operator has not set anything else. */
export const defaultLimits: OperatorLimits = {
	accounts: 1_000,
	spacesPerAccount: 256,
	bytesPerAccount: 2_000_000_000,
	bytesPerSpace: 1_000_000_000,
	pagesPerSpace: 1_000_000,
	membersPerSpace: maxMembers
};
/** A place that is kept for an account in the making is looked after once it is as old as this. */
export const placeKeptMs = 60 * secondMs;
/** How many of those at a time. */
export const maxPlacesLookedAfter = 16;
/** What is set aside for a space at first, and at most beyond what it needs. */
export const firstRoomBytes = 1_048_576;
export const maxRoomStepBytes = 67_108_864;
/** Beyond what is set aside, for what gives room back; and the most that one commit's pages take of it. */
export const freeingReserveBytes = 4_194_304;
export const freeingReservePages = 4_096;
export const maxFreeingPagesBytes = 65_536;
/** A snapshot of the log's state is written at least this often, so that waking replays few. */
export const snapshotEveryCommits = 64;
/** An `entries` frame is filled to about this; one entry alone may be larger. */
export const targetEntriesFrameBytes = 1_048_576;
/**
 * What one pull may queue on a socket. There is no way to see how fast a client reads, so that it
 * asks again for what follows: its next pull is its acknowledgement.
 */
export const maxPullBytes = 33_554_432;
/** Pages dropped by one run of the alarm; the next run follows at once. */
export const maxDropsPerAlarm = 1_000;
export const maxSocketsPerSpace = 1_024;
export const maxSocketsPerSession = 8;
/** Sockets of share links together: members always find room beside them. */
export const maxLinkSocketsPerSpace = 512;
/** Openings of one share link that can be kept open; an older one has to be opened anew. */
export const maxOpeningsPerLink = 512;
/** For how long whoever opens a share link that has expired is told so, and not that there is none. */
export const expiredLinkKeptMs = 7 * 86_400 * secondMs;
/** Devices of one account whose heartbeats a space keeps: more than can be logged in at once. */
export const maxHeartbeatDevicesPerAccount = 8;
/** How far off an alarm may be set: what comes later is looked at again then. */
export const maxAlarmDistanceMs = 365 * 86_400 * secondMs;
/** Spaces that one session may open: each must hear of the session's end. */
export const maxSpacesPerSession = 256;
/** Of those, how many the next session of the device begins with. */
export const maxSpacesKnownOfDevice = 64;
/**
 * How far behind the head a commit that comes again is looked for. All that 128 members with three
 * devices each may have under way at once, eight commits a device, is less.
 */
export const maxResendDistance = 4_096;
/** Writes of an account log in one answer, with their signatures; who needs more asks again. */
export const maxAccountWritesBytesPerAnswer = 98_304;
/** For how long the refresh token before is taken once more: its answer may have been lost. */
export const refreshAgainMs = 10 * secondMs;

/** For how long a nonce is the one that is given; it is taken for as long again. */
export const proofNonceTtlMs = 60 * secondMs;
/** Proofs remembered under one nonce; then another one is given. */
export const maxProofsPerNonce = 4_096;

/** Frames that a socket may send: this many at once, then so many a second. */
export const frameBudget = { burst: 2_000, perSecond: 400 } as const;
/** What answering costs in frames, by the MiB sent. */
export const framesPerMebibyteSent = 4;
/** What a heartbeat costs in frames: a row, and a frame to everybody. */
export const framesPerHeartbeat = 100;
/** Entries put back that cost as much as a frame: one answer, and one transaction, for many. */
export const entriesPerFrameCharged = 8;

/** How long a session's end is told of beyond the life of its last access token. */
export const deadSessionMarginMs = 60 * secondMs;
/** How soon a space that could not be told of an ended session is told again. */
export const endingRetryMs = 5 * secondMs;
/** How many spaces a deleted account takes with it before others have their turn. */
export const maxErasedSpacesAtOnce = 100;

/** Requests that wait for one account and come from one other. */
export const maxRequestsPerSender = 8;
/** For how long a hand-over that was taken is given once more: its answer may have been lost. */
export const handOverAgainMs = 60 * secondMs;

/** How often devices are told that something happened at their account's door. */
export const announceEveryMs = secondMs;
/** What many failed logins are told of. */
export const refusalsNotedEveryMs = 3_600 * secondMs;

/** Logins between their first and last message, in one account. */
export const maxLoginsInProgress = 32;
/** Networks, and known devices, whose attempts at one account are remembered. */
export const maxNetworksRemembered = 256;

/** Per account, and network or known device: attempts that did not end in a login. */
export const loginRatePerNetwork: Rate = { burst: 20, intervalMs: 30 * secondMs };
/** After so many failures, an attempt counts for twice as long; up to a limit. */
export const loginFailuresPerDoubling = 20;
export const maxLoginIntervalMs = 3_600 * secondMs;
/**
 * For how long after its last attempt counts a network's failures are remembered. As long as that it
 * gains nobody anything to wait until they are forgotten: 24 attempts a day go on without.
 */
export const loginFailuresKeptMs = 7 * 86_400 * secondMs;
/** Per account, from everywhere together: what is left to a guesser with many addresses. */
export const loginRatePerAccount: Rate = { burst: 200, intervalMs: 30 * secondMs };

const minuteMs = 60 * secondMs;
/** Three of a million codes are good at a time: in a year of guessing one gets in with 5 %. */
const guessable: Rate = { burst: 5, intervalMs: 30 * minuteMs };
/** Nobody guesses these, and a right answer is never kept waiting: this bounds what is written down. */
const unguessable: Rate = { burst: 20, intervalMs: minuteMs };
/** Wrong answers to the question for a second factor, per account and kind. */
export const factorRates: Readonly<Record<FactorKind, Rate>> = {
	totp: guessable,
	webauthn: unguessable,
	backup_codes: unguessable,
	sms: guessable
};

/** Messages to telephones, per account: five at once, five a day. */
export const smsRatePerAccount: Rate = { burst: 5, intervalMs: 288 * minuteMs };
/** How often the code of one message may be tried. */
export const maxSmsTries = 5;
/** Codes in messages that an account waits for at a time. */
export const maxSmsCodes = 16;
export const smsTimeoutMs = 10 * secondMs;

/**
 * A Limiter is asked for nothing for longer than this before it may lose what it has in memory: the
 * platform puts an object to sleep after ten seconds without a request.
 */
export const forgottenAfterMs = 8 * secondMs;

/** Per network, before any account is asked. */
export const networkRates = {
	registration: { burst: 200, intervalMs: 5 * secondMs },
	login: { burst: 200, intervalMs: 2 * secondMs },
	session: { burst: 400, intervalMs: secondMs },
	socket: { burst: 600, intervalMs: secondMs },
	/** Invitations, share links, requests and device links, with a session. */
	sharing: { burst: 400, intervalMs: secondMs },
	/** The same for whoever has a link, without one. */
	link: { burst: 400, intervalMs: secondMs },
	/** What a deployment says of itself, and what its operator asks. */
	deployment: { burst: 200, intervalMs: secondMs },
	/** By handle: answers tell whether there is such an account, as those of registration do. */
	lookup: { burst: 200, intervalMs: 5 * secondMs },
	/** Messages to telephones of the whole deployment, which pays for them: 200 at once, and a day. */
	message: { burst: 200, intervalMs: 432 * secondMs }
} as const satisfies Record<string, Rate>;
export type NetworkRate = keyof typeof networkRates;

const dayMs = 86_400 * secondMs;
export const tokenKeyLifetimeMs = 90 * dayMs;
/** How long an object goes on with the server keys it fetched. */
export const keysFreshMs = 3_600 * secondMs;
/** How soon a token that fits no known key may make an object ask for newer keys. */
export const keysRefetchMs = 30 * secondMs;
