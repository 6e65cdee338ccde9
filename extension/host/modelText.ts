/** What is said to a person about models, downloads and devices. */
import { t } from "@vscode/l10n";
import { unreachable } from "../base/unreachable.ts";
import { secondsLeft } from "../models/downloadState.ts";
import type { DownloadState } from "../models/downloadState.ts";
import { checkedSentence, fitSentence } from "../models/modelSentences.ts";
import type { DeviceReport } from "../protocol/engine.ts";
import type { ModelFit, ModelRole } from "../protocol/models.ts";
import { failureText } from "./failureView.ts";
import { bytes, number } from "./numberText.ts";

export const deviceNames: Readonly<Record<DeviceReport["device"], string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  metal: "Metal",
};

export function roleName(role: ModelRole): string {
  return { assistant: t("Assistant"), completer: t("Completer"), scorer: t("Scorer") }[role];
}

/** What a model in this role does. */
export function roleMeaning(role: ModelRole): string {
  return {
    assistant: t("writes the answers"),
    completer: t("suggests how code goes on"),
    scorer: t("says how likely code makes a question, for some rankers"),
  }[role];
}

/** Whether a model fits, in half a sentence. */
export function fitText(fit: ModelFit): string {
  return fitSentence(fit, { bytes, number });
}

/** Where a download is, in half a sentence. */
export function downloadText(state: DownloadState): string {
  switch (state.kind) {
    case "starting":
      return t("asking the server…");
    case "running": {
      const parts = [amountText(state.bytesDone, state.bytesTotal)];
      if (state.bytesPerSecond > 0) parts.push(t("{0} per second", bytes(state.bytesPerSecond)));
      const seconds = secondsLeft(state);
      if (seconds !== null) parts.push(t("{0} left", durationText(seconds)));
      return parts.join(", ");
    }
    case "checking":
      return t("checking {0}…", bytes(state.bytesTotal));
    case "paused":
      return t("paused: {0}", amountText(state.bytesDone, state.bytesTotal));
    case "failed":
      return failureText(state.failure);
    case "cancelled":
      return t("cancelled");
    case "done":
      return checkedSentence(state);
    default:
      return unreachable(state);
  }
}

function amountText(done: number, total: number): string {
  return total === 0 ? bytes(done) : t("{0} of {1}", bytes(done), bytes(total));
}

function durationText(seconds: number): string {
  if (seconds < 90) return t("{0} s", number(Math.ceil(seconds)));
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? t("{0} min", number(minutes)) : t("{0} h", number(Math.round(minutes / 60)));
}
