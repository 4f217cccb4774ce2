// Server-sent events, uploads and fetches that are given up, in Chromium.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
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

const MB = 1 << 20;
const uploaded = 64 * MB;
const sha256 = createHash("sha256").update(Buffer.alloc(uploaded, "0123456789abcdef")).digest("hex");

for (const at of listeners) {
	describe(`${at.name}: a page`, () => {
		const name = kind => `${at.mount}-${at.kind}-${kind}`;
		let page, close;
		before(async () => ({ page, close } = await visit(browser, server.url(at, "/"))));
		after(() => close());
		// How the handler that has the name has ended, once it has.
		const ended = kind => page.evaluate(async name => (await fetch(`/watch/${name}/ended`)).text(), name(kind));

		test("hears the events of the clock, and, when it comes back, the next ones", patience, async () => {
			const ids = await page.evaluate(() => new Promise((resolve, reject) => {
				const ids = [];
				const source = new EventSource("/events/stream");
				source.onerror = () => { if (source.readyState === EventSource.CLOSED) reject(new Error("closed")); };
				source.onmessage = event => {
					if (Number.isNaN(Date.parse(event.data))) reject(new Error(event.data));
					ids.push(event.lastEventId);
					if (ids.length < 3) return;
					source.close();
					resolve(ids);
				};
			}));
			assert.deepEqual(ids, ["1", "2", "3"]);
		});

		test("sees the page of the clock, which goes on by itself when the program is killed", patience, async () => {
			const clock = await visit(browser, server.url(at, "/events"));
			const shows = (event, than) => clock.page.waitForFunction(([event, than]) => {
				const [, id] = document.getElementById("time").textContent.match(/event (\d+)/) ?? [];
				return id !== undefined && Number(id) >= event && Number(id) > than && id;
			}, [event, than]).then(handle => handle.jsonValue()).then(Number);
			const last = await shows(1, 0);
			await server.evaluate("{ok, [#{os_pid := OsPid} | _]} = gwport:info(app), os:cmd(\"kill -9 \" ++ integer_to_list(OsPid)), ok");
			// The number is from the page's Last-Event-Id.
			await clock.page.waitForFunction(() => document.getElementById("time").textContent.includes("trying again"));
			assert.ok(await shows(2, last) > last);
			assert.deepEqual(clock.errors, []);
			await clock.close();
		});

		test("uploads a large Blob, and sees how far it is", patience, async () => {
			const seen = await page.evaluate(size => new Promise((resolve, reject) => {
				const xhr = new XMLHttpRequest();
				const progress = [];
				xhr.upload.onprogress = event => progress.push(event.loaded);
				xhr.onerror = () => reject(new Error("no answer"));
				xhr.onload = () => resolve({ progress, status: xhr.status, answer: JSON.parse(xhr.responseText) });
				xhr.open("POST", "/upload");
				xhr.send(new Blob(["0123456789abcdef".repeat(size / 16)]));
			}), uploaded);
			assert.equal(seen.status, 200);
			assert.deepEqual(seen.answer, { bytes: uploaded, sha256 });
			assert.ok(seen.progress.length > 1, `${seen.progress}`);
			assert.deepEqual(seen.progress, [...seen.progress].sort((a, b) => a - b));
			assert.equal(seen.progress.at(-1), uploaded);
		});

		test("uploads a Blob by fetch", patience, async () => {
			assert.deepEqual(await page.evaluate(async size => {
				const body = new Blob(["0123456789abcdef".repeat(size / 16)]);
				return (await fetch("/upload", { method: "PUT", body })).json();
			}, uploaded), { bytes: uploaded, sha256 });
		});

		test("uploads a file by the form of the page", patience, async () => {
			const form = await visit(browser, server.url(at, "/upload"));
			const buffer = Buffer.alloc(3 * MB, "0123456789abcdef");
			await form.page.setInputFiles("input[type=file]", { name: "three.bin", mimeType: "application/octet-stream", buffer });
			await Promise.all([form.page.waitForNavigation(), form.page.click("button")]);
			assert.deepEqual(JSON.parse(await form.page.innerText("body")),
				{ bytes: 3 * MB, sha256: createHash("sha256").update(buffer).digest("hex") });
			await form.close();
		});

		test("gives up a response, and the handler knows", patience, async () => {
			const error = await page.evaluate(async name => {
				const given = new AbortController();
				const response = await fetch(`/endless/${name}`, { signal: given.signal });
				const reader = response.body.getReader();
				await reader.read();
				given.abort();
				return reader.read().then(() => "more", error => error.name);
			}, name("response"));
			assert.equal(error, "AbortError");
			assert.match(await ended("response"), /aborted: cancelled/);
		});

		test("gives up an upload, and the handler knows", patience, async () => {
			const error = await page.evaluate(([name, size]) => new Promise(resolve => {
				const xhr = new XMLHttpRequest();
				fetch(`/watch/${name}/begun`).then(() => xhr.abort());
				xhr.onabort = () => resolve("aborted");
				xhr.onload = () => resolve("loaded");
				xhr.open("POST", `/endless/${name}`);
				xhr.send(new Blob(Array(64).fill(new Uint8Array(size / 64))));
			}), [name("upload"), 128 * MB]);
			assert.equal(error, "aborted");
			assert.match(await ended("upload"), /aborted: cancelled/);
		});

		// Chromium sends streams on HTTP/2 alone.
		if (at.kind !== "tls") return;

		test("uploads a stream, whose end is the body's end, and hears meanwhile what has come", patience, async () => {
			const seen = await page.evaluate(async () => {
				const { readable, writable } = new TransformStream();
				const writer = writable.getWriter();
				const asked = fetch("/counted", { method: "POST", body: readable, duplex: "half" });
				for (let i = 0; i < 100; i++) await writer.write(new Uint8Array(100_000));
				await writer.close();
				return (await (await asked).text()).trim().split("\n");
			});
			assert.equal(seen.at(-1), "10000000 EOF");
			assert.ok(seen.length > 10, `${seen.length} lines`);
		});

		test("is held up by a handler that does not read its stream", patience, async () => {
			const written = await page.evaluate(async name => {
				const given = new AbortController();
				let written = 0, pulled = 0;
				const body = new ReadableStream({
					pull(controller) {
						pulled = performance.now();
						written += 65536;
						controller.enqueue(new Uint8Array(65536));
					},
				}, { highWaterMark: 0 });
				fetch(`/idle/${name}`, { method: "POST", body, duplex: "half", signal: given.signal }).catch(() => {});
				await fetch(`/watch/${name}/begun`);
				while (!pulled || performance.now() - pulled < 2000) await new Promise(resolve => setTimeout(resolve, 100));
				given.abort();
				return written;
			}, name("idle"));
			assert.ok(written > 65536 && written < 4 * MB, `${written}`);
			assert.match(await ended("idle"), /aborted: cancelled/);
		});

		test("breaks a stream off, and the handler has no whole body", patience, async () => {
			const error = await page.evaluate(async name => {
				let sent = 0;
				const body = new ReadableStream({
					async pull(controller) {
						if (sent++ < 10) return controller.enqueue(new Uint8Array(1000));
						await fetch(`/watch/${name}/begun`);
						controller.error(new Error("enough"));
					},
				});
				return fetch(`/endless/${name}`, { method: "POST", body, duplex: "half" }).then(() => "answered", error => error.name);
			}, name("broken"));
			assert.equal(error, "TypeError");
			assert.match(await ended("broken"), /aborted: cancelled/);
		});
	});
}

test("nothing but programs that were killed has failed for gwport", patience, async () => {
	assert.equal(await failures(server, ["client_gone"]), `#{port_died => ${listeners.length}}`);
});
