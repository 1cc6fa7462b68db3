// Jazz: an account, a list of notes in its root, native crypto, everything in memory.
import { createWebSocketPeer } from 'cojson-transport-ws';
import { NapiCrypto } from 'cojson/crypto/NapiCrypto';
import {
	co,
	createJazzContextForNewAccount,
	createJazzContextFromExistingCredentials,
	Group,
	MockSessionProvider,
	z
} from 'jazz-tools';
import { WebSocket } from 'ws';
import { runClient } from '../../../bench/peer-process.ts';

const Note = co.map({ title: z.string(), body: z.string() });
const Root = co.map({ notes: co.list(Note) });
const Account = co.account({ profile: co.profile(), root: Root }).withMigration((account) => {
	if (!account.$jazz.has('root')) account.$jazz.set('root', { notes: [] });
	if (!account.$jazz.has('profile')) account.$jazz.set('profile', { name: 'x' });
});

const peerOf = (url) =>
	createWebSocketPeer({
		id: 'upstream',
		websocket: new WebSocket(url.replace('http', 'ws')),
		role: 'server'
	});

let crypto;
let account;
let list;
let upstream;
let secrets;

runClient({
	async signUp(url) {
		crypto = await NapiCrypto.create();
		const context = await createJazzContextForNewAccount({
			creationProps: { name: 'a' },
			peers: [peerOf(url)],
			crypto,
			AccountSchema: Account,
			sessionProvider: new MockSessionProvider()
		});
		account = context.account;
		await account.$jazz.waitForAllCoValuesSync();
	},
	async push(notes) {
		const group = Group.create({ owner: account });
		list = account.root.notes;
		list.$jazz.push(...notes.map(({ title, body }) => Note.create({ title, body }, group)));
		await account.$jazz.waitForAllCoValuesSync();
		const secret = account.$jazz.localNode.getCurrentAgent().agentSecret;
		return { accountID: account.$jazz.id, secret };
	},
	async logIn(url, credentials) {
		crypto = await NapiCrypto.create();
		upstream = url;
		secrets = credentials;
	},
	async pull(notes) {
		const context = await createJazzContextFromExistingCredentials({
			credentials: secrets,
			peers: [peerOf(upstream)],
			crypto,
			AccountSchema: Account,
			sessionProvider: new MockSessionProvider()
		});
		const loaded = await Account.load(secrets.accountID, {
			loadAs: context.account,
			resolve: { root: { notes: { $each: true } } }
		});
		if (!loaded.$isLoaded) throw new Error(`not loaded: ${loaded.$jazz?.loadingState}`);
		list = loaded.root.notes;
		return [...list].filter(({ body }, index) => body === notes[index]?.body).length;
	},
	async watch(notes, onBody) {
		for (const index of notes.keys()) list[index].$jazz.subscribe({}, ({ body }) => onBody(body));
	},
	edit(index, body) {
		list[index].$jazz.set('body', body);
	}
});
