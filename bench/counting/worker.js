/* global Response, URL */
// The edge as it is deployed, whose objects count what the platform bills: calls, frames, alarms, and
// rows as SQLite counted them. `/count` answers with all so far, by class; `/rounds` calls one method
// of one object many times over, so that its share of the processor can be told.
import app, { Account, Deployment, Limiter, Space } from '../../worker/index.ts';

const counts = {};
/** Cursors whose rows are not summed yet: a cursor counts on as it is read. */
let cursors = [];

const none = () => ({
	...{ calls: 0, frames: 0, alarms: 0, alarmsSet: 0, wakes: 0 },
	...{ rowsRead: 0, rowsWritten: 0 }
});
const countsOf = (name) => (counts[name] ??= none());

/** One object's SQL, by the class that it is of: all run in one process here. */
const classBySql = new WeakMap();
const classByStorage = new WeakMap();
const patched = new WeakSet();

function patch(prototype, method, around) {
	const own = prototype[method];
	prototype[method] = function (...input) {
		return around(this, () => own.apply(this, input));
	};
}

function patchPlatform({ storage }) {
	const sqlPrototype = Object.getPrototypeOf(storage.sql);
	if (patched.has(sqlPrototype)) return;
	patched.add(sqlPrototype);
	patch(sqlPrototype, 'exec', (sql, exec) => {
		const cursor = exec();
		cursors.push([classBySql.get(sql) ?? 'unknown', cursor]);
		return cursor;
	});
	patch(Object.getPrototypeOf(storage), 'setAlarm', (of, set) => {
		countsOf(classByStorage.get(of) ?? 'unknown').alarmsSet += 1;
		return set();
	});
}

function counted(name, Class) {
	const Counted = class extends Class {
		constructor(ctx, env) {
			patchPlatform(ctx);
			classBySql.set(ctx.storage.sql, name);
			classByStorage.set(ctx.storage, name);
			countsOf(name).wakes += 1;
			super(ctx, env);
		}
	};
	for (const method of Object.getOwnPropertyNames(Class.prototype)) {
		if (method === 'constructor' || method === 'webSocketClose') continue;
		const what = { webSocketMessage: 'frames', alarm: 'alarms' }[method] ?? 'calls';
		Counted.prototype[method] = function (...input) {
			countsOf(name)[what] += 1;
			return Class.prototype[method].apply(this, input);
		};
	}
	return Counted;
}

const CountedAccount = counted('Account', Account);
const CountedDeployment = counted('Deployment', Deployment);
const CountedLimiter = counted('Limiter', Limiter);
const CountedSpace = counted('Space', Space);
export {
	CountedAccount as Account,
	CountedDeployment as Deployment,
	CountedLimiter as Limiter,
	CountedSpace as Space
};

function sumOfRows() {
	for (const [name, cursor] of cursors) {
		countsOf(name).rowsRead += cursor.rowsRead;
		countsOf(name).rowsWritten += cursor.rowsWritten;
	}
	cursors = [];
	return counts;
}

const methods = {
	names: (env) => {
		const deployment = env.DEPLOYMENT.getByName('deployment');
		return () => deployment.names({ handle: null, network: '192.0.2.1' });
	},
	take: (env, name) => {
		const limiter = env.LIMITER.getByName(name);
		return () => limiter.take('socket');
	},
	/** What calling an object costs at all: it answers at once that there is no such account. */
	nothing: (env, name) => {
		const account = env.ACCOUNT.getByName(name);
		return () => account.admit({ token: null, proof: '', request: null }, null);
	}
};

export default {
	async fetch(request, env, ctx) {
		const { pathname, searchParams } = new URL(request.url);
		if (pathname === '/count') return Response.json(sumOfRows());
		if (pathname === '/rounds') {
			const call = methods[searchParams.get('method')](env, searchParams.get('name'));
			for (let left = Number(searchParams.get('rounds')); left > 0; left--) await call();
			return new Response('done');
		}
		countsOf('Worker').calls += 1;
		return app.fetch(request, env, ctx);
	}
};
