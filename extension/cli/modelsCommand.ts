import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Downloads } from "../client/downloads.ts";
import type { EngineCommand } from "../client/engineProcess.ts";
import { licenceName, readCatalogue } from "../models/catalogue.ts";
import type { CatalogueEntry } from "../models/catalogue.ts";
import { deleteModel, listModels, modelFolder } from "../models/modelFolder.ts";
import type { InstalledModel } from "../models/modelFolder.ts";
import { checkedSentence, fitSentence } from "../models/modelSentences.ts";
import type { DeviceReport, FitReport } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import type { ModelRole } from "../protocol/models.ts";
import { english } from "../protocol/sentence.ts";
import type { Device } from "../protocol/settings.ts";
import { withBareEngine } from "./openEngine.ts";
import type { CommandContext, EngineOptions } from "./openEngine.ts";
import { defaultStorageFolder } from "./storageFolder.ts";
import { bytes, count, counted, heading, table } from "./textFormat.ts";

export interface ModelsOptions extends EngineOptions {
  /** Folder of models; else one below the storage folder. */
  readonly folder?: string;
}

export interface ListOptions extends ModelsOptions {
  readonly role?: ModelRole;
}

export interface FitOptions extends ListOptions {
  readonly device?: Device;
  /** 0: as for a question. */
  readonly budget: number;
}

export interface DownloadOptions extends ModelsOptions {
  readonly sha256?: string;
}

/** A server that says nothing for so long is asked again. */
const stallMs = 30_000;
const mebibyte = 1024 ** 2;

/** `precis models list`: what is here, and what can be downloaded. */
export async function runModelsList(options: ListOptions, { terminal }: CommandContext): Promise<void> {
  const { folder, installed, entries } = await known(options);
  if (options.json) {
    terminal.printJson({ folder, installed, catalogue: entries });
    return;
  }
  terminal.print(installedText(folder, installed));
  terminal.print();
  const rows = entries.map((entry) => [entry.id, entry.roles.join(", "), sizeText(entry), licenceName(entry)]);
  terminal.print(heading(`${counted(rows.length, "model")} to download: precis models download <name>`));
  terminal.print(table(rows, ["left", "left", "right", "left"], "  "));
}

/** `precis models fit`: whether they fit this machine, and which device it has. */
export async function runModelsFit(
  files: readonly string[],
  options: FitOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { installed, entries } = await known(options);
  const asked = files.map((file) => path.resolve(file));
  const missing = asked.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Failure("modelMissing", missing);
  const local = [...asked, ...(asked.length > 0 ? [] : installed.map(({ file }) => file))];
  const shapes = asked.length > 0 ? [] : entries;
  const settings = { "budget.contextTokens": options.budget };
  const report = await withBareEngine({ ...options, settings }, context, (client) =>
    client.request("fitModels", { files: local, shapes }, { signal }),
  );
  if (options.json) {
    const named = (names: readonly string[], fits: FitReport["files"]) =>
      names.map((name, index) => ({ name, fit: fits[index] ?? null }));
    const { device, memory } = report;
    const byId = named(
      shapes.map(({ id }) => id),
      report.shapes,
    );
    terminal.printJson({ device, memory, files: named(local, report.files), catalogue: byId });
    return;
  }
  terminal.print(deviceText(report.device));
  terminal.print();
  const format = { bytes, number: count };
  const rows = [
    ...local.map((file, index) => {
      const fit = report.files[index];
      return [
        path.basename(file),
        fit === undefined || fit === null ? "not readable as a model" : fitSentence(fit, format),
      ];
    }),
    ...shapes.map(({ id }, index) => {
      const fit = report.shapes[index];
      return [id, fit === undefined ? "" : fitSentence(fit, format)];
    }),
  ];
  terminal.print(table(rows, ["left", "left"], "  "));
}

