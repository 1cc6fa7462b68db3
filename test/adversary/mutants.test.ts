// Whether the attacks would notice: each defence is taken out of the source, one at a time, and the
// attack that it stands against must then succeed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	changing,
	packagesOutside,
	root,
	wasmModules,
	type SourceChange
} from '../changed-sources.ts';
import { makeCompany, type Company } from './company.ts';
import { attacks, type Arena, type AttackName } from './defences.ts';
import { startDevice } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { makeWorld, password } from './world.ts';

interface Mutant extends SourceChange {
	/** The defence that is missing. */
	readonly without: string;
	readonly attack: AttackName;
}

const mutants: readonly Mutant[] = [
	{
		without: 'verifying signatures',
		file: 'crypto/signature.ts',
		from: "return crypto.subtle.verify('Ed25519', key, ",
		to: "return true || crypto.subtle.verify('Ed25519', key, ",
		attack: 'forge the author’s name'
	},
	{
		without: 'counting an author’s commits',
		file: 'crypto/log-rules.ts',
		from: "return err('count_wrong');",
		to: ';',
		attack: 'serve an old entry again'
	},
	{
		without: 'asking for the role of whoever writes',
		file: 'crypto/log-rules.ts',
		from: "if (writes && !writesItems(role)) return err('role_forbids');",
		to: '',
		attack: 'write as a viewer'
	},
	{
		without: 'asking which epoch is open',
		file: 'crypto/log-rules.ts',
		from: "if (page.epoch !== after.openEpoch) return err('epoch_not_open');",
		to: '',
		attack: 'write under a closed epoch'
	},
	{
		without: 'comparing keys with what was committed to',
		file: 'crypto/client/space-keys.ts',
		from: 'isCommittedEpochKey(epochKey, place)) return',
		to: 'isCommittedEpochKey(epochKey, place) !== null) return',
		attack: 'wrap another key than was committed to'
	},
	{
		without: 'verifying who sent a request',
		file: 'crypto/client/request.ts',
		from: '(await verifySignature(signingKey, input, request.signature)) ? ',
		to: '(await verifySignature(signingKey, input, request.signature)) !== null ? ',
		attack: 'send an invitation in another name'
	},
	{
		without: 'showing what came beside a page that is missing',
		file: 'client/receive.ts',
		from: 'content.applyPages(placed);',
		to: 'if (this.#parts.pages.missing.size === 0) content.applyPages(placed);',
		attack: 'spoil a page of several'
	},
	{
		without: 'looking for what the author has seen',
		file: 'crypto/log-rules.ts',
		from: "hash !== undefined && equalBytes(hash, seen.hash) ? ok(null) : err('seen_unknown')",
		to: 'ok(null)',
		attack: 'sign what was seen on another log'
	},
	{
		without: 'asking for the wraps that were signed',
		file: 'client/receive.ts',
		from: 'const admin = entry?.commit.admin;',
		to: 'const admin = null;',
		attack: 'withhold the key of the space'
	},
	{
		without: 'waiting for pages that are missing',
		file: 'client/follow.ts',
		from: 'if (presence.ask()) {',
		to: 'if (presence.ask() && false) {',
		attack: 'withhold a page, and not answer for it'
	},
	{
		without: 'taking a page that is not given for a fault',
		file: 'client/follow.ts',
		from: 'if (presence.isBroken) {',
		to: 'if (false) {',
		attack: 'withhold a page, and say that it is gone'
	},
	{
		without: 'comparing pages with their signed hashes',
		file: 'client/pages.ts',
		from: 'return same && page.length === header.lengthBytes ? page : null;',
		to: 'return page;',
		attack: 'change a page'
	},
	{
		without: 'remembering how far the log was seen',
		file: 'client/follow.ts',
		from: 'if (offered.seq < head.seq) await this.distrust(this.#faultOf(offered), offered, null);',
		to: 'if (offered.seq < head.seq) await this.#reached(offered);',
		attack: 'greet with the log as it was'
	},
	{
		without: 'comparing the head on offer',
		file: 'client/follow.ts',
		from: "else if (!chain.holds(offered)) await this.distrust('fork', offered, null);",
		to: '',
		attack: 'offer a head that the entries do not lead to'
	},
	{
		without: 'comparing entries with those at their places',
		file: 'client/receive.ts',
		from: 'if (chain.holdsEntry(entry.seq, entry)) continue;',
		to: 'continue;',
		attack: 'serve another entry at a place that was seen'
	},
	{
		without: 'expecting what others have read',
		file: 'client/follow.ts',
		from: "this.expect(head, 'withheld');",
		to: '',
		attack: 'withhold what another member has read'
	},
	{
		without: 'verifying who gave a heartbeat',
		file: 'client/heartbeats.ts',
		from: 'verdicts[index] === true',
		to: 'verdicts[index] !== undefined',
		attack: 'forge a heartbeat'
	},
	{
		without: 'waiting until the log leads to a heartbeat',
		file: 'client/heartbeats.ts',
		from: ' && chain.holds(head)',
		to: '',
		attack: 'vouch by a heartbeat from ahead'
	},
	{
		without: 'checking the MAC of a claim',
		file: 'crypto/client/link-secret.ts',
		from: '\tequalConstantTime(claimMac(secret, place), mac);',
		to: '\tclaimMac(secret, place).length === mac.length;',
		attack: 'claim without the secret'
	},
	{
		without: 'remembering under which handle somebody was met',
		file: 'client/contacts.ts',
		from: 'if (named !== null && named.account !== account)',
		to: 'if (named !== null && named.account === "")',
		attack: 'put somebody in the place of a person who was met'
	},
	{
		without: 'the pinned key of the server',
		file: 'client/account.ts',
		from: 'if (pinned !== undefined && !equalBytes(pinned, serverPublicKey)) {',
		to: 'if (false) {',
		attack: 'stand in for the server'
	},
	{
		without: 'refusing fields that nobody knows',
		file: 'protocol/http-login.ts',
		from: 'const keyExchange = v.strictObject({',
		to: 'const keyExchange = v.object({',
		attack: 'name cheaper stretching'
	}
];

