// The page of a build that failed, in Chromium, while what is saved is built in a node: it loads itself again.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { launch, visit } from "./browser.js";
import { listeners, patience, start } from "./server.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const flags = ["-buildvcs=false", "-ldflags=-w"];

let browser, server, folder;
before(async () => {
	browser = await launch();
	folder = await mkdtemp(path.join(tmpdir(), "gwport-dev-"));
	await mkdir(path.join(folder, "priv"));
	await writeFile(path.join(folder, "go.mod"),
		`module example.com/shop\n\ngo 1.25\n\nrequire github.com/gwport/gwport v0.1.0\n\nreplace github.com/gwport/gwport => ${root}\n`);
	await copyFile(path.join(root, "go.sum"), path.join(folder, "go.sum"));
	await save(`"one"`);
	const program = path.join(folder, "priv/shop");
	execFileSync("go", ["build", ...flags, "-o", program, "."], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
	server = await start();
	await server.evaluate(`{ok, _} = gwport:reload(app, #{command => "${program}", dev => true})`);
	const options = `#{pool => app, dir => "${folder}", build => ${JSON.stringify(flags)}, command => ["${root}/priv/gwport"]}`;
	await server.evaluate(`ok = gwport_dev:start(${options})`);
});
after(async () => {
	await browser?.close();
	await server?.stop();
	await rm(folder, { recursive: true });
});

// save has the program answer with the value of an expression.
const save = expression => writeFile(path.join(folder, "main.go"), `package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/gwport/gwport/bridge"
)

func main() {
	err := bridge.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><link rel='icon' href='data:,'><h1>", ${expression}, "</h1>")
	}))
	if err != nil {
		log.Fatal(err)
	}
}
`);

// failed returns when what was saved last has not been built.
const failed = page => until(() => page.evaluate(async () => {
	const failure = (await fetch(location.href, { headers: { "x-gwport-dev": "none" } })).headers.get("x-gwport-dev");
	return failure !== null && failure !== "none";
}));

// until asks again and again; the test's own time ends it.
async function until(asked) {
	while (!await asked()) await setTimeout(50);
}

const heading = (page, text) => page.waitForFunction(text => document.querySelector("h1")?.textContent.includes(text), text, patience);

// Each build takes a second, and much longer on a busy machine.
const limit = { timeout: 3 * patience.timeout };
const few = listeners.filter(({ name }) => ["route, clear", "stream, tls"].includes(name));

for (const listener of few) {
	test(`a page of a failed build loads itself again at the next build, good or not (${listener.name})`, limit, async () => {
		const { page, errors, close } = await visit(browser, server.url(listener, "/tea?milk=1"));
		await save("first");
		await failed(page);
		await page.reload();
		assert.equal(await page.textContent("h1"), "The program of pool app does not build");
		assert.match(await page.textContent("pre"), /undefined: first/);
		await page.waitForFunction(() => document.getElementById("link").textContent === "It loads itself again after the next build.");
		await save("second");
		await page.waitForFunction(() => document.querySelector("pre")?.textContent.includes("undefined: second"), undefined, patience);
		await save(`"${listener.name}"`);
		await heading(page, listener.name);
		assert.equal(new URL(page.url()).search, "?milk=1");
		assert.deepEqual(errors, []);
		await close();
	});
}

test("one who goes on with the old program stays there until the next build", limit, async () => {
	const { page, close } = await visit(browser, server.url(few[0], "/tea"));
	const old = few.at(-1).name; // what was served last
	await save("third");
	await failed(page);
	await page.reload();
	await page.click("text=Go on with the old program");
	await heading(page, old);
	assert.equal(new URL(page.url()).search, "");
	await page.reload();
	await heading(page, old);
	await close();
});
