// A dead linter is quiet. This writes code that must be refused, and code that must pass, into a temporary folder with
// the project's lint configuration, and fails unless every probe meets exactly the rule named for it.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

// Who may import whom (design, section 1). A folder that is missing here fails the probe.
const low = ["spec", "contracts", "generators", "harness", "reference-impl", "drivers", "adapters", "conformance"];
const tops = [...low, "report", "cli", "proposals", "kernel", "kits", "examples", "bench", "docs", "tools", "test"];
const mayImport = {
  spec: [],
  contracts: ["spec"],
  generators: ["spec"],
  harness: ["spec"],
  "reference-impl": [],
  drivers: [],
  adapters: ["spec", "harness"],
  conformance: low,
  report: [...low, "proposals"],
  proposals: low,
  cli: [...low, "report", "proposals", "kernel", "kits"],
  kernel: [...low, "report"],
  kits: low,
  examples: [],
  bench: tops,
  tools: tops,
  test: tops,
};
const restrictedImports = "eslint(no-restricted-imports)";
const logical = ["spec", "contracts", "generators", "harness", "reference-impl", "drivers", "proposals"];

/** @type {{ file: string, code: string, rule: string | null }[]} */
const probes = [];
let count = 0;
const probe = (folder, rule, code) => {
  count += 1;
  probes.push({ file: `${folder}/probe-${count}.ts`, code: `${code}\n`, rule });
};
const refuse = (folder, path) => probe(folder, restrictedImports, `export { a } from "${path}";`);
const accept = (folder, path) => probe(folder, null, `export { a } from "${path}";`);

// 1. The table, for every pair of folders, from the folder itself and from one below it.
for (const [folder, allowed] of Object.entries(mayImport)) {
  for (const target of tops) {
    if (target === folder) continue;
    if (allowed.includes(target)) {
      accept(folder, `../${target}/x.ts`);
      accept(`${folder}/below`, `../../${target}/x.ts`);
    } else {
      refuse(folder, `../${target}/x.ts`);
      refuse(`${folder}/below`, `../../${target}/x.ts`);
    }
  }
  accept(folder, "./x.ts");
  accept(folder, "./below/x.ts");
  if (folder !== "examples") accept(`${folder}/below`, "../x.ts");
}
// 2. The parts of spec/ that an implementation may see.
for (const folder of ["reference-impl", "drivers"]) {
  for (const path of ["roles/x.ts", "errno.ts", "profile.ts"]) accept(folder, `../spec/${path}`);
  for (const path of ["state/x.ts", "index.ts", "schema/x.ts", "roles/../state/x.ts"])
    refuse(folder, `../spec/${path}`);
  accept(`${folder}/below`, "../../spec/roles/x.ts");
}
accept("reference-impl", "../spec/operations/x.ts");
refuse("drivers", "../spec/operations/x.ts");
// 3. Other ways to write the same import.
refuse("contracts", "./../reference-impl/x.ts");
refuse("contracts", ".././generators/x.ts");
refuse("contracts", "../reference-impl");
refuse("contracts", "./below/../../harness/x.ts");
probe("contracts", restrictedImports, `export const a = await import("../harness/x.ts");`);
probe("contracts", restrictedImports, `import type { A } from "../harness/x.ts";\nexport type B = A;`);
probe("contracts", "typescript(consistent-type-imports)", `export type A = import("../harness/x.ts").A;`);
// 4. Packages.
for (const folder of Object.keys(mayImport)) {
  if (folder === "examples") {
    accept(folder, "dmabuf-conformance");
    accept(folder, "vitest");
  } else {
    refuse(folder, "dmabuf-conformance");
    refuse(folder, "dmabuf-conformance/spec");
    if (folder !== "test") refuse(folder, "vitest");
    if (folder !== "test") refuse(folder, "vitest/config");
  }
}
accept("test", "vitest");
accept("spec/schema", "zod");
accept("generators", "fast-check");
for (const folder of ["spec", "contracts", "generators", "harness", "reference-impl", "drivers"]) refuse(folder, "zod");
for (const folder of ["spec", "contracts", "harness", "reference-impl", "drivers"]) refuse(folder, "fast-check");
for (const folder of ["spec/schema", ...logical]) refuse(folder, "node:timers/promises");
probe("report", null, `import type { A } from "vitest/node";\nexport type B = A;`);
// 5. Time and chance where a run must replay.
for (const folder of logical) {
  probe(folder, "eslint(no-restricted-properties)", `export const a = Math.random();`);
  probe(folder, "eslint(no-restricted-properties)", `export const { random } = Math;`);
  probe(folder, "eslint(no-restricted-globals)", `export const a = new Date();`);
  probe(folder, "eslint(no-restricted-globals)", `export const a = performance.now();`);
  for (const timer of ["setTimeout", "setInterval", "setImmediate"]) {
    probe(folder, "eslint(no-restricted-globals)", `export const a = (f: () => void): unknown => ${timer}(f, 1);`);
  }
}
// 6. Promises and types.
const property = `fc.asyncProperty(fc.integer(), async (n) => n === n + 0)`;
const check = (statement) =>
  `import fc from "fast-check";\nexport async function a(): Promise<void> {\n  ${statement}\n}`;
