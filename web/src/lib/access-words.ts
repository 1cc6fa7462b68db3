// Words for what stands in the access log of a space.
import type { AccessEntry, AccessLogState } from '../../../client/api-sharing.ts';
import type { AuditEvent } from '../../../protocol/audit-event.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { Words } from './messages.ts';

type Named = (account: AccountId) => string;

/** Whole sentences without a full stop: who, and what. */
export function accessWords(event: AccessEntry['event'], named: Named): string {
	if (event === 'not_for_this_account') return 'Sealed before you could read this log';
	if (event === 'unreadable') return 'Could not be opened with the key of this log';
	const text = happened(event, named);
	return text.replace(
		/^(you|somebody|an|more) /,
		(word) => word.charAt(0).toUpperCase() + word.slice(1)
	);
}

function happened({ kind, account }: AuditEvent, named: Named): string {
	const who = account === null ? 'somebody' : named(account);
	switch (kind) {
		case 'opened':
			return `${who} opened the space`;
		case 'link_opened':
			return `${who} was opened`;
		case 'guess_wrong':
			return `${who} was tried with a wrong passphrase`;
		case 'link_frozen':
			return `${who} froze after ten wrong passphrases`;
		case 'invite_read':
			return 'an invitation was looked at by somebody who has its link';
		case 'invite_claimed':
			return `${who} accepted an invitation`;
		case 'append_refused':
			return `${who} sent a change that is not allowed, and it was refused`;
		case 'more':
			return 'more happened in this hour than is written down here';
	}
}

/** What is wrong with a log that does not lead on from what was seen of it. */
export const accessLogFaults: Readonly<Record<Exclude<AccessLogState, 'checked'>, Words>> = {
	cut_back: {
		what: 'The server shows less than it showed before.',
		then: 'Entries that this device, or another one, has seen are not there any more. What is missing may be what somebody wanted gone.'
	},
	forked: {
		what: 'The server shows another log than before.',
		then: 'Where this device, or another one, has seen one entry, another one stands now. Do not rely on what is shown here.'
	}
};
