// Packs the package, installs the tarball into an empty project, imports every export and runs the command.
// Needs a build. Works without a network when npm's cache has the dependencies, as it has after `npm ci`.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "pack-smoke-"));
const remove = () => rmSync(folder, { recursive: true, force: true });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (remove(), process.exit(130)));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: "utf8" });
const must = (condition, text) => {
  if (!condition) throw new Error(text);
};

try {
  // The build has run already: --ignore-scripts keeps `prepack` from doing it again.
  const [packed] = Object.values(
    JSON.parse(run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root)),
  );
  const files = packed.files.map(({ path }) => path);
  for (const path of files) {
    must(!/^dist\/(test|tools|bench|examples)\//.test(path), `${path} must not be in the package`);
    must(
      /^(dist\/.*|kernel\/(module|agent|config)\/.*|test\/kernel\/(differences|misuse)\.json|package\.json|README\.md|LICENSE)$/.test(
        path,
      ),
      `${path} does not belong in the package`,
    );
  }
  // What `test:linux` compiles on the user's machine.
  for (const path of [
    "kernel/module/Kbuild",
    "kernel/module/main.c",
    "kernel/agent/agent.c",
    "kernel/config/um.config",
  ])
    must(files.includes(path), `the package lacks ${path}, which the kernel's build needs`);
  for (const data of ["differences", "misuse"])
    must(files.includes(`test/kernel/${data}.json`), `the package lacks test/kernel/${data}.json`);
  must(files.includes("LICENSE") && files.includes("README.md"), "the package lacks LICENSE or README.md");

  // Exactly the versions of the lock, so that the cache can answer.
  const overrides = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path !== "" && !entry.dev) overrides[path.replace(/^.*node_modules\//, "")] = entry.version;
  }
  const dependencies = { [manifest.name]: `file:./${packed.filename}` };
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", version: "1.0.0", private: true, type: "module", dependencies, overrides }),
  );
  run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder);

  const installed = join(folder, "node_modules", manifest.name);
  const names = [];
  for (const [path, target] of Object.entries(manifest.exports)) {
    const name = manifest.name + path.slice(1);
    names.push(name);
    if (typeof target === "string") continue;
    must(existsSync(join(installed, target.types)), `${name}: ${target.types} is not in the package`);
    const program = `const m = await import(${JSON.stringify(name)}); console.log(Object.keys(m).length);`;
    const count = Number(run(process.execPath, ["--input-type=module", "-e", program], folder));
    must(count > 0, `${name} exports nothing`);
  }
  const [command] = Object.keys(manifest.bin);
  const help = run(join(folder, "node_modules", ".bin", command), ["--help"], folder);
  must(help.includes(command), `${command} --help does not name the command:\n${help}`);
  console.log(`pack smoke: ${files.length} files, ${names.length} exports, ${command} --help`);
} catch (error) {
  console.error(`pack smoke: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  remove();
}
