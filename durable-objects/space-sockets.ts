// Sockets of a space: what they remember through hibernation, and how they are spoken to.
import { wireErrors, type WireErrorCode } from '../protocol/errors.ts';
import { encodeSpaceFrame, type SpaceFrame } from '../protocol/frames.ts';
import type { AccountId, DeviceId, LinkId, SessionId } from '../protocol/ids.ts';
import { FrameBudget } from './frame-budget.ts';
import { framesPerMebibyteSent } from './limits.ts';

/** What a socket remembers through hibernation. */
export interface Attachment {
	readonly account: AccountId;
	/** Name of its object. */
	readonly accountObject: string;
	readonly device: DeviceId;
	readonly session: SessionId;
	/** The share link that was opened, or null for a session of an account. */
	readonly link: LinkId | null;
	/** When the token that it was opened with expires, in milliseconds since 1970. */
	readonly expiresAtMs: number;
	/** It has pulled up to the head, and gets entries as they come. */
	readonly isLive: boolean;
}

const mebibyte = 1_048_576;

/** Where a socket has its attachment as long as the object is awake: reading it anew costs more. */
const awake = Symbol('attachment');
type AwakeSocket = WebSocket & { [awake]?: Attachment };

export function attach(socket: AwakeSocket, attachment: Attachment): void {
	socket.serializeAttachment(attachment);
	socket[awake] = attachment;
}

/** Every socket here was attached when it was accepted. */
export function attachmentOf(socket: AwakeSocket): Attachment {
	const attachment = socket[awake] ?? (socket.deserializeAttachment() as Attachment);
	socket[awake] = attachment;
	return attachment;
}

export const hasExpired = ({ expiresAtMs }: Attachment): boolean => expiresAtMs <= Date.now();

export const isOpen = (socket: WebSocket): boolean => socket.readyState === WebSocket.OPEN;

export function send(socket: WebSocket, frame: SpaceFrame): void {
	if (isOpen(socket)) socket.send(encodeSpaceFrame(frame));
}

export function close(socket: WebSocket, code: WireErrorCode): void {
	const { closeCode } = wireErrors[code];
	if (closeCode !== null && isOpen(socket)) socket.close(closeCode, code);
}

/** Of a session that ended: what the socket still sends is refused, also after the object slept. */
export function end(socket: WebSocket): void {
	attach(socket, { ...attachmentOf(socket), expiresAtMs: 0, isLive: false });
	close(socket, 'unauthenticated');
}

/** Says why, and ends the socket if that is what the code asks for. */
export function refuse(socket: WebSocket, count: number | null, code: WireErrorCode): void {
	send(socket, { type: 'refused', count, refusal: { code } });
	if (wireErrors[code].closeCode !== null) close(socket, code);
}

/** The tag by which the sockets of a link are found. */
export const linkTag = (link: LinkId): string => `link ${link}`;
/** The tag of every socket that a link opened. */
export const anyLinkTag = 'link';

/** Budgets of frames by socket: in memory, as long as the object is awake. */
export class SocketBudgets {
	readonly #budgetBySocket = new WeakMap<WebSocket, FrameBudget>();

	/** Whether the socket may send one more frame. */
	take(socket: WebSocket): boolean {
		return this.#budgetOf(socket).take(Date.now());
	}

	charge(socket: WebSocket, frames: number): void {
		this.#budgetOf(socket).charge(frames);
	}

	chargeSent(socket: WebSocket, sentBytes: number): void {
		this.charge(socket, (sentBytes / mebibyte) * framesPerMebibyteSent);
	}

	#budgetOf(socket: WebSocket): FrameBudget {
		const budget = this.#budgetBySocket.get(socket) ?? new FrameBudget(Date.now());
		this.#budgetBySocket.set(socket, budget);
		return budget;
	}
}
