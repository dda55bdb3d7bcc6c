import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Apt } from "./apt.ts";
import { cacheFolder } from "./cache.ts";
import { has, run, tail } from "./command.ts";
import { Skipped } from "./skipped.ts";

/** What a kernel is built with, and the package each comes from. */
const needed: Readonly<Record<string, string>> = {
  gcc: "gcc",
  make: "make",
  bc: "bc",
  xz: "xz-utils",
  tar: "tar",
  perl: "perl",
  flex: "flex",
  bison: "bison",
  m4: "m4",
};

/** Those that work from any folder, and can be unpacked without being installed. */
const portable = ["flex", "bison", "m4"];

/** The environment to build in. Throws Skipped, naming the package, if a tool is missing and cannot be fetched. */
export function buildEnvironment(): NodeJS.ProcessEnv {
  const missing = Object.keys(needed).filter((tool) => !has(tool));
  const rooted = missing.filter((tool) => !portable.includes(tool));
  if (rooted.length > 0)
    throw new Skipped(
      `no ${rooted.join(", ")} here to build a kernel with; install ${rooted.map((tool) => needed[tool]).join(", ")}`,
    );
  if (missing.length === 0) return {};
  const root = unpacked(missing);
  return {
    PATH: `${join(root, "usr/bin")}:${process.env["PATH"] ?? ""}`,
    BISON_PKGDATADIR: join(root, "usr/share/bison"),
    ...(missing.includes("m4") && { M4: join(root, "usr/bin/m4") }),
  };
}

/** Fetches the tools' packages and unpacks them into the cache. */
function unpacked(missing: readonly string[]): string {
  const folder = cacheFolder("tools");
  const root = join(folder, "root");
  if (missing.every((tool) => existsSync(join(root, "usr/bin", tool)))) return root;
  const apt = Apt.open();
  apt.downloadOwn(
    folder,
    missing.map((tool) => needed[tool]!),
  );
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".deb"))) {
    const { ok, output } = run("dpkg", ["-x", join(folder, name), root]);
    if (!ok) throw new Skipped(`${name} cannot be unpacked: ${tail(output, 1)}`);
    rmSync(join(folder, name));
  }
  return root;
}
