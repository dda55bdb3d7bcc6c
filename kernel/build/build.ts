import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, folderText, keyOf } from "./cache.ts";
import { run, tail } from "./command.ts";
import { alone } from "./lock.ts";
import { isWhole, markWhole, wasWhole } from "./whole.ts";
import { BuildFailed, Skipped } from "./skipped.ts";
import { findSource, type SeriesWanted, type Source } from "./source.ts";
import { edited } from "./edit.ts";
import { buildEnvironment } from "./tools.ts";
import { partsOf, type Variant, type VariantParts } from "./variant.ts";

/** A kernel that is ready to start. */
export interface BuiltKernel {
  readonly version: string;
  readonly origin: string;
  /** The User-Mode Linux binary, and the folder that it has as its root. */
  readonly kernel: string;
  readonly root: string;
  /** False: it was in the cache. */
  readonly fresh: boolean;
}

/** Folder of the C sources and the fragment: beside this file, or beside the one it was compiled from. */
export function ownFolder(): string {
  const here = dirname(dirname(fileURLToPath(import.meta.url)));
  return existsSync(join(here, "module")) ? here : join(here, "../../kernel");
}

/** Builds a kernel of a series, its module and the agent, or takes them from the cache. Throws Skipped or BuildFailed. */
export function buildKernel(wanted: SeriesWanted, variant: Variant = "usual"): BuiltKernel {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Skipped(
      `User-Mode Linux runs on Linux on x86-64 only, and this is ${process.platform} on ${process.arch}`,
    );
  const own = ownFolder();
  const parts = partsOf(own, variant);
  const sources = [folderText(join(own, "module")), folderText(join(own, "agent"))];
  const ready = (tells: boolean) => inCache(wanted, parts.fragment, sources, tells);
  // Whoever had to wait for another finds what that one built.
  return ready(false) ?? alone(() => ready(true) ?? build(wanted, own, parts, sources));
}

function build(wanted: SeriesWanted, own: string, parts: VariantParts, sources: readonly string[]): BuiltKernel {
  const source = findSource(wanted);
  const env = buildEnvironment();
  const kernel = compileKernel(source, parts, env);
  const root = compileRoot(source, kernel, keyOf(source.version, parts.fragment, ...sources), own, env);
  writeFileSync(latest(wanted), JSON.stringify({ version: source.version, origin: source.origin }));
  return { version: source.version, origin: source.origin, kernel: join(kernel, "linux"), root, fresh: true };
}

/** What a kernel finds in its root. */
const rootFiles = ["init", "conformance.ko"];
const rootFolders = ["dev", "proc", "sys", "batch"];

function makeFolders(root: string): void {
  for (const below of rootFolders) mkdirSync(join(root, below), { recursive: true });
}

/** Which version of a series was last built: without it a cached kernel could only be found with its source. */
function latest(wanted: SeriesWanted): string {
  return join(cacheFolder("built"), `${wanted}.json`);
}

/** What the cache has of it. `tells`: what is damaged is named. */
function inCache(
  wanted: SeriesWanted,
  fragment: string,
  sources: readonly string[],
  tells: boolean,
): BuiltKernel | null {
  const given = process.env["KERNEL_SRC"];
  if ((given !== undefined && given !== "") || !existsSync(latest(wanted))) return null;
  try {
    const { version, origin } = JSON.parse(readFileSync(latest(wanted), "utf8")) as Record<string, string>;
    if (version === undefined || origin === undefined) return null;
    const kernel = join(cacheFolder("built"), kernelKey(version, fragment));
    const root = join(cacheFolder("root"), keyOf(version, fragment, ...sources));
    const needed = [
      { folder: kernel, files: ["linux"] },
      { folder: root, files: rootFiles },
    ];
    const broken = needed.filter(({ folder, files }) => !isWhole(folder, files));
    for (const { folder } of broken)
      if (tells && wasWhole(folder)) process.stderr.write(`damaged, and to be built again: ${folder}\n`);
    if (broken.length > 0) return null;
    makeFolders(root);
    return { version, origin, kernel: join(kernel, "linux"), root, fresh: false };
  } catch {
    // A damaged note is no note: everything is built anew.
    return null;
  }
}

