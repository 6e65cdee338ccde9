/** Entry of the terminal program: reads the command line, runs one command, turns its end into an exit code. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { toFailure } from "../protocol/failure.ts";
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";
import type { Failure } from "../protocol/failure.ts";
import { defaultSettings, devices, evictorNames, rankerNames } from "../protocol/settings.ts";
import { runAsk } from "./askCommand.ts";
import type { AskOptions } from "./askCommand.ts";
import { cacheActions, runCache } from "./cacheCommand.ts";
import type { CacheAction } from "./cacheCommand.ts";
import { parsePlace, runComplete } from "./completeCommand.ts";
import type { CompleteOptions, Place } from "./completeCommand.ts";
import { runContext } from "./contextCommand.ts";
import type { ContextOptions } from "./contextCommand.ts";
import { runIndex } from "./indexCommand.ts";
import type { CommandContext, EngineOptions, SharedOptions } from "./openEngine.ts";
import { parseDrop, parsePin } from "./pinOptions.ts";
import { addModelsCommands } from "./modelsOptions.ts";
import { runRank } from "./rankCommand.ts";
import type { RankOptions } from "./rankCommand.ts";
import { Terminal } from "./terminal.ts";

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
/** Units that `rank` and `ask` show unless told otherwise. */
const defaultTop = 10;

const program = new Command("precis")
  .description("Answers questions about a repository, with a model that runs on this machine.")
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

shared(program.command("index"))
  .description("bring the index of a repository up to date and say what is in it")
  .action((options: SharedOptions) => run(options, (context) => runIndex(options, context)));

ranking(shared(program.command("rank")))
  .description("list the units of code that fit a question best")
  .argument("[question]")
  .addOption(topOption())
  .option("--questions <file>", 'answer many questions: one JSON string or {"query": …} per line; prints JSON lines')
  .action((question: string | undefined, options: RankOptions, command: Command) => {
    if (question === undefined && options.questions === undefined)
      command.error("error: give a question, or --questions");
    return run(options, (context) => runRank(question, options, context));
  });

model(ranking(shared(program.command("context"))))
  .description("print the exact prompt for a question, its pieces, and what was left out")
  .argument("<question>")
  .action((question: string, options: ContextOptions) =>
    run(options, (context) => runContext(question, options, context)),
  );

model(ranking(shared(program.command("ask"))))
  .description("answer a question about the repository")
  .argument("<question>", "may begin with /explain, /find, /tests or /doc, and mention #file:PATH or #symbol:NAME")
  .addOption(topOption())
  .option("--max-tokens <tokens>", "length of the answer at most; 0: as in the settings", wholeNumber(0, 16_384), 0)
  .option(
    "--seed <number>",
    "seed of the sampling, for the same answer again with --keep 1",
    wholeNumber(0, 0xffffffff),
  )
  .option("--keep <ratio>", "share of the KV cache that is kept after the answer, 0.1 to 1; 1: all", ratio)
  .addOption(new Option("--evictor <name>", "how the cells that are kept are chosen").choices(evictorNames))
  .action((question: string, options: AskOptions) =>
    run(options, async (context) => {
      const stopReason = await runAsk(question, options, context);
      if (stopReason === "cancelled") process.exitCode = exitCodes.interrupted;
    }),
  );

const cacheCommand = program.command("cache").description("what is stored of KV caches, for the next question");
for (const [action, description] of Object.entries(cacheActions)) {
  engine(cacheCommand.command(action))
    .description(description)
    .action((options: EngineOptions) => run(options, (context) => runCache(action as CacheAction, options, context)));
}

