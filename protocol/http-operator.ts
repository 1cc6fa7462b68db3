// Routes about the room of a deployment: who may sign up, what an account takes, and what the operator
// reads and sets, where nothing names a person, a space or content.
import * as v from 'valibot';
import { bytesText, empty, id, timeMs } from './http-fields.ts';
import type { SpaceId } from './ids.ts';
import {
	maxAccountsOfDeployment,
	maxBytesOfAccount,
	maxBytesOfSpace,
	maxMembers,
	maxSignUpInvites,
	maxSignUpInviteUses,
	maxSpacesOfAccount,
	maxPagesOfSpace,
	minBytesOfSpace,
	minPagesOfSpace,
	signUpCodeBytes
} from './limits.ts';

/** Who may make an account: anybody, whoever has an invite, nobody. */
export const signUpPolicies = ['open', 'invite', 'closed'] as const;
export type SignUpPolicy = (typeof signUpPolicies)[number];
const signUp = v.picklist(signUpPolicies);

/** What a sign-up invite's link carries; the edge keeps its SHA-256. */
export const signUpCode = v.nullable(bytesText(signUpCodeBytes));

const count = (min: number, max: number) =>
	v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));

/** What the operator allows; each bound is of the platform or of the rules. */
export const operatorLimits = v.strictObject({
	accounts: count(1, maxAccountsOfDeployment),
	/** Made by the account, whoever is in them. */
	spacesPerAccount: count(1, maxSpacesOfAccount),
	/** Of all spaces that the account has made, together. */
	bytesPerAccount: count(minBytesOfSpace, maxBytesOfAccount),
	bytesPerSpace: count(minBytesOfSpace, maxBytesOfSpace),
	/** Live ones: neither superseded nor expired. */
	pagesPerSpace: count(minPagesOfSpace, maxPagesOfSpace),
	membersPerSpace: count(1, maxMembers)
});
export type OperatorLimits = v.InferOutput<typeof operatorLimits>;

/** SHA-256 of a code: names an invite without being one. */
const inviteHash = bytesText(32);
const uses = count(1, maxSignUpInviteUses);

/** What an account takes of the room here, and what it may take. */
const usageAnswer = v.strictObject({
	isOperator: v.boolean(),
	/** Whether there is a gateway for messages to telephones. */
	sendsSms: v.boolean(),
	limits: v.omit(operatorLimits, ['accounts']),
	/** Made by the account; bytes that are set aside for each, of which it stores at most so many. */
	spaces: v.pipe(
		v.array(v.strictObject({ space: id<SpaceId>(), bytes: count(0, Number.MAX_SAFE_INTEGER) })),
		v.maxLength(maxSpacesOfAccount)
	)
});

const operatorAnswer = v.strictObject({
	signUp,
	limits: operatorLimits,
	/** Accounts, and places that are kept for one that is being made. */
	accounts: count(0, Number.MAX_SAFE_INTEGER),
	/** Set aside for all spaces together: at most so much is stored. */
	bytes: count(0, Number.MAX_SAFE_INTEGER),
	invites: v.pipe(
		v.array(
			v.strictObject({
				invite: inviteHash,
				uses,
				usesLeft: count(0, maxSignUpInviteUses),
				createdAtMs: timeMs,
				expiresAtMs: timeMs
			})
		),
		v.maxLength(maxSignUpInvites)
	)
});

/** One thing that the operator changes. */
const change = v.variant('set', [
	v.strictObject({ set: v.literal('sign_up'), signUp }),
	v.strictObject({ set: v.literal('limits'), limits: operatorLimits }),
	/** The same invite once more is taken as that. `over_quota` beyond `maxSignUpInvites`. */
	v.strictObject({ set: v.literal('invite'), invite: inviteHash, uses, expiresAtMs: timeMs }),
	v.strictObject({ set: v.literal('no_invite'), invite: inviteHash })
]);
export type OperatorChange = v.InferOutput<typeof change>;

export const operatorRoutes = {
	/** Whether somebody who comes now can make an account. */
	signUpRead: {
		method: 'GET',
		path: '/v1/sign-up',
		auth: 'none',
		request: empty,
		response: v.strictObject({
			signUp,
			/** There is no account yet: the next one is the operator's, whatever `signUp` says. */
			isFirst: v.boolean()
		})
	},
	usageRead: {
		method: 'GET',
		path: '/v1/account/usage',
		auth: 'session',
		request: empty,
		response: usageAnswer
	},
	operatorRead: {
		method: 'GET',
		path: '/v1/operator',
		auth: 'session',
		request: empty,
		response: operatorAnswer
	},
	operatorWrite: {
		method: 'POST',
		path: '/v1/operator/write',
		auth: 'fresh',
		request: v.strictObject({ change }),
		response: operatorAnswer
	}
} as const;
