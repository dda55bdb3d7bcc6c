import { Command, CommanderError, Option } from "commander";
import { checkDefaults, proposalDefaults, usualSlice } from "../conformance/defaults.ts";
import { suiteVersion } from "../conformance/version.ts";
import { BadInput } from "../spec/bad-input.ts";
import type { ExploreCommandOptions } from "./commands/explore.ts";
import type { ReplayOptions } from "./commands/replay.ts";
import type { CompareCommandOptions } from "./commands/compare.ts";
import type { DefendCommandOptions } from "./commands/defend.ts";
import type { ProposalCommandOptions } from "./commands/proposal.ts";
import type { MergeOptions } from "./commands/merge.ts";
import type { RunOptions } from "./commands/run.ts";
import type { StartOptions } from "./commands/start.ts";
import { note, type ExitCode, type OutputOptions } from "./output.ts";
import { positiveNumber, positiveWhole, profile, wholeNumber } from "./words/values.ts";

function format(choices: readonly string[]): Option {
  return new Option("--format <format>", "how to answer").choices([...choices]).default("text");
}

type Action = () => ExitCode | Promise<ExitCode>;

interface Defended {
  readonly defend: boolean;
}

/** All commands with their options. What one of them is asked for goes to `finish`, and loads no more than that one needs. */
function commands(finish: (action: Action) => Promise<void>): Command {
  const program = new Command("dmabuf-conformance")
    .description("Conformance suite for the contract between exporters and importers of shared device buffers.")
    .version(suiteVersion)
    .exitOverride();

  program
    .command("start", { isDefault: true })
    .description("the main job: the reference and every driver model")
    .addOption(format(["text", "json"]))
    .option("--output <dir>", "write reports and counterexamples there")
    .option("--seed <n>", "seed of the search", wholeNumber, checkDefaults.seed)
    .option("--scale <factor>", "multiplies every budget", positiveNumber, 1)
    .option("--corpus <dir>", "try the counterexamples stored there first")
    .option("--workers <n>", "threads", positiveWhole, 2)
    .option("--no-corpus", "search only (the default: the main job stores none of its own)")
    .action((options: StartOptions) => finish(async () => (await import("./commands/start.ts")).startCommand(options)));

  function subjectCommand(name: string, description: string, operations: number): void {
    program
      .command(`${name} <subject>`)
      .description(`${description}: a built-in name, or a module that exports it by default`)
      .addOption(format(["text", "json"]))
      .option("--output <dir>", "write the report and counterexamples there")
      .option("--profile <name>", "kernel series, for example K6.12+moveNotify", profile, checkDefaults.profile)
      .option("--seed <n>", "seed of the search", wholeNumber, checkDefaults.seed)
      .option("--operations <n>", "length of the search", wholeNumber, operations)
      .addOption(new Option("--budget <n>", "the old name of --operations").argParser(wholeNumber).hideHelp())
      .addOption(
        new Option("--mode <mode>", "search, or tour: every transition of every scope once, and nothing else")
          .choices(["search", "tour"])
          .default("search"),
      )
      .option("--seconds <n>", "length of the search in time: it ends with the slices under way", positiveNumber)
      .option(
        "--slice <n>",
        "operations of one slice; part of what results are a function of",
        positiveWhole,
        usualSlice,
      )
      .option("--workers <n>", "threads, each with one slice at a time", positiveWhole, 1)
      .option("--shard <i/n>", "only every n-th slice; auto or auto/n: from the machine room's variables")
      .option("--progress", "a line a second on standard error, on a terminal also without asking")
      .option("--resume", "go on with what an earlier run left in --output")
      .option("--corpus <dir>", "try the programs stored there first, and go on from them")
      .option("--strict", "violated SHOULD rules count", false)
      .option("--silence <seconds>", "end the adapter after that long without a sign of life", positiveNumber, 20)
      .action((subject: string, options: RunOptions & { readonly budget?: number }) =>
        finish(async () => {
          const { runCommand } = await import("./commands/run.ts");
          return runCommand(subject, { ...options, operations: options.budget ?? options.operations });
        }),
      );
  }
  subjectCommand("run", "check a subject", checkDefaults.budget);
  subjectCommand("smoke", "a short run, to see whether an adapter works at all", 2_000);

  program
    .command("merge <files...>")
    .description("the report of a campaign from the reports of its shards")
    .addOption(format(["text", "json"]))
    .option("--output <dir>", "write the report, counterexamples and the corpus there")
    .option(
      "--subject <name>",
      "the subject, built-in or a module: to shrink what only several programs break together",
    )
    .action((files: string[], options: MergeOptions) =>
      finish(async () => (await import("./commands/merge.ts")).mergeCommand(files, options)),
    );

  program
    .command("compare <first> <second>")
    .description("the same programs on two subjects, and the shortest ones where they differ")
    .addOption(format(["text", "json"]))
    .option("--output <dir>", "write the programs there")
    .option("--profile <name>", "kernel series, for example K6.12+moveNotify", profile, checkDefaults.profile)
    .option("--seed <n>", "seed of the search", wholeNumber, checkDefaults.seed)
    .option("--operations <n>", "length of the search", wholeNumber, 20_000)
    .action((first: string, second: string, options: CompareCommandOptions) =>
      finish(async () => (await import("./commands/compare.ts")).compareCommand(first, second, options)),
    );

  program
    .command("replay <file>")
    .description("run a stored program or counterexample again")
    .addOption(format(["text", "json", "ts"]))
    .option("--adapter <module>", "replay on this adapter")
    .option("--subject <name>", "replay on a built-in subject, or on this one of the adapter's")
    .option("--step", "show every event and what it changed", false)
    .action((file: string, options: ReplayOptions) =>
      finish(async () => (await import("./commands/replay.ts")).replayCommand(file, options)),
    );

  program
    .command("explore [scope]")
    .description("every state and transition of a small closed world; of all of them without a name")
    .addOption(format(["text", "json"]))
    .option("--graph <file>", "write the graph of the scope there, as .dot or .json")
    .option("--proposal <proposal>", "the scopes of a proposal instead, all of whose transitions are carried out")
    .action((scope: string | undefined, options: ExploreCommandOptions) =>
      finish(async () => {
        if (options.proposal === undefined) {
          const { exploreCommand } = await import("./commands/explore.ts");
          return exploreCommand(scope, options);
        }
        const { exploreProposalCommand } = await import("./commands/explore-proposal.ts");
        return exploreProposalCommand(scope, options.proposal, options);
      }),
    );

  program
    .command("proposal [proposal]")
    .description("a proposed extension of the contract: a name or a file; all that come with the suite without one")
    .addOption(format(["text", "json"]))
    .option("--output <dir>", "write the report and the shortest programs there")
    .option("--seed <n>", "seed of the search", wholeNumber, proposalDefaults.seed)
    .option("--operations <n>", "length of the search (default: what the proposal says)", positiveWhole)
    .option("--replay <file>", "run a stored program of the proposal again")
    .option("--defend", "the long form, for what the threads defend: scopes, faults, 5 million operations", false)
    .option("--workers <n>", "with --defend: threads, each with one slice at a time", positiveWhole, 1)
    .action((proposal: string | undefined, options: ProposalCommandOptions & DefendCommandOptions & Defended) =>
      finish(async () => {
        // Loading the proposals makes their contracts known, which is for these commands alone.
        if (options.defend) {
          const { defendCommand } = await import("./commands/defend.ts");
          return defendCommand(proposal, options);
        }
        const { proposalCommand } = await import("./commands/proposal.ts");
        return proposalCommand(proposal, options);
      }),
    );

  program
    .command("rules")
    .description("list every rule with its level and status")
    .addOption(format(["text", "json"]))
    .action((options: OutputOptions) =>
      finish(async () => (await import("./commands/rules.ts")).rulesCommand(options)),
    );

  program
    .command("explain <rule>")
    .description("everything about one rule, for example explain REV-04")
    .addOption(format(["text", "json"]))
    .action((rule: string, options: OutputOptions) =>
      finish(async () => (await import("./commands/rules.ts")).explainCommand(rule, options)),
    );
  return program;
}

/**
 * Runs the command that these words name, to its exit code. Whatever a person handed in wrong is one line on standard
 * error, never a stack.
 */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = commands(async (action) => {
    code = await action();
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    // Its message is out already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 3;
    note(
      error instanceof BadInput
        ? error.message
        : `harness error: ${error instanceof Error ? error.message : String(error)}`,
    );
    return 3;
  }
}
