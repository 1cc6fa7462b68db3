import { sha256 } from '../../crypto/hash.ts';
import { bytesOf, call, keyStretching, newKeyslot, type Person, type Session } from './person.ts';

/** Of another password, as its owner's device makes them. */
export async function otherPassword({ edge }: Person, { token }: Session) {
	const password = 'other horse';
	const { registrationRequest, clientRegistrationState } = edge.opaque.startRegistration({
		password
	});
	const { body } = await call(edge, 'passwordStart', { registrationRequest }, token);
	const { registrationRecord } = edge.opaque.finishRegistration({
		...{ password, clientRegistrationState, keyStretching },
		registrationResponse: body.registrationResponse
	});
	const record = bytesOf(registrationRecord);
	const { bytes, facts } = newKeyslot('password');
	const recordHash = sha256(record);
	return {
		action: {
			type: 'password',
			password: { ...facts, recordHash, usesAccountKey: false }
		} as const,
		records: { registrationRecord: record, keyslots: [bytes] }
	};
}
