import { existsSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { holders, isRunning, newFolder, start, type Started } from './starting.ts';

// The first of these may have to build.
const startTimeoutMs = 120_000;

const running: Started[] = [];
const folders: string[] = [];

function started(dataDir: string, port?: string): Started {
	const program = start(dataDir, port);
	running.push(program);
	return program;
}

function folder(): string {
	const made = newFolder();
	folders.push(made);
	return made;
}

afterEach(async () => {
	for (const program of running.splice(0)) {
		program.child.kill('SIGTERM');
		await program.ended;
	}
	for (const made of folders.splice(0)) rmSync(made, { recursive: true });
});

/**
 * What the edge answers to one fixed registration request. It follows from the keys that the
 * deployment made at its first boot and keeps sealed under its secret.
 */
async function answerOfServerKeys(url: string): Promise<unknown> {
	const ristrettoGenerator = '4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY';
	const response = await fetch(`${url}/v1/registration/start`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({
			handle: 'somebody',
			registrationRequest: ristrettoGenerator,
			invite: null
		})
	});
	expect(response.status).toBe(200);
	return response.json();
}

describe('npm start', { timeout: startTimeoutMs }, () => {
	test('serves the app, and stops on SIGINT with exit code 0 and nothing left behind', async () => {
		const dataDir = folder();
		const program = started(dataDir);
		const url = await program.url;
		const page = await fetch(url);
		expect(page.status).toBe(200);
		expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
		const { server } = holders(dataDir);
		expect(isRunning(server)).toBe(true);

		program.child.kill('SIGINT');
		expect(await program.ended).toBe(0);
		expect(isRunning(server)).toBe(false);
		expect(existsSync(path.join(dataDir, 'lock'))).toBe(false);
	});

	test('says where it is and little else', async () => {
		const program = started(folder());
		await program.url;
		const lines = program.said().trim().split('\n');
		expect(lines.at(-1)).toMatch(/^Tacet is at http:\/\/localhost:\d+ /);
		expect(lines.length).toBeLessThanOrEqual(2);
	});

	test('refuses a folder that another one serves, and says who has it', async () => {
		const dataDir = folder();
		const first = started(dataDir);
		const url = await first.url;
		const second = started(dataDir);
		expect(await second.ended).toBe(1);
		expect(second.said()).toContain(`in use by process ${String(first.child.pid)} at ${url}`);
		expect((await fetch(url)).status).toBe(200);
	});

	test('says so when the port is in use', async () => {
		const other = createServer();
		await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
		const { port } = other.address() as AddressInfo;
		const program = started(folder(), String(port));
		expect(await program.ended).toBe(1);
		expect(program.said()).toContain(`Port ${String(port)} is in use`);
		other.close();
	});

	test('refuses a port that is none', async () => {
		const program = started(folder(), 'eighty');
		expect(await program.ended).toBe(1);
		expect(program.said()).toContain('PORT=eighty is not a port');
	});

	test('keeps the secret for its owner alone, and does not make a second one', async () => {
		const dataDir = folder();
		const first = started(dataDir);
		await answerOfServerKeys(await first.url);
		const secret = path.join(dataDir, 'secret');
		expect(statSync(secret).mode & 0o777).toBe(0o600);
		first.child.kill('SIGINT');
		await first.ended;

		rmSync(secret);
		const second = started(dataDir);
		expect(await second.ended).toBe(1);
		expect(second.said()).toContain('secret is missing');
		expect(existsSync(secret)).toBe(false);
	});

	test('finds its data again after a stop', async () => {
		const dataDir = folder();
		const first = started(dataDir);
		const before = await answerOfServerKeys(await first.url);
		first.child.kill('SIGINT');
		await first.ended;
		const second = started(dataDir);
		expect(await answerOfServerKeys(await second.url)).toEqual(before);
	});

	test('finds its data again after the server was killed, which it reports', async () => {
		const dataDir = folder();
		const first = started(dataDir);
		const before = await answerOfServerKeys(await first.url);
		process.kill(holders(dataDir).server, 'SIGKILL');
		expect(await first.ended).toBe(1);
		expect(first.said()).toContain('The server ended by itself');
		const second = started(dataDir);
		expect(await answerOfServerKeys(await second.url)).toEqual(before);
	});

	test('takes over from one that was killed, and ends the server it left', async () => {
		const dataDir = folder();
		const first = started(dataDir);
		const before = await answerOfServerKeys(await first.url);
		const { server } = holders(dataDir);
		first.child.kill('SIGKILL');
		await first.ended;
		expect(isRunning(server)).toBe(true);

		const second = started(dataDir);
		expect(await answerOfServerKeys(await second.url)).toEqual(before);
		expect(isRunning(server)).toBe(false);
	});

	test('gives another folder other keys', async () => {
		const one = await answerOfServerKeys(await started(folder()).url);
		const other = await answerOfServerKeys(await started(folder()).url);
		expect(one).not.toEqual(other);
	});
});
