import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";
import type { PrecisApi } from "../../../extension/host/api.ts";
import { defaultSettings, settingKeys } from "../../../extension/protocol/settings.ts";
import type { TurnView } from "../../../extension/protocol/view.ts";

const question = "How is it decided which beds are watered?";

/** In this order: later tests build on what earlier ones have indexed and asked. */
export const extensionTests: Readonly<Record<string, () => Promise<void>>> = {
  "is installed and activates": async () => {
    const installed = extension();
    const { activationMs } = await installed.activate();
    console.log(`activation: ${activationMs.toFixed(1)} ms for the bundle and activate()`);
    assert.ok(installed.isActive);
  },

  "registers every command that it contributes, and contributes every command that it registers": async () => {
    const registered = (await vscode.commands.getCommands(true)).filter((name) => /^precis\.\w+$/.test(name));
    const ofViews = ["precis.ask", "precis.context", "precis.engine"];
    const contributed = manifestCommands();
    for (const name of contributed) assert.ok(registered.includes(name), `${name} is not registered`);
    for (const name of registered) assert.ok(contributed.includes(name) || ofViews.includes(name), name);
  },

  "shows every setting with the default that the engine uses": () => {
    const configuration = vscode.workspace.getConfiguration("precis");
    for (const key of settingKeys) {
      assert.deepEqual(configuration.inspect(key)?.defaultValue, defaultSettings[key], key);
    }
    return Promise.resolve();
  },

  "answers a question that a command asks": async () => {
    const turn = await vscode.commands.executeCommand<TurnView>("precis.ask", question);
    assert.equal(turn.failure, null);
    assert.equal(turn.phase, "done");
    assert.equal(turn.source, "extractive");
    assert.match(turn.text, /planWatering/);
    assert.ok(turn.citations.length > 0 && turn.citations.every(({ resolved }) => resolved));
  },

  "shows in the Context view exactly what was sent": async () => {
    const { contextTree, conversation } = await api();
    const { prompt } = conversation;
    assert.ok(prompt !== null);
    const roots = contextTree.getChildren();
    const pieces = roots.flatMap((node) => contextTree.getChildren(node)).filter((node) => node.kind === "piece");
    const shown = pieces.reduce((sum, { piece }) => sum + piece.tokensSent, 0);
    assert.equal(shown, prompt.tokensSent);
    assert.ok(prompt.tokensSent <= prompt.budgetTokens - prompt.answerReserveTokens);
    const labels = roots.map((node) => labelOf(contextTree.getTreeItem(node)));
    for (const label of ["System", "Retrieved", "Question", "Answer reserve"]) assert.ok(labels.includes(label), label);
  },

  "says in the Context view which files are excluded, and never reads a secret": async () => {
    const { contextTree } = await api();
    const excluded = contextTree.getChildren().find((node) => node.kind === "excluded");
    assert.ok(excluded !== undefined);
    const secrets = contextTree
      .getChildren(excluded)
      .find((node) => node.kind === "excludedReason" && node.reason === "secret");
    assert.ok(secrets !== undefined);
    const files = contextTree.getChildren(secrets).map((node) => labelOf(contextTree.getTreeItem(node)));
    assert.deepEqual(files, [".env"]);
  },

  "opens a piece at its lines": async () => {
    const { contextTree } = await api();
    const nodes = contextTree.getChildren().flatMap((node) => contextTree.getChildren(node));
    const node = nodes.find((candidate) => candidate.kind === "piece" && candidate.piece.unit?.name === "planWatering");
    assert.ok(node?.kind === "piece" && node.piece.unit !== undefined);
    const { command } = contextTree.getTreeItem(node);
    assert.ok(command !== undefined);
    await vscode.commands.executeCommand(command.command, ...((command.arguments ?? []) as unknown[]));
    const editor = vscode.window.activeTextEditor;
    assert.ok(editor !== undefined);
    assert.ok(editor.document.uri.path.endsWith(`/${node.piece.unit.path}`));
    assert.equal(editor.selection.start.line + 1, node.piece.unit.startLine);
    assert.equal(editor.selection.end.line + 1, node.piece.unit.endLine);
  },

  "opens nothing outside the folder": async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    // The command waits for a warning that nobody answers; what counts is that no editor opens.
    void vscode.commands.executeCommand("precis.openPiece", { path: "../secret.txt", startLine: 1, endLine: 1 });
    await vscode.commands.executeCommand("precis.stop");
    assert.equal(vscode.window.activeTextEditor, undefined);
  },

  "copies the prompt": async () => {
    const { conversation } = await api();
    await vscode.commands.executeCommand("precis.copyPrompt");
    const pieces = conversation.prompt?.pieces.map(({ text }) => text) ?? [];
    assert.equal((await vscode.env.clipboard.readText()).replaceAll("\r\n", "\n"), pieces.join(""));
  },

  "shows the index in the Engine view": async () => {
    const { engineTree, index } = await api();
    const rows = engineTree.getChildren().map(({ label, description }) => `${label}: ${description}`);
    assert.ok(
      rows.includes(`Index: ${index.summary?.files ?? 0} files, ${index.summary?.units ?? 0} units`),
      rows.join("\n"),
    );
    assert.ok(rows.some((row) => row.startsWith("Engine: running on")));
  },

  "indexes a file that is added": async () => {
    const { client, index } = await api();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    assert.ok(folder !== undefined);
    const updated = new Promise<void>((resolve) => {
      const subscription = index.onChanged((state) => {
        if (state.kind !== "indexed") return;
        subscription.dispose();
        resolve();
      });
    });
    await writeFile(path.join(folder, "src", "heater.ts"), "export function preventFrost(): void {}\n");
    await updated;
    const { ranked } = await client.request("rank", { question: "preventFrost", top: 3, ranker: "bm25" });
    assert.ok(ranked.some(({ unit }) => unit.path === "src/heater.ts"));
  },

  "restarts the engine": async () => {
    const { client } = await api();
    const before = client.state.kind === "ready" ? client.state.pid : 0;
    await vscode.commands.executeCommand("precis.restartEngine");
    const { state } = client;
    assert.ok(state.kind === "ready" && state.pid !== before, JSON.stringify(state));
    const turn = await vscode.commands.executeCommand<TurnView>("precis.ask", question);
    assert.equal(turn.failure, null);
  },

  "forgets the answers": async () => {
    const { conversation, contextTree } = await api();
    await vscode.commands.executeCommand("precis.newConversation");
    assert.deepEqual([conversation.turns, contextTree.getChildren()], [[], []]);
  },
};

function extension(): vscode.Extension<PrecisApi> {
  const found = vscode.extensions.getExtension<PrecisApi>("precis.precis");
  assert.ok(found !== undefined, "the extension is not installed");
  return found;
}

async function api(): Promise<PrecisApi> {
  return extension().activate();
}

function labelOf({ label }: vscode.TreeItem): string {
  return typeof label === "string" ? label : (label?.label ?? "");
}

function manifestCommands(): string[] {
  const { contributes } = extension().packageJSON as { contributes: { commands: readonly { command: string }[] } };
  return contributes.commands.map(({ command }) => command);
}
