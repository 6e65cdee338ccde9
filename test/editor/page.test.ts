/** The Ask view's page in a plain browser, in the languages that Precis speaks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { ensureBrowser } from "../../tools/editorHost.mjs";
import { serveAskPages, stateOf, turnOf } from "../support/askPages.ts";
import type { AskPages } from "../support/askPages.ts";
import { openBrowser } from "./browser.ts";
import { root } from "./codeServer.ts";

const german = JSON.parse(readFileSync(path.join(root, "l10n/bundle.l10n.de.json"), "utf8")) as Record<string, string>;

let browser: Browser;
let pages: AskPages;

before(async () => {
  browser = await openBrowser(await ensureBrowser({ root, node: process.execPath, log: console.error }));
  pages = await serveAskPages();
});
after(async () => {
  // Either may be missing when `before` failed half-way.
  await (pages as AskPages | undefined)?.close();
  await (browser as Browser | undefined)?.close();
});

test("speaks English without translations", async () => {
  const page = await browser.newPage();
  await pages.load(page, stateOf([turnOf("one")]));
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  await page.getByRole("button", { name: "Answer again" }).waitFor();
  await page.close();
});

test("speaks German with the German bundle, and fits into 320 pixels in it", async () => {
  const page = await browser.newPage({ viewport: { width: 320, height: 700 } });
  await pages.load(page, stateOf([turnOf("one", { source: "extractive" })]), german);
  await page.getByRole("textbox", { name: "Frage" }).waitFor();
  await page.getByRole("button", { name: "Neu beantworten" }).waitFor();
  await page.getByRole("button", { name: "Für geschriebene Antworten ein Modell wählen" }).waitFor();
  assert.equal(await page.evaluate("document.documentElement.lang"), "de");
  assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
  await page.close();
});
