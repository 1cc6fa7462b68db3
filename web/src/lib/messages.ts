// Words for people, one entry for every code that the engine can answer with: what happened, what is
// safe, and what to do next. A new code does not compile until it has words here.
import type { TacetError, TacetErrorCode } from '../../../client/errors.ts';
import type { SkipReason } from '../../../client/import-files.ts';
import type { ChainFaultCode, SyncProblem } from '../../../client/status.ts';
import type { ZipFault } from './import-sources.ts';

export interface Words {
	readonly what: string;
	/** What is safe and what to do next. */
	readonly then: string;
}

const nothingLost = 'Nothing was changed and nothing is lost.';
const keptHere = 'Everything you wrote is kept on this device.';

export const errorWords: Readonly<Record<TacetErrorCode, Words>> = {
	malformed: {
		what: 'The server did not understand this page.',
		then: `${keptHere} Reload the page; if it happens again, this page and the server are of different versions.`
	},
	unauthenticated: {
		what: 'This device is not logged in any more.',
		then: `${keptHere} Log in again and it is sent.`
	},
	use_dpop_nonce: {
		what: 'The server asks this device to show its key once more.',
		then: `${keptHere} Try again in a moment.`
	},
	invalid_dpop_proof: {
		what: 'The server does not take this device’s proof that it is the one that logged in.',
		then: `${keptHere} Try again; if it happens again, something between this device and the server changes what is sent.`
	},
	login_failed: {
		what: 'The handle and the password do not belong together.',
		then: 'Check both: capital letters matter in the password. Nobody can reset a password here.'
	},
	factor_wrong: {
		what: 'That was not the right second step.',
		then: 'A code is good once. One from an app or a message also ends after a moment: use the newest. If an app’s codes are never right, its clock is off.'
	},
	step_up_needed: {
		what: 'This needs your password once more.',
		then: `${nothingLost} What changes the account is asked for again a few minutes after the login.`
	},
	second_step_needed: {
		what: 'This account asks for a second step at login.',
		then: 'It is asked for where somebody can answer.'
	},
	second_step_failed: {
		what: 'The second step was wrong too often, or took too long.',
		then: `What came before it was right, the second step was not. ${nothingLost} Begin again, with the newest code.`
	},
	account_key_needed: {
		what: 'This device lacks your account key.',
		then: 'It stands on your recovery kit. A device where you are logged in can also link this one by a QR code.'
	},
	account_key_mistyped: {
		what: 'That is no account key as it stands there.',
		then: 'Seven groups of four: one character is wrong, missing, or too many. Nobody counts how often you try.'
	},
	account_key_wrong: {
		what: 'This account key does not open your account.',
		then: 'It is of another account, or was replaced: by a newer kit, or when it was turned off and on. If you are sure, the server may keep something damaged: unlock on another device, or use the twelve words.'
	},
	cancelled: {
		what: 'Nothing came of it.',
		then: 'It was cancelled, and nothing was changed. Try again when you like.'
	},
	passkey_unanswered: {
		what: 'No passkey has answered.',
		then: 'Try again, or use your password: it works as before.'
	},
	passkey_without_prf: {
		what: 'This passkey can’t open anything.',
		then: 'It lacks what unlocking needs (the PRF extension), or this browser does. Your password works as before; remove the passkey where you made it.'
	},
	forbidden: {
		what: 'The server does not allow this.',
		then: `${nothingLost} Your role in this space may have changed.`
	},
	not_found: {
		what: 'That is not here.',
		then: 'It may have been deleted for ever on another device. Everything else is where it was.'
	},
	method_not_allowed: {
		what: 'The server did not understand this page.',
		then: `${keptHere} Reload the page to get its newest version.`
	},
	handle_taken: {
		what: 'Somebody already has this handle.',
		then: 'Choose another one. If it is yours, log in instead.'
	},
	already_claimed: {
		what: 'Somebody else has used this invitation.',
		then: 'An invitation is good for one person. Tell whoever invited you at once: if it was not you, somebody else had the link. Ask for a new one.'
	},
	link_ended: {
		what: 'This link has ended.',
		then: 'It has expired, or was opened as often as it may be. Ask whoever sent it for a new one.'
	},
	link_frozen: {
		what: 'This link is frozen.',
		then: 'Its passphrase was guessed wrong too often, so it opens no more, not even with the right one. Ask whoever sent it for a new one.'
	},
	sign_up_closed: {
		what: 'This server takes no new accounts.',
		then: 'Ask the person who runs it. If you have an account, log in.'
	},
	invite_needed: {
		what: 'This server takes new accounts by invite only.',
		then: 'Ask the person who runs it for a sign-up link, and open it here. If you have an account, log in.'
	},
	invite_ended: {
		what: 'This sign-up link is not good any more.',
		then: 'It was used up, has expired, was taken back, or was cut short on its way here. Ask the person who runs the server for another. If you just made an account with it, log in.'
	},
	stale_count: {
		what: 'Another tab was quicker.',
		then: `${keptHere} It is sent again by itself.`
	},
	stale_epoch: {
		what: 'The key of this space was just renewed.',
		then: `${keptHere} It is sealed again and sent by itself.`
	},
	unknown_head: {
		what: 'The server does not know the history that this device has seen.',
		then: `${keptHere} Do not delete anything; see the sync story in the editor’s head.`
	},
	admin_conflict: {
		what: 'Another owner changed this space at the same moment.',
		then: 'Theirs came first, so yours was not done. Look at what has changed, and ask again if you still want it.'
	},
	too_large: {
		what: 'That is too large for the server.',
		then: 'A note may hold about one million characters. Nothing else is touched.'
	},
	version_too_old: {
		what: 'This page is too old for the server.',
		then: `${keptHere} Reload the page to get the new version.`
	},
	tls_too_old: {
		what: 'This browser, or something between it and the server, connects in an old way.',
		then: `${keptHere} Update the browser, or try another network: the server takes TLS 1.3 only.`
	},
	rate_limited: {
		what: 'Too many tries in a short time.',
		then: 'Wait a little, then try again. Nothing is lost meanwhile.'
	},
	over_quota: {
		what: 'The space on the server is full.',
		then: `${keptHere} Delete what you do not need for ever, or ask the person who runs the server.`
	},
	unavailable: {
		what: 'The server is busy or restarting.',
		then: `${keptHere} Try again in a moment.`
	},
	internal: {
		what: 'Something failed on the server.',
		then: `${keptHere} Try again in a moment.`
	},
	offline: {
		what: 'The server can’t be reached.',
		then: `${keptHere} Check the connection and try again.`
	},
	store_unavailable: {
		what: 'This browser refuses to keep data for this page.',
		then: 'Nothing can be saved here. Leave private browsing or allow site data, then reload.'
	},
	store_full: {
		what: 'This device has no room left.',
		then: 'What was saved before is safe; the last change was not saved. Free some space, then write on.'
	},
	wrong_password: {
		what: 'That is not the password.',
		then: 'Nothing was opened or changed. Try again: capital letters matter. If it was changed on another device, only the new one is right.'
	},
	recovery_code_word_count: {
		what: 'A recovery kit has twelve words.',
		then: 'Fill in every field, in the order of the numbers on the sheet.'
	},
	recovery_code_unknown_word: {
		what: 'One of these is no word of a recovery kit.',
		then: 'Look at the marked words again, letter by letter.'
	},
	recovery_code_checksum: {
		what: 'Together these are not the words of a recovery kit.',
		then: 'One is wrong, or two are swapped. Read them from the sheet once more.'
	},
	recovery_called_off: {
		what: 'This recovery was called off.',
		then: 'A device of the account objected, or it was left lying for too long. Nothing was changed. If it was you on another device, begin again.'
	},
	recovery_too_early: {
		what: 'The server gives this account out before its time.',
		then: 'Your account asks for a wait that is not over, so this page took nothing. If you do not run this server yourself, tell whoever does; then ask again when the time is over.'
	},
	password_too_short: {
		what: 'The password is too short.',
		then: 'Take at least 8 characters; four or five random words are better.'
	},
	password_empty: {
		what: 'There is no password yet.',
		then: 'Type one to go on.'
	},
	password_too_long: {
		what: 'The password is longer than 256 characters.',
		then: 'A shorter one is just as strong.'
	},
	password_has_other_characters: {
		what: 'The password holds a character that can’t be typed everywhere.',
		then: 'Leave out control characters; letters, digits, signs, spaces and emoji are fine.'
	},
	handle_too_short: {
		what: 'The handle is too short.',
		then: 'Take at least 3 characters.'
	},
	handle_too_long: {
		what: 'The handle is too long.',
		then: 'Take at most 64 characters.'
	},
	handle_has_other_characters: {
		what: 'The handle holds other characters than it may.',
		then: 'Use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit.'
	},
	server_key_changed: {
		what: 'Not trusted: this server shows another key than the one this device knows.',
		then: 'It may not be your server. Your password was not given away and nothing was sent. Ask the person who runs it before you go on.'
	},
	keyslot_unreadable: {
		what: 'What the server keeps for your account does not open.',
		then: 'It may be damaged or swapped. Nothing was sent and nothing on this device is touched. Do not sign up again; ask the person who runs the server.'
	},
	account_reverted: {
		what: 'Not trusted: the server shows an older state of your account than this device knows.',
		then: 'Its newest changes are missing there, a changed password among them perhaps. Nothing on this device is touched, and nothing of the account is changed there. The server may have been restored from a backup: ask the person who runs it. A device that knows what is missing can give it back.'
	},
	put_back_too_long: {
		what: 'The server lost more of your account than can be given back.',
		then: 'Nothing on this device is touched, and nothing of the account is changed there. Ask the person who runs the server to restore a newer backup. If there is none, export your notes from a device that is unlocked, and bring them into a new account.'
	},
	account_renewed: {
		what: 'Your account has a new key.',
		then: 'Lock this device, and unlock it with your new password. Nothing on it is lost.'
	},
	too_few_ways: {
		what: 'That would leave too few ways into your account.',
		then: 'Nothing was changed. First show that you have your recovery code, or add another passkey.'
	},
	password_was_replaced: {
		what: 'That password was replaced, and opens nothing.',
		then: 'The server was set back to a time before, and took it once more. This device has given the server back what it lacked: unlock with your newest password. Whoever has the old one might have come in as well: look at your devices, and ask the person who runs the server.'
	},
	account_forked: {
		what: 'Not trusted: the server shows another account than this device knows.',
		then: 'A change stands there that this device did not see in that place, and nothing can join the two. Nothing here is touched, and nothing of the account is changed there. Ask the person who runs the server, and export your notes from a device that is unlocked. A locked one opens by the password that it knows if the server still takes that; else by a passkey of its own, or without a network, where you had turned that on. The recovery kit opens what the server shows.'
	},
	server_misbehaved: {
		what: 'The server gave an answer that no honest server gives.',
		then: `${keptHere} Nothing was sent on. Ask the person who runs it, or try again later.`
	},
	locked: {
		what: 'Tacet is locked.',
		then: `${keptHere} Unlock it and try again.`
	},
	session_ended: {
		what: 'This device was logged out.',
		then: `From another device, by a new password, by the account key turned on or off, by the server, or because somebody used a copy of its session. ${keptHere} The password opens it again; then look at Sessions and devices.`
	},
	signed_out: {
		what: 'Nobody is logged in on this device.',
		then: 'Log in and try again.'
	},
	already_signed_in: {
		what: 'An account is already open on this device.',
		then: 'Log it out first; its notes stay safe on the server.'
	},
	device_copied: {
		what: 'This profile was copied.',
		then: 'Another copy of it is writing too. Lock, then unlock with your password: this device goes on under a new name, and you can try again.'
	},
	not_trusted: {
		what: 'Not trusted: this server showed a history that can’t be true.',
		then: 'Your notes can be read here, but nothing is sent or taken until you decide. Ask the person who runs the server.'
	},
	note_too_large: {
		what: 'This note is too large.',
		then: 'A note may hold about one million characters. Split it in two; nothing was lost.'
	},
	unsent_changes: {
		what: 'Some changes have not reached the server.',
		then: 'They are only on this device. Wait until they are synced, or discard them.'
	},
	wrong_code: {
		what: 'That is not the code on the new device.',
		then: 'Nothing was handed over. Read the six digits again. If they are the same and it still fails, stop: somebody else may have seen the link.'
	},
	passphrase_needed: {
		what: 'This link has a passphrase.',
		then: 'Ask whoever sent it: it does not stand in the link.'
	},
	wrong_passphrase: {
		what: 'That is not the passphrase.',
		then: 'Check capital letters and spaces. After ten wrong tries the link is frozen for everybody.'
	},
	link_invalid: {
		what: 'This link opens nothing.',
		then: 'It was taken back, or cut short or altered on the way. Copy the whole of it, with everything after #, or ask for a new one.'
	},
	invitation_ended: {
		what: 'This invitation has ended.',
		then: 'It was taken back, has expired, or was used. Ask for a new one; nothing of yours has changed.'
	},
	identity_changed: {
		what: 'Not trusted: this person shows another identity than before.',
		then: 'They were given nothing. Ask them by another way whether they began anew, and compare the safety words before you go on.'
	},
	claim_forged: {
		what: 'Whoever wants in did not have the invitation’s link.',
		then: 'Nobody was let in. Refuse it, and make a new invitation; the server may have been in between.'
	},
	already_member: {
		what: 'This person is in the space already.',
		then: `${nothingLost} You can change their role in the list.`
	},
	refused: {
		what: 'The server refuses this change.',
		then: 'It is kept on this device, and may be made yet. Until then nothing else of this space is sent from here.'
	},
	unconfirmed: {
		what: 'This device is not confirmed yet.',
		then: `${nothingLost} Open Tacet on another device of yours, which vouches for this one by itself; or confirm it by hand, under Account.`
	},
	links_off: {
		what: 'Share links are turned off in this space.',
		then: 'No link was made. An owner can allow them in the settings of the space.'
	},
	last_factor: {
		what: 'Logins ask for a second step, and this would leave none that lasts.',
		then: 'Add an app or a passkey first, or let logins go without a second step. Backup codes and messages are for the day when the other is not at hand.'
	},
	last_owner: {
		what: 'A space needs an owner, and this is the last one.',
		then: 'Make somebody else an owner first, or delete the space.'
	}
};

