import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { EngineClient } from "../client/engineClient.ts";
import { unreachable } from "../base/unreachable.ts";
import { entriesFor } from "../models/catalogue.ts";
import type { CatalogueEntry } from "../models/catalogue.ts";
import type { InstalledModel } from "../models/modelFolder.ts";
import type { FitReport } from "../protocol/engine.ts";
import { toFailure } from "../protocol/failure.ts";
import { modelRoles } from "../protocol/models.ts";
import type { ModelRole } from "../protocol/models.ts";
import { modelInUse, setModel } from "./configuration.ts";
import type { ModelDownloads } from "./modelDownloads.ts";
import type { ModelLibrary } from "./modelLibrary.ts";
import { modelPicks } from "./modelPicks.ts";
import type { ModelChoice, ModelPick } from "./modelPicks.ts";
import { fitText, roleMeaning, roleName } from "./modelText.ts";

export interface ModelChooserOptions {
  readonly client: Pick<EngineClient, "request">;
  readonly library: ModelLibrary;
  readonly downloads: ModelDownloads;
  readonly log: vscode.LogOutputChannel;
}

interface ModelItem extends vscode.QuickPickItem {
  readonly choice: ModelChoice;
}

/** Lets a person choose the model for a role: one that is here, one of the list, a file, or an address. */
export class ModelChooser {
  readonly #options: ModelChooserOptions;

  constructor(options: ModelChooserOptions) {
    this.#options = options;
  }

  /** Resolves when the model is chosen, or its download has begun. */
  async choose(role: ModelRole): Promise<void> {
    const choice = await this.#pick(role);
    if (choice !== null) await this.#perform(choice, role);
  }

  /** Asks for the role too. */
  async chooseForAnyRole(): Promise<void> {
    const role = await pickRole(t("Choose a model for…"));
    if (role !== null) await this.choose(role);
  }

  async #pick(role: ModelRole): Promise<ModelChoice | null> {
    const { library } = this.#options;
    await library.refresh();
    const installed = library.installed;
    const catalogue = await library.catalogue();
    const rows = (fits: FitReport | null): ModelItem[] =>
      modelPicks({ role, inUse: modelInUse(role), installed, catalogue, fits }).map(itemOf);
    const picker = vscode.window.createQuickPick<ModelItem>();
    picker.title = t("{0}: the model that {1}", roleName(role), roleMeaning(role));
    picker.matchOnDescription = true;
    picker.matchOnDetail = true;
    picker.items = rows(null);
    picker.busy = true;
    const chosen = Promise.withResolvers<ModelChoice | null>();
    picker.onDidAccept(() => {
      chosen.resolve(picker.selectedItems[0]?.choice ?? null);
    });
    picker.onDidHide(() => {
      chosen.resolve(null);
    });
    picker.onDidTriggerItemButton(({ item }) => {
      if (item.choice.kind === "entry") void showLicence(item.choice.entry);
    });
    picker.show();
    try {
      void this.#fits(installed, entriesFor(role, catalogue)).then((fits) => {
        const [active] = picker.activeItems;
        picker.items = rows(fits);
        // The choice must not jump under the fingers of a person who is quick.
        const same = picker.items.find((item) => item.label === active?.label);
        if (same !== undefined) picker.activeItems = [same];
        picker.busy = false;
      });
      return await chosen.promise;
    } finally {
      picker.dispose();
    }
  }

  /** Null where the engine cannot say. */
  async #fits(installed: readonly InstalledModel[], shapes: readonly CatalogueEntry[]): Promise<FitReport | null> {
    try {
      return await this.#options.client.request("fitModels", { files: installed.map(({ file }) => file), shapes });
    } catch (thrown) {
      this.#options.log.warn(`Whether models fit is not known: ${toFailure(thrown).message}`);
      return null;
    }
  }

  async #perform(choice: ModelChoice, role: ModelRole): Promise<void> {
    switch (choice.kind) {
      case "separator":
        return;
      case "file":
        return setModel(role, choice.file);
      case "default":
        return setModel(role, "");
      case "browse":
        return browse(role);
      case "address": {
        const uri = await askForAddress();
        if (uri !== null) this.#options.downloads.fetchAddress(uri, role);
        return;
      }
      case "entry":
        if (await confirmTooLarge(choice)) this.#options.downloads.fetchEntry(choice.entry, role);
        return;
      default:
        unreachable(choice);
    }
  }
}

export async function pickRole(title: string): Promise<ModelRole | null> {
  const items = modelRoles.map((role) => ({ role, label: roleName(role), description: roleMeaning(role) }));
  return (await vscode.window.showQuickPick(items, { title }))?.role ?? null;
}

export async function showLicence({ licenceUrl }: CatalogueEntry): Promise<void> {
  await vscode.env.openExternal(vscode.Uri.parse(licenceUrl));
}

function itemOf({ choice, label, description, detail }: ModelPick): ModelItem {
  if (choice.kind === "separator") return { choice, label, kind: vscode.QuickPickItemKind.Separator };
  const licence = { iconPath: new vscode.ThemeIcon("law"), tooltip: t("Show Licence") };
  return { choice, label, description, detail, ...(choice.kind === "entry" ? { buttons: [licence] } : {}) };
}

async function browse(role: ModelRole): Promise<void> {
  const chosen = await vscode.window.showOpenDialog({
    title: t("{0}: the model that {1}", roleName(role), roleMeaning(role)),
    openLabel: t("Use This Model"),
    canSelectMany: false,
    filters: { [t("GGUF models")]: ["gguf"], [t("All files")]: ["*"] },
  });
  const file = chosen?.[0];
  if (file !== undefined) await setModel(role, file.fsPath);
}

async function askForAddress(): Promise<string | null> {
  const uri = await vscode.window.showInputBox({
    title: t("Address of a GGUF model"),
    placeHolder: "https://… , hf:user/repository:Q4_K_M , hf:user/repository/file.gguf",
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^(?:https?:\/\/\S+|hf:[^/\s]+\/\S+)$/.test(text.trim())
        ? null
        : t("An address begins with https:// or hf:user/repository."),
  });
  return uri?.trim() ?? null;
}

async function confirmTooLarge({ entry, fit }: ModelChoice & { readonly kind: "entry" }): Promise<boolean> {
  if (fit?.kind !== "tooLarge") return true;
  const download = t("Download Anyway");
  const question = t("{0} does not fit this machine.", entry.name);
  const options = { modal: true, detail: fitText(fit) };
  return (await vscode.window.showWarningMessage(question, options, download)) === download;
}
