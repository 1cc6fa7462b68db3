// The folder that a local deployment lives in: its secret, its objects, its log, and the lock that
// keeps a second server out (two workerd on one folder do not refuse each other).
import { randomBytes } from 'node:crypto';
import {
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync
} from 'node:fs';
import path from 'node:path';

const maxLogBytes = 10 * 1024 * 1024;

/** Something the person who starts the server can set right. */
export class StartError extends Error {}

/** @typedef {{ pid: number; startedAt: string | null }} ProcessMark */
/** @typedef {{ starter: ProcessMark; server: ProcessMark | null; url: string | null }} LockContent */

/**
 * @param {string} folder
 * @returns {{ folder: string; objects: string; log: string; secret: string }}
 */
export function openDataFolder(folder) {
	const objects = path.join(folder, 'objects');
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	mkdirSync(objects, { recursive: true, mode: 0o700 });
	const log = path.join(folder, 'server.log');
	if (existsSync(log) && statSync(log).size > maxLogBytes) truncateSync(log);
	return { folder, objects, log, secret: loadOrMakeSecret(folder, objects) };
}

/**
 * The edge secret: 32 random bytes, base64url, mode 600. What is stored is sealed under it.
 * @param {string} folder
 * @param {string} objects
 */
function loadOrMakeSecret(folder, objects) {
	const file = path.join(folder, 'secret');
	if (!existsSync(file)) {
		if (readdirSync(objects).length > 0) {
			throw new StartError(`${file} is missing, and what is stored beside it needs it.`);
		}
		const made = openSync(file, 'wx', 0o600);
		writeSync(made, `${randomBytes(32).toString('base64url')}\n`);
		closeSync(made);
	}
	const secret = readFileSync(file, 'utf8').trim();
	if (!/^[\w-]{43}$/.test(secret)) throw new StartError(`${file} does not hold 32 bytes.`);
	return secret;
}

/**
 * Takes the folder for this process, or says who has it. What a dead starter left running is ended.
 * @param {string} folder
 * @returns {Promise<{ note: (server: number, url: string) => void; release: () => void }>}
 */
export async function takeLock(folder) {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const file = path.join(folder, 'lock');
	/** @type {LockContent} */
	const mine = { starter: markOf(process.pid), server: null, url: null };
	while (!createLock(file, mine)) await clearStaleLock(file, folder);
	return {
		note(server, url) {
			mine.server = markOf(server);
			mine.url = url;
			writeFileSync(`${file}.new`, JSON.stringify(mine), { mode: 0o600 });
			renameSync(`${file}.new`, file);
		},
		release: () => rmSync(file, { force: true })
	};
}

/**
 * @param {string} file
 * @param {LockContent} content
 */
function createLock(file, content) {
	try {
		writeFileSync(file, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
		return true;
	} catch (error) {
		if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
		throw error;
	}
}

/**
 * @param {string} file
 * @param {string} folder
 */
async function clearStaleLock(file, folder) {
	const holder = readLock(file);
	if (!holder) return;
	const starterLives = isAlive(holder.starter);
	const serverLives = holder.server !== null && isAlive(holder.server);
	if (serverLives ? starterLives : starterLives && holder.server === null) {
		const where = holder.url ? ` at ${holder.url}` : '';
		throw new StartError(
			`${folder} is in use by process ${String(holder.starter.pid)}${where}. Stop that one first.`
		);
	}
	if (serverLives && holder.server) await endProcess(holder.server);
	// Moved aside first: of two that find it stale, one finds nothing left to move.
	const aside = `${file}.${String(process.pid)}`;
	try {
		renameSync(file, aside);
	} catch {
		return;
	}
	rmSync(aside);
}

/**
 * @param {string} file
 * @returns {LockContent | undefined} undefined when it is gone again
 */
function readLock(file) {
	if (!existsSync(file)) return undefined;
	try {
		return JSON.parse(readFileSync(file, 'utf8'));
	} catch {
		// Torn by a crash while it was written: nobody holds it.
		return { starter: { pid: 0, startedAt: null }, server: null, url: null };
	}
}

/**
 * A process number is used again after a while; with the time of its start it is not.
 * @param {number} pid
 * @returns {ProcessMark}
 */
function markOf(pid) {
	try {
		const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
		const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return { pid, startedAt: afterName[0] === 'Z' ? 'ended' : (afterName[19] ?? null) };
	} catch {
		return { pid, startedAt: null };
	}
}

/** @param {ProcessMark} mark */
function isAlive(mark) {
	if (mark.pid <= 0) return false;
	try {
		process.kill(mark.pid, 0);
	} catch (error) {
		return error instanceof Error && 'code' in error && error.code === 'EPERM';
	}
	return mark.startedAt === null || markOf(mark.pid).startedAt === mark.startedAt;
}

/** @param {ProcessMark} mark */
async function endProcess(mark) {
	process.kill(mark.pid, 'SIGTERM');
	for (let waitedMs = 0; isAlive(mark); waitedMs += 20) {
		if (waitedMs === 5000) process.kill(mark.pid, 'SIGKILL');
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
