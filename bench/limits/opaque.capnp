using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [(name = "limit", worker = .limit)],
	sockets = [(name = "http", http = (), service = "limit")],
);

const limit :Workerd.Worker = (
	modules = [
		(name = "worker.js", esModule = embed "worker.js"),
		(name = "opaque-ke.wasm", wasm = embed "opaque-ke.wasm"),
	],
	compatibilityDate = "2026-10-01",
);
