// npm's ws, as a client, with the servers of gorilla/websocket and coder/websocket. It speaks HTTP/1.1 alone.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import WebSocket from "ws";
import { failures, listeners, patience, start } from "./server.js";

let server;
before(async () => { server = await start(); });
after(() => server.stop());

const MB = 1 << 20;

// open gives the client when it is open, and its socket.
async function open(at, path, options) {
	let socket;
	const ws = new WebSocket(server.url(at, path, "ws"), ["other", "echo"], {
		rejectUnauthorized: false, ...options,
		// The path, which is the request's, would be a Unix socket's here.
		createConnection: given => (socket = (at.kind === "tls" ? tls : net).connect({ ...given, path: undefined })),
	});
	await once(ws, "open");
	return { ws, socket };
}

async function echo(ws, message) {
	ws.send(message);
	const [data, binary] = await once(ws, "message");
	assert.equal(binary, typeof message !== "string");
	assert.ok(data.equals(Buffer.from(message)), `${message.length} came back as ${data.length}`);
}

async function end(ws) {
	ws.close(1000);
	await once(ws, "close");
}

// Clear text first. A client that ends its side of a TLS connection has ended it: if its close frame and that end come together,
// it counts as one that has left.
const quiet = async kind => assert.equal(await failures(server, kind === "tls" ? ["client_gone"] : []), "#{}");

for (const at of [...listeners].sort((a, b) => a.kind.localeCompare(b.kind))) {
	for (const path of ["/gorilla", "/coder", "/gorilla?compress", "/coder?compress"]) {
		const compress = path.endsWith("compress");
		describe(`${at.name}, ${path}`, () => {
			test("text and binary messages of all sizes come back", patience, async () => {
				const { ws } = await open(at, path);
				assert.equal(ws.protocol, "echo");
				assert.equal(ws.extensions.includes("permessage-deflate"), compress);
				for (const size of [0, 1, 125, 126, 65535, 65536, 5 * MB]) {
					await echo(ws, "ä1€\u{1f600}".repeat(size / 10 + 1).slice(0, size));
					await echo(ws, randomBytes(size));
				}
				ws.send("in ", { fin: false });
				ws.send("three ", { fin: false });
				ws.send("fragments", { fin: true });
				assert.equal(String((await once(ws, "message"))[0]), "in three fragments");
				await end(ws);
			});
			test("a ping is answered, and a close with its code and reason, by either side", patience, async () => {
				const { ws } = await open(at, path);
				ws.ping("there?");
				const [text] = await once(ws, "pong");
				assert.equal(String(text), "there?");
				ws.close(4002, "done");
				const [code] = await once(ws, "close");
				assert.equal(code, 4002);
				const { ws: other } = await open(at, path);
				other.send("close");
				const [theirs, reason] = await once(other, "close");
				assert.equal(theirs, 4321);
				assert.equal(String(reason), "enough, für heute");
			});
			test(compress ? "messages are compressed both ways" : "messages are not compressed where it is not agreed", patience, async () => {
				const { ws, socket } = await open(at, path);
				await echo(ws, "much the same ".repeat(100_000));
				for (const bytes of [socket.bytesRead, socket.bytesWritten]) {
					assert.equal(bytes < 100_000, compress, `${bytes} bytes`);
				}
				await end(ws);
			});
		});
	}
	test(`${at.name}: many sockets at once have each their own messages`, patience, async () => {
		const all = await Promise.all(Array.from({ length: 100 }, () => open(at, "/coder")));
		for (let round = 0; round < 3; round++) {
			await Promise.all(all.map(({ ws }, i) => echo(ws, `${i} in ${round}`)));
		}
		await Promise.all(all.map(({ ws }) => end(ws)));
	});
	test(`${at.name}: nothing of that has failed for gwport`, patience, () => quiet(at.kind));
}
