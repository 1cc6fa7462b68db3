// Looks into the storage of every object: what is there, and whether anything of it changed.
import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test';
import { toHex } from '../../protocol/bytes.ts';
import { bindings } from './edge.ts';

type Row = Record<string, SqlStorageValue>;
type Tables = Record<string, Row[]>;

const readable = (value: SqlStorageValue): SqlStorageValue =>
	value instanceof ArrayBuffer ? toHex(new Uint8Array(value)) : value;

const tableNames = (sql: SqlStorage): string[] =>
	sql
		.exec<{ name: string }>(
			`SELECT name FROM sqlite_schema WHERE type = 'table'
				AND name NOT LIKE 'sqlite_%' AND substr(name, 1, 4) <> '_cf_' ORDER BY name`
		)
		.toArray()
		.map(({ name }) => name);

function dumpTables(sql: SqlStorage): Tables {
	const tables: Tables = {};
	for (const name of tableNames(sql)) {
		tables[name] = sql
			.exec<Row>(`SELECT * FROM ${name}`)
			.toArray()
			.map((row) =>
				Object.fromEntries(Object.entries(row).map(([column, value]) => [column, readable(value)]))
			);
	}
	return tables;
}

/** All tables of one object; empty for an object that nothing was ever stored in. */
export const dump = (stub: DurableObjectStub): Promise<Tables> =>
	runInDurableObject(stub, (_object: unknown, state: DurableObjectState) =>
		dumpTables(state.storage.sql)
	);

/** Columns of one object's tables, as they are declared. */
export const schemaOf = (stub: DurableObjectStub): Promise<Record<string, string[]>> =>
	runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
		const { sql } = state.storage;
		return Object.fromEntries(
			tableNames(sql).map((table) => [
				table,
				sql
					.exec<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
					.toArray()
					.map(({ name }) => name)
			])
		);
	});

/** Accounts, spaces and server keys, whole; the limiters count, which is their purpose. */
export async function dumpEverything(): Promise<string> {
	const { ACCOUNT, SPACE, DEPLOYMENT } = bindings;
	const dumps: [string, Tables][] = [];
	for (const namespace of [ACCOUNT, SPACE, DEPLOYMENT] as DurableObjectNamespace[]) {
		for (const id of await listDurableObjectIds(namespace)) {
			dumps.push([id.toString(), await dump(namespace.get(id))]);
		}
	}
	const stored = dumps.filter(([, tables]) => Object.keys(tables).length > 0);
	return JSON.stringify(stored.sort(([a], [b]) => a.localeCompare(b)));
}

/** Rows that SQL wrote while `work` ran, in all objects, as the platform counts them. */
export const rowsWrittenBy = (
	stub: DurableObjectStub,
	work: () => Promise<void>
): Promise<number> => countRows(stub, work, (cursor) => cursor.rowsWritten);

/** Rows that SQL read while `work` ran, by statements whose rows were taken at once. */
export const rowsReadBy = (stub: DurableObjectStub, work: () => Promise<void>): Promise<number> =>
	countRows(stub, work, (cursor) => cursor.rowsRead);

type Cursor = ReturnType<SqlStorage['exec']>;

async function countRows(
	stub: DurableObjectStub,
	work: () => Promise<void>,
	rowsOf: (cursor: Cursor) => number
): Promise<number> {
	const cursors: Cursor[] = [];
	let rows = 0;
	const restore = await runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
		const prototype = Object.getPrototypeOf(state.storage.sql) as SqlStorage;
		const original = Object.getOwnPropertyDescriptor(prototype, 'exec');
		const exec = original?.value as SqlStorage['exec'];
		prototype.exec = function counted(this: SqlStorage, ...call: Parameters<typeof exec>) {
			const cursor = exec.apply(this, call);
			cursors.push(cursor);
			return cursor;
		} as typeof exec;
		return () => {
			Object.defineProperty(prototype, 'exec', original ?? {});
		};
	});
	await work();
	restore();
	for (const cursor of cursors) rows += rowsOf(cursor);
	return rows;
}
