// What is taken out of the rules of the account log, one at a time.
import type { SourceChange } from '../changed-sources.ts';

export interface AccountMutant extends Omit<SourceChange, 'file'> {
	readonly without: string;
	/** What a world says of it. */
	readonly fault: RegExp;
}

export const accountMutants: readonly AccountMutant[] = [
	{
		without: 'the number that comes next',
		from: 'n !== before.n + 1 || ',
		to: '',
		fault: /at (a later|the same) place is taken/
	},
	{
		without: 'the head that each write names',
		from: ' || !equalBytes(previous, before.hash)',
		to: '',
		fault: /after another head is taken|nobody signed so is taken/
	},
	{
		without: 'the account that a write is for',
		from: "if (account !== next.account) return err('wrong_account');",
		to: '',
		fault: /another account is taken|somebody else’s is taken/
	},
	{
		without: 'an end',
		from: "if (state?.isDeleted === true) return err('account_deleted');",
		to: '',
		fault: /after the end is taken/
	},
	{
		without: 'verifying signatures',
		from: "if (good.includes(false)) return err({ n, fault: 'signature_invalid' });",
		to: '',
		fault: /nobody signed so is taken/
	},
	{
		without: 'the identity in force before the write',
		from: 'identityInForce(state ?? next)',
		to: 'identityInForce(next)',
		fault: /signs for itself is taken|identity is refused/
	},
	{
		without: 'what an identity must sign besides',
		from: '\t\t\t...proofs\n',
		to: '',
		fault: /not signed is taken|does not sign( itself)? is taken/
	},
	{
		without: 'a first identity that vouches for itself',
		from: 'proofs: [identityProof(identity.value)]',
		to: 'proofs: []',
		fault: /not signed is taken/
	},
	{
		without: 'a renewed identity that vouches for itself',
		from: 'identityProof(identity.value),\n\t\t\t{',
		to: '{',
		fault: /does not sign itself is taken/
	},
	{
		without: 'a renewal that the identity before has signed',
		from: 'signature: previousSignature\n\t\t\t}\n\t\t]',
		to: 'signature: previousSignature\n\t\t\t}\n\t\t].slice(0, 1)',
		fault: /the one before does not sign is taken/
	},
	{
		without: 'a first identity in the first write',
		from: ' || identity.value.entry.body.n !== 1',
		to: '',
		fault: /by a renewal is taken/
	},
	{
		without: 'an identity that directly renews the one before',
		from: 'body.previousHash === null || !equalBytes(body.previousHash, previous.hash)',
		to: 'body.previousHash === null',
		fault: /after none that is is taken/
	},
	{
		without: 'keyslots for the new root alone',
		from: "if (isKept) return err('keyslot_wrong');",
		to: '',
		fault: /keyslot of before is taken/
	},
	{
		without: 'a new code after a recovery',
		from: "return isUsed ? err('keyslot_wrong') : changed({ material: action.material });",
		to: 'return changed({ material: action.material });',
		fault: /with the same code is taken/
	},
	{
		without: 'keyslots that there are',
		from: "if (passkeys.length === material.passkeys.length) return err('keyslot_wrong');",
		to: '',
		fault: /no passkey is taken/
	},
	{
		without: 'slots of their own',
		from: ' || !hasDistinctSlots(material)',
		to: '',
		fault: /in the slot of the|passkey twice is taken/
	},
	{
		without: 'as many ways of unlocking as before',
		from: "if (waysToUnlock(after) < enough) return 'too_few_ways';",
		to: '',
		fault: /one way left is taken/
	},
	{
		without: 'the difference between a code on paper and one that nobody has seen',
		from: '(material.kit.confirmed ? 1 : 0)',
		to: '1',
		fault: /one way left is taken/
	},
	{
		without: 'leave to go on for those who have one way',
		from: 'Math.min(2, waysToUnlock(before))',
		to: '2',
		fault: /is refused/
	},
	{
		without: 'factors that there are',
		from: "return left.length === factors.length ? err('factor_wrong') : changed({ factors: left });",
		to: 'return changed({ factors: left });',
		fault: /no factor is taken/
	},
	{
		without: 'ids of their own for factors',
		from: ' || ids.size < factors.length',
		to: '',
		fault: /factor twice is taken/
	},
	{
		without: 'a factor that logins can ask for',
		from: "return isOpen || isServed ? null : 'factor_missing';",
		to: 'return null;',
		fault: /no factor left is taken/
	},
	{
		without: 'the difference between factors that last and codes that are used up',
		from: "factors.filter(({ kind }) => kind === 'totp' || kind === 'webauthn')",
		to: 'factors',
		fault: /no factor left is taken/
	},
	{
		without: 'knowing a fork',
		from: "if (ours !== undefined && theirs !== undefined && !equalBytes(ours, theirs)) return 'fork';",
		to: '',
		fault: /what is fork is called/
	},
	{
		without: 'knowing what was taken back',
		from: "return served.head.n > known.head.n ? 'newer' : 'reverted';",
		to: "return 'newer';",
		fault: /what is reverted is called newer/
	},
	{
		without: 'the record of the password in force',
		from: '!equalBytes(sha256(registrationRecord), material.password.recordHash)',
		to: 'false',
		fault: /records are taken/
	},
	{
		without: 'keyslots that some write made',
		from: "if (!keyslots.every((keyslot) => isKeyslotInForce(state, keyslot))) return err('record_unknown');",
		to: '',
		fault: /records are taken/
	},
	{
		without: 'all keyslots',
		from: "return shown.size < slotsOf(material).length ? err('record_missing') : ok(null);",
		to: 'return ok(null);',
		fault: /records are taken/
	},
	{
		without: 'each keyslot once',
		from: "if (shown.size < keyslots.length) return err('record_unknown');",
		to: '',
		fault: /records are taken/
	}
];
