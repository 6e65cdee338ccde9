/** Runs the tests inside an extension host: VS Code calls `run`, whichever editor it is. */
import Mocha from "mocha";
import { completionTests } from "./completion.ts";
import { extensionTests } from "./extension.ts";
import { networkTests } from "./network.ts";

const testTimeoutMs = 60_000;

export async function run(): Promise<void> {
  const mocha = new Mocha({ timeout: testTimeoutMs, reporter: "spec", color: false });
  for (const [name, tests] of Object.entries({
    "the installed extension": extensionTests,
    completing: completionTests,
    "the network": networkTests,
  })) {
    const suite = Mocha.Suite.create(mocha.suite, name);
    for (const [title, test] of Object.entries(tests)) suite.addTest(new Mocha.Test(title, test));
  }
  const failures = await new Promise<number>((resolve) => {
    mocha.run(resolve);
  });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
