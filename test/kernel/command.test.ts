import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { keyOf, folderText } from "../../kernel/build/cache.ts";
import { program } from "../../spec/builder.ts";
import { writeProgram } from "../../spec/write.ts";
import { isWhole, markWhole } from "../../kernel/build/whole.ts";
import { BuiltCommand } from "../cli/built.ts";
import { FakeKernel, type Behaviour } from "./fake-kernel.ts";

const built = new BuiltCommand();
const main = join(built.folder, "kernel/main.js");
for (const name of ["module", "agent", "config"])
  symlinkSync(join(process.cwd(), "kernel", name), join(built.folder, "kernel", name));
cpSync("test/kernel/differences.json", join(built.folder, "test/kernel/differences.json"), { recursive: true });

const fakes: FakeKernel[] = [];
afterAll(() => {
  built.dispose();
  for (const fake of fakes) fake.dispose();
});

let folders = 0;
function fresh(): string {
  folders += 1;
  const path = join(built.folder, `scratch${folders}`);
  mkdirSync(path);
  return path;
}

/** A folder of commands, all the machine has: those that do nothing well, and those that say something and fail. */
function commands(working: readonly string[], failing: Readonly<Record<string, string>> = {}): string {
  const folder = fresh();
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  for (const name of working) write(name, "exit 0");
  for (const [name, words] of Object.entries(failing)) write(name, `echo "${words}" >&2; exit 100`);
  symlinkSync("/bin/sh", join(folder, "sh"));
  return folder;
}

function test(env: Readonly<Record<string, string>>, ...words: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, "--series", "6.12", ...words], {
    encoding: "utf8",
    env: { HOME: built.folder, DMABUF_CONFORMANCE_CACHE: fresh(), ...env },
  });
  return { out: stdout, err: stderr, code: status };
}

/** A cache that has everything, with a fake kernel in the place of the real one. */
function cacheWith(behaviour: Behaviour): { readonly cache: string; readonly fake: FakeKernel; readonly root: string } {
  const fake = new FakeKernel(behaviour);
  fakes.push(fake);
  const cache = fresh();
  const fragment = readFileSync("kernel/config/um.config", "utf8");
  const sources = [folderText("kernel/module"), folderText("kernel/agent")];
  const kernel = join(cache, "built", `6.12.99-${keyOf("6.12.99", fragment)}`);
  const root = join(cache, "root", keyOf("6.12.99", fragment, ...sources));
  mkdirSync(kernel, { recursive: true });
  mkdirSync(root, { recursive: true });
  cpSync(fake.options.kernel, join(kernel, "linux"));
  for (const name of ["init", "conformance.ko"]) writeFileSync(join(root, name), name);
  markWhole(kernel, ["linux"]);
  markWhole(root, ["init", "conformance.ko"]);
  writeFileSync(join(cache, "built/6.12.json"), JSON.stringify({ version: "6.12.99", origin: "nowhere" }));
  return { cache, fake, root };
}

const tools = ["make", "bc", "xz", "tar", "perl", "flex", "bison", "m4", "nice", "gcc"];
/** A source that is only a version. */
function source(): string {
  const folder = fresh();
  writeFileSync(join(folder, "Makefile"), "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 99\n");
  return folder;
}

describe("what is missing is one line", () => {
  const line = /^6\.12: skipped: .+$/m;

  it("no compiler", () => {
    const { out, err, code } = test({ KERNEL_SRC: source(), PATH: commands(tools.filter((name) => name !== "gcc")) });
    expect(out).toBe("6.12: skipped: no gcc here to build a kernel with; install gcc\n");
    expect(err).toBe("");
    expect(code).toBe(2);
  });

  it("is no failure of a slice, which says it all the same", () => {
    const { out, code } = test({ KERNEL_SRC: source(), PATH: commands([]) }, "--slice");
    expect(out).toMatch(line);
    expect(code).toBe(0);
  });

  it("no package manager", () => {
    const { out, code } = test({ PATH: commands(tools) });
    expect(out).toMatch(/^6\.12: skipped: no apt here .*KERNEL_SRC/);
    expect(code).toBe(2);
  });

  it("no network", () => {
    const folder = commands(["dpkg"]);
    const apt = [
      'case "$*" in',
      '  *indextargets*) echo "http://mirror/|bookworm|main|Debian";;',
      '  *) echo "E: Could not resolve mirror" >&2; exit 100;;',
      "esac",
    ].join("\n");
    writeFileSync(join(folder, "apt-get"), `#!/bin/sh\n${apt}\n`);
    chmodSync(join(folder, "apt-get"), 0o755);
    const { out, code } = test({ PATH: folder });
    expect(out).toBe("6.12: skipped: the package lists cannot be fetched (no network?): E: Could not resolve mirror\n");
    expect(code).toBe(2);
  });

  it("a source that is none", () => {
    const { out } = test({ KERNEL_SRC: built.folder, PATH: commands(tools) });
    expect(out).toMatch(/^6\.12: skipped: KERNEL_SRC is .* which is no kernel source folder/);
  });

  it("a build that goes wrong is a failure, not a reason to skip", () => {
    const folder = commands(
      tools.filter((name) => name !== "nice"),
      { nice: "cc1: internal error" },
    );
    const { out, code } = test({ KERNEL_SRC: source(), PATH: folder });
    expect(out).toMatch(/^6\.12: not built: Linux 6\.12\.99 cannot be built \(make tinyconfig\)/);
    expect(out).toContain("cc1: internal error");
    expect(code).toBe(3);
  });
});

