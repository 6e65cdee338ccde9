/** Runs tasks one after another, in the order of their calls. A task that fails does not stop the ones behind it. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** Tasks that run or wait. */
  get length(): number {
    return this.#length;
  }

  /** Settles as the task does. */
  run<T>(task: () => Promise<T>): Promise<T> {
    this.#length += 1;
    const result = this.#last.then(task);
    this.#last = result.then(
      () => (this.#length -= 1),
      () => (this.#length -= 1),
    );
    return result;
  }

  /** Resolves when nothing runs or waits any more. */
  async idle(): Promise<void> {
    while (this.#length > 0) await this.#last;
  }
}