/** What else there is to say of this one time. */
export function wordsOf({ code, changedLately }: TacetError): Words {
	const words = errorWords[code];
	if (changedLately !== true) return words;
	const restored =
		'It was changed not long ago. If the server was restored from a backup, it may know only the one before. You can type that here: it opens nothing on this device, and lets it give the server back what was lost.';
	return { ...words, then: `${words.then} ${restored}` };
}

export const problemWords: Readonly<Record<SyncProblem, Words>> = {
	storage_full: {
		what: 'This device has no room left',
		then: 'What was saved before is safe. Free some space so that new changes can be kept.'
	},
	store_unavailable: {
		what: 'This browser stopped keeping data',
		then: 'Copy what you wrote last, then reload the page.'
	},
	over_quota: {
		what: 'The space on the server is full',
		then: 'Your changes are kept on this device. Delete what you do not need for ever.'
	},
	version_too_old: {
		what: 'This page is too old for the server',
		then: 'Your changes are kept on this device. Reload the page to get the new version.'
	},
	logged_out: {
		what: 'Logged out by the server',
		then: 'Your changes are kept on this device. Lock, then unlock with your password to send them.'
	},
	refused: {
		what: 'The server refuses these changes',
		then: 'They are kept on this device and not sent. Your role in this space may have changed.'
	},
	device_copied: {
		what: 'This profile was copied',
		then: 'Another copy of it is writing too. Your changes are kept, and go on under a new device.'
	},
	removed: {
		what: 'You are not in this space any more',
		then: 'An owner removed you, or you left on another device. What is here stays readable, and changes that were not sent stay on this device.'
	},
	identity_renewed: {
		what: 'This space does not hold your new identity yet',
		then: 'Your changes are kept on this device, and sent as soon as an owner of the space has let you in anew.'
	},
	unconfirmed: {
		what: 'This device is not confirmed yet',
		then: 'Your changes are kept on it, and sent once another device of yours vouches for it, or you confirm it by hand.'
	}
};

