import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import * as vscode from "vscode";
import type { TurnView } from "../../../extension/protocol/view.ts";
import { watchNetwork } from "../../support/networkCalls.ts";

/** Extension hosts run on one machine with their editor, and talk to it. */
const local = /127\.0\.0\.1|::1|localhost/;

/** The extension host's own connections; those of the engine are counted in test/engine. */
export const networkTests: Readonly<Record<string, () => Promise<void>>> = {
  "opens no connection while it indexes, answers, and explains what it suggested": async () => {
    const lines = await watched(async () => {
      await vscode.commands.executeCommand("precis.reindex");
      const turn = await vscode.commands.executeCommand<TurnView>("precis.ask", "Which beds are watered?");
      assert.equal(turn.failure, null);
      await vscode.commands.executeCommand("precis.explainSuggestion");
      await vscode.commands.executeCommand("precis.restartEngine");
    });
    assert.deepEqual(lines, []);
  },

  "a connection would be seen": async () => {
    const lines = await watched(async () => {
      // An address that leads nowhere (RFC 5737).
      const socket = connect(80, "192.0.2.1");
      socket.on("error", () => undefined);
      socket.destroy();
      await once(socket, "close");
    });
    assert.match(lines.join("\n"), /192\.0\.2\.1/);
  },
};

async function watched(work: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const end = watchNetwork((line) => lines.push(line));
  try {
    await work();
  } finally {
    end();
  }
  return lines.filter((line) => !local.test(line));
}
