// PouchDB in plain text: its own server, over LevelDB.
import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb').defaults({ prefix: `${process.env.DIR}/` });
const options = { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: '/dev/null' };
const app = require('express')();
app.use('/', require('express-pouchdb')(PouchDB, options));
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
