import { english, isSentence } from "../protocol/sentence.ts";
import { count } from "./textFormat.ts";

export interface TerminalOptions {
  /** No progress and no notes. */
  readonly quiet: boolean;
  /** Results are JSON; errors too. */
  readonly json: boolean;
}

/** Where there is no terminal to redraw a line on, progress is reported once per this part of the whole. */
const sparseStep = 0.25;

/** Results go to standard output; progress and notes to standard error, as one redrawn line where it is a terminal. */
export class Terminal {
  readonly json: boolean;
  readonly #quiet: boolean;
  #lineShown = false;
  #lastLabel = "";
  #lastStep = -1;
  #closed = false;

  /** `onClosed` is called when nobody reads standard output any more, as in `precis … | head`. */
  constructor(options: TerminalOptions, onClosed: () => void) {
    this.json = options.json;
    this.#quiet = options.quiet;
    const closed = (): void => {
      this.#closed = true;
      onClosed();
    };
    process.stdout.on("error", closed);
    process.stderr.on("error", closed);
  }

  /** True when standard output was closed by its reader. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** A part of the result, as it is. */
  write(text: string): void {
    if (this.#closed) return;
    this.clearProgress();
    process.stdout.write(text);
  }

  /** A line of the result. */
  print(text = ""): void {
    this.write(`${text}\n`);
  }

  /** Sentences in it become English texts. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, (_, part: unknown) => (isSentence(part) ? english(part) : part)));
  }

  /** A line for the person who watches; not part of the result. */
  note(text: string): void {
    if (this.#quiet || this.#closed) return;
    this.clearProgress();
    process.stderr.write(`${text}\n`);
  }

  /** The line of a failure; shown even when quiet. */
  error(text: string): void {
    if (this.#closed) return;
    this.clearProgress();
    process.stderr.write(`${text}\n`);
  }

  /** `total` 0: not known yet. */
  progress(label: string, done: number, total: number): void {
    if (this.#quiet || this.#closed) return;
    const text = total > 0 ? `${label} ${count(done)} of ${count(total)}` : `${label} ${count(done)}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001b[K${text.slice(0, process.stderr.columns - 1)}`);
      this.#lineShown = true;
      return;
    }
    if (done === 0) return;
    const step = total > 0 ? Math.floor(done / total / sparseStep) : 0;
    if (label === this.#lastLabel && step === this.#lastStep) return;
    this.#lastLabel = label;
    this.#lastStep = step;
    process.stderr.write(`${text}\n`);
  }

  clearProgress(): void {
    if (!this.#lineShown) return;
    this.#lineShown = false;
    process.stderr.write("\r\u001b[K");
  }
}
