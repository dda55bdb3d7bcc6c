import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Apt } from "./apt.ts";
import { cacheFolder } from "./cache.ts";
import { has, run, tail } from "./command.ts";
import { Skipped } from "./skipped.ts";

/** A kernel series that can be asked for: a fixed one, or the newest there is. */
export const seriesWanted = ["6.12", "newest"] as const;
export type SeriesWanted = (typeof seriesWanted)[number];

/** An unpacked kernel. */
export interface Source {
  readonly folder: string;
  /** As its Makefile says: `6.12.117`. */
  readonly version: string;
  /** Where it comes from, for reports. */
  readonly origin: string;
}

const patterns: Readonly<Record<SeriesWanted, RegExp>> = {
  "6.12": /^linux-source-6\.12$/,
  newest: /^linux-source-[7-9]\.\d+$/,
};

/**
 * The source of a series: `KERNEL_SRC` (a folder or an archive), what the cache has, or the distribution's package.
 * `KERNEL_SRC` counts for the series its version belongs to. Throws Skipped if there is none.
 */
export function findSource(wanted: SeriesWanted): Source {
  const given = process.env["KERNEL_SRC"];
  if (given !== undefined && given !== "") {
    const source = fromFolder(resolve(given), "KERNEL_SRC");
    if (source === null)
      throw new Skipped(`KERNEL_SRC is ${given}, which is no kernel source folder (no Makefile with a VERSION in it)`);
    if (source.version.startsWith("6.12.") === (wanted === "6.12")) return source;
  }
  return cached(wanted) ?? fetched(wanted);
}

/** The version a source's own Makefile states, and the folder it was found in. */
function fromFolder(folder: string, origin: string): Source | null {
  const makefile = join(folder, "Makefile");
  if (!existsSync(makefile)) return null;
  const text = readFileSync(makefile, "utf8").slice(0, 2000);
  const part = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)`, "m").exec(text)?.[1];
  const [version, patch, sub] = [part("VERSION"), part("PATCHLEVEL"), part("SUBLEVEL")];
  return version === undefined || patch === undefined
    ? null
    : { folder, version: `${version}.${patch}.${sub ?? 0}`, origin };
}

/** Marks a folder that was unpacked to its end. */
const complete = ".conformance-origin";

function cached(wanted: SeriesWanted): Source | null {
  const folder = cacheFolder("source", wanted);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const mark = join(path, complete);
    if (existsSync(mark)) return fromFolder(path, readFileSync(mark, "utf8").trim());
  }
  return null;
}

function fetched(wanted: SeriesWanted): Source {
  const apt = Apt.open();
  const candidate = apt.find(patterns[wanted])[0];
  if (candidate === undefined)
    throw new Skipped(`the distribution has no source of ${wanted}; unpack one and set KERNEL_SRC to its folder`);
  if (!has("xz") || !has("tar"))
    throw new Skipped("no tar or no xz here to unpack a kernel with; install tar, xz-utils");
  const folder = cacheFolder("source", wanted);
  const origin = `${candidate.name} ${candidate.version}`;
  process.stderr.write(`fetching ${origin}\n`);
  const scratch = join(folder, "unpacking");
  rmSync(scratch, { recursive: true, force: true });
  cacheFolder("source", wanted, "unpacking");
  apt.download(scratch, [`${candidate.name}=${candidate.version}`]);
  const archive = readdirSync(scratch).find((name) => name.endsWith(".deb"))!;
  must(run("dpkg", ["-x", join(scratch, archive), join(scratch, "package")]), archive);
  const tarball = `${candidate.name}.tar.xz`;
  must(run("tar", ["-xf", join(scratch, "package/usr/src", tarball), "-C", scratch]), tarball);
  const unpacked = readdirSync(scratch).find((name) => existsSync(join(scratch, name, "Kconfig")));
  if (unpacked === undefined) throw new Skipped(`${tarball} holds no kernel`);
  writeFileSync(join(scratch, unpacked, complete), `${origin}\n`);
  const place = join(folder, candidate.version);
  renameSync(join(scratch, unpacked), place);
  rmSync(scratch, { recursive: true, force: true });
  return fromFolder(place, origin)!;
}

function must({ ok, output }: { readonly ok: boolean; readonly output: string }, what: string): void {
  if (!ok) throw new Skipped(`${what} cannot be unpacked: ${tail(output, 1)}`);
}
