// gwport's status page, in Chromium, while the pool that it shows serves, is killed, reloaded, resized and drained.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, visit } from "./browser.js";
import { patience, start } from "./server.js";

const control = { mount: "control", kind: "clear" };
const httpCredentials = { username: "ops", password: "t0psecret" };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

// A pool with this name does not come up.
const nasty = "<img src=x onerror=alert(1)>\"'&";

let server, browser, page, errors, close;
before(async () => {
	server = await start();
	browser = await launch();
	({ page, errors, close } = await looked("/gwport/", { httpCredentials }));
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

// looked opens a page, which is live then. What its policy forbids, or its script fails with, is among the errors.
async function looked(path, options) {
	const visited = await visit(browser, server.url(control, path), options);
	visited.page.on("console", message => { if (message.type() === "error") visited.errors.push(message.text()); });
	await visited.page.waitForSelector("#link.live");
	return visited;
}

const ask = path => fetch(server.url({ mount: "route", kind: "clear" }, path));
const pids = () => page.$$eval("section[data-pool=app] tr[data-port]", rows => rows.map(row => row.dataset.port));
const state = word => page.waitForFunction(word => document.querySelector("section[data-pool=app] h2 .state").textContent === word, word);
const figure = (name, text) => page.waitForFunction(([name, text]) =>
	document.querySelector(`section[data-pool=app] [data-figure=${name}] dd`).textContent.includes(text), [name, text]);
const said = () => page.locator("section[data-pool=app] .said");
const button = name => page.locator("section[data-pool=app]").getByRole("button", { name, exact: true });

test("the page shows what the pool does, and which programs it runs", patience, async () => {
	await state("ready");
	for (let i = 0; i < 20; i++) assert.equal((await ask("/told")).status, 200);
	await figure("statuses", "2xx 20");
	await figure("p50", "≤ ");
	await page.waitForFunction(() => Number(document.querySelector("section[data-pool=app] [data-figure=rate] dd").textContent) > 0);
	const [pid] = await pids();
	const expected = await server.evaluate("{ok, [#{os_pid := OsPid}]} = gwport:info(app), integer_to_binary(OsPid)");
	assert.equal(pid, expected);
	const row = await page.innerText(`tr[data-port="${pid}"]`);
	for (const word of ["serving", "browser", "0 / 1,000", "MB"]) assert.ok(row.includes(word), `${word} in ${row}`);
	assert.equal(await page.title(), `gwport: ${await server.evaluate("atom_to_binary(node())")}`);
	assert.ok((await page.innerText("#routes")).includes("pool app"));
});

test("a program that is killed is seen within two seconds", patience, async () => {
	const [pid] = await pids();
	const seen = page.waitForFunction(pid => {
		const of = name => document.querySelector(`section[data-pool=app] [data-figure=${name}] dd`).textContent;
		return of("restarts") === "1" && of("last-end").includes("killed by signal 9") && !document.querySelector(`tr[data-port="${pid}"]`) && Date.now();
	}, pid, { polling: 20 });
	await server.evaluate(`os:cmd("kill -9 ${pid}"), ok`);
	const killed = Date.now();
	const took = await (await seen).jsonValue() - killed;
	assert.ok(took < 2000, `it took ${took} ms`);
	await state("ready");
});

test("buttons reload, resize and drain a pool, and what comes of it is said", patience, async () => {
	const [before] = await pids();
	await button("Reload").click();
	await page.waitForFunction(() => document.querySelector("section[data-pool=app] .said").textContent.startsWith("pool app is reloaded: 1 started"));
	await page.waitForFunction(pid => !document.querySelector(`tr[data-port="${pid}"]`), before);
	const ports = page.locator("section[data-pool=app]").getByLabel("Ports", { exact: true });
	await ports.fill("2");
	await button("Resize").click();
	await page.waitForFunction(() => [...document.querySelectorAll("section[data-pool=app] tr[data-port] .state")].filter(s => s.textContent === "serving").length === 2);
	assert.equal(await said().textContent(), "pool app is to have 2 ports");
	// Who does not mean it has nothing drained.
	page.once("dialog", dialog => dialog.dismiss());
	await button("Drain").click();
	assert.equal(await said().textContent(), "pool app is to have 2 ports");
	page.once("dialog", dialog => dialog.accept());
	await button("Drain").click();
	await state("drained");
	assert.equal(await page.textContent("#announced"), "Pool app: drained.");
	assert.equal((await ask("/told")).status, 503);
	await ports.fill("1");
	await button("Resize").click();
	await state("ready");
});

test("a button fetches a program's stacks", patience, async () => {
	const [pid] = await pids();
	await page.getByRole("button", { name: `Stacks of OS pid ${pid}` }).click();
	const dialog = page.getByRole("dialog", { name: `Stacks of the goroutines of OS pid ${pid}` });
	await dialog.waitFor();
	assert.match(await dialog.locator("pre").textContent(), /^goroutine \d+ \[/);
	await dialog.getByRole("button", { name: "Close" }).click();
	await dialog.waitFor({ state: "hidden" });
});

test("names and lines are text, whatever is in them", patience, async () => {
	const name = Buffer.from(nasty).toString("base64");
	await server.evaluate(`{ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(#{name => binary_to_atom(base64:decode("${name}")), command => "/bin/false"})), ok`);
	const text = "</script><script>alert(2)</script><img src=x onerror=alert(3)>\n\ndata: {}\n\n";
	await ask(`/log?${encodeURIComponent(text)}`);
	await page.click("section[data-pool=app] summary");
	const line = page.locator("section[data-pool=app] .lines li.warning").last();
	await line.waitFor();
	assert.ok((await line.textContent()).includes(JSON.stringify(text).slice(1, -1).trimEnd()));
	await page.waitForFunction(name => [...document.querySelectorAll("section.pool .name")].some(e => e.textContent === name), nasty);
	await page.waitForFunction(() => [...document.querySelectorAll("section.pool")].some(e => e.querySelector(".note").textContent.includes("exit status 1")));
	assert.equal(await page.$$eval("img, script", all => all.length), 1);
});

test("a connection that breaks is said, and comes back", patience, async () => {
	await page.context().setOffline(true);
	await server.evaluate("[exit(Pid, kill) || Pid <- ranch:procs(control_clear, connections)]");
	await page.waitForSelector("#link.lost");
	assert.match(await page.textContent("#link"), /^connection lost at \d\d:\d\d:\d\d, trying again$/);
	assert.equal(await page.getAttribute("#main", "class"), "lost");
	const lines = await page.$$eval("section[data-pool=app] .lines li", all => all.length);
	await page.context().setOffline(false);
	await page.waitForSelector("#link.live");
	assert.equal(await page.getAttribute("#main", "class"), "");
	assert.equal(await page.$$eval("section[data-pool=app] .lines li", all => all.length), lines, "no line is there twice");
});

test("nothing of the page's was forbidden by its policy, and its script has not failed", patience, async () => {
	// What the browser says of the connection that was broken is not the page's.
	assert.deepEqual(errors.filter(error => !/net::ERR_(INTERNET_DISCONNECTED|INCOMPLETE_CHUNKED_ENCODING|NETWORK_CHANGED)/.test(error)), []);
	await close();
});

describe("who", () => {
	test("does not know the password sees nothing", patience, async () => {
		const response = await fetch(server.url(control, "/gwport/"));
		assert.equal(response.status, 401);
		assert.ok(!(await response.text()).includes("<"));
	});

	test("may only look has no buttons but those for stacks", patience, async () => {
		const { page, close } = await looked("/looking");
		assert.equal(page.url(), server.url(control, "/looking/"));
		await page.waitForSelector("tr[data-port]");
		const names = await page.$$eval("main button", all => all.map(button => button.textContent));
		assert.deepEqual([...new Set(names)], ["Stacks"]);
		await close();
	});

	for (const [name, options] of Object.entries({ phone, "dark phone": { ...phone, colorScheme: "dark" }, "dark window": { colorScheme: "dark" } })) {
		test(`has a ${name} can read it`, patience, async () => {
			const { page, close } = await looked("/gwport/", { httpCredentials, ...options });
			await page.waitForSelector("section.pool tr[data-port]");
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
			assert.equal(wide, 0, "nothing is beside the screen");
			const light = await page.evaluate(() => {
				const rgb = getComputedStyle(document.body).color.match(/[\d.]+/g).slice(0, 3).map(Number);
				return rgb.every(part => part > 128);
			});
			assert.equal(light, options.colorScheme === "dark", "text is light where the ground is dark");
			await close();
		});
	}

	test("has a screen reader is told what there is, and not of every second", patience, async () => {
		const { page, close } = await looked("/gwport/", { httpCredentials, ...phone });
		await page.waitForSelector("section[data-pool=app] tr[data-port]");
		for (const role of ["main", "banner", "contentinfo"]) assert.equal(await page.getByRole(role).count(), 1, role);
		assert.equal(await page.getByRole("region", { name: "app", exact: true }).count(), 1);
		assert.equal(await page.getByRole("table", { name: "Ports of app" }).count(), 1);
		assert.ok(await page.getByRole("table", { name: "Ports of app" }).getByRole("row").count() >= 2);
		assert.equal(await page.getByRole("table", { name: "Ports of app" }).getByRole("columnheader").count(), 11);
		const nameless = await page.getByRole("button").evaluateAll(all => all.filter(b => !(b.getAttribute("aria-label") || b.textContent).trim()).length);
		assert.equal(nameless, 0);
		// What is said of its own accord has not changed after three rounds.
		const spoken = () => page.$$eval("[role=status], [aria-live]", all => all.map(e => e.textContent));
		const once = await spoken();
		await page.evaluate(() => {
			globalThis.rounds = 0;
			new MutationObserver(() => { rounds++; }).observe(document.getElementById("facts"), { childList: true, characterData: true, subtree: true });
		});
		await page.waitForFunction(() => rounds >= 3);
		assert.deepEqual(await spoken(), once);
		await close();
	});
});
