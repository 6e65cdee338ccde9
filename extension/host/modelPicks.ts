/** The rows from which a person chooses a model for a role. */
import { t } from "@vscode/l10n";
import { entriesFor, licenceName } from "../models/catalogue.ts";
import type { CatalogueEntry } from "../models/catalogue.ts";
import type { InstalledModel } from "../models/modelFolder.ts";
import type { FitReport } from "../protocol/engine.ts";
import type { ModelFit, ModelRole } from "../protocol/models.ts";
import { fitText } from "./modelText.ts";
import { bytes } from "./numberText.ts";

/** What choosing a row does; a separator does nothing. */
export type ModelChoice =
  | { readonly kind: "separator" }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "entry"; readonly entry: CatalogueEntry; readonly fit: ModelFit | null }
  | { readonly kind: "browse" }
  | { readonly kind: "address" }
  /** The role's default: no assistant, the completer and scorer that come with Precis. */
  | { readonly kind: "default" };

export interface ModelPick {
  readonly choice: ModelChoice;
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

export interface ModelPicksOptions {
  readonly role: ModelRole;
  /** The file in use; empty: the role's default. */
  readonly inUse: string;
  readonly installed: readonly InstalledModel[];
  readonly catalogue: readonly CatalogueEntry[];
  /** For the installed files and the role's catalogue entries, in their order; null while it is not known. */
  readonly fits: Pick<FitReport, "files" | "shapes"> | null;
}

/** Installed models, then those that can be downloaded, what fits first, then the other ways. */
export function modelPicks(options: ModelPicksOptions): readonly ModelPick[] {
  const { role, inUse, installed, catalogue, fits } = options;
  const files = installed.map((model, index): ModelPick => {
    const fit = fits?.files[index];
    return {
      choice: { kind: "file", file: model.file },
      label: mark(model.file === inUse, model.name),
      description: bytes(model.bytes),
      detail: fits === null ? "" : fit === undefined || fit === null ? t("not readable as a model") : fitText(fit),
    };
  });
  const entries = entriesFor(role, catalogue).map((entry, index): ModelPick & { readonly fit: ModelFit | null } => {
    const fit = fits?.shapes[index] ?? null;
    const size = entry.bytesAreExact ? bytes(entry.bytes) : t("about {0}", bytes(entry.bytes));
    return {
      fit,
      choice: { kind: "entry", entry, fit },
      label: `$(cloud-download) ${entry.name}`,
      description: [size, licenceName(entry)].join(" · "),
      detail: fit === null ? "" : fitText(fit),
    };
  });
  // Too large ones stay in the list: a person may know better.
  const ordered = [...entries.filter(({ fit }) => fit?.kind !== "tooLarge"), ...entries.filter(isTooLarge)];
  return [
    ...(files.length > 0 ? [separator(t("on this machine")), ...files] : []),
    separator(t("can be downloaded")),
    ...ordered.map(({ choice, label, description, detail }) => ({ choice, label, description, detail })),
    separator(t("other")),
    { choice: { kind: "browse" }, label: `$(folder-opened) ${t("Browse for a file…")}`, description: "", detail: "" },
    { choice: { kind: "address" }, label: `$(link) ${t("From a URL…")}`, description: "", detail: "" },
    {
      choice: { kind: "default" },
      label: mark(inUse === "", defaultText(role)),
      description: "",
      detail: "",
    },
  ];
}

function isTooLarge({ fit }: { readonly fit: ModelFit | null }): boolean {
  return fit?.kind === "tooLarge";
}

function mark(isInUse: boolean, text: string): string {
  return isInUse ? `$(check) ${text}` : text;
}

function separator(label: string): ModelPick {
  return { choice: { kind: "separator" }, label, description: "", detail: "" };
}

function defaultText(role: ModelRole): string {
  return {
    assistant: t("No assistant: answer with the code itself"),
    completer: t("The assistant where it can fill in, else the model that comes with Precis"),
    scorer: t("The scorer that comes with Precis"),
  }[role];
}
