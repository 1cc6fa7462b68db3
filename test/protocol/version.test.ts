// The lock on every format: whoever changes bytes that travel or are stored finds out here.
import { expect, test } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { toHex, utf8Encode } from '../../protocol/bytes.ts';
import { encodeAccountWrite } from '../../protocol/account-write.ts';
import { encodeCommit, encodeGenesis } from '../../protocol/commit.ts';
import { wireErrors } from '../../protocol/errors.ts';
import { encodeFactorData } from '../../protocol/factor.ts';
import { encodeClientFrame, encodeSpaceFrame } from '../../protocol/frames.ts';
import { routes, spaceSocketPath } from '../../protocol/http.ts';
import { encodeIdentityEntry } from '../../protocol/identity.ts';
import {
	encodeDeviceClaim,
	encodeHandOver,
	encodeInviteRecord,
	encodeRequest,
	encodeRequestBody
} from '../../protocol/invite.ts';
import { labels } from '../../protocol/labels.ts';
import { encodePage } from '../../protocol/page.ts';
import { protocolVersion, socketProtocol } from '../../protocol/version.ts';
import { sampleActions, writeOf } from './account-samples.ts';
import { sampleFactors } from './factor-samples.ts';
import {
	arrayInputs,
	clientFrames,
	rawInputs,
	sampleChanges,
	sampleCommit,
	sampleGenesis,
	sampleIdentity,
	sampleRenewal,
	smallCommit,
	space,
	spaceFrames
} from './samples.ts';
import {
	sampleDeviceClaim,
	sampleHandOver,
	sampleInviteRecord,
	sampleLinkRecord,
	sampleRequestBody,
	sampleRequestInfo,
	sampleSignedHeartbeat
} from './sharing-samples.ts';

const text = (value: unknown): Uint8Array => utf8Encode(JSON.stringify(value));
const hashOf = (...parts: readonly Uint8Array[]): string =>
	toHex(sha256(text(parts.map(toHex)))).slice(0, 16);

const formats = {
	accountWrite: hashOf(...sampleActions.map((action) => encodeAccountWrite(writeOf(action)))),
	commit: hashOf(encodeCommit(sampleCommit), encodeCommit(smallCommit)),
	factor: hashOf(...sampleFactors.map(encodeFactorData)),
	genesis: hashOf(encodeGenesis(sampleGenesis)),
	identity: hashOf(encodeIdentityEntry(sampleIdentity), encodeIdentityEntry(sampleRenewal)),
	page: hashOf(encodePage(sampleChanges), encodePage(sampleChanges, 1_764_000_000_000)),
	sharing: hashOf(
		encodeInviteRecord(sampleInviteRecord),
		encodeInviteRecord(sampleLinkRecord),
		encodeRequestBody(sampleRequestBody),
		encodeRequest(encodeRequestBody(sampleRequestBody), sampleSignedHeartbeat.signature),
		encodeHandOver(sampleHandOver),
		encodeDeviceClaim(sampleDeviceClaim)
	),
	clientFrames: hashOf(...clientFrames.map(encodeClientFrame)),
	spaceFrames: hashOf(...spaceFrames.map(encodeSpaceFrame)),
	signingInputs: hashOf(
		...Object.values(rawInputs),
		...Object.values(arrayInputs),
		sampleRequestInfo
	),
	labels: hashOf(text(Object.entries(labels).sort())),
	errors: hashOf(text(Object.entries(wireErrors).sort())),
	routes: hashOf(
		text(
			Object.entries(routes).map(([name, { method, path, auth }]) => [name, method, path, auth])
		),
		text([spaceSocketPath(space), spaceSocketPath(space, 1)])
	)
};

/** Of protocol version 1. */
const locked: typeof formats = {
	accountWrite: 'afd419af3ecfaad9',
	clientFrames: 'bf01cc99f22c5a4b',
	commit: 'fde526c12231a181',
	errors: 'e8f2a2eead834bc2',
	factor: '632462a6a7779d78',
	genesis: 'f8dbe40eb3a14574',
	identity: '16d794a5143bdff7',
	labels: '2b369b7798d8af70',
	page: '0d865cb168420e9e',
	routes: '29ac13caa6ca7bc7',
	sharing: '143bd1c0c21142b6',
	signingInputs: 'ae4daae94e04240c',
	spaceFrames: 'db8d73b49acbd8c2'
};

const advice =
	'A format changed. If that is meant, raise protocolVersion, give it a line of history in ' +
	'protocol/version.ts, and lock the new hash here; old clients will be told to upgrade. ';

test('the formats are those of this protocol version', () => {
	expect(formats, advice).toEqual(locked);
	expect(protocolVersion, advice).toBe(1);
	expect(socketProtocol).toBe(`tacet.${protocolVersion}`);
});
