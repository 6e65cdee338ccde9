import { t } from "@vscode/l10n";
import type { EngineNode } from "./engineNode.ts";

/** Says that some of the workspace's settings do not count; null where the workspace is trusted. */
export function trustNode(isTrusted: boolean): EngineNode | null {
  if (isTrusted) return null;
  return {
    label: t("Workspace not trusted"),
    description: t("its own choice of models and devices does not count"),
    icon: "workspace-untrusted",
    tooltip: t(
      "This workspace is not trusted, so its settings cannot choose a model file, a device or an address. Click to decide whether you trust it.",
    ),
    command: "workbench.trust.manage",
  };
}