function kernelKey(version: string, fragment: string): string {
  return `${version}-${keyOf(version, fragment)}`;
}

/** Compiles the kernel itself. The folder keeps what modules are compiled against. */
function compileKernel(source: Source, { fragment, edits }: VariantParts, env: NodeJS.ProcessEnv): string {
  const folder = join(cacheFolder("built"), kernelKey(source.version, fragment));
  if (isWhole(folder, ["linux"])) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "build.log");
  writeFileSync(join(folder, "um.config"), fragment);
  process.stderr.write(`building Linux ${source.version}, which takes some minutes; its words are in ${log}\n`);
  const make = (...targets: readonly string[]) => makeKernel(source, folder, env, log, targets);
  make("tinyconfig");
  const merge = [
    "scripts/kconfig/merge_config.sh",
    "-m",
    "-O",
    folder,
    join(folder, ".config"),
    join(folder, "um.config"),
  ];
  const merged = run("sh", merge, { cwd: source.folder, env: { ...env, ARCH: "um" }, log });
  if (!merged.ok) throw new BuildFailed(`the configuration of Linux ${source.version} cannot be merged; see ${log}`);
  make("olddefconfig");
  checkConfiguration(readFileSync(join(folder, ".config"), "utf8"), fragment, source);
  edited(source, edits, () => make("linux", "modules_prepare"));
  markWhole(folder, ["linux"]);
  return folder;
}

/** A second folder of a build, which make goes on with. It is not whole yet, and has its own log. */
export function copyBuild(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  for (const own of ["whole", "build.log"]) rmSync(join(to, own), { force: true });
}

export function makeKernel(
  source: Source,
  folder: string,
  env: NodeJS.ProcessEnv,
  log: string,
  targets: readonly string[],
): void {
  const jobs = `-j${availableParallelism()}`;
  const args = ["-n", "10", "make", "-s", jobs, "-C", source.folder, "ARCH=um", `O=${folder}`, ...targets];
  const { ok, output } = run("nice", args, { env, log });
  if (!ok)
    throw new BuildFailed(
      `Linux ${source.version} cannot be built (make ${targets.join(" ")}); see ${log}:\n${tail(output, 3)}`,
    );
}

/** Options that a series no longer has, or that it decides for itself. */
const optional = new Set(["CONFIG_DMABUF_MOVE_NOTIFY"]);

/** Every line of the fragment must have survived: a judge that was configured away would pass everything. */
function checkConfiguration(configuration: string, fragment: string, { version }: Source): void {
  const have = new Set(configuration.split("\n"));
  const lost = fragment
    .split("\n")
    .filter((line) => line.endsWith("=y") && !have.has(line) && !optional.has(line.slice(0, -2)));
  if (lost.length > 0) throw new BuildFailed(`Linux ${version} does not take ${lost.join(", ")}`);
}

/** Compiles module and agent into a folder that a kernel can have as its root. */
function compileRoot(source: Source, kernel: string, key: string, own: string, env: NodeJS.ProcessEnv): string {
  const root = join(cacheFolder("root"), key);
  if (isWhole(root, rootFiles)) return root;
  const scratch = `${root}.new`;
  rmSync(scratch, { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
  makeFolders(scratch);
  const module = join(scratch, "module");
  cpSync(join(own, "module"), module, { recursive: true });
  const log = join(scratch, "build.log");
  makeKernel(source, kernel, env, log, [
    `M=${module}`,
    `KBUILD_EXTRA_SYMBOLS=${join(kernel, "vmlinux.symvers")}`,
    "modules",
  ]);
  copyFileSync(join(module, "conformance.ko"), join(scratch, "conformance.ko"));
  rmSync(module, { recursive: true, force: true });
  const agent = run("gcc", ["-O2", "-Wall", "-static", "-o", join(scratch, "init"), join(own, "agent/agent.c")], {
    log,
  });
  if (!agent.ok)
    throw new Skipped(`the agent cannot be built (a static C library is needed: libc6-dev):\n${tail(agent.output, 3)}`);
  markWhole(scratch, rootFiles);
  renameSync(scratch, root);
  return root;
}