probe("generators", "typescript(no-floating-promises)", check(`fc.assert(${property});`));
probe("generators", null, check(`await fc.assert(${property});`));
probe("harness", "typescript(no-misused-promises)", `export const a = (p: Promise<boolean>): number => (p ? 1 : 2);`);
probe("harness", "typescript(await-thenable)", `export const a = async (n: number): Promise<number> => await n;`);
probe("harness", "typescript(no-explicit-any)", `export const a = (n: any): unknown => n;`);
probe("harness", "typescript(no-base-to-string)", "export const a = (n: { b: number }): string => `${n}`;");
const choose = (arm) =>
  `export function a(b: "c" | "d"): number {\n  let e = 0;\n  switch (b) {\n    case "c":\n      e = 1;\n      break;${arm}\n  }\n  return e;\n}`;
probe("harness", "typescript(switch-exhaustiveness-check)", choose(""));
probe("harness", null, choose("\n    default:\n      e = 2;"));
probe("test", "vitest(valid-expect)", `import { expect, it } from "vitest";\nit("a", () => {\n  expect(1);\n});`);
probe(
  "harness/cycle",
  "import(no-cycle)",
  `import { b } from "./probe-${count + 2}.ts";\nexport const a = (): number => b();`,
);
probe(
  "harness/cycle",
  "import(no-cycle)",
  `import { a } from "./probe-${count}.ts";\nexport const b = (): number => a();`,
);

const faults = [];
for (const entry of readdirSync(root, { withFileTypes: true })) {
  const skip = entry.name.startsWith(".") || ["node_modules", "dist", "coverage"].includes(entry.name);
  if (entry.isDirectory() && !skip && !tops.includes(entry.name)) {
    faults.push(`${entry.name}/ is new: say in tools/lint-probe.mjs and .oxlintrc.json who may import it`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "lint-probe-"));
const remove = () => rmSync(folder, { recursive: true, force: true });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (remove(), process.exit(130)));
try {
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  for (const name of [".oxlintrc.json", "tsconfig.json", "package.json", ".gitignore"]) {
    copyFileSync(join(root, name), join(folder, name));
  }
  for (const { file, code } of probes) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  }
  const bin = join(root, "node_modules", "oxlint", "bin", "oxlint");
  const folders = [...new Set(probes.map(({ file }) => file.split("/")[0]))];
  const run = spawnSync(process.execPath, [bin, "--type-aware", "--deny-warnings", "--format=json", ...folders], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const start = run.stdout.indexOf("{");
  if (start < 0) throw new Error(`oxlint gave no report: ${run.stdout}${run.stderr}`);
  const { diagnostics } = JSON.parse(run.stdout.slice(start));
  if (run.status === 0) faults.push("oxlint exited with 0 in front of code that it must refuse");
  for (const { file, code, rule } of probes) {
    const found = [...new Set(diagnostics.filter((d) => d.filename === file).map((d) => d.code ?? d.message))];
    const right = rule === null ? found.length === 0 : found.includes(rule);
    if (!right) {
      faults.push(
        `${file}: expected ${rule ?? "nothing"}, found ${found.join(", ") || "nothing"}\n    ${code.trim().replaceAll("\n", "\n    ")}`,
      );
    }
  }
} finally {
  remove();
}

if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  console.error(`lint probe: ${faults.length} of ${probes.length} probes wrong`);
  process.exit(1);
}
const refused = probes.filter(({ rule }) => rule !== null).length;
console.log(`lint probe: ${refused} pieces of code refused by the right rule, ${probes.length - refused} accepted`);
