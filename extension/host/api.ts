import type { InlineCompletionItemProvider } from "vscode";
import type { Downloads } from "../client/downloads.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { DocumentTrees } from "../syntax/documentTrees.ts";
import type { Completer } from "./completer.ts";
import type { ContextPreview } from "./contextPreview.ts";
import type { ContextTree } from "./contextTree.ts";
import type { Conversation } from "./conversation.ts";
import type { EngineTree } from "./engineTree.ts";
import type { FolderIndex } from "./folderIndex.ts";
import type { Pins } from "./pins.ts";
import type { History } from "./history.ts";

/** For other extensions and for tests: the objects that the extension is made of. */
export interface PrecisApi {
  readonly client: EngineClient;
  readonly downloads: Downloads;
  readonly conversation: Conversation;
  readonly history: History;
  readonly completer: Completer;
  readonly completionProvider: InlineCompletionItemProvider;
  /** The syntax trees of open documents. */
  readonly trees: DocumentTrees;
  readonly contextTree: ContextTree;
  readonly pins: Pins;
  readonly preview: ContextPreview;
  readonly engineTree: EngineTree;
  readonly index: FolderIndex;
  /** Evaluating the bundle plus running `activate`, without what VS Code does between the two. */
  readonly activationMs: number;
}
