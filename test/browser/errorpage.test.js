// The error page of development, in Chromium: by GWPORT_HTTP, while the program that has failed is built and started anew.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { launch, visit } from "./browser.js";
import { patience } from "./server.js";

const bundled = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../priv/gwport");

let browser, folder, program, base;
before(async () => {
	browser = await launch();
	folder = await mkdtemp(path.join(tmpdir(), "gwport-errorpage-"));
	program = await started(1, "127.0.0.1:0");
});
after(async () => {
	await browser?.close();
	await program?.stop();
	await rm(folder, { recursive: true });
});

// started starts the program as if it had been built at a time of its own. The first line that names an address has the
// base of all.
async function started(time, addr) {
	const file = path.join(folder, `program${time}`);
	await copyFile(bundled, file);
	await utimes(file, time, time);
	const child = spawn(file, { env: { ...process.env, GWPORT_HTTP: addr, GWPORT_FAULTS: "1" }, stdio: ["ignore", "ignore", "pipe"] });
	for await (const line of createInterface({ input: child.stderr })) {
		const address = / serving (http:.*\/)$/.exec(line);
		if (address) {
			base = address[1];
			break;
		}
	}
	assert.ok(base, "the program says where it serves");
	child.stderr.resume();
	return {
		async stop() {
			const ended = child.exitCode === null ? once(child, "exit") : undefined;
			child.kill("SIGTERM");
			await ended;
		},
	};
}

const runs = page => page.$eval("meta[name=gwport-program]", meta => meta.content);

// restarted has another program in the place of the one that runs, at its address.
async function restarted(time) {
	await program.stop();
	program = await started(time, new URL(base).host);
}

async function looked(at) {
	const visited = await visit(browser, base + at);
	visited.page.on("console", message => { if (message.type() === "error") visited.errors.push(message.text()); });
	return visited;
}

test("a page shows what panicked, and loads itself again when another program runs", async () => {
	const { page, errors, close } = await looked("faults/panic");
	assert.equal(await page.textContent("h1"), "faults: a panic before the head");
	assert.equal(await page.$eval(".own[open] > summary code", code => code.textContent), "github.com/gwport/gwport/apps.(*faults).panic");
	assert.match(await page.textContent("#live"), /^This page loads itself again/);
	assert.notEqual(await page.$eval("body", body => getComputedStyle(body).maxWidth), "none", "its policy lets its own style count");
	assert.deepEqual(errors, []);
	const before = await runs(page);
	await restarted(2);
	await page.waitForFunction(before => document.querySelector("meta[name=gwport-program]")?.content !== before, before, patience);
	assert.equal(await page.textContent("h1"), "faults: a panic before the head");
	await close();
});

test("a page of a POST says that another program runs, and sends nothing again", async () => {
	const { page, close } = await looked("faults");
	await page.evaluate(() => {
		const form = document.createElement("form");
		form.method = "post";
		form.action = "/faults/panic";
		document.body.append(form);
		form.submit();
	});
	await page.waitForSelector("meta[name=gwport-program][data-method=POST]", { ...patience, state: "attached" });
	const before = await runs(page);
	await restarted(3);
	await page.waitForFunction(() => document.getElementById("live").textContent.includes("send the request again"), undefined, patience);
	assert.equal(await runs(page), before);
	await close();
});

test("nothing of the page is wider than a phone", async () => {
	const { page, close } = await visit(browser, base + "faults/panic?" + "x".repeat(500), { viewport: { width: 390, height: 844 }, isMobile: true, colorScheme: "dark" });
	assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
	await close();
});
