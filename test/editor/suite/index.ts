/** Runs the tests inside an extension host: VS Code calls `run`, whichever editor it is. */
import Mocha from "mocha";
import { extensionTests } from "./extension.ts";

const testTimeoutMs = 60_000;

export async function run(): Promise<void> {
  const mocha = new Mocha({ timeout: testTimeoutMs, reporter: "spec", color: false });
  const suite = Mocha.Suite.create(mocha.suite, "the installed extension");
  for (const [title, test] of Object.entries(extensionTests)) suite.addTest(new Mocha.Test(title, test));
  const failures = await new Promise<number>((resolve) => {
    mocha.run(resolve);
  });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
