/**
 * Loaded into a process with `--import`, and through NODE_OPTIONS into those that it starts: appends what they do on the
 * network to the file $PRECIS_NETWORK_LOG.
 */
import { appendFileSync } from "node:fs";
import { watchNetwork } from "./networkCalls.ts";

const log = process.env["PRECIS_NETWORK_LOG"] ?? "";

watchNetwork((line) => {
  appendFileSync(log, `${line}\n`);
});
