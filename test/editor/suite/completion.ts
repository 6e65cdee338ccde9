import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";
import type { PrecisApi } from "../../../extension/host/api.ts";
import type { SuggestionOutcome } from "../../../extension/host/completer.ts";
import { afterEquals, onIndentedLine } from "../../support/chainScript.ts";

/** Completing, with a model that knows by heart what follows `=` and what follows an indented line. */
export const completionTests: Readonly<Record<string, () => Promise<void>>> = {
  "suggests the rest of a line": async () => {
    const document = await newFile("line.ts", "export const total =\n");
    const [item] = await suggestAt(document, endOfLine(document, 0));
    assert.equal(item?.insertText, afterEquals);
    assert.ok(item.range?.isEmpty === true && item.range.start.isEqual(endOfLine(document, 0)));
  },

  "finds what is typed through without the engine": async () => {
    const { completer } = await api();
    const document = await newFile("typed.ts", "export const total =\n");
    await suggestAt(document, endOfLine(document, 0));
    for (const typed of [" ", "s", "um("]) {
      await insert(document, endOfLine(document, 0), typed);
      const [item] = await suggestAt(document, endOfLine(document, 0));
      const rest = document.lineAt(0).text.slice("export const total =".length);
      assert.equal(item?.insertText, afterEquals.slice(rest.length));
      assert.equal(completer.last?.isCached, true);
    }
    console.log(`typed through: ${(completer.last?.ms ?? 0).toFixed(2)} ms`);
  },

  "suggests several lines on an empty one, with the document's line ends": async () => {
    const document = await newFile("crlf.ts", "function f(left: number) {\r\n  \r\n}\r\n");
    const [item] = await suggestAt(document, endOfLine(document, 1));
    assert.equal(item?.insertText, onIndentedLine.replaceAll("\n", "\r\n"));
    await insert(document, endOfLine(document, 1), onIndentedLine.replaceAll("\n", "\r\n"));
    await document.save();
    const onDisk = await readFile(document.uri.fsPath, "utf8");
    assert.equal(onDisk, `function f(left: number) {\r\n  ${onIndentedLine.replaceAll("\n", "\r\n")}\r\n}\r\n`);
  },

  "makes a file with mixed line ends whole, as the editor does": async () => {
    const document = await newFile("mixed.ts", "// a\r\n// b\r\nfunction f(left: number) {\n  \n}\r\n");
    const [item] = await suggestAt(document, endOfLine(document, 3));
    assert.equal(item?.insertText, onIndentedLine.replaceAll("\n", "\r\n"));
  },

  "goes on from the item that is selected in the suggestion widget, and replaces what that replaces": async () => {
    const document = await newFile("selected.ts", "export const tot\n");
    const range = new vscode.Range(0, 13, 0, 16);
    const [item] = await suggestAt(document, range.end, { selected: { range, text: "total =" } });
    assert.equal(item?.insertText, `total =${afterEquals}`);
    assert.ok(item.range?.isEqual(range));
  },

  "suggests in a document that has no file yet": async () => {
    const document = await vscode.workspace.openTextDocument({ language: "python", content: "total =" });
    const [item] = await suggestAt(document, endOfLine(document, 0));
    assert.equal(item?.insertText, afterEquals);
  },

  "suggests in a notebook's cell, and reads the cells above it": async () => {
    const cells = ["readings = load()", "total ="].map(
      (code) => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, code, "python"),
    );
    const data = new vscode.NotebookData(cells);
    const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", data);
    const { document } = notebook.cellAt(1);
    const [item] = await suggestAt(document, endOfLine(document, 0));
    assert.equal(item?.insertText, afterEquals);
    const outcome = await lastOutcome();
    assert.ok(outcome?.kind === "suggested");
    assert.match(outcome.completion.pieces.map(({ text }) => text).join(""), /readings = load\(\)\ntotal =/);
  },

  "suggests nothing inside a string, a comment or a character, and says why": async () => {
    const cases = [
      { line: 'const a = "total =";', column: 18, reason: "insideString" },
      { line: "// total = 3", column: 10, reason: "insideComment" },
      { line: "const smile =\u{1f600}", column: 14, reason: "insideCharacter" },
      { line: "const cafe =e\u0301", column: 13, reason: "insideCharacter" },
    ];
    const document = await newFile("bad.ts", cases.map(({ line }) => line).join("\n"));
    for (const [line, { column, reason }] of cases.entries()) {
      assert.deepEqual(await suggestAt(document, new vscode.Position(line, column)), [], reason);
      const outcome = await lastOutcome();
      assert.equal(outcome?.kind === "nothing" ? outcome.completion.nothing : outcome?.kind, reason);
    }
  },

  "suggests in a file of 50,000 lines": async () => {
    const lines = Array.from({ length: 50_000 }, (_, line) => `export const value${line} = ${line};`);
    lines[40_000] = "export const total =";
    const document = await newFile("long.ts", `${lines.join("\n")}\n`);
    const [item] = await suggestAt(document, endOfLine(document, 40_000));
    assert.equal(item?.insertText, afterEquals);
  },

  "suggests nothing to who has cancelled": async () => {
    const document = await newFile("cancelled.ts", "export const total =\n");
    const source = new vscode.CancellationTokenSource();
    source.cancel();
    assert.deepEqual(await suggestAt(document, endOfLine(document, 0), { token: source.token }), []);
  },

  "suggests nothing in a language for which it is off, and goes on in the others": async () => {
    const script = await newFile("off.ts", "export const total =\n");
    const python = await newFile("on.py", "total =\n");
    const scope = { languageId: "typescript" };
    const update = (value: boolean | undefined): Thenable<void> =>
      vscode.workspace
        .getConfiguration("precis", scope)
        .update("complete.enabled", value, vscode.ConfigurationTarget.Workspace, true);
    await update(false);
    try {
      assert.deepEqual(await suggestAt(script, endOfLine(script, 0)), []);
      assert.deepEqual(await lastOutcome(), { kind: "off", language: "typescript" });
      assert.equal((await suggestAt(python, endOfLine(python, 0)))[0]?.insertText, afterEquals);
    } finally {
      await update(undefined);
    }
  },

  "has no suggestions without a model, and says so": async () => {
    const document = await newFile("none.ts", "export const total =\n");
    const { client } = await api();
    const configuration = vscode.workspace.getConfiguration("precis");
    const before = configuration.inspect("model.completer")?.globalValue;
    await configuration.update("model.completer", "none", vscode.ConfigurationTarget.Global);
    await client.configure();
    try {
      assert.deepEqual(await suggestAt(document, endOfLine(document, 0)), []);
      const outcome = await lastOutcome();
      assert.equal(outcome?.kind === "nothing" && outcome.completion.nothing, "noModel");
    } finally {
      await configuration.update("model.completer", before, vscode.ConfigurationTarget.Global);
      await client.configure();
    }
  },

  "frees the syntax tree of a document that is closed": async () => {
    const { trees } = await api();
    // A document that an extension opens stays open for minutes; one that only an editor shows is closed with it.
    await vscode.commands.executeCommand("vscode.open", await writeNewFile("closed.ts", "export const closed =\n"));
    const document = vscode.window.activeTextEditor?.document;
    assert.ok(document?.fileName.endsWith("closed.ts") === true);
    await suggestAt(document, endOfLine(document, 0));
    const before = trees.size;
    assert.ok(before > 0);
    const closed = new Promise<void>((resolve) => {
      const subscription = vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        if (uri.toString() !== document.uri.toString()) return;
        subscription.dispose();
        resolve();
      });
    });
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await closed;
    assert.ok(trees.size < before, `${trees.size} of ${before} are left`);
  },

  "frees the syntax tree of a document that is of another language from now on": async () => {
    const { trees } = await api();
    const document = await newFile("changed.ts", "export const changed =\n");
    await suggestAt(document, endOfLine(document, 0));
    const before = trees.size;
    await vscode.languages.setTextDocumentLanguage(document, "plaintext");
    assert.equal(trees.size, before - 1);
  },

  "explains the last suggestion": async () => {
    const document = await newFile("explained.ts", "export const explained =\n");
    await suggestAt(document, endOfLine(document, 0));
    await vscode.commands.executeCommand("precis.explainSuggestion");
    const text = vscode.window.activeTextEditor?.document.getText() ?? "";
    assert.match(text, /^At `explained\.ts:1:25`:$/m);
    assert.match(text, /^ {4} sum\(readings\);$/m);
    assert.match(text, /^- asked and answered: [\d.]+ ms$/m);
    assert.match(text, /^## What the model read$/m);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  },
};

async function api(): Promise<PrecisApi> {
  const found = vscode.extensions.getExtension<PrecisApi>("precis.precis");
  assert.ok(found !== undefined, "the extension is not installed");
  return found.activate();
}

async function lastOutcome(): Promise<SuggestionOutcome | undefined> {
  return (await api()).completer.last?.outcome;
}

async function newFile(name: string, content: string): Promise<vscode.TextDocument> {
  return vscode.workspace.openTextDocument(await writeNewFile(name, content));
}

async function writeNewFile(name: string, content: string): Promise<vscode.Uri> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  assert.ok(folder !== undefined);
  const file = path.join(folder, name);
  await writeFile(file, content);
  return vscode.Uri.file(file);
}

interface AskOptions {
  readonly selected?: { readonly range: vscode.Range; readonly text: string };
  readonly token?: vscode.CancellationToken;
}

async function suggestAt(
  document: vscode.TextDocument,
  position: vscode.Position,
  { selected, token = new vscode.CancellationTokenSource().token }: AskOptions = {},
): Promise<vscode.InlineCompletionItem[]> {
  const { completionProvider } = await api();
  const triggerKind = vscode.InlineCompletionTriggerKind.Automatic;
  const context = { triggerKind, selectedCompletionInfo: selected };
  const items = await completionProvider.provideInlineCompletionItems(document, position, context, token);
  return items === null || items === undefined || !Array.isArray(items) ? [] : items;
}

function endOfLine(document: vscode.TextDocument, line: number): vscode.Position {
  return document.lineAt(line).range.end;
}

async function insert(document: vscode.TextDocument, at: vscode.Position, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, at, text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}
