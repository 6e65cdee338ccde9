/** Ghost text as a person sees it, in a real workbench, with the packaged extension. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, describe, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { writeChainModel } from "../support/chainModel.ts";
import { afterEquals, editorChains, onIndentedLine } from "../support/chainScript.ts";
import { patienceMs, runCommand, startCommand } from "./browser.ts";
import type { EditorSettings } from "./codeServer.ts";
import { useWorkbench } from "./workbench.ts";

/** The files that the tests type into, one each: the editor's list of files takes a while to learn of new ones. */
const contents = {
  line: "",
  block: "function f(left: number) {\n\n}\n",
  typed: "",
  word: "",
  escape: "",
  snippet: "",
  rename: "const total = 1;\n",
  composed: "",
  slow: "// The driest beds come first.\n".repeat(60),
  off: "",
} as const;

/** The editor's own suggestions would take keys and places. */
const quiet = {
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
  "editor.wordBasedSuggestions": "off",
  "editor.parameterHints.enabled": false,
  "editor.linkedEditing": false,
  "files.autoSave": "off",
  "typescript.suggest.enabled": false,
  // Explanations are read line by line.
  "[markdown]": { "editor.wordWrap": "off" },
};

/** Runs in the page: the ghost text; the editor makes a span of each of its tokens, and shows blanks as no-break spaces. */
function shownGhostText(): string {
  const page = globalThis as unknown as {
    document: { querySelectorAll(selector: string): Iterable<{ readonly textContent: string }> };
  };
  const spans = [...page.document.querySelectorAll(".ghost-text-decoration, .ghost-text")];
  return spans
    .map(({ textContent }) => textContent)
    .join("")
    .replaceAll("\u00a0", " ");
}

/** Runs in the page: counts from now on how often ghost text comes up. */
function watchGhosts(): void {
  const page = globalThis as unknown as {
    ghostsSeen: number;
    document: { readonly body: unknown; querySelector(selector: string): unknown };
    MutationObserver: new (changed: () => void) => { observe(node: unknown, what: object): void };
  };
  page.ghostsSeen = 0;
  const observer = new page.MutationObserver(() => {
    if (page.document.querySelector(".ghost-text-decoration, .ghost-text") !== null) page.ghostsSeen += 1;
  });
  observer.observe(page.document.body, { childList: true, subtree: true });
}

/** Runs in the page. */
function ghostsSeen(): number {
  return (globalThis as unknown as { ghostsSeen: number }).ghostsSeen;
}

