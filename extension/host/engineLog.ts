import type { LogOutputChannel } from "vscode";
import { unreachable } from "../base/unreachable.ts";
import type { EngineClient, EngineState } from "../client/engineClient.ts";

/** Writes what the engine logs, and how it fares, into the log channel. */
export function logEngine(client: EngineClient, log: LogOutputChannel): { dispose(): void }[] {
  return [
    client.on("log", ({ level, message }) => {
      switch (level) {
        case "debug":
          log.debug(message);
          return;
        case "info":
          log.info(message);
          return;
        case "warning":
          log.warn(message);
          return;
        case "error":
          log.error(message);
          return;
        default:
          unreachable(level);
      }
    }),
    client.onStateChanged((state) => {
      logState(state, log);
    }),
  ];
}

function logState(state: EngineState, log: LogOutputChannel): void {
  switch (state.kind) {
    case "starting":
      if (state.after === null) log.info("Starting the engine.");
      else log.error(`${state.after.message}\nStarting the engine again (GPU: ${state.gpu}).`);
      return;
    case "ready":
      log.info(`The engine runs: version ${state.engineVersion}, process ${state.pid}.`);
      return;
    case "failed":
    case "givenUp":
      log.error(state.failure.message);
      return;
    case "stopped":
    case "disposed":
      return;
    default:
      unreachable(state);
  }
}
