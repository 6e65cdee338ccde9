/** The Ask view's page by itself, in a real browser: what a hostile answer, a long one, and a keyboard do to it. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { ensureBrowser } from "../../tools/editorHost.mjs";
import type { HostMessage, TurnView, ViewIntent, ViewState } from "../../extension/protocol/view.ts";
import { serveAskPages } from "../support/askPages.ts";
import type { AskPages } from "../support/askPages.ts";
import { turnView, viewState } from "../support/viewStates.ts";
import { openBrowser, patienceMs } from "./browser.ts";
import { root } from "./codeServer.ts";

describe("the Ask view's page", { timeout: 5 * patienceMs }, () => {
  let browser: Browser;
  let pages: AskPages;
  let page: Page;
  let requests: string[] = [];

  before(async () => {
    browser = await openBrowser(await ensureBrowser({ root, node: process.execPath, log: console.error }));
    pages = await serveAskPages();
  });
  after(async () => {
    await (pages as AskPages | undefined)?.close();
    await (browser as Browser | undefined)?.close();
  });
  beforeEach(async () => {
    await (page as Page | undefined)?.close();
    page = await browser.newPage({ viewport: { width: 320, height: 700 } });
    requests = [];
    page.on("request", (request) => requests.push(request.url()));
  });

  const hostile = [
    "<script>window.ran = true</script><img src=x onerror='window.ran = true'><svg onload='window.ran = true'>",
    "![x](http://127.0.0.1:1/x.png) [a](javascript:window.ran=true) [b](data:text/html,<script>) [c](vbscript:x)",
    "[d](http://example.invalid/) <a href='javascript:window.ran=true'>e</a> <style>body { display: none }</style>",
    "<iframe srcdoc='<script>parent.ran = true</script>'></iframe><form action=/x><button>f</button></form>",
    '`<b onclick="window.ran = true">` [x]: javascript:window.ran=true "t"',
    "```<script>window.ran=true</script>\n<img src=x onerror=window.ran=true>\n```",
    "| a |\n|---|\n| <img src=x onerror=window.ran=true> |",
    "\u001b[31mred\u001b[0m \u0000 \u202e reversed \ud800",
    `${"x".repeat(100_000)} ${"`".repeat(5000)}`,
    `${"> ".repeat(10_000)}deep`,
    `${"- ".repeat(10_000)}deep`,
    Array.from({ length: 300 }, (_, at) => `${"  ".repeat(at)}- deeper`).join("\n"),
    `${"[".repeat(10_000)}${"*".repeat(10_000)}${"_a".repeat(5000)}`,
  ];

  test("shows hostile answers as text: nothing runs, nothing is loaded, nothing is broken", async () => {
    const path = '../<img src=x onerror="window.ran=true">\n\u202e`.ts';
    const place = { path, startLine: 1, endLine: 2, name: "<b>x</b>", resolved: true };
    const citations = [place, { ...place, path: `${path}?`, resolved: false }];
    const turns = hostile.map((text, at) =>
      turnView({ askId: `${at}`, question: text.slice(0, 2000), text, citations }),
    );
    await show(viewState({ folder: "<img src=x onerror=window.ran=true>", turns, history: [entry("<img src=x>")] }));
    const loaded = requests.length;
    await page
      .locator(".turn")
      .nth(hostile.length - 1)
      .locator(".turnFoot")
      .waitFor({ state: "attached" });
    for (const selector of ["img", "svg", "iframe", "form", "style", ".answer script", "[onclick]", "[onerror]"]) {
      assert.equal(await page.locator(selector).count(), 0, selector);
    }
    const targets = await page
      .locator(".answer a")
      .evaluateAll((links: readonly { href: string }[]) => links.map(({ href }) => href));
    assert.deepEqual(
      targets.filter((target) => !target.startsWith("http://")),
      [],
    );
    assert.equal(await page.evaluate("window.ran"), undefined);
    assert.equal(requests.length, loaded);
    await write("still usable");
    await page.getByRole("button", { name: "Ask" }).click();
    assert.deepEqual((await intents("ask")).at(-1), { type: "ask", question: "still usable", from: null });
  });

  test("does not scroll sideways at 320 pixels, whatever the answer holds", async () => {
    const text = [
      `${"long".repeat(400)} \`${"code".repeat(300)}\``,
      "```ts",
      "x".repeat(3000),
      "```",
      "|a|b|\n|-|-|\n|c|d|",
    ];
    const budget: ViewState["budget"] = {
      budgetTokens: 4096,
      isPreview: true,
      shares: [
        { share: "system", label: "System", tokens: 200 },
        { share: "retrieved", label: "Retrieved".repeat(20), tokens: 2000 },
        { share: "free", label: "Free", tokens: 1896 },
      ],
    };
    const long = "very-long-name/".repeat(20);
    const citations = [{ path: `${long}x.ts`, startLine: 1, endLine: 2, resolved: true }];
    await show(viewState({ budget, turns: [turnView({ question: long, text: text.join("\n\n"), citations })] }));
    await page.locator(".budget summary").click();
    await page.getByText("2,000 tokens, 49 %").waitFor();
    await page.getByText("Preview: 2,200 of 4,096 tokens").waitFor();
    assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    assert.equal(
      await page.evaluate(
        "document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth",
      ),
      true,
    );
  });

  test("renders a growing answer as it renders the whole one, and leaves finished blocks alone", async () => {
    const text = longAnswer(60);
    await show(viewState({ turns: [turnView({ askId: "whole", text })] }));
    const whole = await page.locator(".answer").innerText();
    await show(viewState({ turns: [turnView({ askId: "grows", phase: "writing", text: "" })] }));
    for (let at = 0; at < text.length; at += 97) {
      await post({ type: "text", askId: "grows", at, text: text.slice(at, at + 97) });
    }
    const first = page.locator(".answer > *").first();
    await first.evaluate((node: { marked?: boolean }) => (node.marked = true));
    await post({ type: "turn", turn: turnView({ askId: "grows", text }) });
    await page.locator(".turnFoot").waitFor();
    assert.equal(await page.locator(".answer").innerText(), whole);
    assert.equal(await first.evaluate((node: { marked?: boolean }) => node.marked), true);
    const numbers = page.locator(".answer ol");
    const starts = await numbers.evaluateAll((lists: readonly { start: number; children: { length: number } }[]) =>
      lists.map(({ start, children }) => [start, children.length] as const),
    );
    assert.ok(starts.length > 1);
    assert.equal(
      starts.reduce((next, [start, length]) => (start === next ? next + length : Number.NaN), 1),
      61,
    );
  });

  test("asks for the whole state when a message was missed", async () => {
    await show(viewState({ turns: [turnView({ askId: "1", phase: "writing", text: "Half" })] }));
    const asked = (await intents("ready")).length;
    await post({ type: "text", askId: "1", at: 400, text: "too late" });
    await page.waitForFunction(`window.intents.filter(({ type }) => type === "ready").length === ${asked + 1}`);
  });

  test("completes commands and mentions by keyboard, as a combobox that names the chosen one", async () => {
    await show(viewState());
    await write("/");
    const box = page.locator("#question");
    const options = page.getByRole("listbox").getByRole("option");
    assert.deepEqual(await options.locator(".suggestionName").allTextContents(), [
      "/explain",
      "/find",
      "/tests",
      "/doc",
    ]);
    assert.equal(await box.getAttribute("aria-expanded"), "true");
    assert.equal(await page.locator("[role=status]").textContent(), "4 suggestions");
    await page.keyboard.press("ArrowDown");
    const active = await box.getAttribute("aria-activedescendant");
    assert.equal(await page.locator(`#${active ?? ""}`).getAttribute("aria-selected"), "true");
    await page.keyboard.press("Tab");
    assert.equal(await box.inputValue(), "/find ");
    assert.equal(await box.getAttribute("aria-expanded"), null);
    await page.keyboard.type("#fi");
    await page.keyboard.press("Enter");
    assert.equal(await box.inputValue(), "/find #file:");
    await page.keyboard.type("val");
    const [search] = (await intents("findMentions")).slice(-1);
    assert.ok(search?.type === "findMentions");
    assert.deepEqual([search.kind, search.query], ["file", "val"]);
    const place = { startLine: 0, endLine: 0, isExact: false };
    const names = ["src/valve.ts", '<img src=x> "a" b.ts'];
    await post({
      type: "mentions",
      requestId: search.requestId,
      places: names.map((name) => ({ ...place, path: name, name })),
    });
    await options.nth(1).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await options.count(), 0);
    await page.keyboard.type("v");
    const [again] = (await intents("findMentions")).slice(-1);
    assert.ok(again?.type === "findMentions");
    await post({
      type: "mentions",
      requestId: again.requestId,
      places: names.map((name) => ({ ...place, path: name, name })),
    });
    await options.nth(1).click();
    assert.equal(await box.inputValue(), '/find #file:"<img src=x> \\"a\\" b.ts" ');
  });

  test("copies and inserts a block of code, retries, edits, and cancels an edit with Escape", async () => {
    const turns = [
      turnView({ askId: "1", question: "first", text: "So:\n\n```ts\nconst a = 1;\n```\n" }),
      turnView({ askId: "2" }),
    ];
    await show(viewState({ turns }));
    const turn = page.locator(".turn").first();
    await turn.getByRole("button", { name: "Copy the code" }).click();
    await turn.getByRole("button", { name: "Insert at the cursor" }).click();
    await turn.getByRole("button", { name: "Copy the answer" }).click();
    await turn.getByRole("button", { name: "Answer again" }).click();
    await turn.getByRole("button", { name: "Edit the question" }).click();
    const box = page.locator("#question");
    assert.equal(await box.inputValue(), "first");
    await page.keyboard.press("Escape");
    assert.equal(await box.inputValue(), "");
    await turn.getByRole("button", { name: "Edit the question" }).click();
    await page.keyboard.type(" of all");
    await page.keyboard.press("Enter");
    const sent = (await intents()).filter(({ type }) => type !== "ready" && type !== "refreshHistory");
    assert.deepEqual(sent, [
      { type: "copy", text: "const a = 1;\n" },
      { type: "insertCode", text: "const a = 1;\n" },
      { type: "copy", text: turns[0]?.text },
      { type: "ask", question: "first", from: "1" },
      { type: "ask", question: "first of all", from: "1" },
    ]);
  });

  test("lists conversations, and gives the focus back to the question", async () => {
    await show(viewState({ history: [entry("Newest"), { ...entry("Older"), id: "older-one" }] }));
    await post({ type: "showHistory" });
    const list = page.getByRole("region", { name: "Conversations" });
    await list.getByRole("button", { name: /^Newest/ }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.textContent.startsWith('Newest')"), true);
    await list.getByRole("button", { name: "Delete the conversation Older" }).click();
    await list.getByRole("button", { name: /^Older/ }).click();
    assert.equal(await list.isVisible(), false);
    assert.equal(await page.evaluate("document.activeElement.id"), "question");
    const sent = (await intents()).slice(-2);
    assert.deepEqual(sent, [
      { type: "deleteConversation", id: "older-one" },
      { type: "openConversation", id: "older-one" },
    ]);
  });

  test("reads out the phases of an answer, not its words", async () => {
    const turn = turnView({ askId: "1", phase: "reading", progress: { done: 1, total: 9, reused: 0 } });
    await show(viewState({ turns: [] }));
    const spoken = page.locator("[role=status]");
    await post({ type: "turn", turn });
    await spoken.filter({ hasText: "Reading…" }).waitFor();
    await post({ type: "turn", turn: { ...turn, phase: "writing", progress: null } });
    await spoken.filter({ hasText: "Writing the answer…" }).waitFor();
    await post({ type: "text", askId: "1", at: 0, text: "Because." });
    await page.getByText("Because.").waitFor();
    assert.equal(await spoken.textContent(), "Writing the answer…");
    await post({ type: "turn", turn: turnView({ askId: "1", text: "Because." }) });
    await spoken.filter({ hasText: "The answer is complete." }).waitFor();
    assert.equal(await page.locator("[role=log]").getAttribute("aria-live"), "off");
    await write("/reticulate ");
    await page.keyboard.press("Enter");
    const failure = { sentence: "There is no such command.", detail: "", action: "editQuestion" } as const;
    await post({ type: "turn", turn: turnView({ askId: "2", failure }) });
    await spoken.filter({ hasText: "There is no such command." }).waitFor();
    await page.getByRole("button", { name: "Edit the question" }).last().waitFor();
  });

  async function show(state: ViewState): Promise<void> {
    await pages.load(page, state);
    await page.locator("#question:enabled").waitFor();
  }

  async function write(text: string): Promise<void> {
    await page.locator("#question").focus();
    await page.keyboard.type(text);
  }

  /** As the host does. */
  async function post(message: HostMessage): Promise<void> {
    await page.evaluate((posted) => {
      (globalThis as unknown as { postMessage(message: unknown, origin: string): void }).postMessage(posted, "*");
    }, message);
  }

  async function intents(type?: ViewIntent["type"]): Promise<ViewIntent[]> {
    const sent = await page.evaluate<ViewIntent[]>("window.intents");
    return type === undefined ? sent : sent.filter((intent) => intent.type === type);
  }
});

function entry(title: string): ViewState["history"][number] {
  return { id: "newest-one", title, updatedMs: 0, questions: 1, isOpen: false };
}

/** Everything that Markdown has, and a list long enough to be settled in parts. */
function longAnswer(items: number): TurnView["text"] {
  const list = Array.from({ length: items }, (_, at) => `1. step **${at}**\n   goes on`).join("\n");
  return `# Title\n\nA paragraph\nof two lines.\n\n${list}\n\n> quoted\n> more\n\n\`\`\`ts\nconst a = 1;\n\nconst b = 2;\n\`\`\`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nSetext\n===\n\n- x\n  - y\n\n  loose\n\nThe [end][e].\n\n[e]: http://example.invalid/\n`;
}