/** `precis models download`: a model of the list, or any by its address. Ctrl+C stops it; the same command goes on. */
export async function runModelsDownload(
  what: string,
  options: DownloadOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { folder, entries } = await known(options);
  const entry = entries.find(({ id }) => id === what);
  if (entry === undefined && !/^(?:https?:|hf:)/.test(what)) {
    throw new Failure("downloadAddressInvalid", `${what} is no name of the list either; see precis models list`);
  }
  const hex = options.sha256 ?? entry?.sha256;
  const checksum = hex === undefined ? null : ({ algorithm: "sha256", hex: hex.toLowerCase() } as const);
  const downloads = new Downloads({ command: downloadCommand });
  try {
    downloads.onChanged(({ name, state }) => {
      if (state.kind !== "running") return;
      const mebibytes = (amount: number): number => Math.round(amount / mebibyte);
      terminal.progress(`${name}, MiB:`, mebibytes(state.bytesDone), mebibytes(state.bytesTotal));
    });
    const job = { uri: entry?.uri ?? what, folder, kind: "model", checksum, role: null, stallMs } as const;
    const { id } = downloads.start(job, entry?.name ?? what);
    signal.addEventListener("abort", () => void downloads.pause(id), { once: true });
    const state = await downloads.settled(id);
    terminal.clearProgress();
    if (state.kind === "failed") throw state.failure;
    if (state.kind !== "done") throw new Failure("cancelled", "the same command goes on where it stopped");
    if (options.json) terminal.printJson(state);
    else {
      terminal.print(`${state.file}\n${checkedSentence(state)}`);
      terminal.note(`Use it: precis ask --model ${JSON.stringify(state.file)} "…"`);
    }
  } finally {
    await downloads.dispose();
  }
}

/** `precis models delete`: only what lies in the folder of models. */
export async function runModelsDelete(
  name: string,
  options: ModelsOptions,
  { terminal }: CommandContext,
): Promise<void> {
  const { folder, installed } = await known(options);
  const model = installed.find((candidate) => candidate.name === name);
  if (model === undefined) throw new Failure("modelMissing", path.join(folder, name));
  await deleteModel(folder, model.file);
  if (options.json) terminal.printJson({ deleted: model });
  else terminal.print(`Deleted ${model.name}, ${bytes(model.bytes)}.`);
}

interface Known {
  readonly folder: string;
  readonly installed: readonly InstalledModel[];
  readonly entries: readonly CatalogueEntry[];
}

async function known({ folder: chosen, storage, role }: ListOptions): Promise<Known> {
  const folder = modelFolder(chosen ?? "", path.resolve(storage ?? defaultStorageFolder()));
  const catalogue = await readCatalogue(packageRoot());
  const entries = role === undefined ? catalogue : catalogue.filter(({ roles }) => roles.includes(role));
  return { folder, installed: await listModels(folder), entries };
}

function installedText(folder: string, installed: readonly InstalledModel[]): string {
  if (installed.length === 0) return `No model in ${folder}`;
  const rows = installed.map(({ name, bytes: size }) => [name, bytes(size)]);
  return `${heading(`${counted(installed.length, "model")} in ${folder}`)}\n${table(rows, ["left", "right"], "  ")}`;
}

function sizeText({ bytes: size, bytesAreExact }: CatalogueEntry): string {
  return bytesAreExact ? bytes(size) : `about ${bytes(size)}`;
}

/** The device, why it is this one, and of each other one why not. */
function deviceText({ device, name, why, others, memoryBytes }: DeviceReport): string {
  const memory = memoryBytes > 0 ? `, ${bytes(memoryBytes)}` : "";
  const lines = others.map((other) => `  ${other.device}: ${english(other.why)}`);
  return [`Device ${device}: ${name}${memory}. ${english(why)}`, ...lines].join("\n");
}

function downloadCommand(): EngineCommand {
  const file = fileURLToPath(new URL(isSource ? "../download/main.ts" : "./download.mjs", import.meta.url));
  // Where a terminal needs a proxy, its environment says so.
  const env = { ...process.env, NODE_USE_ENV_PROXY: "1", NODE_USE_SYSTEM_CA: "1" };
  return { command: process.execPath, args: ["--disable-warning=ExperimentalWarning", file], env };
}

const isSource = import.meta.url.endsWith(".ts");

function packageRoot(): string {
  return fileURLToPath(new URL(isSource ? "../.." : "..", import.meta.url));
}
