// WebSockets of a page in Chromium: over HTTP/1.1 in clear text, and as streams of the page's own HTTP/2 connection by TLS.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, visit } from "./browser.js";
import { failures, listeners, patience, start } from "./server.js";

let server, browser;
before(async () => {
	server = await start();
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

// inPage is what the tests use in the page.
function inPage() {
	globalThis.open = (path, ...protocols) => new Promise((resolve, reject) => {
		const url = new URL(path, location.href);
		url.protocol = url.protocol.replace("http", "ws");
		const ws = new WebSocket(url, protocols);
		ws.binaryType = "arraybuffer";
		ws.onopen = () => resolve(ws);
		ws.onclose = event => reject(new Error(`closed with ${event.code}`));
	});
	globalThis.next = ws => new Promise((resolve, reject) => {
		ws.onmessage = event => resolve(event.data);
		ws.onclose = event => reject(new Error(`closed with ${event.code}`));
	});
	globalThis.ended = ws => new Promise(resolve => {
		ws.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
	});
	globalThis.echo = (ws, data) => {
		const back = next(ws);
		ws.send(data);
		return back;
	};
}

for (const at of listeners) {
	const proto = at.kind === "tls" ? "HTTP/2.0" : "HTTP/1.1";
	describe(`${at.name}: a page`, () => {
		let page, close;
		before(async () => {
			({ page, close } = await visit(browser, server.url(at, "/")));
			await page.evaluate(inPage);
		});
		after(() => close());

		test(`has its sockets by ${proto}`, patience, async () => {
			const seen = await page.evaluate(async () => {
				const sockets = await Promise.all(["/gorilla", "/coder", "/coder"].map(path => open(path)));
				const told = await Promise.all(sockets.map(ws => echo(ws, "told?")));
				const own = await (await fetch("/told")).json();
				const protocol = performance.getEntriesByName(new URL("/told", location.href).href)[0].nextHopProtocol;
				for (const ws of sockets) ws.close();
				return { sockets: told.map(JSON.parse), own, protocol };
			});
			assert.equal(seen.own.proto, proto);
			assert.equal(seen.protocol, { "HTTP/2.0": "h2", "HTTP/1.1": "http/1.1" }[proto]);
			for (const told of seen.sockets) {
				assert.equal(told.proto, proto);
				assert.equal(told.tls, at.kind === "tls");
				// One connection for all of them, or, on HTTP/1.1, one for each.
				assert.equal(told.client === seen.own.client, at.kind === "tls", JSON.stringify(seen));
			}
		});

		for (const path of ["/gorilla", "/coder", "/gorilla?compress", "/coder?compress"]) {
			test(`gets back what it sends to ${path}`, patience, async () => {
				const seen = await page.evaluate(async path => {
					const ws = await open(path, "other", "echo");
					const wrong = [];
					for (const size of [0, 1, 126, 65536, 5 << 20]) {
						const text = "ä1€\u{1f600}".repeat(size / 5 + 1).slice(0, size);
						if (await echo(ws, text) !== text.toWellFormed()) wrong.push(`text of ${size}`);
						const bytes = new Uint8Array(size);
						for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
						const back = new Uint8Array(await echo(ws, bytes));
						if (back.length !== size || bytes.some((b, i) => b !== back[i])) wrong.push(`${size} bytes`);
					}
					const end = ended(ws);
					const { protocol, extensions } = ws;
					ws.close(4002, "done");
					return { wrong, protocol, extensions, end: await end };
				}, path);
				assert.deepEqual(seen.wrong, []);
				assert.equal(seen.protocol, "echo");
				assert.equal(seen.extensions.includes("permessage-deflate"), path.endsWith("compress"));
				assert.deepEqual(seen.end, { code: 4002, reason: path.startsWith("/coder") ? "done" : "", wasClean: true });
			});
			test(`sees with what code and reason ${path} closes`, patience, async () => {
				const end = await page.evaluate(async path => {
					const ws = await open(path);
					ws.send("close");
					return ended(ws);
				}, path);
				assert.deepEqual(end, { code: 4321, reason: "enough, für heute", wasClean: true });
			});
		}

		test("answers pings", patience, async () => {
			assert.equal(await page.evaluate(async () => {
				const ws = await open("/pings");
				const said = await next(ws);
				ws.close();
				return said;
			}), "pong");
		});

		test("is refused where there is no WebSocket, and can go on", patience, async () => {
			assert.deepEqual(await page.evaluate(async () => {
				const why = [];
				for (const path of ["/told", "/nothing"]) await open(path).catch(error => why.push(error.message));
				why.push((await fetch("/told")).status);
				return why;
			}), ["closed with 1006", "closed with 1006", 200]);
		});

		test("is held up by a handler that does not read, and loses nothing", patience, async () => {
			const [held, sizes] = await page.evaluate(async name => {
				const ws = await open(`/late/${name}`);
				const sizes = [], size = 1 << 20, messages = 64;
				const all = new Promise((resolve, reject) => {
					ws.onmessage = event => { if (sizes.push(Number(event.data)) === messages) resolve(); };
					ws.onclose = event => reject(new Error(`closed with ${event.code}`));
				});
				for (let i = 0; i < messages; i++) ws.send(new Uint8Array(size - i));
				// Until nothing is taken for two seconds.
				let held, since;
				while (held !== ws.bufferedAmount || performance.now() - since < 2000) {
					if (held !== ws.bufferedAmount) [held, since] = [ws.bufferedAmount, performance.now()];
					await new Promise(resolve => setTimeout(resolve, 50));
				}
				await fetch(`/watch/${name}/go`, { method: "POST" });
				await all;
				ws.close();
				return [held, sizes];
			}, `${at.mount}-${at.kind}`);
			// What is not in the page is in sockets, in Chromium, in windows.
			assert.ok(held > 48 << 20, `${held} bytes are held`);
			assert.deepEqual(sizes, sizes.map((_, i) => (1 << 20) - i));
		});

		// Chromium has some of them wait for up to five seconds.
		test("has fifty sockets at once", patience, async () => {
			const wrong = await page.evaluate(async () => {
				const sockets = await Promise.all(Array.from({ length: 50 }, (_, i) => open(i % 2 ? "/gorilla" : "/coder")));
				const back = await Promise.all(sockets.map((ws, i) => echo(ws, `${i}`.repeat(1000))));
				for (const ws of sockets) ws.close();
				return back.filter((text, i) => text !== `${i}`.repeat(1000));
			});
			assert.deepEqual(wrong, []);
		});
	});
}

for (const mount of ["route", "stream"]) {
	test(`${mount}: a page on HTTP/2 has HTTP/1.1 for its sockets where the listener offers no extended CONNECT`, patience, async () => {
		const set = offer => server.evaluate(`ok = ranch:set_protocol_options(${mount}_tls,
			(ranch:get_protocol_options(${mount}_tls))#{enable_connect_protocol => ${offer}})`);
		await set(false);
		const { page, close } = await visit(browser, server.url({ mount, kind: "tls" }, "/"));
		await page.evaluate(inPage);
		const seen = await page.evaluate(async () => {
			const ws = await open("/coder");
			const { proto, tls } = JSON.parse(await echo(ws, "told?"));
			ws.close();
			return [proto, tls, (await (await fetch("/told")).json()).proto];
		});
		assert.deepEqual(seen, ["HTTP/1.1", true, "HTTP/2.0"]);
		await close();
		await set(true);
	});
}

test("nothing of that has failed for gwport", patience, async () => {
	// Some pages have left with their sockets.
	assert.equal(await failures(server, ["client_gone"]), "#{}");
});