let arena: Arena;
let company: Company;
let twin: Edge;
let folder: string;
beforeAll(async () => {
	const world = await makeWorld({ seed: 51, steps: 5 });
	twin = await startEdge();
	const other = await startDevice(twin.url);
	await other.tacet.start();
	expect((await other.tacet.signUp({ handle: world.handle, password })).ok).toBe(true);
	await other.close();
	company = await makeCompany({ seed: 52, steps: 4 });
	const owner = await company.worldOf('owner');
	const viewer = await company.worldOf('viewer');
	arena = { ...world, owner, viewer, twinUrl: twin.url, patienceMs: 10_000 };
	folder = await mkdtemp(path.join(tmpdir(), 'tacet-mutants-'));
}, 120_000);
afterAll(async () => {
	await arena.end();
	await company.end();
	await twin.remove();
	await rm(folder, { recursive: true });
}, 60_000);

/** Bundled like those that lack something, so that nothing else makes a difference. */
describe('the client as it is', () => {
	let whole: typeof attacks;
	beforeAll(async () => {
		({ attacks: whole } = await bundled(null));
	});

	for (const name of Object.keys(attacks) as AttackName[]) {
		test(`withstands: ${name}`, () => whole[name](arena), 20_000);
	}
});

describe('the client without', () => {
	for (const mutant of mutants) {
		test(`${mutant.without} falls to: ${mutant.attack}`, async () => {
			const { attacks: inMutant } = await bundled(mutant);
			const attacked = inMutant[mutant.attack]({ ...arena, patienceMs: 1_500 });
			await expect(attacked).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
		}, 30_000);
	}
});

async function bundled(mutant: Mutant | null): Promise<{ attacks: typeof attacks }> {
	const outfile = path.join(folder, `${mutant?.without ?? 'nothing'}.mjs`);
	await build({
		entryPoints: [path.join(root, 'test/adversary/defences.ts')],
		outfile,
		bundle: true,
		platform: 'node',
		format: 'esm',
		logLevel: 'silent',
		plugins: [wasmModules, packagesOutside, ...(mutant ? [changing(mutant)] : [])]
	});
	return (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
		attacks: typeof attacks;
	};
}
