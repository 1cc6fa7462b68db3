// What it takes to let somebody into a space of 10,000 items: one commit, whatever the space holds,
// and how much of the owner's processor. By the whole client, through its public face, against the
// real edge; from the owner's word to the invitation's end, the pinning of the person and the
// notes in the own keyring included. Who joins has claimed and is gone: their client is closed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import type { Space, Tacet } from '../client/index.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import { createTacet } from '../client/tacet.ts';
import { utf8Encode } from '../protocol/bytes.ts';
import type { InviteId } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import { inProject } from '../scripts/project.mjs';
import { makeNotes } from './notes.ts';
import { untilQuiet } from './processes.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { tacet } from './systems.ts';

export interface MemberFigures {
	readonly items: number;
	/** Commits on the space's log for each person who was let in. */
	readonly commitsEach: Spread;
	/** Of the owner's process. */
	readonly clientCpuMs: Spread;
	readonly wallMs: Spread;
}

const itemCount = 10_000;
const password = 'correct horse battery';
const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

export async function measureMembers(people: number): Promise<MemberFigures> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-members-'));
	const server = await tacet.serve(folder);
	try {
		const origin = `http://localhost:${server.port}`;
		const owner = await newAccount(origin, 'owner');
		const space = valueOf(await owner.createSpace({ name: 'Measured' }));
		await fill(space);
		const admitted = [];
		for (let person = 1; person <= people; person++) {
			const invite = await claimed(space, origin, `person-${person}`);
			admitted.push(await admit(space, invite));
		}
		if (space.members.length !== people + 1) throw new Error('somebody is missing');
		await owner.close();
		return {
			items: itemCount,
			commitsEach: spreadOf(admitted.map(({ commits }) => commits)),
			clientCpuMs: spreadOf(admitted.map(({ cpuMs }) => cpuMs)),
			wallMs: spreadOf(admitted.map(({ wallMs }) => wallMs))
		};
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function newAccount(origin: string, handle: string): Promise<Tacet> {
	const client = createTacet({
		origin,
		store: createMemoryStore(),
		startCrypto: () => startCryptoInProcess(loadOpaque)
	});
	await client.start();
	valueOf(await client.signUp({ handle, password }));
	return client;
}

async function fill(space: Space): Promise<void> {
	const files = makeNotes(itemCount).map(({ title, body }) => ({
		path: `${title}.md`,
		sizeBytes: body.length,
		bytes: () => Promise.resolve(utf8Encode(body))
	}));
	await space.importFiles(files);
	await settled(space);
	if (space.items.length !== itemCount) throw new Error('items are missing');
}

/** An invitation that somebody has claimed, of which nothing runs here any more. */
async function claimed(space: Space, origin: string, handle: string): Promise<InviteId> {
	const { invite, url } = valueOf(await space.invite({ role: 'editor', expiresInDays: 7 }));
	if (url === null) throw new Error('an own invitation has no link');
	const invitee = await newAccount(origin, handle);
	valueOf(await invitee.acceptInvitation(url));
	await invitee.close();
	await settled(space);
	return invite;
}

interface Admitted {
	readonly commits: number;
	readonly cpuMs: number;
	readonly wallMs: number;
}

async function admit(space: Space, invite: InviteId): Promise<Admitted> {
	await untilQuiet([process.pid]);
	const before = seqOf(space);
	const startedMs = performance.now();
	const cpu = process.cpuUsage();
	valueOf(await space.admit(invite));
	const { user, system } = process.cpuUsage(cpu);
	const wallMs = performance.now() - startedMs;
	return { commits: seqOf(space) - before, cpuMs: (user + system) / 1_000, wallMs };
}

const seqOf = (space: Space): number => space.sync.verified?.seq ?? 0;

async function settled(space: Space): Promise<void> {
	const isSettled = () => space.sync.waiting === 0 && space.sync.connection === 'online';
	if (isSettled()) return;
	await new Promise<void>((resolve) => {
		const stop = space.subscribe(() => {
			if (!isSettled()) return;
			stop();
			resolve();
		});
	});
}

function valueOf<Value>(answer: Result<Value, { readonly code: string }>): Value {
	if (!answer.ok) throw new Error(answer.error.code);
	return answer.value;
}
