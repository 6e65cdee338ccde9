import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { EngineStatus } from "../protocol/engine.ts";

/** What the engine last said about itself. Asked when something may have changed, never on a clock. */
export class EngineStatusWatch {
  readonly #client: Pick<EngineClient, "request" | "state">;
  readonly #listeners = new Listeners<EngineStatus>();
  #status: EngineStatus | null = null;
  #isAsking = false;

  constructor(client: Pick<EngineClient, "request" | "state">) {
    this.#client = client;
  }

  get status(): EngineStatus | null {
    return this.#status;
  }

  onChanged(listener: (status: EngineStatus) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** Asks a running engine; one that does not run is not started for it. */
  refresh(): void {
    if (this.#client.state.kind !== "ready" || this.#isAsking) return;
    this.#isAsking = true;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      this.#status = await this.#client.request("status", {});
      this.#listeners.call(this.#status);
    } catch {
      // The engine ended meanwhile: its state says so, and the next one is asked again.
      this.#status = null;
    } finally {
      this.#isAsking = false;
    }
  }
}
