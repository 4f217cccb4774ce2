// Chromium, of this machine: GWPORT_CHROMIUM, or what is on PATH.
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

function found() {
	if (process.env.GWPORT_CHROMIUM) return process.env.GWPORT_CHROMIUM;
	const files = process.env.PATH.split(path.delimiter).flatMap(folder => names.map(name => path.join(folder, name)));
	const file = files.find(file => {
		try {
			accessSync(file, constants.X_OK);
			return true;
		} catch {
			return false;
		}
	});
	if (!file) throw new Error("there is no Chromium: .ci/setup long brings it, or GWPORT_CHROMIUM names one");
	return file;
}

// It visits nobody but our own servers, and root may not have it make a sandbox.
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

export const launch = () => chromium.launch({ executablePath: found(), args });

// visit opens a page as a user of its own does. The servers' certificates sign themselves.
export async function visit(browser, url, options = {}) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(30_000);
	const errors = [];
	page.on("pageerror", error => errors.push(error));
	await page.goto(url);
	return { page, errors, close: () => context.close() };
}
