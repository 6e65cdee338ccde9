import type * as vscode from "vscode";
import { ConversationStore } from "./conversationStore.ts";
import { join } from "node:path";

/** The workspace's conversations; null where no folder is open, or where its storage is on no disk. */
export function storedConversations(storage: vscode.Uri | undefined): ConversationStore | null {
  return storage?.scheme === "file" ? new ConversationStore(join(storage.fsPath, "conversations")) : null;
}

const key = "precis.shownConversation";

/** Which conversation the window shows, kept with the workspace's state. */
export function rememberedId(state: vscode.Memento): { get(): string | null; set(id: string): void } {
  return {
    get: () => {
      const id: unknown = state.get(key);
      return typeof id === "string" ? id : null;
    },
    set: (id) => {
      void state.update(key, id);
    },
  };
}
