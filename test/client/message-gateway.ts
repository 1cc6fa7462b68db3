// A gateway for messages to telephones on this machine: an HTTP server as docs/sms-gateway.md asks for.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Message {
	readonly to: string;
	readonly text: string;
}

export interface MessageGateway {
	readonly url: string;
	readonly token: string;
	readonly messages: readonly Message[];
	/** Every request, as it came. */
	readonly requests: readonly {
		readonly headers: IncomingMessage['headers'];
		readonly body: string;
	}[];
	/** What it answers with. */
	status: number;
	headers: Record<string, string>;
	close(): Promise<void>;
}

export async function startGateway(): Promise<MessageGateway> {
	const requests: { headers: IncomingMessage['headers']; body: string }[] = [];
	const messages: Message[] = [];
	const gateway = { status: 202, headers: {} as Record<string, string> };
	const server = createServer((request, response) => {
		let body = '';
		request.on('data', (chunk: Buffer) => (body += chunk.toString()));
		request.on('end', () => {
			requests.push({ headers: request.headers, body });
			if (gateway.status < 300) messages.push(JSON.parse(body) as Message);
			response.writeHead(gateway.status, gateway.headers).end('queued');
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return Object.assign(gateway, {
		url: `http://127.0.0.1:${String(port)}/send`,
		token: 'a token of the gateway',
		...{ messages, requests },
		close: async () => {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		}
	});
}
