/** Nothing of Precis opens a connection by itself: counted by Node in every process, and by the kernel, native code included. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { writeTestModel } from "../support/testModels.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";

const program = fileURLToPath(new URL("../../extension/cli/main.ts", import.meta.url));
const recorder = new URL("../support/networkRecorder.ts", import.meta.url).href;
const question = "How is a failed request tried again?";
/** A network of its own, in which nothing has been sent yet and nothing can leave. */
const namespace = ["unshare", "--map-root-user", "--net"];
const hasNamespaces = spawnSync(namespace[0] ?? "", [...namespace.slice(1), "true"]).status === 0;

let folder = "";
let model = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-network-"));
  model = join(folder, "model.gguf");
  await writeExampleRepository(join(folder, "repository"));
  await writeTestModel({ file: model });
});
after(() => rm(folder, { recursive: true, force: true }));

const commands: Readonly<Record<string, () => string[]>> = {
  "an index": () => ["index"],
  "a ranking": () => ["rank", question, "--ranker", "likelihood"],
  "an answer without a model": () => ["ask", question],
  "an answer with a model": () => ["ask", question, "--model", model, "--max-tokens", "4"],
  "a suggestion": () => ["complete", "src/retry.ts:12:5"],
};

describe("counted in each Node process", () => {
  for (const [name, args] of Object.entries(commands)) {
    test(`${name} opens no connection`, async () => {
      assert.deepEqual(await recordedBy(precis(args())), []);
    });
  }

  test("a connection and a look-up would be seen, also of a process that is started by another", async () => {
    const lines = await recordedBy(startedByAnother(outgoing));
    assert.match(lines.join("\n"), /^connect .*192\.0\.2\.1/m);
    assert.match(lines.join("\n"), /^lookup precis\.invalid$/m);
  });
});

describe("counted by the kernel", { skip: hasNamespaces ? false : "needs Linux's network namespaces" }, () => {
  for (const [name, args] of Object.entries(commands)) {
    test(`${name} sends nothing`, async () => {
      assert.equal(await sentBy(precis(args())), 0);
    });
  }

  test("an attempt would be seen, also of a process that is started by another", async () => {
    assert.ok((await sentBy(startedByAnother(outgoing))) > 0);
  });
});

/** What must be noticed: an address that leads nowhere (RFC 5737), and a name that cannot exist (RFC 2606). */
const outgoing = `
  require("node:net").connect(80, "192.0.2.1").on("error", () => process.exit()).on("connect", () => process.exit());
  require("node:dns").lookup("precis.invalid", () => {});
  setTimeout(() => process.exit(), 2000);`;

function precis(args: readonly string[]): string[] {
  const common = ["--repo", join(folder, "repository"), "--storage", join(folder, "storage")];
  return [process.execPath, program, ...args, ...common];
}

function startedByAnother(script: string): string[] {
  const outer = `require("node:child_process").spawn(process.execPath, ["-e", process.argv[1]], { stdio: "inherit" })`;
  return [process.execPath, "-e", outer, script];
}

async function recordedBy(command: readonly string[]): Promise<string[]> {
  const log = join(folder, "connections.txt");
  await writeFile(log, "");
  await run(command, { PRECIS_NETWORK_LOG: log, NODE_OPTIONS: `--import=${recorder}` });
  return (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
}

/** Packets that left, or found no way to, while the command ran in a network of its own. */
async function sentBy(command: readonly string[]): Promise<number> {
  const counters = join(folder, "counters.txt");
  const script = `"$@"; status=$?; cat /proc/net/snmp /proc/net/snmp6 > "$0"; exit $status`;
  await run([...namespace, "sh", "-c", script, counters, ...command]);
  return packetsIn(await readFile(counters, "utf8"));
}

/** Sums the kernel's counters of what was sent, or could not be, over IPv4 and IPv6. Neighbour discovery is no traffic of ours. */
function packetsIn(counters: string): number {
  const [names = "", values = ""] = counters.split("\n").filter((line) => line.startsWith("Ip: "));
  const columns = names.split(" ");
  const ofIpv4 = ["OutRequests", "OutNoRoutes"].map((name) => Number(values.split(" ")[columns.indexOf(name)]));
  const ofIpv6 = ["Ip6OutNoRoutes", "Udp6OutDatagrams"].map((name) =>
    Number(new RegExp(`^${name}\\s+(\\d+)$`, "m").exec(counters)?.[1] ?? "0"),
  );
  return [...ofIpv4, ...ofIpv6].reduce((sum, count) => sum + count, 0);
}

async function run(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, output);
}
