// The deploy command against a stand-in of the platform's API: what is sent, and what is kept. One
// story in three runs: a deployment that is refused, the next that succeeds, and an update.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCloudflareStandIn, type CloudflareStandIn } from './cloudflare-stand-in.ts';

const script = new URL('../../scripts/deploy.mjs', import.meta.url).pathname;
let home: string;
let cloudflare: CloudflareStandIn;

beforeAll(async () => {
	home = mkdtempSync(path.join(tmpdir(), 'tacet-deploy-test-'));
	cloudflare = await startCloudflareStandIn('tacet');
});
afterAll(async () => {
	await cloudflare.stop();
	rmSync(home, { recursive: true, force: true });
});

async function deploy(): Promise<{ code: number | null; said: string }> {
	const child = spawn(process.execPath, [script], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: {
			...process.env,
			CI: '1',
			XDG_CONFIG_HOME: home,
			CLOUDFLARE_API_BASE_URL: cloudflare.url,
			CLOUDFLARE_API_TOKEN: 'token',
			CLOUDFLARE_ACCOUNT_ID: 'a'
		}
	});
	let said = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
	}
	const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
	return { code, said };
}

const secretFile = (): string => path.join(home, 'tacet', 'a-tacet.secret');

it('makes the secret before anything is sent, and keeps it when the upload is refused', async () => {
	cloudflare.refuseNextUpload();
	const refused = await deploy();
	expect(refused.code).toBe(1);
	expect(refused.said).toContain('the script was refused');
	expect(statSync(secretFile()).mode & 0o777).toBe(0o600);
	expect(Buffer.from(readFileSync(secretFile(), 'utf8').trim(), 'base64url')).toHaveLength(32);
}, 180_000);

it('deploys with that secret, and says the address and what to back up', async () => {
	const first = await deploy();
	expect(first.said).toContain('https://tacet.example.workers.dev');
	expect(first.said).toContain(secretFile());
	expect(first.code).toBe(0);
	const secret = readFileSync(secretFile(), 'utf8').trim();
	expect(cloudflare.secrets.get('TACET_SECRET')).toBe(secret);
	expect(first.said).not.toContain(secret);
	const classes = cloudflare.uploads[0]?.bindings.flatMap((binding) => binding.class_name ?? []);
	expect(classes?.sort()).toEqual(['Account', 'Deployment', 'Limiter', 'Space']);
	expect(cloudflare.uploads[0]?.migrations?.new_tag).toBe('v1');
}, 180_000);

it('updates on the next run: the same secret, no new objects, nothing removed', async () => {
	const secret = cloudflare.secrets.get('TACET_SECRET');
	const second = await deploy();
	expect(second.said).toContain('were kept');
	expect(second.code).toBe(0);
	expect(cloudflare.secrets.get('TACET_SECRET')).toBe(secret);
	expect(cloudflare.uploads).toHaveLength(2);
	expect(cloudflare.uploads[1]?.bindings.some(({ name }) => name === 'TACET_SECRET')).toBe(false);
	expect(cloudflare.uploads[1]?.migrations).toBeUndefined();
	expect(cloudflare.calls.filter((call) => call.startsWith('DELETE'))).toEqual([]);
}, 180_000);
