// The configuration of the local workerd: the bundle that is deployed, behind a front that serves
// the web app. Address and folders are given on the command line, so that this text never changes.

const compatibility = `
	compatibilityDate = "2026-10-01",
	compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2", "no_web_socket_compression"],`;

// A class's key names its folder on disk: another key would be another, empty world.
const objects = [
	{ binding: 'ACCOUNT', className: 'Account', uniqueKey: 'tacet-Account' },
	{ binding: 'SPACE', className: 'Space', uniqueKey: 'tacet-Space' },
	{ binding: 'DEPLOYMENT', className: 'Deployment', uniqueKey: 'tacet-Deployment' },
	{ binding: 'LIMITER', className: 'Limiter', uniqueKey: 'tacet-Limiter' }
];

/** @param {string} network what the Worker itself may reach */
const servicesWith = (network) => `(
	services = [
		(name = "front", worker = .front),
		(name = "api", worker = .api),
		(name = "assets", disk = (writable = false)),
		(name = "storage", disk = (writable = true)),
		(name = "internet", network = (${network})),
	],
	sockets = [(name = "http", http = (), service = "front")],
)`;

/**
 * @param {readonly string[]} wasmFiles names beside the bundle
 * @returns {string} Cap'n Proto text, to be written beside front.js, below the bundle
 */
export function localConfig(wasmFiles) {
	const modules = wasmFiles.map((name) => `(name = "./${name}", wasm = embed "../${name}")`);
	const namespaces = objects.map(
		({ className, uniqueKey }) =>
			`(className = "${className}", uniqueKey = "${uniqueKey}", enableSql = true)`
	);
	const bindings = objects.map(
		({ binding, className }) => `(name = "${binding}", durableObjectNamespace = "${className}")`
	);
	return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = ${servicesWith('allow = []')};

# Where the operator has named a gateway for messages to telephones, and nowhere else.
const configWithGateway :Workerd.Config = ${servicesWith(
		'allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true)'
	)};

const front :Workerd.Worker = (
	modules = [(name = "front.js", esModule = embed "front.js")],${compatibility}
	bindings = [
		(name = "API", service = "api"),
		(name = "DISK", service = "assets"),
		(name = "ASSETS", json = embed "assets.json"),
		(name = "HEADER_RULES", json = embed "headers.json"),
	],
);

const api :Workerd.Worker = (
	modules = [${['(name = "index.js", esModule = embed "../index.js")', ...modules].join(', ')}],${compatibility}
	durableObjectNamespaces = [${namespaces.join(', ')}],
	durableObjectStorage = (localDisk = "storage"),
	bindings = [
		${bindings.join(',\n\t\t')},
		(name = "TACET_SECRET", fromEnvironment = "TACET_SECRET"),
		(name = "TACET_SIGN_UP", fromEnvironment = "TACET_SIGN_UP"),
		(name = "TACET_SMS_URL", fromEnvironment = "TACET_SMS_URL"),
		(name = "TACET_SMS_TOKEN", fromEnvironment = "TACET_SMS_TOKEN"),
		(name = "TACET_TLS", text = "any"),
	],
);
`;
}
