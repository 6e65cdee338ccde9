import { readdir, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../protocol/failure.ts";
import { isLaterPart, namesOfModel } from "./fileNames.ts";

/** A model in Precis' own folder. */
export interface InstalledModel {
  /** Absolute; of the first part where the model is split. */
  readonly file: string;
  readonly name: string;
  /** Of all parts. */
  readonly bytes: number;
}

/** A folder with more files than this was not made for models. */
const modelsMax = 500;

/** Where models are downloaded to: the setting's folder, else one below the storage folder. */
export function modelFolder(setting: string, storageFolder: string): string {
  return setting === "" ? path.join(storageFolder, "models") : path.resolve(setting);
}

/** The models of a folder, by name; none where the folder does not exist. */
export async function listModels(folder: string): Promise<readonly InstalledModel[]> {
  const names = await readdir(folder).catch(() => []);
  const models = names.filter((name) => name.endsWith(".gguf") && !isLaterPart(name)).slice(0, modelsMax);
  const found = await Promise.all(models.map((name) => installed(folder, name)));
  return found.filter((model) => model !== null).toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Deletes all files of a model. Fails with modelNotDeletable; files outside the folder are never touched. */
export async function deleteModel(folder: string, file: string): Promise<void> {
  if (path.dirname(path.resolve(file)) !== path.resolve(folder)) {
    throw new Failure("modelNotDeletable", `${file} is not in ${folder}`);
  }
  try {
    for (const name of namesOfModel(path.basename(file))) await unlink(path.join(folder, name));
  } catch (error) {
    throw new Failure("modelNotDeletable", error instanceof Error ? error.message : file, { cause: error });
  }
}

/** Null where it is no file, or was deleted just now. */
async function installed(folder: string, name: string): Promise<InstalledModel | null> {
  const parts = await Promise.all(namesOfModel(name).map((part) => stat(path.join(folder, part)).catch(() => null)));
  if (parts.some((part) => part?.isFile() !== true)) return null;
  return { file: path.join(folder, name), name, bytes: parts.reduce((sum, part) => sum + (part?.size ?? 0), 0) };
}
