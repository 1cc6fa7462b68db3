using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [
		(name = "edge", worker = .edge),
		(name = "storage", disk = (writable = true)),
	],
	sockets = [(name = "http", http = (), service = "edge")],
);

const edge :Workerd.Worker = (
	modules = [
		(name = "worker.js", esModule = embed "worker.js"),
		(name = "opaque-ke.wasm", wasm = embed "opaque-ke.wasm"),
	],
	compatibilityDate = "2026-10-01",
	compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2", "no_web_socket_compression"],
	durableObjectNamespaces = [
		(className = "Account", uniqueKey = "counted-Account", enableSql = true),
		(className = "Space", uniqueKey = "counted-Space", enableSql = true),
		(className = "Deployment", uniqueKey = "counted-Deployment", enableSql = true),
		(className = "Limiter", uniqueKey = "counted-Limiter", enableSql = true),
	],
	durableObjectStorage = (localDisk = "storage"),
	bindings = [
		(name = "ACCOUNT", durableObjectNamespace = "Account"),
		(name = "SPACE", durableObjectNamespace = "Space"),
		(name = "DEPLOYMENT", durableObjectNamespace = "Deployment"),
		(name = "LIMITER", durableObjectNamespace = "Limiter"),
		(name = "TACET_SECRET", text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
		(name = "TACET_SIGN_UP", text = "open"),
		(name = "TACET_TLS", text = "any"),
	],
);