describe("a cache", () => {
  it("that is whole is used without any tool", () => {
    const { cache } = cacheWith("neverStarts");
    const { out, code } = test({ DMABUF_CONFORMANCE_CACHE: cache, PATH: commands([]) }, "--build");
    expect(out).toMatch(/^6\.12: Linux 6\.12\.99 \(nowhere\), from the cache in/);
    expect(code).toBe(0);
  });

  it.each(["built/6.12.json", "linux", "conformance.ko"])("with a damaged %s is built again", (name) => {
    const { cache, root } = cacheWith("neverStarts");
    const [kernel] = [
      join(cache, "built", `6.12.99-${keyOf("6.12.99", readFileSync("kernel/config/um.config", "utf8"))}`),
    ];
    const path = name === "linux" ? join(kernel, name) : join(name === "conformance.ko" ? root : cache, name);
    writeFileSync(path, "{ damaged");
    const { out, err } = test({ DMABUF_CONFORMANCE_CACHE: cache, PATH: commands([]) }, "--build");
    expect(err).toMatch(name === "built/6.12.json" ? /^$/ : /^damaged, and to be built again: \S+\n$/);
    // Here it cannot be, and that is what it says.
    expect(out).toMatch(/^6\.12: skipped: no apt here/);
  });

  it("that cannot be made is one line", () => {
    const file = join(fresh(), "file");
    writeFileSync(file, "");
    const { out, err, code } = test({ DMABUF_CONFORMANCE_CACHE: file, PATH: commands(tools) });
    expect(out).toMatch(
      /^6\.12: skipped: there is no place for what is built: .*set DMABUF_CONFORMANCE_CACHE to a folder/,
    );
    expect(err).toBe("");
    expect(code).toBe(2);
  });

  it("knows its files by their contents", () => {
    const folder = fresh();
    writeFileSync(join(folder, "linux"), "a kernel");
    expect(isWhole(folder, ["linux"])).toBe(false);
    markWhole(folder, ["linux"]);
    expect(isWhole(folder, ["linux"])).toBe(true);
    writeFileSync(join(folder, "linux"), "another");
    expect(isWhole(folder, ["linux"])).toBe(false);
    rmSync(join(folder, "linux"));
    expect(isWhole(folder, ["linux"])).toBe(false);
  });
});

describe("what is asked for wrongly is one line, and nothing is run", () => {
  it.each([
    [["--programs", "many"], /'many' is invalid.*from 1 on/],
    [["--pair", "--explain", "file.json"], /--explain file\.json: programs of the pair are drawn; give a seed/],
  ])("%j", (words, sentence) => {
    const { out, err, code } = test({}, ...words);
    expect(out + err).toMatch(sentence);
    expect((out + err).trim().split("\n")).toHaveLength(1);
    expect(code).toBe(3);
  });
});

describe("a kernel", () => {
  it("that never starts is a failure in words", () => {
    const { cache } = cacheWith("neverStarts");
    const { out, code } = test({ DMABUF_CONFORMANCE_CACHE: cache });
    expect(out).toContain("6.12: the kernel does not run here: the kernel ended (exit 1)");
    expect(code).toBe(3);
  });

  it("that dies in every program is a verdict", () => {
    const { cache } = cacheWith("dies");
    const { out, code } = test({ DMABUF_CONFORMANCE_CACHE: cache }, "--programs", "2");
    expect(out).toMatch(/untriaged +\d+ {2}crashed/);
    expect(code).toBe(1);
  });

  it("is not given a program that is too large for its module: one line", () => {
    const { cache } = cacheWith("quiet");
    const builder = program("K6.12+moveNotify").reservation("r1");
    for (let task = 1; task <= 9; task += 1) builder.task(`t${task}`).step("trylock", { resv: "r1" });
    const file = join(fresh(), "large.json");
    writeFileSync(file, writeProgram(builder.build()));
    const { out, err, code } = test({ DMABUF_CONFORMANCE_CACHE: cache }, "--explain", file);
    expect(out.split("\n").slice(1)).toEqual([
      `6.12: ${file}: it cannot be run on Linux 6.12.99: more than 8 objects of kind task`,
      "",
    ]);
    expect(err).toBe("");
    expect(code).toBe(3);
  });

  it("is given the programs of a run that fit, and what does not is counted", () => {
    const { cache } = cacheWith("quiet");
    const words = ["--programs", "1", "--seed", "39", "--longest", "4000", "--show", "0"];
    const { out, code } = test({ DMABUF_CONFORMANCE_CACHE: cache }, ...words);
    expect(out).toMatch(/left out +\d+ {2}too large for the module: more than \d+ objects of kind \w+/);
    // This kernel does nothing that the reference does.
    expect(code).toBe(1);
  });

  it.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("ends with whoever started it, also by %s", async (signal) => {
    const { cache, root } = cacheWith("hangs");
    const words = [main, "--series", "6.12", "--programs", "64"];
    const child = spawn(process.execPath, words, { env: { HOME: built.folder, DMABUF_CONFORMANCE_CACHE: cache } });
    const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
    const started = join(root, "started");
    await until(() => existsSync(started) && readFileSync(started, "utf8").endsWith("\n"));
    child.kill(signal);
    await ended;
    const kernels = readFileSync(started, "utf8").trim().split("\n").map(Number);
    await until(() => kernels.every((kernel) => !runs(kernel)));
    expect(kernels.length).toBeGreaterThan(0);
  });
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
