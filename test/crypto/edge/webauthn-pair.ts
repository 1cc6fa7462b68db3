// Pairs of WebAuthn Level 3, "Test Vectors", in the form in which they lie beside the project; one of
// them typed in.
import { PasskeyChallenges } from '../../../crypto/edge/passkey-challenges.ts';
import type { PasskeyCheck } from '../../../crypto/edge/webauthn.ts';
import { toBase64Url } from '../../../protocol/bytes.ts';
import type { PasskeyAsserted, PasskeyCreated } from '../../../protocol/passkey.ts';
import { hex } from '../vectors.ts';
import { account } from './webauthn-fixture.ts';

export interface Registration {
	readonly challenge: string;
	readonly credential_id: string;
	readonly clientDataJSON: string;
	readonly attestationObject: string;
}

export interface Authentication {
	readonly challenge: string;
	readonly clientDataJSON: string;
	readonly authenticatorData: string;
	readonly signature: string;
}

export interface Pair {
	readonly section: string;
	/** Everything in hex. */
	readonly blocks: readonly [Registration, Authentication];
}

export const typedPair: Pair = {
	section: 'ES256 Credential with No Attestation',
	blocks: [
		{
			challenge: '00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130',
			credential_id: 'f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4',
			clientDataJSON:
				'7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2241' +
				'4d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f75565734' +
				'5441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73' +
				'734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a53' +
				'4f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c64' +
				'7320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354' +
				'427258426941774a544c453551227d',
			attestationObject:
				'a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360' +
				'd3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff' +
				'6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a50102' +
				'03262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df6122' +
				'5820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220'
		},
		{
			challenge: '39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408',
			clientDataJSON:
				'7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e' +
				'55685158756c5455506f334a5558543049393770767a7a59425039745a6368587961763031416722' +
				'2c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f72' +
				'6967696e223a66616c73657d',
			authenticatorData:
				'bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000',
			signature:
				'3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd38022100' +
				'8480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87'
		}
	]
};

const text = (digits: string): string => toBase64Url(hex(digits));

export const createdOf = ({ blocks: [block] }: Pair): PasskeyCreated => ({
	id: text(block.credential_id),
	rawId: text(block.credential_id),
	type: 'public-key',
	response: {
		clientDataJSON: text(block.clientDataJSON),
		attestationObject: text(block.attestationObject),
		transports: []
	}
});

export const assertedOf = ({ blocks: [{ credential_id: id }, block] }: Pair): PasskeyAsserted => ({
	id: text(id),
	rawId: text(id),
	type: 'public-key',
	response: {
		clientDataJSON: text(block.clientDataJSON),
		authenticatorData: text(block.authenticatorData),
		signature: text(block.signature),
		userHandle: null
	}
});

/** As if the vector's challenge had just been given out. */
export function checkOf({ challenge }: { readonly challenge: string }): PasskeyCheck {
	const subject = { purpose: 'login', account, holder: 'login 1' } as const;
	const challenges = new PasskeyChallenges(() => hex(challenge));
	challenges.give(subject, 0);
	const party = { origin: 'https://example.org', rpId: 'example.org' };
	return { party, challenges, subject, nowMs: 1, asksForVerification: false };
}
