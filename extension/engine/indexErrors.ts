/** The one place where errors of SQLite and of the file system below it become failures. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../protocol/failure.ts";

/** Primary result codes of sqlite3.h. */
const sqlite = {
  perm: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
};

/** Free space below which a failed write is put down to a full disk. */
const fullDiskBytes = 256 * 1024;

/** The failure for whatever a database operation on `file` threw. Failures pass through, other errors as they are. */
export function indexFailure(thrown: unknown, file: string): unknown {
  if (thrown instanceof Failure || !(thrown instanceof Error)) return thrown;
  const detail = `${file}: ${thrown.message}`;
  const options = { cause: thrown };
  if ("errcode" in thrown && typeof thrown.errcode === "number") {
    switch (thrown.errcode & 0xff) {
      case sqlite.full:
        return new Failure("diskFull", detail, options);
      case sqlite.busy:
      case sqlite.locked:
        return new Failure("workspaceBusy", detail, options);
      case sqlite.corrupt:
      case sqlite.notADatabase:
        return new Failure("indexCorrupt", detail, options);
      case sqlite.perm:
      case sqlite.readOnly:
        return new Failure("indexUnwritable", detail, options);
      case sqlite.cantOpen:
      case sqlite.ioError:
        // SQLite reports a full disk as such only where it writes pages, not where it grows its shared memory.
        return new Failure(diskIsFull(file) ? "diskFull" : "indexUnwritable", detail, options);
      default:
        return new Failure("internal", detail, options);
    }
  }
  if ("code" in thrown) {
    if (thrown.code === "ENOSPC" || thrown.code === "EDQUOT") return new Failure("diskFull", detail, options);
    if (typeof thrown.code === "string" && unwritableCodes.has(thrown.code)) {
      return new Failure("indexUnwritable", detail, options);
    }
  }
  return thrown;
}

const unwritableCodes = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT", "EISDIR", "ENAMETOOLONG"]);

function diskIsFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < fullDiskBytes;
  } catch {
    // The folder itself is gone or closed to us; then space is not the reason.
    return false;
  }
}
