using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [
		(name = "floor", worker = .floor),
		(name = "storage", disk = (writable = true)),
	],
	sockets = [(name = "http", http = (), service = "floor")],
);

const floor :Workerd.Worker = (
	modules = [(name = "worker.js", esModule = embed "worker.js")],
	compatibilityDate = "2026-10-01",
	compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2", "no_web_socket_compression"],
	durableObjectNamespaces = [(className = "Floor", uniqueKey = "floor", enableSql = true)],
	durableObjectStorage = (localDisk = "storage"),
	bindings = [(name = "FLOOR", durableObjectNamespace = "Floor")],
);
