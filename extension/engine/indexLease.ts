/**
 * Who may write an index: one process at a time, for as long as it renews its lease. SQLite's own lock lasts a
 * transaction; without the lease two processes would parse the whole workspace side by side.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../protocol/failure.ts";

/** Renewed with every batch; a process that is silent for so long hangs or is gone. */
const leaseMs = 60_000;
/** How often a waiting process looks: SQLite has no event for another process's commit. */
const lookAgainMs = 100;

export class IndexLease {
  readonly #database: DatabaseSync;
  readonly #holder = randomUUID();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Waits at most `waitMs` for the other writer. Throws `Failure` workspaceBusy, or the signal's reason. */
  async acquire({ waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal }): Promise<void> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      signal.throwIfAborted();
      const other = this.#tryAcquire();
      if (other === null) return;
      if (Date.now() >= deadline) throw new Failure("workspaceBusy", `process ${other} is writing`);
      await delay(lookAgainMs, undefined, { signal });
    }
  }

  /** To be called inside a transaction that writes. Throws `Failure` workspaceBusy where another process took over. */
  renew(): void {
    const { changes } = this.#database
      .prepare("UPDATE lease SET expiresMs = ? WHERE holder = ?")
      .run(Date.now() + leaseMs, this.#holder);
    if (Number(changes) === 0) throw new Failure("workspaceBusy", "another process took over the index");
  }

  release(): void {
    this.#database.prepare("DELETE FROM lease WHERE holder = ?").run(this.#holder);
  }

  /** Null where the lease is ours now, else the process that has it. */
  #tryAcquire(): number | null {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const row = this.#database.prepare("SELECT holder, pid, host, expiresMs FROM lease").get();
      const pid = Number(row?.["pid"]);
      const taken =
        row !== undefined &&
        row["holder"] !== this.#holder &&
        Number(row["expiresMs"]) > Date.now() &&
        (row["host"] !== hostname() || isAlive(pid));
      if (!taken) {
        this.#database
          .prepare("INSERT OR REPLACE INTO lease VALUES(1, ?, ?, ?, ?)")
          .run(this.#holder, process.pid, hostname(), Date.now() + leaseMs);
      }
      this.#database.exec("COMMIT");
      return taken ? pid : null;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user exists but may not be signalled.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
