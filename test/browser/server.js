// The server that a test file talks to: main.go, which starts a BEAM with Cowboy.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.join(here, "../../_build/browser");

// A test that waits longer than this for anything has failed.
export const patience = { timeout: 60_000 };

// The listeners: both mounts, in clear text (HTTP/1.1) and by TLS (HTTP/2 for a browser).
export const mounts = ["route", "stream"];
export const listeners = mounts.flatMap(mount => ["clear", "tls"].map(kind => ({ mount, kind, name: `${mount}, ${kind}` })));

function build(name, folder) {
	const file = path.join(built, name);
	execFileSync("go", ["build", "-o", file, "."], { cwd: path.join(here, folder), stdio: ["ignore", "inherit", "inherit"] });
	return file;
}

export const chat = folder => [build("chat", "../../apps/chat"), folder];

// start starts the server, with the handlers of main.go or with another port program.
export async function start(...program) {
	const child = spawn(build("browser", "."), program, { cwd: here, stdio: ["pipe", "pipe", "inherit"] });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const next = async () => {
		const { value, done } = await lines.next();
		if (done) throw new Error("the server has ended");
		return JSON.parse(value);
	};
	const addrs = await next();
	let last = Promise.resolve();
	return {
		// url is that of a path at a listener; the scheme is http or ws.
		url: ({ mount, kind }, at, scheme = "http") => `${scheme}${kind === "tls" ? "s" : ""}://${addrs[mount][kind]}${at}`,
		// evaluate gives the value of an Erlang expression, as text.
		evaluate(expression) {
			last = last.then(async () => {
				child.stdin.write(expression.replaceAll("\n", " ") + "\n");
				const { value, error } = await next();
				if (error) throw new Error(error);
				return value;
			});
			return last;
		},
		async stop() {
			const ended = child.exitCode === null ? once(child, "exit") : undefined;
			child.stdin.end();
			await ended;
		},
	};
}

// failures are the pool's, by reason, but for those that a test expects: #{} where nothing has failed for gwport.
export const failures = (server, expected = []) =>
	server.evaluate(`{ok, #{failures := Failures}} = gwport:counts(app), maps:without([${expected}], Failures)`);
