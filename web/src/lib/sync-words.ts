// One short line about sync, for the editor's head; the story is told by SyncStory.svelte.
import type { SyncStatus } from '../../../client/index.ts';
import { problemWords } from './messages.ts';
import { clock, count, counted } from './times.ts';

export interface SyncLine {
	readonly text: string;
	readonly tone: 'quiet' | 'busy' | 'waiting' | 'wax';
}

const waitingWords = (waiting: number): string => `${counted(waiting, 'change')} waiting`;

export function syncLine(sync: SyncStatus): SyncLine {
	if (sync.trust.state === 'not_trusted') return { text: 'Not trusted', tone: 'wax' };
	if (sync.ownerFaults.length > 0) return { text: 'Nothing new is read or sent', tone: 'wax' };
	if (sync.problem !== null) return { text: problemWords[sync.problem].what, tone: 'wax' };
	if (!sync.savedOnDevice) return { text: 'Saving…', tone: 'busy' };
	if (sync.pulling !== null) {
		const { done, total } = sync.pulling;
		return { text: `Fetching ${count(done)} of ${count(total)}`, tone: 'busy' };
	}
	if (sync.connection === 'offline') {
		if (sync.waiting === 0) return { text: 'Offline', tone: 'quiet' };
		return { text: `Offline · ${waitingWords(sync.waiting)}`, tone: 'waiting' };
	}
	if (sync.waiting > 1) return { text: waitingWords(sync.waiting), tone: 'busy' };
	if (sync.waiting === 1) return { text: 'Saved on this device', tone: 'busy' };
	if (sync.connection === 'connecting') return { text: 'Connecting…', tone: 'quiet' };
	if (sync.syncedAtMs === null) return { text: 'Saved on this device', tone: 'quiet' };
	return { text: `Synced ${clock(sync.syncedAtMs)}`, tone: 'quiet' };
}
