// The page of apps/chat, in two windows of Chromium, while its pool is reloaded and its program killed.
import assert from "node:assert/strict";
import { on } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { launch, visit } from "./browser.js";
import { chat, failures, mounts, patience, start } from "./server.js";

let server, browser, folder;
before(async () => {
	folder = await mkdtemp(path.join(tmpdir(), "chat"));
	server = await start(...chat(folder));
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await server?.stop();
	await rm(folder, { recursive: true, force: true });
});

const connected = page => page.waitForFunction(() => document.getElementById("state").value === "connected");

// member is somebody at a window of their own, whose page is connected.
async function member(name, at, room) {
	const { page, errors, close } = await visit(browser, server.url(at, `/chat/${room}`));
	await connected(page);
	await page.fill("#name", name);
	await page.evaluate(() => {
		globalThis.states = [];
		new MutationObserver(() => states.push(document.getElementById("state").value))
			.observe(document.getElementById("state"), { childList: true, characterData: true, subtree: true });
	});
	return {
		name, page, errors, close,
		async say(text) {
			await page.fill("#text", text);
			await page.press("#text", "Enter");
		},
		// talk says one thing after another, whether anybody has heard the one before or not.
		talk: () => page.evaluate(name => {
			globalThis.said = [];
			globalThis.talking = setInterval(() => {
				const text = `${name} ${said.length}`;
				said.push(text);
				document.getElementById("text").value = text;
				document.getElementById("say").requestSubmit();
			}, 20);
		}, name),
		// stop gives what was said since talk.
		stop: () => page.evaluate(() => {
			clearInterval(talking);
			return said;
		}),
		hasSaid: count => page.waitForFunction(count => said.length >= count, count),
		states: () => page.evaluate(() => states),
		// settled: nothing waits any more, and as many messages are there as there should be.
		settled: count => page.waitForFunction(count =>
			document.querySelectorAll("#messages li").length >= count && !document.querySelector("#messages .waiting"), count),
		ids: () => page.$$eval("#messages li", all => all.map(li => li.dataset.id)),
		texts: () => page.$$eval("#messages li", all => all.map(li => li.querySelector("span").textContent)),
	};
}

// cameBack is when the page has seen the end of that many connections, and is connected again.
const cameBack = async (page, times) => {
	await page.waitForFunction(times => states.filter(state => state.startsWith("connection lost")).length >= times, times);
	await connected(page);
};

// told is all that the program which there is now tells one who has heard nothing. What was said again, since nobody had
// acknowledged it, is passed over the second time, as main.go of the chat has it.
async function told(at, room) {
	const ws = new WebSocket(server.url(at, `/chat/${room}?from=0`, "ws"), { rejectUnauthorized: false });
	const messages = new Map();
	for await (const [data] of on(ws, "message")) {
		const m = JSON.parse(data);
		if (m.live) break;
		if (m.id && !messages.has(m.id)) messages.set(m.id, m);
	}
	ws.terminate();
	return [...messages.values()];
}

const pairs = [
	...mounts.map(mount => [{ mount, kind: "clear" }, { mount, kind: "tls" }]),
	[{ mount: "route", kind: "tls" }, { mount: "stream", kind: "tls" }],
];

for (const [here, there] of pairs) {
	const room = `${here.mount}-${here.kind}-${there.mount}-${there.kind}`;
	describe(`members at ${here.mount}, ${here.kind} and ${there.mount}, ${there.kind}`, () => {
		let ann, bob;
		before(async () => {
			ann = await member("ann", here, room);
			bob = await member("bob", there, room);
		});
		after(async () => {
			await ann?.close();
			await bob?.close();
		});

		test("see each other's messages, as they were written", patience, async () => {
			const texts = ["hello, Bob", "hello, Ann: <b>bold</b> & \"quoted\" \u{1f44b}", "bye"];
			await ann.say(texts[0]);
			await bob.settled(1);
			await bob.say(texts[1]);
			await ann.settled(2);
			await ann.say(texts[2]);
			for (const one of [ann, bob]) {
				await one.settled(3);
				assert.deepEqual(await one.texts(), texts);
				assert.equal(await one.page.$("#messages span > *, #messages b > *"), null, "what was said is no HTML");
			}
		});

		test("lose nothing, and see nothing twice, when the pool is reloaded and its program killed", { timeout: 120_000 }, async () => {
			await ann.talk();
			await bob.talk();
			const events = [
				"{ok, _} = gwport:reload(app), ok",
				"{ok, [#{os_pid := OsPid} | _]} = gwport:info(app), os:cmd(\"kill -9 \" ++ integer_to_list(OsPid)), ok",
				"{ok, _} = gwport:reload(app), ok",
			];
			for (const [i, event] of events.entries()) {
				for (const one of [ann, bob]) await one.hasSaid(30 * (i + 1));
				await server.evaluate(event);
				for (const one of [ann, bob]) await cameBack(one.page, i + 1);
			}
			const all = [...await ann.stop(), ...await bob.stop()];
			for (const one of [ann, bob]) await one.settled(3 + all.length);
			const kept = await told(there, room);
			assert.deepEqual(kept.map(m => m.text).slice(3).sort(), all.sort());
			for (const one of [ann, bob]) {
				assert.deepEqual(await one.ids(), kept.map(m => m.id), `${one.name} sees what is kept, in its order`);
				assert.deepEqual(one.errors, []);
			}
		});

		test("are told on the line why a message is refused, and go on", patience, async () => {
			await ann.page.$eval("#text", field => field.removeAttribute("maxlength"));
			await ann.say("x".repeat(2001));
			assert.equal(await ann.page.innerText("#messages .refused .why"), "the text is longer than 2000 bytes");
			await ann.say("shorter");
			await bob.page.waitForFunction(() => document.querySelector("#messages li:last-child span").textContent === "shorter");
			assert.equal(await ann.page.$eval("#state", state => state.value), "connected");
			assert.equal(await bob.page.$(".refused"), null);
		});

		test("come back at once when there is a network again", patience, async () => {
			// Timers that stand still: only the network's return can bring the page back.
			await ann.page.evaluate(() => { globalThis.setTimeout = () => 1; });
			await ann.page.context().setOffline(true);
			await server.evaluate("{ok, _} = gwport:reload(app), ok");
			await ann.page.waitForFunction(() => document.getElementById("state").value.startsWith("connection lost"));
			await ann.page.context().setOffline(false);
			await connected(ann.page);
			await connected(bob.page);
		});

		test("have what they said without a connection waiting, over a reload of the page too", patience, async () => {
			const text = "said while nobody listens";
			await ann.page.context().setOffline(true);
			await server.evaluate("{ok, _} = gwport:reload(app), ok");
			await ann.page.waitForFunction(() => document.getElementById("state").value.startsWith("connection lost"));
			await ann.say(text);
			assert.deepEqual(await ann.page.$$eval("#messages .waiting", all => all.map(li => li.querySelector("span").textContent)), [text]);
			await ann.page.context().setOffline(false);
			await ann.page.reload();
			await connected(ann.page);
			await ann.page.waitForFunction(() => !document.querySelector("#messages .waiting"));
			assert.equal((await ann.texts()).filter(t => t === text).length, 1);
			await bob.page.waitForFunction(text => [...document.querySelectorAll("#messages li")].some(li => li.querySelector("span").textContent === text), text);
		});
	});
}

test("nothing but programs that were killed has failed for gwport", patience, async () => {
	assert.equal(await failures(server, ["client_gone"]), `#{port_died => ${2 * pairs.length}}`);
});
