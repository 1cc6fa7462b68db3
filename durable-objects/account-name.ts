// The name of an Account object: the keyed hash of its handle, in hex. Read when it is asked for, as an
// object that an alarm woke may not know it.
import { fromHex } from '../protocol/bytes.ts';

export class AccountName {
	readonly #id: DurableObjectId;

	constructor(id: DurableObjectId) {
		this.#id = id;
	}

	/** Under which the Worker finds the object. */
	get objectName(): string {
		const { name } = this.#id;
		if (name === undefined) throw new Error('an Account object is asked for by its name');
		return name;
	}

	get handleHash(): Uint8Array {
		const hash = fromHex(this.objectName);
		if (!hash.ok) throw new Error('an Account object is named by a hash in hex');
		return hash.value;
	}
}
