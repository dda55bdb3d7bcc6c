import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { has, run, tail } from "./command.ts";
import { Skipped } from "./skipped.ts";

/** Where Debian keeps the keys of its archive. */
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Suites that have newer kernels than the machine's own release. */
const newerSuites = ["trixie-backports", "sid"];

/** A package that can be fetched. */
export interface Candidate {
  readonly name: string;
  readonly version: string;
}

/** One place the machine itself gets packages from. */
interface Place {
  readonly site: string;
  readonly release: string;
}

/**
 * Packages of the distribution, fetched as any user: lists of our own, so that nothing of the machine's changes, from
 * the mirrors that the machine's own configuration names.
 */
export class Apt {
  private readonly options: readonly string[];
  /** The machine's own release: what is to run here has to come from it. */
  private readonly release: string;

  private constructor(options: readonly string[], release: string) {
    this.options = options;
    this.release = release;
  }

  /** Fetches the lists, if that was not done yet. Throws Skipped without apt, without Debian mirrors, or without network. */
  static open(): Apt {
    if (!has("apt-get") || !has("dpkg"))
      throw new Skipped("no apt here to fetch a kernel's source with; unpack one and set KERNEL_SRC to its folder");
    const folder = cacheFolder("apt");
    for (const below of ["lists/partial", "cache/archives/partial"])
      mkdirSync(join(folder, below), { recursive: true });
    const set = (name: string, value: string) => ["-o", `${name}=${value}`];
    const options = [
      ...set("Dir::Etc::sourcelist", join(folder, "sources.list")),
      ...set("Dir::Etc::sourceparts", "/dev/null"),
      ...set("Dir::State::lists", join(folder, "lists")),
      ...set("Dir::State::status", join(folder, "status")),
      ...set("Dir::Cache", join(folder, "cache")),
      ...set("Acquire::Retries", "1"),
      ...set("Acquire::http::Timeout", "15"),
      // Any user may write here, and no other user could.
      ...set("APT::Sandbox::User", ""),
    ];
    writeFileSync(join(folder, "status"), "");
    const places = ownPlaces();
    const main = places.find(({ release }) => !release.includes("-"));
    if (main === undefined)
      throw new Skipped("apt knows no Debian mirror here; unpack a kernel's source and set KERNEL_SRC to its folder");
    writeFileSync(join(folder, "sources.list"), sourcesList(places, main));
    const fetched = join(folder, "fetched");
    if (!existsSync(fetched)) {
      const { ok, output } = run("apt-get", [...options, "-q", "update"]);
      if (!ok || /^(E|W: Failed)/m.test(output))
        throw new Skipped(`the package lists cannot be fetched (no network?): ${reasonIn(output)}`);
      writeFileSync(fetched, "");
    }
    return new Apt(options, main.release);
  }

  /** Packages whose name matches, the newest version first. */
  find(pattern: RegExp): readonly Candidate[] {
    const names = run("apt-cache", [...this.options, "pkgnames", "linux-source"]).output.split("\n");
    return names
      .filter((name) => pattern.test(name))
      .flatMap((name): Candidate[] => {
        const policy = run("apt-cache", [...this.options, "policy", name]).output;
        const versions = [...policy.matchAll(/^ (?:\*\*\*|   ) (\S+) \d+$/gm)].map((match) => match[1]!);
        return versions.map((version) => ({ name, version }));
      })
      .toSorted((first, second) => compareVersions(second.version, first.version));
  }

  /** Fetches packages of the machine's own release into a folder. Throws Skipped if they cannot be had. */
  downloadOwn(folder: string, names: readonly string[]): void {
    this.download(
      folder,
      names.map((name) => `${name}/${this.release}`),
    );
  }

  /** Fetches packages into a folder. Throws Skipped if they cannot be had. */
  download(folder: string, packages: readonly string[]): void {
    const { ok, output } = run("apt-get", [...this.options, "-q", "download", ...packages], { cwd: folder });
    if (!ok) throw new Skipped(`${packages.join(", ")} cannot be fetched: ${reasonIn(output)}`);
  }
}

/** The line in which apt says what went wrong: its last is mostly about what follows from that. */
function reasonIn(output: string): string {
  return /^(?:E:|W: Failed).*/m.exec(output)?.[0] ?? tail(output, 1);
}

function compareVersions(first: string, second: string): number {
  if (first === second) return 0;
  return run("dpkg", ["--compare-versions", first, "gt", second]).ok ? 1 : -1;
}

/** Where the machine gets Debian's main packages from. */
function ownPlaces(): readonly Place[] {
  const format = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)";
  const { output } = run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const places = new Map<string, Place>();
  for (const line of output.split("\n")) {
    const [site, release, component, origin] = line.split("|");
    if (site !== undefined && release !== undefined && component === "main" && origin === "Debian")
      places.set(`${site} ${release}`, { site, release });
  }
  return [...places.values()];
}

/** The machine's own places, and the newer suites from where its main packages come. */
function sourcesList(own: readonly Place[], main: Place): string {
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  const newer = newerSuites.filter((suite) => !own.some(({ release }) => release === suite));
  return [...own, ...newer.map((release) => ({ ...main, release }))]
    .map(({ site, release }) => `deb ${signed}${site} ${release} main\n`)
    .join("");
}
