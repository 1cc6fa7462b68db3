// Servers and clients as processes of their own. Each is ended by its own handle, also when the
// measurement itself is ended; nothing is ever looked for by name.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Order, Report } from './peer-process.ts';

const children = new Set<ChildProcess>();
process.once('exit', () => {
	for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export interface StartOptions {
	readonly program: string;
	readonly cwd?: string;
	readonly env?: Record<string, string>;
	readonly nodeOptions?: readonly string[];
}

export function startNode({ program, cwd, env, nodeOptions }: StartOptions): ChildProcess {
	const child = fork(program, {
		execArgv: ['--disable-warning=ExperimentalWarning', ...(nodeOptions ?? [])],
		serialization: 'advanced',
		env: { ...process.env, ...env },
		...(cwd !== undefined && { cwd })
	});
	keep(child);
	return child;
}

export function keep(child: ChildProcess): void {
	children.add(child);
	child.once('exit', () => children.delete(child));
}

export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	child.kill(signal);
	await ended;
}

type Done<Name extends Report['done']> = Extract<Report, { readonly done: Name }>;

/** A client process, and what it has reported so far. */
export class ClientProcess {
	readonly child: ChildProcess;
	readonly #reports: Report[] = [];
	#look: () => void = () => undefined;

	constructor(options: StartOptions) {
		this.child = startNode(options);
		this.child.on('message', (report: Report) => {
			this.#reports.push(report);
			this.#look();
		});
		this.child.on('exit', (code) => {
			this.#reports.push({ done: 'failed', why: `the client ended with ${code ?? 'a signal'}` });
			this.#look();
		});
	}

	order(order: Order): void {
		this.child.send(order);
	}

	wait<Name extends Report['done']>(name: Name, timeoutMs = 120_000): Promise<Done<Name>> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				reject(new Error(`no '${name}' within ${timeoutMs} ms`));
			}, timeoutMs);
			this.#look = () => {
				const index = this.#reports.findIndex(({ done }) => done === name || done === 'failed');
				const [report] = index < 0 ? [] : this.#reports.splice(index, 1);
				if (report === undefined) return;
				clearTimeout(timer);
				if (report.done === 'failed') reject(new Error(report.why));
				else resolve(report as Done<Name>);
			};
			this.#look();
		});
	}
}

/** CPU time of a process and its threads in ms, as the scheduler counted it. */
export function cpuMs(pid: number): number {
	const threads = `/proc/${pid}/task`;
	if (!existsSync(threads)) return Number.NaN;
	const ran = readdirSync(threads).map((thread) =>
		Number(readFileSync(`${threads}/${thread}/schedstat`, 'utf8').split(' ')[0])
	);
	return ran.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
}

const quietMs = 300;
const quietShare = 0.1;
const longestWaitMs = 60_000;

/**
 * Waits until these use hardly any processor time: nobody's afterwork (a search index, a file written
 * behind) runs into the next measurement.
 */
export async function untilQuiet(pids: readonly number[]): Promise<void> {
	const used = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
	for (let waitedMs = 0; waitedMs < longestWaitMs; waitedMs += quietMs) {
		const before = used();
		await wait(quietMs);
		if (used() - before < quietMs * quietShare) return;
	}
}

/** Most memory that a process ever held, in MiB. */
export function peakMemoryMib(pid: number): number {
	const file = `/proc/${pid}/status`;
	if (!existsSync(file)) return Number.NaN;
	const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(file, 'utf8')) ?? [];
	return Number(kib) / 1_024;
}

export async function waitForPort(port: number, timeoutMs = 20_000): Promise<void> {
	const untilMs = Date.now() + timeoutMs;
	while (!(await answers(port))) {
		if (Date.now() > untilMs) throw new Error(`nothing listens on port ${port}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

const answers = (port: number): Promise<boolean> =>
	new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		socket.once('connect', () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => {
			resolve(false);
		});
	});
