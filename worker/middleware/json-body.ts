// Reads a JSON body of bounded size. Bytes are counted as they come: a body without a length, or
// with a false one, is cut off at the same place.
import { concatBytes, utf8Decode } from '../../protocol/bytes.ts';
import { maxBodyBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';

/** A body as it came, and what it says. */
export interface JsonBody {
	readonly bytes: Uint8Array;
	readonly json: unknown;
}

export async function readJsonBody(
	request: Request
): Promise<Result<JsonBody, 'malformed' | 'too_large'>> {
	const [mediaType] = (request.headers.get('Content-Type') ?? '').split(';');
	// A form of another site can't send this type without asking first.
	if (mediaType?.trim().toLowerCase() !== 'application/json') return err('malformed');
	const bytes = await readBody(request);
	if (!bytes.ok) return bytes;
	const text = utf8Decode(bytes.value);
	const json = text.ok ? parseJson(text.value) : text;
	return json.ok ? ok({ bytes: bytes.value, json: json.value }) : json;
}

async function readBody(request: Request): Promise<Result<Uint8Array, 'too_large'>> {
	if (Number(request.headers.get('Content-Length') ?? 0) > maxBodyBytes) return err('too_large');
	const chunks: Uint8Array[] = [];
	let totalBytes = 0;
	const body: ReadableStream<Uint8Array> | null = request.body;
	for await (const chunk of body ?? []) {
		totalBytes += chunk.length;
		// Leaving the loop cancels the stream: the rest is never read.
		if (totalBytes > maxBodyBytes) return err('too_large');
		chunks.push(chunk);
	}
	return ok(concatBytes(...chunks));
}

function parseJson(text: string): Result<unknown, 'malformed'> {
	try {
		return ok(JSON.parse(text));
	} catch {
		// JSON.parse throws a SyntaxError on everything that is no JSON.
		return err('malformed');
	}
}