const generalFault = 'this server showed an entry that breaks the rules of the history.';

/** Ends the sentence 'Not trusted: …'. */
export function faultWords(fault: ChainFaultCode): string {
	if (fault === 'rollback') {
		return 'this server showed an older history than the one this device has seen.';
	}
	if (fault === 'fork') {
		return 'this server showed another history than the one this device has seen.';
	}
	if (fault === 'withheld')
		return 'this server holds back changes that another device has seen and signed for.';
	if (fault === 'head_wrong')
		return 'this server showed a history whose parts do not fit together.';
	if (fault === 'page_missing')
		return 'this server holds back, or has altered, a part of your notes.';
	return generalFault;
}

export const skippedWords: Readonly<Record<SkipReason, string>> = {
	not_markdown: 'Not a Markdown or text file',
	not_text: 'Not readable as text (UTF-8)',
	too_large: 'Larger than a note may be',
	unreadable: 'The browser could not read it',
	empty_name: 'Has no name',
	already_here: 'Already here, with the same text',
	cancelled: 'After the import was cancelled',
	not_saved: 'Not saved, for lack of room or storage'
};

export const zipWords: Readonly<Record<ZipFault['fault'], string>> = {
	zip_unreadable: 'is not a zip that can be opened: it may be damaged or encrypted.',
	zip_damaged: 'is damaged: the files that could be found in it were taken.'
};
