// Stands in for the part of Cloudflare's API that wrangler calls when it deploys: one account, one
// Worker, kept in memory. It checks what the platform would check of an upload's metadata.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UploadedBinding {
	readonly name: string;
	readonly type: string;
	readonly class_name?: string;
	readonly text?: string;
}
export interface Upload {
	readonly bindings: readonly UploadedBinding[];
	readonly migrations?: { readonly old_tag?: string; readonly new_tag: string };
	readonly keep_bindings?: readonly string[];
}
export interface CloudflareStandIn {
	readonly url: string;
	/** One for each script that was accepted. */
	readonly uploads: readonly Upload[];
	/** Secrets as the platform would hold them now. */
	readonly secrets: ReadonlyMap<string, string>;
	/** `METHOD path`, in order. */
	readonly calls: readonly string[];
	/** Refuses the next upload, after everything before it went well. */
	readonly refuseNextUpload: () => void;
	readonly stop: () => Promise<void>;
}

type Answer =
	| { readonly result: unknown }
	| { readonly status: number; readonly code: number; message: string };

const absent: Answer = { status: 404, code: 10_007, message: 'This Worker does not exist.' };

/** Starts it on a free port of the loopback address. */
export async function startCloudflareStandIn(worker: string): Promise<CloudflareStandIn> {
	const uploads: Upload[] = [];
	const secrets = new Map<string, string>();
	const calls: string[] = [];
	let migrationTag: string | null = null;
	let failing = false;

	function upload(body: Buffer): Answer {
		if (failing) {
			failing = false;
			return { status: 400, code: 10_021, message: 'Uncaught Error: the script was refused' };
		}
		const metadata = JSON.parse(formField(body, 'metadata')) as Upload;
		const steps = metadata.migrations;
		if (steps !== undefined && (steps.old_tag ?? null) !== migrationTag) {
			return { status: 400, code: 10_079, message: 'Migration tag precondition failed.' };
		}
		if (steps !== undefined) migrationTag = steps.new_tag;
		if (metadata.keep_bindings?.includes('secret_text') !== true) secrets.clear();
		for (const { name, type, text } of metadata.bindings) {
			if (type === 'secret_text' && text !== undefined) secrets.set(name, text);
		}
		uploads.push(metadata);
		return {
			result: {
				id: worker,
				etag: 'e',
				startup_time_ms: 5,
				deployment_id: 'd',
				resources: { script: { etag: 'e' } }
			}
		};
	}

	function answer(method: string, path: string, body: Buffer): Answer {
		const script = `/workers/scripts/${worker}`;
		if (path === '/user') return { result: { id: 'u', email: 'operator@example.invalid' } };
		if (path === '/user/tokens/verify') return { result: { id: 't', status: 'active' } };
		if (path === '/accounts' || path === '/memberships') {
			return { result: [{ id: 'a', name: 'account', account: { id: 'a', name: 'account' } }] };
		}
		if (path.endsWith('/workers/subdomain')) return { result: { subdomain: 'example' } };
		if (path.endsWith('/assets-upload-session')) return { result: { jwt: 'a.b.c', buckets: [] } };
		if (path.endsWith(script) && method === 'PUT') return upload(body);
		if (uploads.length === 0) return absent;
		// Without new migrations wrangler uploads a version first, then deploys it.
		if (path.endsWith(`${script}/versions`) && method === 'POST') return upload(body);
		if (path.endsWith(`${script}/secrets`)) {
			return { result: [...secrets.keys()].map((name) => ({ name, type: 'secret_text' })) };
		}
		if (path.endsWith(`/workers/services/${worker}`)) {
			const environment = { environment: 'production', script: { migration_tag: migrationTag } };
			return { result: { id: worker, default_environment: environment } };
		}
		if (path.endsWith(`/workers/workers/${worker}`)) {
			return { result: { id: 'w', name: worker, subdomain: { enabled: false } } };
		}
		if (path.endsWith(`${script}/subdomain`)) {
			return { result: { enabled: true, previews_enabled: false } };
		}
		if (path.endsWith(`${script}/deployments`)) return { result: { id: 'd', deployments: [] } };
		if (path.endsWith('settings')) return { result: { bindings: [], tags: [] } };
		return { status: 404, code: 10_000, message: `The stand-in has no ${method} ${path}` };
	}

	async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const path = (request.url ?? '').split('?')[0]?.replace('/client/v4', '') ?? '';
		calls.push(`${request.method ?? ''} ${path}`);
		const answered = answer(request.method ?? '', path, Buffer.concat(chunks));
		const failed = 'status' in answered;
		const errors = failed ? [{ code: answered.code, message: answered.message }] : [];
		response.writeHead(failed ? answered.status : 200, { 'content-type': 'application/json' });
		const result = failed ? null : answered.result;
		response.end(JSON.stringify({ success: !failed, errors, messages: [], result }));
	}

	const server = createServer((request, response) => void serve(request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${String(port)}/client/v4`,
		uploads,
		secrets,
		calls,
		refuseNextUpload() {
			failing = true;
		},
		stop: () =>
			new Promise((resolve) => {
				server.close(() => {
					resolve();
				});
				server.closeAllConnections();
			})
	};
}

/** The text of one field of a multipart body. */
function formField(body: Buffer, name: string): string {
	const text = body.toString('latin1');
	const start = text.indexOf('\r\n\r\n', text.indexOf(`name="${name}"`)) + 4;
	return text.slice(start, text.indexOf('\r\n--', start));
}
