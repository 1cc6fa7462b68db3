// A Jazz sync server: cojson's LocalNode with its SQLite storage over node:sqlite, one peer for each
// socket, as jazz-run sets it up.
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { getSqliteStorage, LocalNode } from 'cojson';
import { createWebSocketPeer } from 'cojson-transport-ws';
import { NapiCrypto } from 'cojson/crypto/NapiCrypto';
import { WebSocketServer } from 'ws';

const crypto = await NapiCrypto.create();
const agent = crypto.newRandomAgentSecret();
const session = crypto.newRandomSessionID(crypto.getAgentID(agent));
const node = new LocalNode(agent, session, crypto);

const database = new DatabaseSync(`${process.env.DIR}/sync.db`);
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL');
const statements = new Map();
const prepare = (sql) => {
	if (!statements.has(sql)) statements.set(sql, database.prepare(sql));
	return statements.get(sql);
};
const bindable = (value) => (typeof value === 'boolean' ? Number(value) : (value ?? null));
const bind = (values = []) => values.map(bindable);
node.setStorage(
	getSqliteStorage({
		run: (sql, values) => void prepare(sql).run(...bind(values)),
		get: (sql, values) => prepare(sql).get(...bind(values)),
		query: (sql, values) => prepare(sql).all(...bind(values)),
		transaction: (work) => {
			database.exec('BEGIN');
			try {
				const result = work();
				database.exec('COMMIT');
				return result;
			} catch (error) {
				database.exec('ROLLBACK');
				throw error;
			}
		},
		closeDb: () => database.close()
	})
);

let sockets = 0;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (websocket) => {
	node.syncManager.addPeer(
		createWebSocketPeer({
			id: `client-${sockets++}`,
			role: 'client',
			websocket,
			expectPings: false,
			batchingByDefault: false,
			deletePeerStateOnClose: true
		})
	);
});
server.on('listening', () => process.send({ port: server.address().port }));