shared(program.command("complete"))
  .description("complete the code at a place: what an editor would show there as ghost text")
  .argument("<place>", "FILE:LINE:COLUMN, both from 1; the column counts UTF-16 code units", place)
  .option("--model <file>", "a GGUF model that completes, instead of the embedded one")
  .addOption(new Option("--device <name>", "where the model runs").choices(devices))
  .option("--budget <tokens>", "size of the prompt", wholeNumber(256, 8192), defaultSettings["complete.budgetTokens"])
  .option("--max-tokens <tokens>", "length at most", wholeNumber(8, 512), defaultSettings["complete.maxTokens"])
  .option("--max-lines <lines>", "lines at most", wholeNumber(1, 60), defaultSettings["complete.maxLines"])
  .action((place: Place, { model: completer, ...options }: CompleteOptions) =>
    run(options, (context) =>
      runComplete(place, { ...options, ...(completer === undefined ? {} : { completer }) }, context),
    ),
  );

addModelsCommands(program, { run, engine, wholeNumber });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}

async function run(options: EngineOptions, command: (context: CommandContext) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  let enginePid = 0;
  const terminal = new Terminal(options, () => {
    abort.abort();
  });
  process.on("SIGINT", () => {
    if (!abort.signal.aborted) {
      abort.abort();
      return;
    }
    if (enginePid > 0) process.kill(enginePid, "SIGKILL");
    process.exit(exitCodes.interrupted);
  });
  try {
    await command({ terminal, signal: abort.signal, onEngine: (pid) => (enginePid = pid) });
  } catch (thrown) {
    const failure = toFailure(thrown);
    process.exitCode = failure.code === "cancelled" ? exitCodes.interrupted : exitCodes.failed;
    report(failure, terminal);
  }
  // A reader that has seen enough is no failure.
  if (terminal.isClosed) process.exitCode = exitCodes.done;
}

function report(failure: Failure, terminal: Terminal): void {
  terminal.error(`precis: ${failure.code}: ${failure.message}`);
  if (terminal.json) terminal.printJson({ error: { code: failure.code, message: failure.message } });
}

function shared(command: Command): Command {
  return engine(command.option("--repo <folder>", "the repository", ".")).option(
    "--ignore <glob>",
    "files to leave out, in .gitignore's syntax; can be repeated",
    collect,
    [],
  );
}

function engine(command: Command): Command {
  return command
    .option("--storage <folder>", "where indexes and caches are kept")
    .option("--json", "print JSON", false)
    .option("--quiet", "no progress and no warnings", false)
    .option("--verbose", "also the engine's log", false);
}

function ranking(command: Command): Command {
  return command
    .option("--root <subfolder>", "only units below this folder of the repository")
    .option("--ranker <name>", `how units are ranked: ${rankerNames.join(", ")}`)
    .option("--scorer <file>", "a GGUF model for the rankers longcodezip and likelihood, instead of the embedded one");
}

function model(command: Command): Command {
  return command
    .option(
      "--budget <tokens>",
      "size of the context, prompt and answer; 0: chosen for this machine",
      wholeNumber(0, 131_072),
      0,
    )
    .option("--model <file>", "a GGUF model that writes the answer")
    .addOption(new Option("--device <name>", "where the model runs").choices(devices))
    .option("--pin <place>", "code that goes along: PATH, PATH:LINE or PATH:FIRST-LAST; can be repeated", pins, [])
    .option("--drop <unit>", "a unit that stays out: PATH#NAME; can be repeated", drops, []);
}

function topOption(): Option {
  return new Option("--top <number>", "units to show").argParser(wholeNumber(1, 1000)).default(defaultTop);
}

function ratio(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value >= 0.1 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a number from 0.1 to 1.");
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function pins(text: string, previous: readonly PinnedPlace[]): PinnedPlace[] {
  const pin = parsePin(text);
  if (pin === null) throw new InvalidArgumentError("It must be PATH, PATH:LINE or PATH:FIRST-LAST.");
  return [...previous, pin];
}

function drops(text: string, previous: readonly UnitName[]): UnitName[] {
  const name = parseDrop(text);
  if (name === null) throw new InvalidArgumentError("It must be PATH#NAME.");
  return [...previous, name];
}

function place(text: string): Place {
  const found = parsePlace(text);
  if (found === null) throw new InvalidArgumentError("It must be FILE:LINE:COLUMN.");
  return found;
}

function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
  };
}