describe("ghost text", { timeout: 10 * patienceMs }, () => {
  const workbench = useWorkbench("completion", async ({ folder }) => {
    await writeChainModel({ file: model(folder), chains: editorChains });
    // The same, but reading takes seconds.
    await writeChainModel({ file: slowModel(folder), chains: editorChains, layers: 24, feedForward: 4096 });
    const snippet = { "Precis test": { prefix: "precis", body: "const ${1:name}$0" } };
    const typed = Object.entries(contents).map(([id, content]) => [`ghost-${id}.ts`, content] as const);
    return {
      opensAskView: false,
      settings: settings(folder, {}),
      files: { ...Object.fromEntries(typed), ".vscode/test.code-snippets": JSON.stringify(snippet) },
    };
  });
  let page: Page;
  let file = "";

  before(async () => {
    ({ page } = workbench);
    await untilActive();
  });

  test("appears while one types; Tab takes it, and the file on disk is right", async () => {
    await openTyped("line");
    await type("export const total =");
    await ghostText(afterEquals);
    await workbench.picture("ghost-text");
    await page.keyboard.press("Tab");
    await wholeGhostText("");
    assert.equal(await saved(), `export const total =${afterEquals}`);
  });

  test("appears on an empty line with several lines, which end with the block", async () => {
    await openTyped("block");
    await page.keyboard.press("ArrowDown");
    await type("  ");
    await ghostText("if (left)");
    await ghostText("return;");
    await page.keyboard.press("Tab");
    await wholeGhostText("");
    assert.equal(await saved(), `function f(left: number) {\n  ${onIndentedLine}\n}\n`);
  });

  test("shrinks while it is typed through, and was found without the engine", async () => {
    await openTyped("typed");
    await type("const total =");
    await ghostText(afterEquals);
    await type(" sum");
    await wholeGhostText("(readings);");
    await runCommand(page, "Trigger Inline Suggestion");
    assert.match(await explanation(), /found among earlier suggestions in [\d.]+ ms after \d of its characters/);
    await page.keyboard.press("Control+End");
    await type("(");
    await ghostText("readings");
    await page.keyboard.press("Tab");
    await wholeGhostText("");
    assert.equal(await saved(), `const total =${afterEquals}`);
  });

  test("can be taken word by word, with the editor's own command", async () => {
    await openTyped("word");
    await type("const total =");
    await ghostText(afterEquals);
    await page.keyboard.press("Control+ArrowRight");
    await wholeGhostText("sum(readings);");
    await page.keyboard.press("Control+ArrowRight");
    await wholeGhostText("(readings);");
    assert.equal(await saved(), "const total = sum");
  });

  test("goes away with Escape, and nothing of it is in the file", async () => {
    await openTyped("escape");
    await type("const total =");
    await ghostText(afterEquals);
    await page.keyboard.press("Escape");
    await wholeGhostText("");
    assert.equal(await saved(), "const total =");
  });

  test("stays away while a snippet is filled in, and comes when that is done", async () => {
    await openTyped("snippet");
    await startCommand(page, "Snippets: Insert Snippet");
    await page.locator(".quick-input-widget input").fill("precis");
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: "const ${1:name}" }).waitFor();
    await page.keyboard.press("Enter");
    await lines("const name").waitFor();
    await page.evaluate(watchGhosts);
    await type("total =");
    await runCommand(page, "Trigger Inline Suggestion");
    await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(ghostsSeen), 0);
    await page.keyboard.press("Escape");
    await runCommand(page, "Trigger Inline Suggestion");
    await ghostText(afterEquals);
    assert.equal(await saved(), "const total =");
  });

  test("stays away while a name is being changed", async () => {
    await openTyped("rename");
    await page.keyboard.press("Control+ArrowRight");
    await page.keyboard.press("Control+ArrowRight");
    await page.keyboard.press("F2");
    const box = page.locator(".rename-box input");
    await box.waitFor();
    await box.fill("total =");
    assert.equal(await page.evaluate(shownGhostText), "");
    await page.keyboard.press("Escape");
    assert.equal(await saved(), contents.rename);
  });

  test("stays away while an input method composes, and comes when it is done", async () => {
    await openTyped("composed");
    await type("const total ");
    const devtools = await page.context().newCDPSession(page);
    await page.evaluate(watchGhosts);
    await devtools.send("Input.imeSetComposition", { text: "=", selectionStart: 1, selectionEnd: 1 });
    await lines("const total =").waitFor();
    assert.equal(await page.evaluate(ghostsSeen), 0);
    await devtools.send("Input.insertText", { text: "=" });
    await ghostText(afterEquals);
    assert.equal(await saved(), "const total =");
  });

  test("is given up by the engine when one types on, and says in the status bar that it thinks", async () => {
    await reopenWith({ machine: { "precis.model.completer": slowModel(workbench.folder) } });
    await openTyped("slow");
    await page.keyboard.press("Control+End");
    await type("const total =");
    await status("Completion: thinking").waitFor();
    await type(" 1;");
    await status(/Completion: ready, the last answer took \d+ ms/).waitFor();
    const text = await explanation();
    assert.match(text, new RegExp(`At \`${path.basename(file)}:61:17\`: nothing`));
    assert.doesNotMatch(text, /sum\(readings\)/);
    assert.equal(await page.evaluate(shownGhostText), "");
    assert.match(await saved(), /const total = 1;$/);
  });

  test("is off where the setting is off", async () => {
    await reopenWith({ user: { "[typescript]": { "precis.complete.enabled": false } } });
    await openTyped("off");
    await status("Completion: off for typescript").waitFor();
    await type("const total =");
    await runCommand(page, "Trigger Inline Suggestion");
    assert.match(await explanation(), /completing is off for typescript/);
    assert.equal(await page.evaluate(shownGhostText), "");
    assert.equal(await saved(), "const total =");
  });

  /** Settings files count from the next window on. */
  async function reopenWith(changes: EditorSettings): Promise<void> {
    await workbench.server.setSettings(settings(workbench.folder, changes));
    await page.reload({ waitUntil: "commit" });
    await untilActive();
  }

  /** What is typed before the extension is there has no suggestions. */
  async function untilActive(): Promise<void> {
    await page.locator('.statusbar-item[aria-label^="Precis: "]').waitFor();
  }

  async function openTyped(id: keyof typeof contents): Promise<void> {
    const name = `ghost-${id}.ts`;
    file = path.join(workbench.server.workspace, name);
    await workbench.openFile(name);
  }

  async function type(text: string): Promise<void> {
    await page.keyboard.type(text, { delay: 15 });
  }

  /** Waits until the text is part of the ghost text. */
  async function ghostText(text: string): Promise<void> {
    await untilShown(`(${shownGhostText.toString()})().includes(${JSON.stringify(text)})`);
  }

  /** Waits until the ghost text is this one. */
  async function wholeGhostText(text: string): Promise<void> {
    await untilShown(`(${shownGhostText.toString()})() === ${JSON.stringify(text)}`);
  }

  /** Where it never comes true, the error tells what Precis says about the last suggestion. */
  async function untilShown(condition: string): Promise<void> {
    try {
      await page.waitForFunction(condition);
    } catch (error) {
      throw new Error(`the ghost text is not as expected; ${await explanation()}`, { cause: error });
    }
  }

  /** A line of the editor that holds the text; the editor shows blanks as no-break spaces. */
  function lines(text: string): Locator {
    return page.locator(".view-line", { hasText: new RegExp(text.replaceAll(" ", "\\s")) }).first();
  }

  function status(label: string | RegExp): Locator {
    return page.getByRole("button", { name: label }).or(page.locator(".statusbar-item").getByLabel(label)).first();
  }

  /** What the command says about the last suggestion. */
  async function explanation(): Promise<string> {
    await runCommand(page, "Precis: Explain the Last Suggestion");
    const editor = page.locator('.editor-instance:has([data-uri^="precis-suggestion:"])');
    await editor.locator(".view-line").first().waitFor();
    const text = (await editor.locator(".view-line").allTextContents()).join("\n").replaceAll("\u00a0", " ");
    await runCommand(page, "View: Close Editor");
    await editor.waitFor({ state: "detached" });
    return text;
  }

  async function saved(): Promise<string> {
    await page.keyboard.press("Control+S");
    await page.locator(`.tab.dirty[data-resource-name="${path.basename(file)}"]`).waitFor({ state: "detached" });
    return readFile(file, "utf8");
  }
});

function settings(folder: string, { user = {}, machine = {} }: EditorSettings): EditorSettings {
  return { user: { ...quiet, ...user }, machine: { "precis.model.completer": model(folder), ...machine } };
}

function slowModel(folder: string): string {
  return path.join(folder, "slow.gguf");
}

function model(folder: string): string {
  return path.join(folder, "chain.gguf");
}
