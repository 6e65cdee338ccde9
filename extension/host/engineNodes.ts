/** The rows of the Engine view about the process and its settings: state, memory, speeds, completion, and what is not valid. */
import { t } from "@vscode/l10n";
import type { EngineState } from "../client/engineClient.ts";
import { unreachable } from "../base/unreachable.ts";
import type { EngineStatus } from "../protocol/engine.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { CompletionStatus } from "./completionStatus.ts";
import type { EngineNode } from "./engineNode.ts";
import { failureText } from "./failureView.ts";
import { bytes, decimal, number } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

/** `hostName`: where the engine runs, in words. */
export function processNode(state: EngineState, hostName: string): EngineNode {
  const label = t("Engine");
  switch (state.kind) {
    case "stopped":
      return { label, description: t("starts with the first question"), icon: "circle-outline" };
    case "starting":
      return { label, description: state.after === null ? t("starting…") : t("restarting…"), icon: "sync~spin" };
    case "ready": {
      const where = t("running on {0}", hostName);
      const lowered = {
        all: [],
        half: [t("half of the model on the GPU after crashes")],
        none: [state.after === null ? t("on the CPU until it is restarted") : t("on the CPU after crashes")],
      }[state.gpu];
      const description = [where, ...lowered].join(", ");
      const tooltip = t("Version {0}, process {1}, {2}", state.engineVersion, state.pid, description);
      return { label, description, icon: "check", tooltip };
    }
    case "failed":
    case "givenUp":
      return { label, description: failureText(state.failure), icon: "error", command: "precis.restartEngine" };
    case "disposed":
      return { label, description: t("closed"), icon: "circle-outline" };
    default:
      return unreachable(state);
  }
}

export function memoryNode({ residentBytes, kvBytes }: EngineStatus): EngineNode {
  const kv = kvBytes === 0 ? "" : t(", KV caches {0}", bytes(kvBytes));
  return {
    label: t("Memory"),
    description: `${bytes(residentBytes)}${kv}`,
    icon: "dashboard",
    tooltip: t("What the engine's process takes of this machine's memory."),
  };
}

/** Null before an answer was written. */
export function speedNode({ speeds }: EngineStatus): EngineNode | null {
  if (speeds === null) return null;
  const { readTokensPerSecond, writeTokensPerSecond } = speeds;
  const read = readTokensPerSecond === 0 ? t("nothing was read") : t("read {0} tokens/s", rate(readTokensPerSecond));
  return {
    label: t("Speed"),
    description: `${read}, ${t("wrote {0} tokens/s", rate(writeTokensPerSecond))}`,
    icon: "rocket",
    tooltip: t("Of the last answer that a model wrote. What was in the cache is not read again."),
  };
}

/** The model that completes code, how completing fares in the editor, and what the last suggestion took. */
export function completionNode({ completer }: EngineStatus, status: CompletionStatus): EngineNode {
  const label = t("Completion");
  const state = completionText(status);
  const problem = status.kind === "ready" && status.problem !== null;
  const icon = problem ? "warning" : status.kind === "thinking" ? "loading~spin" : "sparkle";
  if (completer === null) return { label, description: state, icon, command: "precis.explainSuggestion" };
  const { name, role, cells, usedCells, kvBytes, lastMs } = completer;
  const roleText = { assistant: t("the assistant"), completer: t("the completer"), embedded: t("comes with Precis") };
  return {
    label,
    description: `${state} · ${name}`,
    icon,
    children: [
      { label: t("Model"), description: `${name}, ${roleText[role]}`, icon: "symbol-misc" },
      {
        label: t("Last suggestion"),
        description: lastMs === null ? t("none yet") : t("{0} ms", number(Math.round(lastMs))),
        icon: "watch",
        command: "precis.explainSuggestion",
      },
      {
        label: t("Cache"),
        description: t("{0} of {1} cells, {2}", number(usedCells), number(cells), bytes(kvBytes)),
        icon: "layers",
      },
    ],
  };
}

/** Null where every setting is valid. */
export function settingsNode(problems: readonly Sentence[]): EngineNode | null {
  if (problems.length === 0) return null;
  return {
    label: t("Settings"),
    description: problems.length === 1 ? t("1 is not valid") : t("{0} are not valid", number(problems.length)),
    icon: "warning",
    command: "precis.openSettings",
    children: problems.map((problem) => ({
      label: sentenceText(problem),
      description: "",
      icon: "circle-small",
      command: "precis.openSettings",
    })),
  };
}

/** `preset`: the one in force, in words; null where the settings are the person's own. */
export function presetNode(preset: string | null): EngineNode {
  return {
    label: t("Preset"),
    description: preset ?? t("your own settings"),
    icon: "settings",
    context: "preset",
    command: "precis.choosePreset",
    tooltip: t("Choose how much context and cache Precis may take."),
  };
}

function completionText(status: CompletionStatus): string {
  switch (status.kind) {
    case "none":
      return t("no editor");
    case "off":
      return t("off for {0}", status.language);
    case "thinking":
      return t("thinking");
    case "ready":
      return status.problem ?? t("ready");
    default:
      return unreachable(status);
  }
}

function rate(tokensPerSecond: number): string {
  return decimal(tokensPerSecond, tokensPerSecond < 100 ? 1 : 0);
}
