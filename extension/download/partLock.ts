import { DatabaseSync } from "node:sqlite";
import { Failure } from "../protocol/failure.ts";

/**
 * Holds a file's lock until this process ends, however it ends: the system takes SQLite's locks back by itself. Fails with
 * downloadBusy where another process has it.
 */
export function lockPart(file: string): { release(): void } {
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new Failure("downloadBusy", "", { cause: error });
  }
  return {
    release: () => {
      database.close();
    },
  };
}
