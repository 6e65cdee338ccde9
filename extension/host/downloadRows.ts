import type { Download } from "../client/downloads.ts";

/** A row that is drawn anew more often cannot be clicked. */
const redrawMs = 1_000;

/** Decides when the rows of downloads are drawn anew: at once when one begins, stops or ends, else now and then. */
export class DownloadRows {
  readonly #kinds = new Map<number, Download["state"]["kind"]>();
  #drawnMs = Number.NEGATIVE_INFINITY;

  /** True where the change shall be shown now; `nowMs` of any clock that only goes forward. */
  isDue({ id, state }: Download, nowMs: number): boolean {
    const isNews = this.#kinds.get(id) !== state.kind;
    if (!isNews && nowMs - this.#drawnMs < redrawMs) return false;
    this.#drawnMs = nowMs;
    if (state.kind === "done" || state.kind === "cancelled") this.#kinds.delete(id);
    else this.#kinds.set(id, state.kind);
    return true;
  }
}
