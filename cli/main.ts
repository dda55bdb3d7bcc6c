#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from "commander";
import { checkDefaults } from "../conformance/check.ts";
import { suiteVersion } from "../conformance/version.ts";
import { BadInput } from "../spec/bad-input.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { exploreCommand, type ExploreCommandOptions } from "./commands/explore.ts";
import { replayCommand, type ReplayOptions } from "./commands/replay.ts";
import { explainCommand, rulesCommand } from "./commands/rules.ts";
import { runCommand, type RunOptions } from "./commands/run.ts";
import { startCommand, type StartOptions } from "./commands/start.ts";
import { note, type ExitCode, type OutputOptions } from "./output.ts";

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("give a whole number from 0 on.");
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("give a number above 0.");
  return value;
}

function profile(text: string): string {
  try {
    profileNamed(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  return text;
}

function format(choices: readonly string[]): Option {
  return new Option("--format <format>", "how to answer").choices([...choices]).default("text");
}

/** Runs a command to its exit code. Whatever a person handed in wrong is one line, never a stack. */
async function finish(command: () => ExitCode | Promise<ExitCode>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    note(
      error instanceof BadInput
        ? error.message
        : `harness error: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exitCode = 3;
  }
}

const program = new Command("dmabuf-conformance")
  .description("Conformance suite for the contract between exporters and importers of shared device buffers.")
  .version(suiteVersion)
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 3);
  });

program
  .command("start", { isDefault: true })
  .description("the main job: the reference and every driver model")
  .addOption(format(["text", "json"]))
  .option("--output <dir>", "write reports and counterexamples there")
  .option("--seed <n>", "seed of the search", wholeNumber, checkDefaults.seed)
  .option("--scale <factor>", "multiplies every budget", positiveNumber, 1)
  .option("--corpus <dir>", "try the counterexamples stored there first")
  .option("--no-corpus", "search only (the default: the main job stores none of its own)")
  .action((options: StartOptions) => finish(() => startCommand(options)));

function adapterCommand(name: string, description: string, budget: number): void {
  program
    .command(`${name} <module>`)
    .description(description)
    .addOption(format(["text", "json"]))
    .option("--output <dir>", "write the report and counterexamples there")
    .option("--profile <name>", "kernel series, for example K6.12+moveNotify", profile, checkDefaults.profile)
    .option("--seed <n>", "seed of the search", wholeNumber, checkDefaults.seed)
    .option("--budget <operations>", "length of the search", wholeNumber, budget)
    .option("--corpus <dir>", "try the counterexamples stored there first")
    .option("--strict", "violated SHOULD rules count", false)
    .option("--silence <seconds>", "end the adapter after that long without a sign of life", positiveNumber, 20)
    .action((module: string, options: RunOptions) => finish(() => runCommand(module, options)));
}
adapterCommand("run", "check the subject a module exports by default", checkDefaults.budget);
adapterCommand("smoke", "a short run, to see whether an adapter works at all", 2_000);

program
  .command("replay <file>")
  .description("run a stored program or counterexample again")
  .addOption(format(["text", "json", "ts"]))
  .option("--adapter <module>", "replay on this adapter")
  .option("--subject <name>", "replay on a built-in subject")
  .option("--step", "show every event and what it changed", false)
  .action((file: string, options: ReplayOptions) => finish(() => replayCommand(file, options)));

program
  .command("explore [scope]")
  .description("every state and transition of a small closed world; of all of them without a name")
  .addOption(format(["text", "json"]))
  .option("--graph <file>", "write the graph of the scope there, as .dot or .json")
  .action((scope: string | undefined, options: ExploreCommandOptions) => finish(() => exploreCommand(scope, options)));

program
  .command("rules")
  .description("list every rule with its level and status")
  .addOption(format(["text", "json"]))
  .action((options: OutputOptions) => finish(() => rulesCommand(options)));

program
  .command("explain <rule>")
  .description("everything about one rule, for example explain REV-04")
  .addOption(format(["text", "json"]))
  .action((rule: string, options: OutputOptions) => finish(() => explainCommand(rule, options)));

await program.parseAsync();
