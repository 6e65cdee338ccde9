/** `precis models …`: its commands and their options. */
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { modelRoles } from "../protocol/models.ts";
import { devices } from "../protocol/settings.ts";
import { runModelsDelete, runModelsDownload, runModelsFit, runModelsList } from "./modelsCommand.ts";
import type { DownloadOptions, FitOptions, ListOptions, ModelsOptions } from "./modelsCommand.ts";
import type { CommandContext, EngineOptions } from "./openEngine.ts";

export interface CommandTools {
  /** Runs a command and turns its end into an exit code. */
  readonly run: (options: EngineOptions, command: (context: CommandContext) => Promise<void>) => Promise<void>;
  /** Adds the options that every command has. */
  readonly engine: (command: Command) => Command;
  readonly wholeNumber: (minimum: number, maximum: number) => (text: string) => number;
}

export function addModelsCommands(program: Command, { run, engine, wholeNumber }: CommandTools): void {
  const group = program.command("models").description("models on this machine, and those that can be downloaded");
  const models = (name: string): Command =>
    engine(group.command(name)).option(
      "--folder <folder>",
      "the folder of models, instead of one in the storage folder",
    );
  const role = (): Option => new Option("--role <role>", "only models for this role").choices(modelRoles);

  models("list")
    .description("list the models that are here and those that can be downloaded, with size and licence")
    .addOption(role())
    .action((options: ListOptions) => run(options, (context) => runModelsList(options, context)));
  models("fit")
    .description("say which models fit this machine, and which device it has and why")
    .argument("[files...]", "only these GGUF files")
    .addOption(role())
    .addOption(new Option("--device <name>", "where the model runs").choices(devices))
    .option("--budget <tokens>", "size of the context; 0: chosen for this machine", wholeNumber(0, 131_072), 0)
    .action((files: string[], options: FitOptions) => run(options, (context) => runModelsFit(files, options, context)));
  models("download")
    .description("download a model; the same command goes on where a stopped one ended")
    .argument("<model>", "a name of the list, https://… or hf:user/repository:quantisation")
    .option("--sha256 <digest>", "what the file must hash to", digest)
    .action((model: string, options: DownloadOptions) =>
      run(options, (context) => runModelsDownload(model, options, context)),
    );
  models("delete")
    .description("delete a downloaded model")
    .argument("<name>", "its file name, as listed")
    .action((name: string, options: ModelsOptions) =>
      run(options, (context) => runModelsDelete(name, options, context)),
    );
}

function digest(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text;
  throw new InvalidArgumentError("It must be 64 hexadecimal digits.");
}
