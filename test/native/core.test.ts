// Builds the C++ test program of native/core and runs it, once plain and once with sanitizers.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { buildNativeTests } from "../../tools/buildNative.mjs";
import { temporaryFolder } from "../support/folders.ts";
import { writeTestModel } from "../support/testModels.ts";
import { libraryFolder, root, scorerModel } from "./engine.ts";
import path from "node:path";

for (const sanitize of [false, true]) {
  test(`the C++ core passes its own tests${sanitize ? " under AddressSanitizer and UndefinedBehaviorSanitizer" : ""}`, async (t) => {
    const program = await buildNativeTests({ root, sanitize });
    const folder = await temporaryFolder(t);
    const otherModel = path.join(folder, "other.gguf");
    await writeTestModel({ file: otherModel, embedding: 128, heads: 4, kvHeads: 2 });
    const { exitCode, output } = await runProgram(program, [libraryFolder(), scorerModel, otherModel, folder]);
    const failed = output.split("\n").filter((line) => line.startsWith("not ok") || line.startsWith("  "));
    assert.equal(exitCode, 0, failed.join("\n") || output.slice(-4000));
    assert.ok(output.split("\n").filter((line) => line.startsWith("ok ")).length >= 30, "few tests ran");
  });
}

function runProgram(program: string, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  // llama.cpp's back ends are never unloaded and keep their static state, which the leak checker would count.
  const env = { ...process.env, ASAN_OPTIONS: "detect_leaks=0", UBSAN_OPTIONS: "print_stacktrace=1" };
  return new Promise((resolve) => {
    execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (failure, stdout, stderr) => {
      const exitCode = failure === null ? 0 : typeof failure.code === "number" ? failure.code : -1;
      resolve({ exitCode, output: stdout + (exitCode === 0 ? "" : stderr) });
    });
  });
}
