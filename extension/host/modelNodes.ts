/** The rows of the Engine view about models, their downloads, and the device they run on. */
import path from "node:path";
import { t } from "@vscode/l10n";
import type { Download } from "../client/downloads.ts";
import { isActive } from "../models/downloadState.ts";
import type { InstalledModel } from "../models/modelFolder.ts";
import type { EngineStatus } from "../protocol/engine.ts";
import { modelRoles } from "../protocol/models.ts";
import type { ModelRole } from "../protocol/models.ts";
import type { EngineNode } from "./engineNode.ts";
import { deviceNames, downloadText, roleMeaning, roleName } from "./modelText.ts";
import { bytes } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

/** What is known of models without the engine. */
export interface ModelFacts {
  /** The settings' files by role; empty: the role's default. */
  readonly inUse: Readonly<Record<ModelRole, string>>;
  readonly installed: readonly InstalledModel[];
  readonly downloads: readonly Download[];
  /** True while the CUDA library that was downloaded is there. */
  readonly hasRuntime: boolean;
}

/** What the commands of these rows are given. */
export type ModelTarget =
  | { readonly kind: "role"; readonly role: ModelRole }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "download"; readonly id: number };

/** `status` null: no engine runs. */
export function modelNodes(status: EngineStatus | null, facts: ModelFacts): EngineNode[] {
  return [
    ...facts.downloads.map(downloadNode),
    ...modelRoles.map((role) => roleNode(role, status, facts)),
    installedNode(facts),
  ];
}

/** Which device it is, why, and of each other one why not. */
export function deviceNodes({ device }: EngineStatus, { hasRuntime }: ModelFacts): EngineNode[] {
  const label = t("Device");
  if (device === null) return [{ label, description: t("chosen with the first model"), icon: "chip" }];
  const memory = device.memoryBytes > 0 ? `, ${bytes(device.memoryBytes)}` : "";
  const reason = sentenceText(device.why);
  const others = device.others.map(({ device: other, why: obstacle, installable }): EngineNode => {
    const why = sentenceText(obstacle);
    const command = installable ? { command: "precis.installCuda" } : {};
    return {
      label: deviceNames[other],
      description: why,
      icon: installable ? "cloud-download" : "circle-slash",
      tooltip: installable ? `${why} ${t("It can be downloaded.")}` : why,
      context: installable ? "installableDevice" : "otherDevice",
      ...command,
    };
  });
  return [
    {
      label,
      description: `${deviceNames[device.device]}: ${device.name}${memory}`,
      icon: "chip",
      tooltip: [reason, ...others.map(({ label: other, description }) => `${other}: ${description}`)].join("\n"),
      context: `${device.device === "cpu" ? "deviceCpu" : "deviceGpu"}${hasRuntime ? "WithRuntime" : ""}`,
      children: [{ label: deviceNames[device.device], description: reason, icon: "check" }, ...others],
    },
  ];
}

/** The target in what a command is given: by a row itself, or by the row's inline action; null for neither. */
export function modelTarget(argument: unknown): ModelTarget | null {
  if (typeof argument !== "object" || argument === null) return null;
  if ("argument" in argument) return modelTarget(argument.argument);
  if (!("kind" in argument)) return null;
  if (argument.kind === "file" && "file" in argument && typeof argument.file === "string") {
    return { kind: "file", file: argument.file };
  }
  if (argument.kind === "download" && "id" in argument && typeof argument.id === "number") {
    return { kind: "download", id: argument.id };
  }
  if (argument.kind !== "role" || !("role" in argument)) return null;
  const role = modelRoles.find((known) => known === argument.role);
  return role === undefined ? null : { kind: "role", role };
}

const roleIcons: Readonly<Record<ModelRole, string>> = { assistant: "hubot", completer: "edit-sparkle", scorer: "law" };

function roleNode(role: ModelRole, status: EngineStatus | null, facts: ModelFacts): EngineNode {
  const file = facts.inUse[role];
  const name = file === "" ? defaultName(role, status) : path.basename(file);
  const device = status?.device ?? null;
  const size = facts.installed.find((model) => model.file === file)?.bytes;
  const details = [
    name,
    ...(file === "" || device === null ? [] : [deviceNames[device.device]]),
    ...(size === undefined ? [] : [bytes(size)]),
  ];
  return {
    label: roleName(role),
    description: details.join(" · "),
    icon: roleIcons[role],
    tooltip: [`${roleName(role)}: ${roleMeaning(role)}`, file === "" ? name : file].join("\n"),
    context: "modelRole",
    command: "precis.chooseModel",
    argument: { kind: "role", role } satisfies ModelTarget,
  };
}

function defaultName(role: ModelRole, status: EngineStatus | null): string {
  switch (role) {
    case "assistant":
      return t("none: answers are the code itself");
    case "completer":
      return t("the assistant, or the one that comes with Precis");
    case "scorer": {
      const scorer = status?.scorer ?? null;
      return scorer === null ? t("the one that comes with Precis") : sentenceText(scorer);
    }
  }
}

function downloadNode({ id, name, state }: Download): EngineNode {
  const context = isActive(state) ? "downloadActive" : "downloadStopped";
  const icon = isActive(state) ? "sync~spin" : state.kind === "failed" ? "error" : "debug-pause";
  return {
    label: name,
    description: downloadText(state),
    icon,
    context,
    argument: { kind: "download", id } satisfies ModelTarget,
  };
}

function installedNode({ installed, inUse }: ModelFacts): EngineNode {
  const total = installed.reduce((sum, model) => sum + model.bytes, 0);
  const roleOf = (file: string): string =>
    modelRoles
      .filter((role) => inUse[role] === file)
      .map(roleName)
      .join(", ");
  return {
    label: t("Models"),
    description: installed.length === 0 ? t("none downloaded") : `${installed.length}, ${bytes(total)}`,
    icon: "library",
    context: "modelFolder",
    ...(installed.length === 0 ? { command: "precis.chooseModel" } : {}),
    children: installed.map(({ file, name, bytes: size }) => ({
      label: name,
      description: [bytes(size), roleOf(file)].filter((part) => part !== "").join(" · "),
      icon: roleOf(file) === "" ? "file-binary" : "pass",
      tooltip: file,
      context: "installedModel",
      argument: { kind: "file", file } satisfies ModelTarget,
    })),
  };
}
